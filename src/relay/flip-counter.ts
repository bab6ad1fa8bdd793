/** Notices content that comes back: replicas with different content behind one address answer in turn. */

import type { Clock } from '../options/clock.ts';

/** Contents remembered; more replicas than this that all differ are beyond what a count can explain. */
const MAX_REMEMBERED = 8;

const WINDOW_MS = 600_000;
const MAX_FLIPS_IN_WINDOW = 3;

/** A flip is a change to a content that was in use before. */
export class FlipCounter {
  readonly #clock: Clock;
  readonly #previous: string[] = [];
  #recentMs: number[] = [];
  #total = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get total(): number {
    return this.#total;
  }

  /** Notes a content that took effect. True when it is time for a warning, at most once in ten minutes. */
  note(digest: string): boolean {
    const isFlip = this.#previous.includes(digest);
    if (!isFlip) {
      this.#previous.push(digest);
      if (this.#previous.length > MAX_REMEMBERED) this.#previous.shift();
      return false;
    }
    const now = this.#clock.monotonic();
    this.#total++;
    // One more than the limit is all that has to be kept to know that it was passed.
    this.#recentMs = [...this.#recentMs.slice(-MAX_FLIPS_IN_WINDOW), now];
    const inWindow = this.#recentMs.filter((at) => now - at <= WINDOW_MS).length;
    if (inWindow <= MAX_FLIPS_IN_WINDOW || now - this.#warnedAtMs <= WINDOW_MS) return false;
    this.#warnedAtMs = now;
    return true;
  }
}
