/** Calls hooks in a process of their own and gives what they did to its memory. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface MemoryReport {
  readonly guestBytesBefore: number;
  readonly guestBytesAfter: number;
  readonly grownBytes: number;
  readonly answered: number;
  /** Instances made, called and destroyed; and those that are there. */
  readonly made: number;
  readonly instances: number;
  readonly stores: number;
}

const child = fileURLToPath(new URL('../fixtures/memory-child.mjs', import.meta.url));

export async function measureHooks(hooks: number, cycles: number): Promise<MemoryReport> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, String(hooks), String(cycles)]);
  return JSON.parse(stdout) as MemoryReport;
}
