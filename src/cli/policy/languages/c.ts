/** Policies in C: core modules, built with clang and the header that is copied beside them. */

import { basename } from 'node:path';
import { UsageError } from '../../usage-error.ts';
import type { BuildInput, Compiled, Language } from './language.ts';
import { answerOf, run } from './run.ts';

/** Guests corrupt their memory quietly when the shadow stack is small, so it has 256 KiB and lies below all else. */
const FLAGS = [
  ...['--target=wasm32', '-O3', '-std=c11', '-Wall', '-Wextra', '-nostdlib', '-ffreestanding', '-mbulk-memory'],
  ...['-Wl,--no-entry', '-Wl,--strip-all', '-Wl,-z,stack-size=262144', '-Wl,--stack-first'],
];

export const c: Language = {
  name: 'c',
  title: 'C',
  sources: ['policy.c'],
  module: (policy) => `${policy}.wasm`,
  manifest: '',
  libraries: ['examples/policies/c/edict_policy.h'],
  example: (policy) => `/* ${policy}: greets every request with a header, and turns bad bots away. */

#include <stdint.h>

typedef struct {
  uint32_t length;
  uint8_t text[404];
} greeting;

#define EDICT_POLICY_TYPE greeting
#include "edict_policy.h"

int32_t policy_init(greeting *self, edict_frame input) {
  const edict_bytes given = edict_json_member(edict_field(input, EDICT_IN_PARAMS), "greeting");
  const int32_t length = edict_json_text(given, self->text, sizeof self->text);
  if (length < 0) return edict_fail(EDICT_PARAMS, "/greeting: it is no text of at most 400 bytes");
  self->length = (uint32_t)length;
  return EDICT_REQUEST_HEADERS;
}

int32_t policy_hook(greeting *self, uint32_t phase, edict_frame input, edict_answer *answer) {
  if (phase != EDICT_ON_REQUEST_HEADERS) return EDICT_PHASE;
  edict_bytes agent = edict_header(input, EDICT_IN_HEADERS, "user-agent");
  const edict_bytes bad = edict_literal("bad-bot");
  if (agent.length > bad.length) agent.length = bad.length;
  if (edict_same(agent, bad)) {
    edict_put_number(answer, EDICT_OUT_IMMEDIATE_STATUS, 403);
    return EDICT_ANSWERED;
  }
  const edict_bytes pair[1][2] = {{edict_literal("x-greeting"), {self->text, self->length}}};
  edict_put_pairs(answer, EDICT_OUT_HEADERS_SET, pair, 1);
  return EDICT_ANSWERED;
}

void policy_destroy(greeting *self) { self->length = 0; }
`,
  compile,
};

/** Run in the folder, so that no path of the machine is in the module. */
async function compile({ folder, source, target, memoryPages }: BuildInput): Promise<Compiled> {
  if (!/wasm32/.test((await answerOf('clang', ['--print-targets'])) ?? '')) {
    throw new UsageError(
      'there is no clang for wasm32',
      'Debian: apt-get install clang lld; macOS: brew install llvm lld',
    );
  }
  if ((await answerOf('wasm-ld', ['--version'])) === undefined) {
    throw new UsageError(
      'there is no wasm-ld, the linker that clang needs',
      'Debian: apt-get install lld; macOS: brew install lld',
    );
  }
  const memory = `-Wl,--max-memory=${memoryPages * 65_536}`;
  return run('clang', [...FLAGS, memory, '-o', basename(target), basename(source)], folder);
}
