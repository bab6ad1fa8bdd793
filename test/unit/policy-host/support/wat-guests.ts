/** Core-module policies from text, made for one question each. */

import wabt from 'wabt';
import type { CompiledGuest } from '../../../../src/policy/guest/core-guest.ts';
import { compile } from '../../policy/guest/support/guest-rig.ts';

const tools = await wabt();

/** Types of the functions of the module `edict`, as WebAssembly writes them: parameters, then the result. */
const TYPES: Readonly<Record<string, readonly [parameters: string, result: string]>> = {
  error: ['', 'i32'],
  log: ['i32 i32 i32', ''],
  now_ms: ['', 'f64'],
  monotonic_ms: ['', 'f64'],
  random: ['i32 i32', 'i32'],
  flag: ['i32 i32 i32 i32 i32 i32 i32 i32 i32', 'i32'],
  meta_get: ['i32 i32 i32 i32', 'i32'],
  meta_set: ['i32 i32 i32 i32', 'i32'],
  meta_delete: ['i32 i32', 'i32'],
  kv_get: ['i32 i32 i32 i32 i32 i32', 'i32'],
  kv_set: ['i32 i32 i32 i32 i32 i32 i32', 'f64'],
  kv_delete: ['i32 i32 i32 i32', 'i32'],
  kv_incr: ['i32 i32 i32 i32 f64 i32 i32', 'f64'],
  kv_cas: ['i32 i32 i32 i32 f64 i32 i32 i32', 'f64'],
  hash: ['i32 i32 i32 i32 i32 i32', 'i32'],
  hmac: ['i32 i32 i32 i32 i32 i32 i32 i32', 'i32'],
  verify: ['i32 i32 i32 i32 i32 i32 i32 i32', 'i32'],
  sign: ['i32 i32 i32 i32 i32 i32 i32 i32', 'i32'],
  equal: ['i32 i32 i32 i32', 'i32'],
  http_start: ['i32 i32', 'i32'],
  http_call: ['i32 i32 i32 i32', 'i32'],
  counter_add: ['i32 f64', ''],
  histogram_record: ['i32 f64', ''],
  resource_get: ['i32 i32 i32 i32 i32 i32', 'i32'],
};

function importLine(name: string): string {
  const [parameters, result] = TYPES[name]!;
  const params = parameters === '' ? '' : `(param ${parameters})`;
  return `(import "edict" "${name}" (func $${name} ${params} ${result === '' ? '' : `(result ${result})`}))`;
}

/**
 * A policy whose request-header hook is `body`, which leaves an i32: what `edict_call` answers. Its input lies at 65536, its
 * output at 32768, `data` at 0.
 */
export function guestOf(
  imports: readonly string[],
  body: string,
  { data = '', extra = '' }: { readonly data?: string; readonly extra?: string } = {},
): CompiledGuest {
  const text = `(module
    ${imports.map(importLine).join('\n')}
    (memory (export "memory") 4 16)
    (data (i32.const 0) "${data}")
    (func (export "edict_abi_version") (result i32) (i32.const 65536))
    (func (export "edict_input") (param i32) (result i32) (i32.const 65536))
    (func (export "edict_output_ptr") (result i32) (i32.const 32768))
    (func (export "edict_output_len") (result i32) (i32.const 0))
    (func (export "edict_init") (param i32) (result i32) (i32.const 1))
    (func (export "edict_modes") (param i32) (result i32) (i32.const 0x56))
    (func (export "edict_destroy") (param i32) (result i32) (i32.const 0))
    (func (export "edict_call") (param $handle i32) (param $phase i32) (param $length i32) (result i32)
      ${body})
    ${extra})`;
  const parsed = tools.parseWat('guest.wat', text, {});
  try {
    return compile(Uint8Array.from(parsed.toBinary({}).buffer));
  } finally {
    parsed.destroy();
  }
}

/** A policy that imports functions and calls none. */
export function importingGuest(imports: readonly string[]): CompiledGuest {
  return guestOf(imports, '(i32.const 0)');
}
