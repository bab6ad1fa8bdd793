/** One build at a time: a test run and a start in the same checkout must not write the same files together. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE } from './paths.mjs';

const LOCK = join(CACHE, 'build.lock');
const RETRY_MS = 100;

/** Runs `action` while holding the lock of this checkout; waits for the holder, not for one that has died. */
export async function locked(action) {
  mkdirSync(CACHE, { recursive: true });
  while (!take()) await sleep(RETRY_MS);
  try {
    return await action();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function take() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (holderIsGone()) rmSync(LOCK, { force: true });
    return false;
  }
}

function holderIsGone() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    // Just created and still empty: its writer is about to fill it.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}
