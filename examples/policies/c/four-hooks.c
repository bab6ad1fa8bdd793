/*
 * four-hooks in C: each header hook looks at a header and sets one, each body hook puts a prefix before the body. The twin
 * of assembly/policies/four-hooks.
 *
 *   prefix   text before bodies, up to 1 KiB; default `[seen] `
 */

#include <stdint.h>

typedef struct {
  uint32_t length;
  uint8_t prefix[1028];
} four_hooks;

#define EDICT_POLICY_TYPE four_hooks
#include "edict_policy.h"

int32_t policy_init(four_hooks *self, edict_frame input) {
  const edict_bytes prefix = edict_json_member(edict_field(input, EDICT_IN_PARAMS), "prefix");
  const int32_t length = edict_json_text(prefix, self->prefix, sizeof self->prefix);
  if (length == -2 || length > 1024) return edict_fail(EDICT_PARAMS, "/prefix: it is longer than 1024 bytes");
  if (length >= 0) {
    self->length = (uint32_t)length;
  } else {
    const edict_bytes usual = edict_literal("[seen] ");
    self->length = usual.length;
    __builtin_memcpy(self->prefix, usual.ptr, usual.length);
  }
  return EDICT_REQUEST_HEADERS | EDICT_REQUEST_BODY | EDICT_RESPONSE_HEADERS | EDICT_RESPONSE_BODY;
}

/* Sets `name` to the value of a header, if it is there. */
static int32_t show(edict_answer *answer, const char *name, edict_bytes value) {
  if (value.ptr == NULL) return EDICT_NONE;
  const edict_bytes pair[1][2] = {{edict_literal(name), value}};
  edict_put_pairs(answer, EDICT_OUT_HEADERS_SET, pair, 1);
  return EDICT_ANSWERED;
}

int32_t policy_hook(four_hooks *self, uint32_t phase, edict_frame input, edict_answer *answer) {
  const edict_bytes prefix = {self->prefix, self->length};
  switch (phase) {
    case EDICT_ON_REQUEST_HEADERS:
      return show(answer, "x-seen-agent", edict_header(input, EDICT_IN_HEADERS, "user-agent"));
    case EDICT_ON_REQUEST_BODY:
      edict_put_prefixed_body(answer, prefix, edict_field(input, EDICT_IN_BODY).length);
      show(answer, "x-seen-agent", edict_header(input, EDICT_IN_HEADERS, "user-agent"));
      return EDICT_ANSWERED;
    case EDICT_ON_RESPONSE_HEADERS:
      return show(answer, "x-seen-type", edict_header(input, EDICT_IN_RESPONSE_HEADERS, "content-type"));
    case EDICT_ON_RESPONSE_BODY:
      edict_put_prefixed_body(answer, prefix, edict_field(input, EDICT_IN_RESPONSE_BODY).length);
      return EDICT_ANSWERED;
    default:
      return EDICT_PHASE;
  }
}

void policy_destroy(four_hooks *self) { self->length = 0; }
