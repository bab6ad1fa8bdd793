/** Whether the collector takes events: failures in a row, and one line in the log when an outage begins and one when it ends. */

import type { EdictError } from '../errors.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { Ledger } from './ledger.ts';

/** What becomes of a batch that was not taken. */
export type Fate = 'keep' | 'refused' | 'split';

/** By status: 413 may pass in halves; other 4xx can never succeed, except those that time or a person heals. */
export function fateOf({ status }: EdictError): Fate {
  if (status === undefined || status < 400 || status >= 500) return 'keep';
  if (status === 413) return 'split';
  return MAY_HEAL.has(status) ? 'keep' : 'refused';
}

const MAY_HEAL: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/** How the collector is doing, for diagnostics. */
export type OutageFacts = {
  /** Failures in a row that a later try may heal. */
  readonly consecutiveFailures: number;
  readonly lastError: { readonly code: string; readonly status: number | null; readonly at: string | null } | null;
  readonly lastSentAt: string | null;
};

export class Outage {
  readonly #options: Pick<ResolvedOptions, 'clock' | 'logger'>;
  readonly #ledger: Ledger;
  #consecutiveFailures = 0;
  #lastError: OutageFacts['lastError'] = null;
  #lastSentAt: string | null = null;
  #begunAtMs: number | undefined;
  /** The outage began some time after the last success; what was dropped since then is its loss. */
  #droppedBefore: number;

  constructor(options: Pick<ResolvedOptions, 'clock' | 'logger'>, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    this.#droppedBefore = ledger.dropped;
  }

  /** Failures in a row that a later try may heal; the delay before it depends on them. */
  get consecutiveFailures(): number {
    return this.#consecutiveFailures;
  }

  describe(): OutageFacts {
    return {
      consecutiveFailures: this.#consecutiveFailures,
      lastError: this.#lastError,
      lastSentAt: this.#lastSentAt,
    };
  }

  failed(error: EdictError, fate: Fate): void {
    const { clock, logger } = this.#options;
    this.#consecutiveFailures = fate === 'keep' ? this.#consecutiveFailures + 1 : 0;
    this.#lastError = { code: error.code, status: error.status ?? null, at: timeText(clock.now()) };
    // A batch that is too large says nothing about the collector's health.
    if (fate === 'split') return;
    const effect = fate === 'keep' ? 'they are kept and sent again' : 'these cannot be sent and are dropped';
    const line = `usage events were not taken: ${error.message}; ${effect}`;
    if (this.#begunAtMs === undefined) logger.warn(line);
    else logger.debug(line);
    this.#begunAtMs ??= clock.monotonic();
  }

  succeeded(): void {
    const { clock, logger } = this.#options;
    this.#consecutiveFailures = 0;
    this.#lastSentAt = timeText(clock.now());
    const lost = this.#ledger.dropped - this.#droppedBefore;
    this.#droppedBefore = this.#ledger.dropped;
    if (this.#begunAtMs === undefined) return;
    const seconds = Math.round((clock.monotonic() - this.#begunAtMs) / 1_000);
    this.#begunAtMs = undefined;
    logger.warn(`usage events are taken again after ${seconds} s; ${lost === 0 ? 'none was' : `${lost} were`} lost`);
  }
}

/** RFC 3339; a caller's clock may give anything. */
function timeText(nowMs: number): string | null {
  const date = new Date(nowMs);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
