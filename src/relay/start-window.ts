/** The wait of `start()`: which attempt ends it, and with what outcome. */

import { EdictError } from '../errors.ts';
import type { Clock } from '../options/clock.ts';
import { holdProcess, startTimer } from '../options/clock.ts';
import type { Attempt, StartOutcome } from './feed-events.ts';

/** With a local configuration there is no reason to keep the application waiting longer for the relay's. */
const LOCAL_WINDOW_MS = 1_000;

/**
 * Open until the first of: a success; a failure that only a person can heal; with a local configuration the end of any
 * attempt; the end of the window. Holds the process while it is open, because a caller awaits it.
 */
export class StartWindow {
  readonly outcome: Promise<StartOutcome>;
  readonly #hasLocal: boolean;
  #resolve: ((outcome: StartOutcome) => void) | undefined;
  #lastError: EdictError | undefined;

  /** `onEnd` is called at once, before anybody who awaits `outcome` goes on. */
  constructor(clock: Clock, initTimeoutMs: number, hasLocal: boolean, onEnd: (outcome: StartOutcome) => void) {
    this.#hasLocal = hasLocal;
    const windowMs = hasLocal ? Math.min(LOCAL_WINDOW_MS, initTimeoutMs) : initTimeoutMs;
    // Without a limit of its own: one of the same length may end a moment before the window, and the process with it.
    const release = holdProcess(clock);
    const timer = startTimer(clock, () => this.fail(this.#lastError ?? noAnswer(windowMs)), windowMs);
    this.outcome = new Promise((resolve) => {
      this.#resolve = (outcome) => {
        this.#resolve = undefined;
        clock.clearTimeout(timer);
        release();
        onEnd(outcome);
        resolve(outcome);
      };
    });
  }

  /** Looks at the end of one attempt; does nothing once the window is closed. */
  offer(attempt: Attempt): void {
    switch (attempt.kind) {
      case 'changed':
      case 'unchanged':
        this.#resolve?.({ kind: 'loaded' });
        break;
      case 'held':
        this.#resolve?.({ kind: 'held' });
        break;
      case 'failed':
        this.#lastError = attempt.error;
        if (this.#hasLocal || attempt.pace === 'auth') this.fail(attempt.error);
        break;
    }
  }

  fail(error: EdictError): void {
    this.#resolve?.({ kind: 'failed', error });
  }
}

function noAnswer(windowMs: number): EdictError {
  return new EdictError('TIMEOUT', `the relay gave no answer within the ${windowMs} ms that the start waits for it`);
}
