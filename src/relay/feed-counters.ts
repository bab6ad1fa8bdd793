/** What the feed has done so far, for diagnostics. */

import type { EdictError } from '../errors.ts';
import { emptyRecord } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import type { RefreshResult } from './feed-events.ts';
import type { FeedCounts } from './relay-facts.ts';

export class FeedCounters {
  readonly #clock: Clock;
  readonly #counts = { changed: 0, unchanged: 0, held: 0, failed: 0 };
  readonly #failedByCode = emptyRecord<number>();
  #lastError: FeedCounts['lastError'] = null;
  #lastAttemptAt: string | null = null;
  #lastSuccessAt: string | null = null;
  #confirmed: { readonly wallMs: number; readonly monotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(result: Exclude<RefreshResult, 'failed'>): void {
    this.#counts[result]++;
    this.#lastAttemptAt = this.#time();
    if (result === 'held') return;
    this.#lastSuccessAt = this.#lastAttemptAt;
    this.#confirmed = { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() };
  }

  countFailure(error: EdictError): void {
    const { code } = error;
    this.#counts.failed++;
    this.#failedByCode[code] = (this.#failedByCode[code] ?? 0) + 1;
    this.#lastAttemptAt = this.#time();
    this.noteError(error);
  }

  /** An error that no poll met. */
  noteError({ code, status }: EdictError): void {
    this.#lastError = { code, status: status ?? null, at: this.#time() };
  }

  /**
   * Milliseconds since the relay last confirmed the configuration. The larger of two clocks: a monotonic one may stand still
   * while the runtime is suspended, a wall clock may be set back.
   */
  get confirmedAgeMs(): number | undefined {
    if (this.#confirmed === undefined) return undefined;
    const { wallMs, monotonicMs } = this.#confirmed;
    return Math.max(this.#clock.now() - wallMs, this.#clock.monotonic() - monotonicMs);
  }

  describe(): FeedCounts {
    return {
      polls: { ...this.#counts, failedByCode: { ...this.#failedByCode } },
      lastError: this.#lastError === null ? null : { ...this.#lastError },
      lastAttemptAt: this.#lastAttemptAt,
      lastSuccessAt: this.#lastSuccessAt,
    };
  }

  /** RFC 3339; a caller's clock may give anything. */
  #time(): string | null {
    const date = new Date(this.#clock.now());
    return Number.isNaN(date.getTime()) ? null : date.toISOString();
  }
}
