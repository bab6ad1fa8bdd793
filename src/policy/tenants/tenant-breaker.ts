/** The breaker of one tenant: failures in a window open it, one trial call decides whether it closes (V-22). */

export interface BreakerRules {
  readonly failures: number;
  readonly windowMs: number;
  /** The first pause; each further one without a success between is twice as long. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export const BREAKER_RULES: BreakerRules = Object.freeze({
  failures: 5,
  windowMs: 10_000,
  openMs: 1_000,
  maxOpenMs: 60_000,
});

/** A call that was let through. Its verdict counts once; without one it says nothing. */
export interface BreakerPass {
  readonly isTrial: boolean;
  judge(verdict: 'succeeded' | 'failed' | 'abandoned'): void;
}

/**
 * ```
 *            5 failures in 10 s                 failed: twice as long
 *   CLOSED ─────────────────────▶ OPEN ◀─────────────────────┐
 *      ▲                            │ 1 s … 60 s              │
 *      └────── succeeded ────── TRIAL: one call, no other ────┘
 * ```
 *
 * INVARIANT: a call that was let through before it opened changes nothing any more.
 */
export class TenantBreaker {
  readonly #rules: BreakerRules;
  readonly #clock: { monotonic(): number };
  /** Times of the latest failures, at most as many as open it. */
  #failures: number[] = [];
  #openUntilMs: number | undefined;
  #pauseMs = 0;
  #trial: BreakerPass | undefined;
  #opened = 0;

  constructor(clock: { monotonic(): number }, rules: BreakerRules = BREAKER_RULES) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** Until a trial has succeeded. */
  get isOpen(): boolean {
    return this.#openUntilMs !== undefined;
  }

  get opened(): number {
    return this.#opened;
  }

  /** `undefined` while it rests. */
  enter(): BreakerPass | undefined {
    if (this.#openUntilMs === undefined) return this.#pass(false);
    if (this.#trial !== undefined || this.#clock.monotonic() < this.#openUntilMs) return undefined;
    this.#trial = this.#pass(true);
    return this.#trial;
  }

  #pass(isTrial: boolean): BreakerPass {
    const openedBefore = this.#opened;
    let isJudged = false;
    const pass: BreakerPass = {
      isTrial,
      judge: (verdict) => {
        if (isJudged) return;
        isJudged = true;
        if (isTrial) this.#judgeTrial(verdict);
        else if (verdict === 'failed' && openedBefore === this.#opened) this.#count();
      },
    };
    return pass;
  }

  #judgeTrial(verdict: 'succeeded' | 'failed' | 'abandoned'): void {
    this.#trial = undefined;
    if (verdict === 'succeeded') {
      this.#openUntilMs = undefined;
      this.#pauseMs = 0;
      this.#failures = [];
    } else if (verdict === 'failed') this.#open();
  }

  #count(): void {
    const now = this.#clock.monotonic();
    this.#failures = [...this.#failures, now].filter((at) => now - at <= this.#rules.windowMs);
    if (this.#failures.length >= this.#rules.failures) this.#open();
  }

  #open(): void {
    const { openMs, maxOpenMs } = this.#rules;
    this.#pauseMs = Math.min(maxOpenMs, this.#pauseMs === 0 ? openMs : 2 * this.#pauseMs);
    this.#openUntilMs = this.#clock.monotonic() + this.#pauseMs;
    this.#opened++;
    this.#failures = [];
  }
}
