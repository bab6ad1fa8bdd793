/** What a store knows of the guest's side: the type of its exports, and what can be wrong with an input arena. */

import type { REQUIRED_EXPORTS } from './imports.ts';

type GuestCall = (typeof REQUIRED_EXPORTS)[number];
type OptionalCall =
  | '_initialize'
  | 'edict_output_len'
  | 'edict_plan'
  | 'edict_stream_end'
  | 'edict_resume'
  | 'edict_gc'
  | 'edict_export_state'
  | 'edict_import_state';

/** Checked by name before instantiation; WebAssembly itself does not tell their types. */
export type GuestExports = Record<GuestCall, (...args: number[]) => number> &
  Partial<Record<OptionalCall, (...args: number[]) => number>> & {
    readonly memory: WebAssembly.Memory;
    readonly __edict_fuel?: WebAssembly.Global;
    /** Of a pausing module. */
    readonly __edict_pause?: unknown;
  };

/** The guest named an input arena outside its memory, or one that is not aligned. */
export class BrokenArena extends Error {
  constructor(ptr: number, size: number) {
    super(`the guest gave ${ptr} as the place for ${size} bytes of input`);
  }
}
