/** The deadline of one request: one timer over all of its phases, a second one over silence inside the body. */

import { EdictError } from '../errors.ts';
import type { Clock, TimerHandle } from '../options/clock.ts';
import { startTimer } from '../options/clock.ts';

export interface DeadlineLimits {
  readonly timeoutMs: number;
  readonly stallTimeoutMs: number;
}

/**
 * Ends a request at the deadline, on silence, or when `abort` is called; `signal` then carries the reason, always an
 * `EdictError`. `dispose` must be called at the end.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #limits: DeadlineLimits;
  readonly #controller = new AbortController();
  readonly #aborted: Promise<never>;
  readonly #timer: TimerHandle;
  #stallTimer: TimerHandle | undefined;

  constructor(clock: Clock, limits: DeadlineLimits) {
    this.#clock = clock;
    this.#limits = limits;
    const { signal } = this.#controller;
    this.#aborted = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as EdictError), { once: true });
    });
    // Nobody may be racing at the moment it rejects.
    this.#aborted.catch(() => undefined);
    const { timeoutMs } = limits;
    this.#timer = startTimer(
      clock,
      () => this.abort(timedOut(`no complete answer within timeoutMs (${timeoutMs} ms)`)),
      timeoutMs,
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: EdictError): void {
    this.#controller.abort(reason);
  }

  /**
   * The outcome of `work`, or the abort reason as soon as there is one. Needed beside the signal, because undici does
   * not look at the signal while it is connecting, and a caller's key function not at all.
   */
  async race<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.#aborted]);
    } finally {
      // The loser may still reject, with nobody listening.
      work.catch(() => undefined);
    }
  }

  /** Starts, or starts again, the wait for the next piece of the body. */
  expectChunk(): void {
    this.#clearStall();
    const { stallTimeoutMs } = this.#limits;
    this.#stallTimer = startTimer(
      this.#clock,
      () => this.abort(timedOut(`the body stood still for stallTimeoutMs (${stallTimeoutMs} ms)`)),
      stallTimeoutMs,
    );
  }

  dispose(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#clearStall();
  }

  #clearStall(): void {
    if (this.#stallTimer !== undefined) this.#clock.clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }
}

function timedOut(text: string): EdictError {
  return new EdictError('TIMEOUT', text);
}
