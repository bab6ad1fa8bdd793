/** How many calls of one tenant run in workers at once, and how many may wait; the next one is refused. */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';

type Release = () => void;

interface Waiting {
  readonly begin: (release: Release) => void;
}

/** INVARIANT: at most `running` calls run and at most `waiting` wait, first come first served. */
export class CallLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #queue: Waiting[] = [];
  #running = 0;

  constructor(running: number, waiting: number) {
    this.#maxRunning = running;
    this.#maxWaiting = waiting;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** The function that ends the call; a promise of it where it must wait; or the refusal. */
  enter(signal?: AbortSignal): Release | PolicyFailure | Promise<Release | PolicyFailure> {
    if (this.#running < this.#maxRunning) return this.#begin();
    if (this.#queue.length >= this.#maxWaiting) return policyFailure('OVERLOAD', 'too many calls of the tenant wait');
    return new Promise((resolve) => {
      const waiting: Waiting = { begin: resolve };
      this.#queue.push(waiting);
      signal?.addEventListener('abort', () => {
        const at = this.#queue.indexOf(waiting);
        if (at < 0) return;
        this.#queue.splice(at, 1);
        resolve(policyFailure('CANCELLED', 'the call was given up while it waited'));
      });
    });
  }

  #begin(): Release {
    this.#running++;
    let isRunning = true;
    return () => {
      if (!isRunning) return;
      isRunning = false;
      this.#running--;
      if (this.#running < this.#maxRunning) this.#queue.shift()?.begin(this.#begin());
    };
  }
}
