/** A breaker over a window of time: opens at so many failures in it, lets one trial through after a rest that doubles. */

export interface FailureWindowLimits {
  /** Failures within the window that open it. */
  readonly failures: number;
  readonly windowMs: number;
  /** The first rest; each failed trial doubles it, up to the longest. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/**
 * ```
 *            `failures` within `windowMs`
 *   CLOSED ───────────────────────────────▶ OPEN ◀─────────────┐
 *      ▲                                     │ rest             │ failed: the rest doubles
 *      │ succeeded                           ▼                  │
 *      └──────────────────────────────── HALF-OPEN ─────────────┘   one trial, nothing beside it
 * ```
 *
 * INVARIANT: what was begun before it opened neither closes it nor counts as the trial.
 */
export class FailureWindow {
  readonly #limits: FailureWindowLimits;
  readonly #clock: { monotonic(): number };
  /** When the failures of the window were, oldest first; never more than open it. */
  readonly #atMs: number[] = [];
  #openUntilMs: number | undefined;
  #restMs: number;
  #trial: number | undefined;
  /** How often it opened; a permit of another time says nothing. */
  #opened = 0;
  #permits = 0;

  constructor(limits: FailureWindowLimits, clock: { monotonic(): number }) {
    this.#limits = limits;
    this.#clock = clock;
    this.#restMs = limits.openMs;
  }

  /** The right to one call, or `undefined`. Each permit is to be settled once. */
  enter(): Permit | undefined {
    if (this.#openUntilMs === undefined) return { id: 0, opened: this.#opened };
    if (this.#trial !== undefined || this.#clock.monotonic() < this.#openUntilMs) return undefined;
    this.#permits++;
    this.#trial = this.#permits;
    return { id: this.#trial, opened: this.#opened };
  }

  /** What came of a call; `undefined` says nothing about it, because nobody waited for it. */
  settle({ id, opened }: Permit, succeeded: boolean | undefined): void {
    if (id !== 0 && id === this.#trial) {
      this.#trial = undefined;
      if (succeeded === true) this.#close();
      else if (succeeded === false) {
        this.#restMs = Math.min(this.#restMs * 2, this.#limits.maxOpenMs);
        this.#open();
      }
      return;
    }
    if (succeeded !== false || this.#openUntilMs !== undefined || opened !== this.#opened) return;
    const now = this.#clock.monotonic();
    const at = this.#atMs;
    while (at.length > 0 && now - (at[0] as number) >= this.#limits.windowMs) at.shift();
    at.push(now);
    if (at.length >= this.#limits.failures) this.#open();
  }

  describe(): { breaker: 'closed' | 'open' | 'half-open'; opened: number } {
    if (this.#openUntilMs === undefined) return { breaker: 'closed', opened: this.#opened };
    return { breaker: this.#trial === undefined ? 'open' : 'half-open', opened: this.#opened };
  }

  #open(): void {
    this.#openUntilMs = this.#clock.monotonic() + this.#restMs;
    this.#opened++;
    this.#atMs.length = 0;
  }

  #close(): void {
    this.#openUntilMs = undefined;
    this.#restMs = this.#limits.openMs;
  }
}

export interface Permit {
  /** 0 unless it is the trial. */
  readonly id: number;
  readonly opened: number;
}
