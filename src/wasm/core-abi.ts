/** The core interface of policy modules, `edict-core/1`, as rules for what one exports and imports. */

import type { FunctionType, ValueType } from './binary/types.ts';
import type { FunctionRule, ModuleRules } from './verify-module.ts';
import { WASI_IMPORTS } from './wasi.ts';

/** Major version in the upper half, minor in the lower; a host takes its own major. */
export const CORE_ABI_VERSION = 0x0001_0000;

/** 16 MiB. */
export const POLICY_MAX_PAGES = 256;

/** A function that answers an i32, as all of this interface do. */
const answers = (...params: ValueType[]): FunctionType => ({ params, results: ['i32'] });

const REQUIRED: ReadonlyMap<string, FunctionType | 'memory'> = new Map<string, FunctionType | 'memory'>([
  ['memory', 'memory'],
  ['edict_abi_version', answers()],
  ['edict_input', answers('i32')],
  ['edict_output_ptr', answers()],
  ['edict_init', answers('i32')],
  ['edict_modes', answers('i32')],
  ['edict_call', answers('i32', 'i32', 'i32')],
  ['edict_destroy', answers('i32')],
]);

const OPTIONAL: ReadonlyMap<string, FunctionType> = new Map([
  ['edict_plan', answers('i32')],
  ['edict_output_len', answers()],
  ['edict_resume', answers('i32', 'i32', 'i32')],
  ['edict_stream_end', answers('i32', 'i32', 'i32')],
  ['edict_export_state', answers('i32')],
  ['edict_import_state', answers('i32', 'i32')],
  ['edict_gc', answers()],
]);

/** AssemblyScript's runtime reports failed assertions through it; the host turns it into a trap. */
const ABORT: FunctionType = { params: ['i32', 'i32', 'i32', 'i32'], results: [] };

/**
 * Rules for a policy whose memory maximum is injected by metering. `granted` holds the host functions that manifest and
 * tenant allow, by `module.name`; WASI functions and `env.abort` always link, since they grant nothing.
 */
export function policyRules(granted: ReadonlyMap<string, FunctionRule>, allowsStart = false): ModuleRules {
  return {
    imports: new Map<string, FunctionRule>([...WASI_IMPORTS, ['env.abort', ABORT], ...granted]),
    exports: REQUIRED,
    optionalExports: OPTIONAL,
    maxPages: POLICY_MAX_PAGES,
    injectsMaximum: true,
    allowsStart,
  };
}
