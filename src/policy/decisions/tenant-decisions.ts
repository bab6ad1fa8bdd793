/** The decisions of one tenant that wait to be sent: fresh ones as facts, the others as bytes in a ring. */

import type { Batch } from '../../internal/event-batch.ts';
import { EventQueue, type QueueLimits, type Settlement } from '../../internal/event-queue.ts';
import type { JsonObject } from '../../internal/json.ts';
import { safeJson } from '../../internal/json-safe.ts';
import { type DecisionFacts, type DecisionSubject, decisionEvent, estimatedBytes } from './decision-event.ts';
import type { DecisionLedger } from './decision-ledger.ts';
import type { Masks } from './masks.ts';

/** Bounds of one tenant's decisions. */
export interface DecisionLimits {
  /** Events that may wait. */
  readonly maxEvents: number;
  /** Bytes they may take. */
  readonly maxBytes: number;
  /** Bytes of one upload. */
  readonly maxBatchBytes: number;
  readonly maxBatchEvents: number;
}

export const DECISION_LIMITS: DecisionLimits = Object.freeze({
  maxEvents: 1_000,
  maxBytes: 1_048_576,
  maxBatchBytes: 1_048_576,
  maxBatchEvents: 1_000,
});

/** What events are made with. */
export interface EventMaking {
  readonly newId: () => string;
  readonly redact?: (event: JsonObject) => JsonObject;
}

/** The first buffer of a ring: a thousand tenants with a handful of decisions each must not cost sixty megabytes. */
const FIRST_BYTES = 8_192;

interface Fresh {
  readonly facts: DecisionFacts;
  readonly subject: DecisionSubject;
  readonly timeMs: number;
  readonly bytes: number;
}

/**
 * ```
 *  record ──▶ fresh (facts, newest last) ──encode──▶ masks ──▶ ring ──▶ batches ──▶ sink
 *    request path │ off it
 * ```
 *
 * INVARIANT: fresh ones and the ring together hold at most `maxEvents`, and at most `maxBytes` by estimate and alone by count;
 * whatever must go is the oldest that is not on the wire. The limits are those of the options: nothing that was uploaded changes them (opa#8123).
 */
export class TenantDecisions {
  readonly ledger: DecisionLedger;
  readonly #limits: DecisionLimits;
  readonly #masks: Masks;
  readonly #making: EventMaking;
  #fresh: Fresh[] = [];
  #freshBytes = 0;
  /** Made with the first decision. */
  #queue: EventQueue | undefined;

  constructor(limits: DecisionLimits, masks: Masks, making: EventMaking, ledger: DecisionLedger) {
    this.#limits = limits;
    this.#masks = masks;
    this.#making = making;
    this.ledger = ledger;
  }

  get pending(): number {
    return this.#fresh.length + (this.#queue?.pending ?? 0);
  }

  /** Estimated for fresh ones. */
  get bytes(): number {
    return this.#freshBytes + (this.#queue?.bytes ?? 0);
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** Takes a decision in: two comparisons and a push. What the limits cost is dropped now. */
  add(facts: DecisionFacts, subject: DecisionSubject, timeMs: number): void {
    this.ledger.accept(1);
    const bytes = estimatedBytes(facts);
    if (bytes > this.#limits.maxBytes) {
      this.ledger.drop('tooLarge', 1);
      return;
    }
    for (let cause = this.#limitBy(bytes); cause !== undefined; cause = this.#limitBy(bytes)) {
      if (this.#dropOldest(cause)) continue;
      // All that waits is on the wire.
      this.ledger.drop(cause, 1);
      return;
    }
    this.#fresh.push({ facts, subject, timeMs, bytes });
    this.#freshBytes += bytes;
  }

  /** Writes up to `most` fresh decisions into the ring, masked. Gives how many that were. */
  encode(most: number): number {
    const taken = this.#fresh.splice(0, most);
    for (const { facts, subject, timeMs, bytes } of taken) {
      this.#freshBytes -= bytes;
      const { newId, redact } = this.#making;
      const event = decisionEvent(newId(), timeMs, subject, facts);
      this.#masks.apply(event);
      const json = safeJson(redact === undefined ? event : redact(event));
      if ('problem' in json) {
        this.ledger.drop(json.problem === 'too-large' ? 'tooLarge' : 'invalid', 1);
        continue;
      }
      const encoded = Buffer.from(json.text);
      this.#queue ??= new EventQueue(queueLimits(this.#limits), this.ledger, 2);
      this.#queue.admit(encoded, encoded.length);
    }
    return taken.length;
  }

  /** The batch to send now; `undefined` when nothing waits in the ring. It is in flight until it is settled. */
  begin(): Batch | undefined {
    return this.#queue?.begin();
  }

  settle(outcome: Settlement): void {
    this.#queue?.settle(outcome);
    if (this.#queue?.pending === 0) this.#queue.trim();
  }

  /** The end: what waits is dropped. Says how many that is. */
  abandon(): number {
    const fresh = this.#fresh.length;
    this.ledger.drop('closed', fresh);
    this.#fresh = [];
    this.#freshBytes = 0;
    return fresh + (this.#queue?.abandon() ?? 0);
  }

  #limitBy(bytes: number): 'overflow' | 'bytes' | undefined {
    if (this.pending >= this.#limits.maxEvents) return 'overflow';
    return this.bytes + bytes > this.#limits.maxBytes ? 'bytes' : undefined;
  }

  #dropOldest(cause: 'overflow' | 'bytes'): boolean {
    if (this.#queue?.dropOldest(cause) === true) return true;
    const oldest = this.#fresh.shift();
    if (oldest === undefined) return false;
    this.#freshBytes -= oldest.bytes;
    this.ledger.drop(cause, 1);
    return true;
  }
}

function queueLimits(limits: DecisionLimits): QueueLimits {
  return { ...limits, overflow: 'drop-oldest', firstBytes: Math.min(FIRST_BYTES, limits.maxBytes) };
}
