/** How long to wait: between polls, and after failures. Pure arithmetic on an injected source of randomness. */

const MIN_BACKOFF_MS = 250;
const FIRST_BACKOFF_MS = 1_000;
const JITTER_SHARE = 0.1;

/** ± 10 %: five hundred processes that were started together must not go on asking together. */
export function jittered(intervalMs: number, random: () => number): number {
  return intervalMs * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random());
}

/** Up to 10 % less: where the interval is an upper bound. */
export function jitteredBelow(intervalMs: number, random: () => number): number {
  return intervalMs * (1 - JITTER_SHARE * random());
}

/**
 * Uniform between 250 ms and a ceiling that doubles with each failure in a row: 1 s, 2 s, 4 s … `maxBackoffMs`.
 * `consecutiveFailures` is 1 after the first.
 */
export function backoff(consecutiveFailures: number, maxBackoffMs: number, random: () => number): number {
  const ceiling = Math.min(maxBackoffMs, FIRST_BACKOFF_MS * 2 ** (consecutiveFailures - 1));
  return MIN_BACKOFF_MS + (ceiling - MIN_BACKOFF_MS) * random();
}
