/** Policies from text whose single functions are replaced, for guests that misbehave. */

import type { CompiledGuest } from '../../../../../src/policy/guest/core-guest.ts';
import { assembleText } from '../../../wasm/support/wat.ts';
import { compile } from './guest-rig.ts';

/** Bodies of functions, in the text format; what is not given is well-behaved. */
export interface TextGuest {
  readonly imports?: string;
  /** Pages. */
  readonly memory?: string;
  readonly fuel?: boolean;
  readonly abi?: string;
  readonly input?: string;
  readonly outputPtr?: string;
  readonly outputLength?: string;
  readonly init?: string;
  readonly modes?: string;
  /** Of `edict_call`, with $handle, $phase, $length. */
  readonly call?: string;
  readonly destroy?: string;
  /** Whole fields of the module. */
  readonly more?: string;
}

/** Charges one unit and traps when there is none left, as the rewriter does. */
export const CHARGE = `
  (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
  (if (i32.lt_s (global.get $fuel) (i32.const 0)) (then (unreachable)))`;

export function textGuest(parts: TextGuest = {}): CompiledGuest {
  return compile(textBytes(parts));
}

export function textBytes(parts: TextGuest = {}): Uint8Array<ArrayBuffer> {
  const {
    imports = '',
    memory = '1 16',
    fuel = false,
    abi = '(i32.const 65536)',
    input = '(i32.const 8192)',
    outputPtr = '(i32.const 1024)',
    outputLength = '(i32.const 0)',
    init = '(i32.const 1)',
    modes = '(i32.const 0xaa)',
    call = '(i32.const 0)',
    destroy = '(i32.const 0)',
    more = '',
  } = parts;
  return assembleText(
    `(module ${imports}
        (memory (export "memory") ${memory})
        ${fuel ? '(global $fuel (export "__edict_fuel") (mut i32) (i32.const 0))' : ''}
        (global $count (mut i32) (i32.const 0))
        (data (i32.const 1024) "the message")
        (func (export "edict_abi_version") (result i32) ${abi})
        (func (export "edict_input") (param $size i32) (result i32) ${input})
        (func (export "edict_output_ptr") (result i32) ${outputPtr})
        (func (export "edict_output_len") (result i32) ${outputLength})
        (func (export "edict_init") (param $length i32) (result i32) ${init})
        (func (export "edict_modes") (param $handle i32) (result i32) ${modes})
        (func $call (export "edict_call") (param $handle i32) (param $phase i32) (param $length i32) (result i32) ${call})
        (func (export "edict_destroy") (param $handle i32) (result i32) ${destroy})
        ${more})`,
  );
}
