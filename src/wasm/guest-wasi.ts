/**
 * WASI preview1 for policies: what the C, Rust and Go libraries of a guest want to link, backed by three ports and nothing
 * else. No files, no arguments, no environment; text goes to the log, the end of the process is a trap.
 */

import { EdictError } from '../errors.ts';
import { escapeControls } from '../telemetry/logger.ts';
import type { GuestMemory } from './memory.ts';
import { WASI_FUNCTIONS } from './wasi.ts';

/** `errno` values of wasi_snapshot_preview1. */
const SUCCESS = 0;
const EBADF = 8;
const EFAULT = 21;
const ENOTCAPABLE = 76;

/** Standard output and standard error. */
const STDOUT = 1;
const STDERR = 2;

const MAX_LINE_BYTES = 4_096;
const MAX_VECTORS = 64;
const MAX_RANDOM_BYTES = 65_536;

/** The functions a policy may import. */
export const GUEST_WASI_FUNCTIONS: readonly string[] = [
  ...WASI_FUNCTIONS,
  'environ_get',
  'environ_sizes_get',
  'fd_close',
  'fd_fdstat_get',
  'fd_seek',
  'sched_yield',
];

/** What backs the functions; a port that is missing is denied by an error number. */
export interface GuestWasiPorts {
  /** Known after instantiation. */
  memory(): GuestMemory;
  /** One line of at most 4 KiB, control characters shown as escapes already. */
  write?(line: string, isError: boolean): void;
  nowMs?(): number;
  random?(bytes: number): Uint8Array | undefined;
}

/** The import object's member for the WASI module. Bad pointers answer EFAULT. */
export function serveWasi(ports: GuestWasiPorts): WebAssembly.ModuleImports {
  const words = (...pairs: readonly (readonly [ptr: number, value: number])[]): number =>
    guarded(() => {
      for (const [ptr, value] of pairs) ports.memory().write(ptr, u32(value));
      return SUCCESS;
    });
  const nothing = (countPtr: number, bytesPtr: number) => words([countPtr, 0], [bytesPtr, 0]);
  return {
    args_get: () => SUCCESS,
    args_sizes_get: nothing,
    environ_get: () => SUCCESS,
    environ_sizes_get: nothing,
    sched_yield: () => SUCCESS,
    fd_close: () => EBADF,
    fd_fdstat_get: () => EBADF,
    fd_seek: () => EBADF,
    // Standard input is at its end.
    fd_read: (fd: number, _vectors: number, _count: number, readPtr: number) =>
      fd === 0 ? words([readPtr, 0]) : EBADF,
    fd_write: (fd: number, vectors: number, count: number, writtenPtr: number) =>
      fd === STDOUT || fd === STDERR ? writeLines(ports, fd === STDERR, vectors, count, writtenPtr) : EBADF,
    clock_time_get: (_clock: number, _precision: bigint, ptr: number) => {
      const { nowMs } = ports;
      if (nowMs === undefined) return ENOTCAPABLE;
      return guarded(() => {
        const time = new Uint8Array(8);
        new DataView(time.buffer).setBigUint64(0, BigInt(Math.floor(nowMs())) * 1_000_000n, true);
        ports.memory().write(ptr, time);
        return SUCCESS;
      });
    },
    random_get: (ptr: number, length: number) => {
      if (ports.random === undefined || length >>> 0 > MAX_RANDOM_BYTES) return ENOTCAPABLE;
      const bytes = ports.random(length >>> 0);
      if (bytes === undefined) return ENOTCAPABLE;
      return guarded(() => {
        ports.memory().write(ptr, bytes);
        return SUCCESS;
      });
    },
    proc_exit: (code: number) => {
      throw new EdictError('TRAP', `the guest asked to end the process with code ${code}`);
    },
  };
}

/** Says that everything was written, so that nobody tries again; keeps the first 4 KiB. */
function writeLines(
  ports: GuestWasiPorts,
  isError: boolean,
  vectors: number,
  count: number,
  writtenPtr: number,
): number {
  return guarded(() => {
    const memory = ports.memory();
    const parts: Uint8Array[] = [];
    let written = 0;
    let kept = 0;
    for (let i = 0; i < Math.min(count >>> 0, MAX_VECTORS); i++) {
      const vector = new DataView(memory.read(vectors + i * 8, 8, 8).buffer);
      const length = vector.getUint32(4, true);
      const bytes = memory.read(vector.getUint32(0, true), Math.min(length, MAX_LINE_BYTES - kept), MAX_LINE_BYTES);
      parts.push(bytes);
      kept += bytes.length;
      written += length;
    }
    const line = escapeControls(Buffer.concat(parts).toString('utf8').replace(/\n$/, ''));
    if (line !== '') ports.write?.(line, isError);
    memory.write(writtenPtr, u32(written));
    return SUCCESS;
  });
}

function guarded(answer: () => number): number {
  try {
    return answer();
  } catch {
    return EFAULT;
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
