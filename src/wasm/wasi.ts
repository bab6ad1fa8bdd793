/**
 * WASI preview1 for guests, deny by default: every function links, none grants anything.
 *
 * `node:wasi` is no sandbox by its own word; a guest that needs WASI to link gets these instead. The seven are what
 * toolchains (TinyGo, WASI libc) pull in for a module that only computes.
 */

import { EdictError } from '../errors.ts';

/** `errno` values of wasi_snapshot_preview1. */
const EBADF = 8;
const ENOTCAPABLE = 76;

export const WASI_MODULE = 'wasi_snapshot_preview1';

/** The functions a guest may import; anything else is refused before it is compiled. */
export const WASI_FUNCTIONS: readonly string[] = [
  'args_get',
  'args_sizes_get',
  'clock_time_get',
  'fd_read',
  'fd_write',
  'proc_exit',
  'random_get',
];

/** The import object's member for {@link WASI_MODULE}. Calls answer an error number; `proc_exit` ends the call. */
export function denyWasi(): WebAssembly.ModuleImports {
  const denied = () => ENOTCAPABLE;
  return {
    args_get: denied,
    args_sizes_get: denied,
    clock_time_get: denied,
    random_get: denied,
    fd_read: () => EBADF,
    fd_write: () => EBADF,
    proc_exit: (code: number) => {
      throw new EdictError('TRAP', `the guest asked to end the process with code ${code}`);
    },
  };
}
