/** Waits for another process to get somewhere. */

import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_MS = 15_000;
const STEP_MS = 20;

/** Resolves with the first answer that is not false or undefined; rejects, saying what it waited for, when none comes. */
export async function until<T>(what: string, ask: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  for (const end = performance.now() + LONGEST_MS; ; ) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(STEP_MS);
  }
}
