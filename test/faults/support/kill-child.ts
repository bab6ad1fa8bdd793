/** Kills a process at a random moment, again and again, in folders of its own. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Two at a time, each in one folder for all of its kills; `tally.kills` counts those that were begun. */
export async function killInFolders<T extends { kills: number }>(
  kills: number,
  tally: T,
  killOnce: (folder: string, index: number, tally: T) => Promise<void>,
): Promise<T> {
  const worker = async (): Promise<void> => {
    const folder = mkdtempSync(join(tmpdir(), 'edict-kill-'));
    try {
      while (tally.kills < kills) await killOnce(folder, tally.kills++, tally);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  await Promise.all([worker(), worker()]);
  return tally;
}

/** Starts a script, waits until it says something, and kills it at most `windowMs` later. */
export async function startAndKill(script: string, argument: string, windowMs: number): Promise<void> {
  const child = spawn(process.execPath, [script, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await new Promise((resolve) => setTimeout(resolve, Math.random() * windowMs));
  child.kill('SIGKILL');
  await ended;
}
