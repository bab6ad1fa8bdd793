/** Ends loops in a process of their own and gives what that did. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { textBytes } from '../../policy/guest/support/text-guest.ts';
import { LOOP_OR_WORK } from './worker-rig.ts';

interface Summary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

interface Left {
  readonly threads: number;
  readonly descriptors: number;
  readonly handles: number;
  readonly rss: number;
}

export interface KillReport {
  readonly kills: number;
  /** What went wrong, in words. */
  readonly failures: readonly string[];
  /** Milliseconds after the deadline until the caller had its answer, and until the next call was answered. */
  readonly late: Summary;
  readonly back: Summary;
  /** How late a plain timer of the same length was, and how much later than that the answer. */
  readonly timer: Summary;
  readonly excess: Summary;
  /** Microseconds of calls of another tenant: alone, beside a neighbour that works as hard and ends, beside kills. */
  readonly quiet: Summary;
  readonly beside: Summary;
  readonly loud: Summary;
  readonly before: Left;
  readonly after: Left;
  /** When all workers were closed. */
  readonly closed: Left;
  readonly pool: {
    readonly leased: number;
    readonly spares: number;
    readonly started: number;
    readonly stopped: number;
  };
}

const child = fileURLToPath(new URL('../fixtures/kill-child.mjs', import.meta.url));

/** How a loop ends: its guest is told to stop, or does not look and is ended with its thread. */
export type Ending = 'told' | 'ended';

export async function killWorkers(kills: number, ending: Ending): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'edict-kills-'));
  try {
    const module = join(folder, 'loops.wasm');
    writeFileSync(module, textBytes({ call: LOOP_OR_WORK }));
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      child,
      String(kills),
      module,
      ending,
    ]);
    return JSON.parse(stdout) as KillReport;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
