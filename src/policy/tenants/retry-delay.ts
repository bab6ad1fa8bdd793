/** How long to wait after failures in a row: 1 s, 2 s, 4 s … and ±20 %, because many tenants fail at the same moment. */

const FIRST_MS = 1_000;
const JITTER_SHARE = 0.2;

/** `failures` is 1 after the first. Never more than `maxMs`. */
export function retryDelay(failures: number, maxMs: number, random: () => number): number {
  const base = Math.min(maxMs, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  return Math.min(maxMs, base * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random()));
}
