/** Which of several addresses is asked next: the first in the list that works, and the first of all again after a while. */

import type { Clock } from '../options/clock.ts';

/** The preferred address is tried again this long after it failed. */
const RETRY_FIRST_MS = 60_000;

/**
 * Sticky: requests stay with an address until it fails, then move to the next, round the list. A request is never repeated
 * at another address by this; only later ones move.
 */
export class EndpointPreference {
  readonly #count: number;
  readonly #clock: Clock;
  #current = 0;
  #leftFirstAtMs = 0;

  constructor(count: number, clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  /** Position of the address to ask now. */
  get current(): number {
    if (this.#current !== 0 && this.#clock.monotonic() - this.#leftFirstAtMs >= RETRY_FIRST_MS) this.#current = 0;
    return this.#current;
  }

  /** Takes the outcome of a request to address `index`; what comes late, from an address already left, moves nothing. */
  note(index: number, hasWorked: boolean): void {
    if (hasWorked || this.#count === 1 || index !== this.#current) return;
    if (index === 0) this.#leftFirstAtMs = this.#clock.monotonic();
    this.#current = (index + 1) % this.#count;
  }
}
