/** The books of decisions: accepted, sent, dropped and why, for a tenant and for all together. */

import type { QueueLedger } from '../../internal/event-queue.ts';
import type { JsonObject } from '../../internal/json.ts';

/** Why an accepted decision will not be sent; the label `reason` of `decisions_dropped_total`. */
export type DecisionDropCause =
  /** The ring held as many events as it may. */
  | 'overflow'
  /** The ring held as many bytes as it may. */
  | 'bytes'
  /** Larger than the ring, or refused as too large although it travelled alone. */
  | 'tooLarge'
  /** The sink says that it will never take it. */
  | 'refused'
  /** It cannot be written as JSON. */
  | 'invalid'
  /** Still waiting when its tenant or the log was closed. */
  | 'closed';

/** INVARIANT: accepted = sent + dropped + pending, where pending is what the tenant's ring holds (P-81). */
export class DecisionLedger implements QueueLedger {
  readonly #total: DecisionLedger | undefined;
  readonly #dropping: ((cause: DecisionDropCause, count: number) => void) | undefined;
  readonly #dropped: Record<DecisionDropCause, number> = {
    overflow: 0,
    bytes: 0,
    tooLarge: 0,
    refused: 0,
    invalid: 0,
    closed: 0,
  };
  #accepted = 0;
  #sent = 0;
  #droppedTotal = 0;

  /**
   * What is written here is written in `total` too, so that a tenant that is gone stays counted. `dropping` is told of every
   * loss; it must not throw.
   */
  constructor(total?: DecisionLedger, dropping?: (cause: DecisionDropCause, count: number) => void) {
    this.#total = total;
    this.#dropping = dropping;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get sent(): number {
    return this.#sent;
  }

  get dropped(): number {
    return this.#droppedTotal;
  }

  accept(count: number): void {
    this.#accepted += count;
    this.#total?.accept(count);
  }

  deliver(count: number): void {
    this.#sent += count;
    this.#total?.deliver(count);
  }

  drop(cause: DecisionDropCause, count: number): void {
    this.#dropped[cause] += count;
    this.#droppedTotal += count;
    this.#total?.drop(cause, count);
    if (count > 0) this.#dropping?.(cause, count);
  }

  describe(): JsonObject {
    return {
      accepted: this.#accepted,
      sent: this.#sent,
      dropped: { total: this.#droppedTotal, ...this.#dropped },
    };
  }
}
