/** Decides whether a request may be begun now: a circuit breaker, a limit in flight, a rate, and the wait a relay asked for. */

import type { BreakerFacts } from './evaluator-facts.ts';

/** Why a request may not be begun. */
export type BreakerRefusal = 'retryAfter' | 'breaker' | 'concurrency' | 'rate';

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one probe, in milliseconds. */
  readonly openMs: number;
  readonly maxConcurrent: number;
  /** Requests begun within any 1 000 ms. */
  readonly maxPerSecond: number;
}

/** `abandoned`: the request says nothing about the other side, because nobody waited for it. */
export type Verdict = 'succeeded' | 'failed' | 'abandoned';

/** The right to one request. */
export interface Pass {
  /** What came of it; only the first verdict counts. It may come before the request has ended: a deadline passed. */
  judge(verdict: Verdict): void;
  /** The request has ended; after its verdict, because without one it is abandoned. */
  leave(): void;
}

const SECOND_MS = 1_000;

/**
 * ```
 *            failureThreshold failures in a row
 *   CLOSED ───────────────────────────────────────▶ OPEN ◀──────────┐
 *      ▲                                             │ openMs       │ failed
 *      │ succeeded                                   ▼              │
 *      └──────────────────────────────────────── HALF-OPEN ─────────┘   one probe, nothing beside it
 * ```
 *
 * INVARIANT: what was begun before it opened never closes it again, and never counts as the probe.
 */
export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #clock: { monotonic(): number };
  #failures = 0;
  /** Set while open or half-open. */
  #openUntilMs: number | undefined;
  #probe: Pass | undefined;
  #opened = 0;
  #inFlight = 0;
  /** When the requests of the last second were begun, oldest first. */
  readonly #starts: number[] = [];
  #waitUntilMs = Number.NEGATIVE_INFINITY;

  constructor(limits: BreakerLimits, clock: { monotonic(): number }) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A pass, or the reason there is none. A refusal changes nothing. */
  enter(): Pass | BreakerRefusal {
    const now = this.#clock.monotonic();
    if (now < this.#waitUntilMs) return 'retryAfter';
    const isOpen = this.#openUntilMs !== undefined;
    if (isOpen && (this.#probe !== undefined || now < (this.#openUntilMs as number))) return 'breaker';
    if (this.#inFlight >= this.#limits.maxConcurrent) return 'concurrency';
    const starts = this.#starts;
    while (starts.length > 0 && now - (starts[0] as number) >= SECOND_MS) starts.shift();
    if (starts.length >= this.#limits.maxPerSecond) return 'rate';
    starts.push(now);
    this.#inFlight++;
    const pass = this.#pass();
    if (isOpen) this.#probe = pass;
    return pass;
  }

  /** Nothing may be begun for so long; a shorter wait never ends a longer one. */
  holdOff(waitMs: number): void {
    this.#waitUntilMs = Math.max(this.#waitUntilMs, this.#clock.monotonic() + waitMs);
  }

  describe(): BreakerFacts {
    return {
      breaker: this.#openUntilMs === undefined ? 'closed' : this.#probe === undefined ? 'open' : 'half-open',
      opened: this.#opened,
      inFlight: this.#inFlight,
      failuresInARow: this.#failures,
    };
  }

  #pass(): Pass {
    const wasBegunAt = this.#opened;
    let isJudged = false;
    let isInFlight = true;
    const pass: Pass = {
      judge: (verdict) => {
        if (isJudged) return;
        isJudged = true;
        if (pass === this.#probe) this.#probed(verdict);
        else if (this.#openUntilMs === undefined && wasBegunAt === this.#opened) this.#count(verdict);
      },
      leave: () => {
        if (!isInFlight) return;
        isInFlight = false;
        this.#inFlight--;
        pass.judge('abandoned');
      },
    };
    return pass;
  }

  #probed(verdict: Verdict): void {
    this.#probe = undefined;
    if (verdict === 'succeeded') {
      this.#openUntilMs = undefined;
      this.#failures = 0;
    } else if (verdict === 'failed') this.#open();
    // Abandoned: still open, and due, so the next request is the probe.
  }

  #count(verdict: Verdict): void {
    if (verdict === 'succeeded') this.#failures = 0;
    else if (verdict === 'failed' && ++this.#failures >= this.#limits.failureThreshold) this.#open();
  }

  #open(): void {
    this.#openUntilMs = this.#clock.monotonic() + this.#limits.openMs;
    this.#opened++;
  }
}
