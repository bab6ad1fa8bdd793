/**
 * WASI preview1 for guests, deny by default: every function links, none grants anything.
 *
 * `node:wasi` is no sandbox by its own word; a guest that needs WASI to link gets these instead. The seven are what
 * toolchains (TinyGo, WASI libc) pull in for a module that only computes.
 */

import { EdictError } from '../errors.ts';
import type { FunctionType, ValueType } from './binary/types.ts';

/** `errno` values of wasi_snapshot_preview1. */
const EBADF = 8;
const ENOTCAPABLE = 76;

export const WASI_MODULE = 'wasi_snapshot_preview1';

const answersErrno = (...params: ValueType[]): FunctionType => ({ params, results: ['i32'] });

/** The functions a guest may import, each with its type; anything else is refused before it is compiled. */
export const WASI_TYPES: ReadonlyMap<string, FunctionType> = new Map([
  ['args_get', answersErrno('i32', 'i32')],
  ['args_sizes_get', answersErrno('i32', 'i32')],
  ['clock_time_get', answersErrno('i32', 'i64', 'i32')],
  ['fd_read', answersErrno('i32', 'i32', 'i32', 'i32')],
  ['fd_write', answersErrno('i32', 'i32', 'i32', 'i32')],
  ['proc_exit', { params: ['i32'], results: [] }],
  ['random_get', answersErrno('i32', 'i32')],
]);

export const WASI_FUNCTIONS: readonly string[] = [...WASI_TYPES.keys()];

/** {@link WASI_TYPES} by the paths under which rules list imports. */
export const WASI_IMPORTS: ReadonlyMap<string, FunctionType> = new Map(
  [...WASI_TYPES].map(([name, type]) => [`${WASI_MODULE}.${name}`, type]),
);

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
