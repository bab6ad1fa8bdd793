/** The clock that every timer and every date of Edict goes through, so that tests can own the time. */

/** What `clock.setTimeout` gives back; only `clock.clearTimeout` looks into it. */
export type TimerHandle = unknown;

/**
 * Time as Edict sees it. `now` is the wall clock (epoch milliseconds) and decides rollout schedules and HTTP dates;
 * `monotonic` (milliseconds from any origin) measures intervals, so that a jump of the wall clock moves no poll.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
}

/** The largest delay a runtime timer takes; Node turns a larger one into 1 ms. */
export const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/** A timer that never keeps the process alive; the delay is clamped to what a timer can take. */
export function startTimer(clock: Clock, callback: () => void, delayMs: number): TimerHandle {
  const handle = clock.setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
  (handle as { unref?: () => void } | undefined)?.unref?.();
  return handle;
}

/**
 * Keeps the process alive until the returned function is called, for `maxMs` at most. Only a wait that a caller awaits
 * holds the process (a start, a manual refresh): without it `await initialize()` in a short script would end the process
 * with an unsettled await instead of an answer.
 */
export function holdProcess(clock: Clock, maxMs: number = MAX_TIMER_MS): () => void {
  const handle = clock.setTimeout(() => undefined, Math.min(maxMs, MAX_TIMER_MS));
  return () => clock.clearTimeout(handle);
}
