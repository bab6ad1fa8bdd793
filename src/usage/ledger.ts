/** Counts what became of events: accepted, sent, dropped and why. */

import { isHeard } from '../telemetry/channels.ts';
import { EventNews, SENT } from './event-news.ts';

/** Why an accepted event will not be sent. */
export type DropCause =
  /** The ring was full. */
  | 'overflow'
  /** `maxPendingBytes` was reached. */
  | 'bytes'
  /** Larger than `maxPendingBytes`, or refused with 413 although it travelled alone. */
  | 'tooLarge'
  /** The collector answered a 4xx that no repetition heals. */
  | 'refused'
  /** Context, details or value cannot be written as JSON. */
  | 'invalid'
  /** Still waiting when closing ran out of time. */
  | 'closed';

/** Why an event was not accepted. */
export type RejectCause = 'beforeStart' | 'afterClose' | 'sampledOut';

/** The books as diagnostics show them. */
export type LedgerFacts = {
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: { readonly total: number } & Readonly<Record<DropCause, number>>;
  readonly notAccepted: Readonly<Record<RejectCause, number>>;
  readonly batches: {
    readonly sent: number;
    readonly failed: number;
    readonly refused: number;
    readonly split: number;
  };
};

/**
 * The books of all lives of one `UsageEvents`.
 *
 * INVARIANT: accepted = sent + dropped + pending, where pending is what the queues hold; they never count it here.
 */
export class Ledger {
  accepted = 0;
  sent = 0;
  dropped = 0;
  /** POSTs by what became of them; a failed one is tried again. */
  readonly batches = { sent: 0, failed: 0, refused: 0, split: 0 };
  readonly #dropped: Record<DropCause, number> = {
    overflow: 0,
    bytes: 0,
    tooLarge: 0,
    refused: 0,
    invalid: 0,
    closed: 0,
  };
  readonly #notAccepted: Record<RejectCause, number> = { beforeStart: 0, afterClose: 0, sampledOut: 0 };
  readonly #news = new EventNews();

  accept(count: number): void {
    this.accepted += count;
  }

  deliver(count: number): void {
    this.sent += count;
    if (isHeard('edict:events')) this.#news.note(SENT, count);
  }

  drop(cause: DropCause, count: number): void {
    this.dropped += count;
    this.#dropped[cause] += count;
    if (isHeard('edict:events')) this.#news.note(cause, count);
  }

  reject(cause: RejectCause): void {
    this.#notAccepted[cause]++;
  }

  describe(): LedgerFacts {
    return {
      accepted: this.accepted,
      sent: this.sent,
      dropped: { total: this.dropped, ...this.#dropped },
      notAccepted: { ...this.#notAccepted },
      batches: { ...this.batches },
    };
  }
}
