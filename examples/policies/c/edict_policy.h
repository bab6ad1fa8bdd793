/*
 * Policies in C on the core interface `edict-core/1` (docs/policy-abi.md): a reader of input frames that copies nothing, a
 * writer of answers, and the exports. Freestanding: no library is needed.
 *
 *   typedef struct { ... } my_policy;
 *   #define EDICT_POLICY_TYPE my_policy
 *   #include "edict_policy.h"
 *
 *   int32_t policy_init(my_policy *self, edict_frame input) { ... return EDICT_REQUEST_HEADERS; }
 *   int32_t policy_hook(my_policy *self, uint32_t phase, edict_frame input, edict_answer *answer) { ... }
 *   void policy_destroy(my_policy *self) { ... }
 *
 * `policy_init` gives the modes or an error below zero. `policy_hook` gives EDICT_NONE, EDICT_ANSWERED once it wrote to
 * `answer`, EDICT_YES to a query, or an error. An instance has a fixed size and lives in memory that is never given back,
 * only used again.
 */

#ifndef EDICT_POLICY_H
#define EDICT_POLICY_H

#include <stddef.h>
#include <stdint.h>

#define EDICT_EXPORT(name) __attribute__((export_name(name)))
#define EDICT_IMPORT(name) __attribute__((import_module("edict"), import_name(name)))

enum edict_phase {
  EDICT_ON_REQUEST_HEADERS = 1,
  EDICT_ON_REQUEST_BODY = 2,
  EDICT_ON_RESPONSE_HEADERS = 3,
  EDICT_ON_RESPONSE_BODY = 4,
  EDICT_NEEDS_MORE_REQUEST_DATA = 5,
  EDICT_ON_REQUEST_CHUNK = 6,
  EDICT_NEEDS_MORE_RESPONSE_DATA = 7,
  EDICT_ON_RESPONSE_CHUNK = 8
};

/* What an instance asks for, joined with `|`; what is not named is skipped. */
enum edict_modes {
  EDICT_REQUEST_HEADERS = 2,
  EDICT_REQUEST_BODY = 2 << 2,
  EDICT_REQUEST_STREAM = 3 << 2,
  EDICT_RESPONSE_HEADERS = 2 << 4,
  EDICT_RESPONSE_BODY = 2 << 6,
  EDICT_RESPONSE_STREAM = 3 << 6
};

enum edict_result {
  EDICT_NONE = 0,
  EDICT_ANSWERED = 1,
  EDICT_YES = 1,
  EDICT_INTERNAL = -1,
  EDICT_VERSION = -2,
  EDICT_DECODE = -3,
  EDICT_PARAMS = -4,
  EDICT_PHASE = -5,
  EDICT_HANDLE = -6,
  EDICT_MEMORY = -7,
  EDICT_HOST = -8,
  EDICT_LIMIT = -9,
  EDICT_CANCELLED = -10
};

enum edict_input_tag {
  EDICT_IN_REQUEST_ID = 1,
  EDICT_IN_ROUTE = 2,
  EDICT_IN_TENANT = 3,
  EDICT_IN_POLICY = 4,
  EDICT_IN_PARAMS = 5,
  EDICT_IN_API = 6,
  EDICT_IN_AUTH = 7,
  EDICT_IN_METADATA = 8,
  EDICT_IN_DEADLINE = 9,
  EDICT_IN_TRACEPARENT = 10,
  EDICT_IN_HEADERS = 16,
  EDICT_IN_PATH = 17,
  EDICT_IN_METHOD = 18,
  EDICT_IN_AUTHORITY = 19,
  EDICT_IN_SCHEME = 20,
  EDICT_IN_VHOST = 21,
  EDICT_IN_BODY = 22,
  EDICT_IN_BODY_FLAGS = 23,
  EDICT_IN_DOWNSTREAM = 24,
  EDICT_IN_UPSTREAM = 25,
  EDICT_IN_OVERLAY = 26,
  EDICT_IN_RESPONSE_HEADERS = 32,
  EDICT_IN_STATUS = 33,
  EDICT_IN_RESPONSE_BODY = 34,
  EDICT_IN_RESPONSE_BODY_FLAGS = 35,
  EDICT_IN_UPSTREAM_RESPONSE = 36,
  EDICT_IN_CHUNK = 48,
  EDICT_IN_CHUNK_INDEX = 49,
  EDICT_IN_CHUNK_FLAGS = 50,
  EDICT_IN_STREAM_ID = 51,
  EDICT_IN_TOTAL = 52,
  EDICT_IN_FRESH = 53,
  EDICT_IN_CLIENT_IP = 54
};

enum edict_output_tag {
  EDICT_OUT_HEADERS_SET = 64,
  EDICT_OUT_HEADERS_APPEND = 65,
  EDICT_OUT_HEADERS_REMOVE = 66,
  EDICT_OUT_PATH = 67,
  EDICT_OUT_HOST = 68,
  EDICT_OUT_METHOD = 69,
  EDICT_OUT_UPSTREAM_NAME = 70,
  EDICT_OUT_UPSTREAM_SLOT = 71,
  EDICT_OUT_QUERY_ADD = 72,
  EDICT_OUT_QUERY_SET = 73,
  EDICT_OUT_QUERY_REMOVE = 74,
  EDICT_OUT_BODY = 75,
  EDICT_OUT_BODY_PARTS = 76,
  EDICT_OUT_STATUS = 77,
  EDICT_OUT_ANALYTICS = 78,
  EDICT_OUT_DYNAMIC_METADATA = 79,
  EDICT_OUT_HEADER_FILTER = 80,
  EDICT_OUT_IMMEDIATE_STATUS = 81,
  EDICT_OUT_FAULT = 82,
  EDICT_OUT_TERMINATE = 83,
  EDICT_OUT_METADATA_PATCH = 84,
  EDICT_OUT_AUTH = 85,
  EDICT_OUT_OVERLAY_SET = 86,
  EDICT_OUT_OVERLAY_REMOVE = 87,
  EDICT_OUT_OVERLAY_APPEND = 88
};

/* Bytes that lie elsewhere; `ptr` is NULL where there is nothing, and not NULL for an empty text. */
typedef struct {
  const uint8_t *ptr;
  uint32_t length;
} edict_bytes;

typedef struct {
  const uint8_t *ptr;
  uint32_t length;
} edict_frame;

/* Memory at the end of the linear memory that only grows; what is in it moves along. */
typedef struct {
  uint8_t *start;
  uint32_t capacity;
  uint32_t used;
  uint32_t fields;
  int32_t is_full;
} edict_answer;

static inline edict_bytes edict_literal(const char *text) {
  edict_bytes bytes = {(const uint8_t *)text, 0};
  while (text[bytes.length] != 0) bytes.length++;
  return bytes;
}

static inline int edict_same(edict_bytes left, edict_bytes right) {
  if (left.length != right.length) return 0;
  for (uint32_t i = 0; i < left.length; i++)
    if (left.ptr[i] != right.ptr[i]) return 0;
  return 1;
}

static inline uint32_t edict_u32(const uint8_t *at) { return *(const uint32_t *)at; }

/* ---- reading ---- */

/* The content of a field. */
static inline edict_bytes edict_field(edict_frame frame, uint32_t tag) {
  const edict_bytes none = {NULL, 0};
  uint32_t count = frame.length < 12 ? 0 : edict_u32(frame.ptr + 8);
  for (uint32_t at = 12; count > 0; count--) {
    const uint32_t length = edict_u32(frame.ptr + at + 4);
    if ((edict_u32(frame.ptr + at) & 0xffff) == tag) {
      const edict_bytes found = {frame.ptr + at + 8, length};
      return found;
    }
    at += 8 + ((length + 3) & ~3u);
  }
  return none;
}

/* A field that is a number; `otherwise` where it is not there. */
static inline uint32_t edict_number(edict_frame frame, uint32_t tag, uint32_t otherwise) {
  const edict_bytes field = edict_field(frame, tag);
  return field.length == 4 ? edict_u32(field.ptr) : otherwise;
}

static inline double edict_double(edict_frame frame, uint32_t tag) {
  const edict_bytes field = edict_field(frame, tag);
  double value = 0;
  if (field.length == 8) __builtin_memcpy(&value, field.ptr, 8);
  return value;
}

/* A frame inside a field, such as EDICT_IN_DOWNSTREAM. */
static inline edict_frame edict_nested(edict_frame frame, uint32_t tag) {
  const edict_bytes field = edict_field(frame, tag);
  const edict_frame nested = {field.ptr, field.length};
  return nested;
}

/* How many lines a block of headers has. */
static inline uint32_t edict_lines(edict_bytes block) { return block.length < 4 ? 0 : edict_u32(block.ptr); }

static inline edict_bytes edict_line_name(edict_bytes block, uint32_t index) {
  const uint8_t *entry = block.ptr + 4 + index * 16;
  const edict_bytes name = {block.ptr + edict_u32(entry), edict_u32(entry + 4)};
  return name;
}

static inline edict_bytes edict_line_value(edict_bytes block, uint32_t index) {
  const uint8_t *entry = block.ptr + 4 + index * 16;
  const edict_bytes value = {block.ptr + edict_u32(entry + 8), edict_u32(entry + 12)};
  return value;
}

/* The first value of a header, its name in lower case. */
static inline edict_bytes edict_header(edict_frame frame, uint32_t tag, const char *name) {
  const edict_bytes wanted = edict_literal(name);
  const edict_bytes block = edict_field(frame, tag);
  const edict_bytes none = {NULL, 0};
  for (uint32_t i = 0; i < edict_lines(block); i++)
    if (edict_same(edict_line_name(block, i), wanted)) return edict_line_value(block, i);
  return none;
}

static inline uint32_t edict_hex(const uint8_t *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t digit = at[i] <= '9' ? at[i] - '0' : (at[i] | 32u) - 'a' + 10;
    value = (value << 4) | (digit & 15);
  }
  return value;
}

/* Where the JSON value at `at` ends. The host wrote the text, so it is well-formed. */
static inline uint32_t edict_json_skip(edict_bytes json, uint32_t at) {
  uint32_t depth = 0;
  int quoted = 0;
  for (; at < json.length; at++) {
    const uint8_t byte = json.ptr[at];
    if (quoted) {
      if (byte == '\\') at++;
      else if (byte == '"') quoted = 0;
    } else if (byte == '"') quoted = 1;
    else if (byte == '{' || byte == '[') depth++;
    else if (depth == 0 && (byte == ',' || byte == '}' || byte == ']')) return at;
    else if (byte == '}' || byte == ']') depth--;
  }
  return at;
}

/* The JSON of a member of an object, by a name without escapes; the later of two. */
static inline edict_bytes edict_json_member(edict_bytes json, const char *name) {
  const edict_bytes wanted = edict_literal(name);
  edict_bytes found = {NULL, 0};
  if (json.length < 2 || json.ptr[0] != '{') return found;
  for (uint32_t at = 1; at < json.length && json.ptr[at] == '"';) {
    const edict_bytes key = {json.ptr + at + 1, 0};
    uint32_t end = at + 1;
    while (json.ptr[end] != '"') end += json.ptr[end] == '\\' ? 2 : 1;
    const edict_bytes whole = {key.ptr, end - at - 1};
    const uint32_t start = end + 2;
    at = edict_json_skip(json, start);
    if (edict_same(whole, wanted)) {
      found.ptr = json.ptr + start;
      found.length = at - start;
    }
    at++;
  }
  return found;
}

static inline uint32_t edict_utf8(uint8_t *out, uint32_t point) {
  if (point < 0x80) {
    out[0] = (uint8_t)point;
    return 1;
  }
  if (point < 0x800) {
    out[0] = (uint8_t)(0xc0 | (point >> 6));
    out[1] = (uint8_t)(0x80 | (point & 63));
    return 2;
  }
  if (point < 0x10000) {
    out[0] = (uint8_t)(0xe0 | (point >> 12));
    out[1] = (uint8_t)(0x80 | ((point >> 6) & 63));
    out[2] = (uint8_t)(0x80 | (point & 63));
    return 3;
  }
  out[0] = (uint8_t)(0xf0 | (point >> 18));
  out[1] = (uint8_t)(0x80 | ((point >> 12) & 63));
  out[2] = (uint8_t)(0x80 | ((point >> 6) & 63));
  out[3] = (uint8_t)(0x80 | (point & 63));
  return 4;
}

/*
 * Decodes a JSON text into `out`, as UTF-8: its length; -1 where `json` is no text; -2 where it does not fit into
 * `capacity` bytes.
 */
static inline int32_t edict_json_text(edict_bytes json, uint8_t *out, uint32_t capacity) {
  if (json.ptr == NULL || json.length < 2 || json.ptr[0] != '"') return -1;
  uint32_t used = 0;
  for (uint32_t at = 1; at < json.length - 1; at++) {
    if (used + 4 > capacity) return -2;
    uint32_t byte = json.ptr[at];
    if (byte != '\\') {
      out[used++] = (uint8_t)byte;
      continue;
    }
    byte = json.ptr[++at];
    if (byte == 'u') {
      uint32_t point = edict_hex(json.ptr + at + 1);
      at += 4;
      if ((point & 0xfc00) == 0xd800 && at + 6 < json.length && json.ptr[at + 1] == '\\' && json.ptr[at + 2] == 'u') {
        point = 0x10000 + ((point & 0x3ff) << 10) + (edict_hex(json.ptr + at + 3) & 0x3ff);
        at += 6;
      }
      used += edict_utf8(out + used, point);
    } else {
      out[used++] = byte == 'n' ? '\n' : byte == 't' ? '\t' : byte == 'r' ? '\r' : byte == 'b' ? '\b' : byte == 'f' ? '\f' : (uint8_t)byte;
    }
  }
  return (int32_t)used;
}

/* ---- answering ---- */

/* Room for `size` bytes in all, at a multiple of eight; 0 when the memory is at its maximum. What was there is kept. */
static int edict_reserve(edict_answer *region, uint32_t size) {
  if (size <= region->capacity) return 1;
  const uint32_t wanted = size > region->capacity * 2 ? size : region->capacity * 2;
  uint32_t pages = (wanted + 65535) >> 16;
  size_t before = __builtin_wasm_memory_grow(0, pages);
  if (before == (size_t)-1) {
    pages = (size + 65535) >> 16;
    before = __builtin_wasm_memory_grow(0, pages);
    if (before == (size_t)-1) return 0;
  }
  uint8_t *place = (uint8_t *)(before << 16);
  __builtin_memcpy(place, region->start, region->used);
  region->start = place;
  region->capacity = pages << 16;
  return 1;
}

/* The place of `length` more bytes; NULL when there is no room, which the hook's end reports. */
static inline uint8_t *edict_take(edict_answer *answer, uint32_t length) {
  if (!edict_reserve(answer, answer->used + length)) {
    answer->is_full = 1;
    return NULL;
  }
  uint8_t *place = answer->start + answer->used;
  answer->used += length;
  return place;
}

static inline void edict_put_u32(edict_answer *answer, uint32_t value) {
  uint8_t *place = edict_take(answer, 4);
  if (place != NULL) *(uint32_t *)place = value;
}

static inline void edict_put_bytes(edict_answer *answer, edict_bytes bytes) {
  const uint32_t padded = (bytes.length + 3) & ~3u;
  uint8_t *place = edict_take(answer, padded);
  if (place == NULL) return;
  for (uint32_t i = bytes.length; i < padded; i++) place[i] = 0;
  __builtin_memcpy(place, bytes.ptr, bytes.length);
}

/* A field of bytes or text. */
static inline void edict_put(edict_answer *answer, uint32_t tag, edict_bytes bytes) {
  answer->fields++;
  edict_put_u32(answer, tag);
  edict_put_u32(answer, bytes.length);
  edict_put_bytes(answer, bytes);
}

static inline void edict_put_number(edict_answer *answer, uint32_t tag, uint32_t value) {
  answer->fields++;
  edict_put_u32(answer, tag);
  edict_put_u32(answer, 4);
  edict_put_u32(answer, value);
}

/* A block of `count` headers: EDICT_OUT_HEADERS_SET and its like, each at most once in an answer. */
static inline void edict_put_pairs(edict_answer *answer, uint32_t tag, const edict_bytes (*pairs)[2], uint32_t count) {
  uint32_t length = 4 + count * 16;
  uint32_t offset = length;
  for (uint32_t i = 0; i < count; i++) length += pairs[i][0].length + pairs[i][1].length;
  answer->fields++;
  edict_put_u32(answer, tag);
  edict_put_u32(answer, length);
  const uint32_t padded = (length + 3) & ~3u;
  uint8_t *block = edict_take(answer, padded);
  if (block == NULL) return;
  for (uint32_t i = length; i < padded; i++) block[i] = 0;
  *(uint32_t *)block = count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t *entry = (uint32_t *)(block + 4 + i * 16);
    for (int half = 0; half < 2; half++) {
      entry[half * 2] = offset;
      entry[half * 2 + 1] = pairs[i][half].length;
      __builtin_memcpy(block + offset, pairs[i][half].ptr, pairs[i][half].length);
      offset += pairs[i][half].length;
    }
  }
}

/* A block of `count` names: EDICT_OUT_HEADERS_REMOVE and its like. */
static inline void edict_put_names(edict_answer *answer, uint32_t tag, const edict_bytes *names, uint32_t count) {
  uint32_t length = 4 + count * 8;
  uint32_t offset = length;
  for (uint32_t i = 0; i < count; i++) length += names[i].length;
  answer->fields++;
  edict_put_u32(answer, tag);
  edict_put_u32(answer, length);
  const uint32_t padded = (length + 3) & ~3u;
  uint8_t *block = edict_take(answer, padded);
  if (block == NULL) return;
  for (uint32_t i = length; i < padded; i++) block[i] = 0;
  *(uint32_t *)block = count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t *entry = (uint32_t *)(block + 4 + i * 8);
    entry[0] = offset;
    entry[1] = names[i].length;
    __builtin_memcpy(block + offset, names[i].ptr, names[i].length);
    offset += names[i].length;
  }
}

/* A body of a text and the first `length` bytes of the body the hook was given, which are not copied here. */
static inline void edict_put_prefixed_body(edict_answer *answer, edict_bytes prefix, uint32_t length) {
  answer->fields++;
  edict_put_u32(answer, EDICT_OUT_BODY_PARTS);
  edict_put_u32(answer, 8 + ((prefix.length + 3) & ~3u) + 12);
  edict_put_u32(answer, 0);
  edict_put_u32(answer, prefix.length);
  edict_put_bytes(answer, prefix);
  edict_put_u32(answer, 1);
  edict_put_u32(answer, 0);
  edict_put_u32(answer, length);
}

/* ---- the exports ---- */

typedef struct edict_instance {
  EDICT_POLICY_TYPE self;
  uint32_t modes;
  struct edict_instance *next_free;
} edict_instance;

int32_t policy_init(EDICT_POLICY_TYPE *self, edict_frame input);
int32_t policy_hook(EDICT_POLICY_TYPE *self, uint32_t phase, edict_frame input, edict_answer *answer);
void policy_destroy(EDICT_POLICY_TYPE *self);

static edict_answer edict_in;
static edict_answer edict_out;
static const uint8_t *edict_said = NULL;
static uint32_t edict_said_length = 0;

/* Says why, with an error: `return edict_fail(EDICT_PARAMS, "...");` */
static inline int32_t edict_fail(int32_t code, const char *message) {
  const edict_bytes text = edict_literal(message);
  edict_said = text.ptr;
  edict_said_length = text.length;
  return code;
}

EDICT_EXPORT("edict_abi_version") uint32_t edict_abi_version(void) { return 65536; }

EDICT_EXPORT("edict_input") uint32_t edict_input(uint32_t size) {
  edict_in.used = 0;
  return edict_reserve(&edict_in, size) ? (uint32_t)edict_in.start : 0;
}

EDICT_EXPORT("edict_output_ptr") uint32_t edict_output_ptr(void) { return (uint32_t)edict_said; }
EDICT_EXPORT("edict_output_len") uint32_t edict_output_len(void) { return edict_said_length; }

static inline edict_frame edict_read(uint32_t length) {
  const edict_frame frame = {edict_in.start, length};
  return frame;
}

/* Instances by handle, in chunks that double, so that handles stay good. */
static edict_instance *edict_chunks[24];
static uint32_t edict_made = 0;
static edict_instance *edict_free = NULL;

static edict_instance *edict_find(uint32_t handle) {
  if (handle == 0 || handle > edict_made) return NULL;
  const uint32_t chunk = 31 - (uint32_t)__builtin_clz(handle);
  return &edict_chunks[chunk][handle - (1u << chunk)];
}

static uint32_t edict_allocate(void) {
  const uint32_t handle = edict_made + 1;
  const uint32_t chunk = 31 - (uint32_t)__builtin_clz(handle);
  if (chunk >= 24) return 0;
  if (edict_chunks[chunk] == NULL) {
    edict_answer region = {NULL, 0, 0, 0, 0};
    if (!edict_reserve(&region, sizeof(edict_instance) << chunk)) return 0;
    edict_chunks[chunk] = (edict_instance *)region.start;
  }
  edict_made = handle;
  return handle;
}

/* Free instances keep their handle in `modes`. */
EDICT_EXPORT("edict_init") int32_t edict_init(uint32_t length) {
  edict_said_length = 0;
  uint32_t handle;
  if (edict_free != NULL) {
    handle = edict_free->modes;
    edict_free = edict_free->next_free;
  } else {
    handle = edict_allocate();
    if (handle == 0) return EDICT_MEMORY;
  }
  edict_instance *instance = edict_find(handle);
  const int32_t modes = policy_init(&instance->self, edict_read(length));
  if (modes < 0) {
    instance->modes = handle;
    instance->next_free = edict_free;
    edict_free = instance;
    return modes;
  }
  /* What is not asked for is 1, skip. */
  instance->modes = 0;
  for (uint32_t shift = 0; shift < 8; shift += 2) {
    const uint32_t mode = ((uint32_t)modes >> shift) & 3;
    instance->modes |= (mode == 0 ? 1 : mode) << shift;
  }
  instance->next_free = instance;
  return (int32_t)handle;
}

/* An instance that is alive points to itself. */
static edict_instance *edict_alive(uint32_t handle) {
  edict_instance *instance = edict_find(handle);
  return instance != NULL && instance->next_free == instance ? instance : NULL;
}

EDICT_EXPORT("edict_modes") int32_t edict_modes_of(uint32_t handle) {
  const edict_instance *instance = edict_alive(handle);
  return instance == NULL ? EDICT_HANDLE : (int32_t)instance->modes;
}

EDICT_EXPORT("edict_call") int32_t edict_call(uint32_t handle, uint32_t phase, uint32_t length) {
  edict_said_length = 0;
  edict_instance *instance = edict_alive(handle);
  if (instance == NULL) return EDICT_HANDLE;
  edict_out.used = 12;
  edict_out.fields = 0;
  edict_out.is_full = 0;
  if (!edict_reserve(&edict_out, 4096)) return EDICT_MEMORY;
  const int32_t result = policy_hook(&instance->self, phase, edict_read(length), &edict_out);
  if (result <= 0) return result;
  if (phase == EDICT_NEEDS_MORE_REQUEST_DATA || phase == EDICT_NEEDS_MORE_RESPONSE_DATA) return 1;
  if (edict_out.is_full) return EDICT_MEMORY;
  uint32_t *head = (uint32_t *)edict_out.start;
  head[0] = 0xed1c | (1u << 16) | (2u << 24);
  head[1] = edict_out.used;
  head[2] = edict_out.fields;
  edict_said = edict_out.start;
  edict_said_length = edict_out.used;
  return (int32_t)edict_out.used;
}

EDICT_EXPORT("edict_destroy") int32_t edict_destroy(uint32_t handle) {
  edict_instance *instance = edict_alive(handle);
  if (instance == NULL) return EDICT_HANDLE;
  policy_destroy(&instance->self);
  instance->modes = handle;
  instance->next_free = edict_free;
  edict_free = instance;
  return 0;
}

/* ---- host functions; import only what the manifest asks for ---- */

EDICT_IMPORT("error") int32_t edict_host_error(void);
EDICT_IMPORT("log") void edict_host_log(uint32_t level, const uint8_t *text, uint32_t length);
EDICT_IMPORT("now_ms") double edict_host_now_ms(void);
EDICT_IMPORT("kv_incr")
double edict_host_kv_incr(const uint8_t *ns, uint32_t ns_length, const uint8_t *key, uint32_t key_length, double delta,
                          uint32_t ttl_ms, uint32_t mode);

#endif
