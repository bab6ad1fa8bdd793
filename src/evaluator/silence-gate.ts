/** Keeps evaluations from waiting, one timeout each, for a relay that does not answer (relay-and-provider §5.5). */

import type { EdictError } from '../errors.ts';
import type { Clock } from '../options/clock.ts';

/** While the relay is silent, one evaluation in this time may try. */
const TRIAL_INTERVAL_MS = 1_000;

/**
 * Shut after `threshold` network failures or timeouts in a row, of whatever request; open again at the first answer, of
 * whatever status: a relay that answers costs nobody a timeout.
 */
export class SilenceGate {
  readonly #clock: Clock;
  readonly #threshold: number;
  #silent = 0;
  #lastTrialMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, threshold: number) {
    this.#clock = clock;
    this.#threshold = threshold;
  }

  /** Requests in a row that the relay did not answer. */
  get silent(): number {
    return this.#silent;
  }

  get isShut(): boolean {
    return this.#silent >= this.#threshold;
  }

  /** Whether one more evaluation may ask; while the gate is shut, a yes uses up the trial of this second. */
  admit(): boolean {
    if (!this.isShut) return true;
    const now = this.#clock.monotonic();
    if (now - this.#lastTrialMs < TRIAL_INTERVAL_MS) return false;
    this.#lastTrialMs = now;
    return true;
  }

  /** Takes the outcome of a request; `undefined` for a success. */
  note(error: EdictError | undefined): void {
    if (error?.code === 'NETWORK' || error?.code === 'TIMEOUT') this.#silent++;
    else if (error?.code !== 'CLOSED') this.reset();
  }

  reset(): void {
    this.#silent = 0;
    this.#lastTrialMs = Number.NEGATIVE_INFINITY;
  }
}
