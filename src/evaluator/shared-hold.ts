/** Keeps the process alive while anything that a caller awaits is under way, with one timer for all of it. */

import { type Clock, holdProcess } from '../options/clock.ts';

export class SharedHold {
  readonly #clock: Clock;
  #count = 0;
  #release: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How much is under way. */
  get count(): number {
    return this.#count;
  }

  /** Runs `work`, which holds the process until it settles. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count === 0) this.#release = holdProcess(this.#clock);
    this.#count++;
    try {
      return await work();
    } finally {
      this.#count--;
      if (this.#count === 0) this.#release();
    }
  }
}
