/** Everything that waits to be sent: the ring, the batches before it, and what goes when the limits are reached. */

import { Batch, type SummaryEvent } from './event-batch.ts';
import { EventRing } from './event-ring.ts';

/** How much may wait, how large a batch may be, and which event goes when there is no room. */
export interface QueueLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly overflow: 'drop-oldest' | 'drop-newest';
  /** Bytes of the ring's first buffer. */
  readonly firstBytes?: number;
}

/** Why the queue gives an event up. */
export type QueueDropCause = 'overflow' | 'bytes' | 'tooLarge' | 'refused' | 'closed';

/** The books the queue writes in; what waits is the queue's own to tell. */
export interface QueueLedger {
  accept(count: number): void;
  deliver(count: number): void;
  drop(cause: QueueDropCause, count: number): void;
}

/** What a POST did to its batch. `keep`: it waits for its next try. */
export type Settlement = 'sent' | 'keep' | 'refused' | 'split';

/**
 * ```
 *  settle ◀── begin ◀── held batches ◀── ring ◀── offer
 *               │       oldest first      maxEvents, together with what is held
 *               └─ the first is in flight until it is settled
 * ```
 *
 * INVARIANT: what is in flight is neither changed nor dropped, and is counted as waiting until its answer is there. When room
 * must be made, the oldest event that is not on the wire goes; summaries never go.
 */
export class EventQueue {
  readonly #limits: QueueLimits;
  readonly #ledger: QueueLedger;
  readonly #ring: EventRing;
  readonly #splitSummary: (text: string) => readonly SummaryEvent[];
  /** Bytes of a POST that are not events. */
  readonly #envelopeBytes: number;
  #held: Batch[] = [];
  #isInFlight = false;

  /** `splitSummary` halves a summary that was too large; without it such a one is dropped. */
  constructor(
    limits: QueueLimits,
    ledger: QueueLedger,
    envelopeBytes: number,
    splitSummary: (text: string) => readonly SummaryEvent[] = () => [],
  ) {
    this.#limits = limits;
    this.#ledger = ledger;
    this.#ring = new EventRing(limits.maxEvents, limits.maxBytes, limits.firstBytes);
    this.#envelopeBytes = envelopeBytes;
    this.#splitSummary = splitSummary;
  }

  /** Events in the ring, for which no batch was made yet. */
  get unbatched(): number {
    return this.#ring.count;
  }

  /** Encoded events, a summary counting as one. */
  get count(): number {
    return this.#held.reduce((sum, batch) => sum + batch.count, this.#ring.count);
  }

  get bytes(): number {
    return this.#held.reduce((sum, batch) => sum + batch.bytes, this.#ring.bytes);
  }

  /** Accepted events that wait or are in flight. */
  get pending(): number {
    return this.#held.reduce((sum, batch) => sum + batch.weight, this.#ring.count);
  }

  get holdsSummary(): boolean {
    return this.#held.some((batch) => batch.summary !== undefined);
  }

  /** Accepts an event, the first `size` bytes of the source; what the limits cost is dropped at once, by policy. */
  offer(source: Uint8Array, size: number): void {
    this.#ledger.accept(1);
    this.admit(source, size);
  }

  /** As `offer`, for an event that was counted as accepted before. */
  admit(source: Uint8Array, size: number): void {
    if (size > this.#limits.maxBytes) {
      this.#ledger.drop('tooLarge', 1);
      return;
    }
    for (let cause = this.#limitBy(size); cause !== undefined; cause = this.#limitBy(size)) {
      const mayMakeRoom = this.#limits.overflow === 'drop-oldest' && this.#fitsBesideFlight(size);
      if (!mayMakeRoom || !this.dropOldest(cause)) {
        this.#ledger.drop(cause, 1);
        return;
      }
    }
    try {
      this.#ring.push(source, size);
    } catch {
      // The buffer could not grow: the process has less memory than the limit allows for.
      this.#ledger.drop('bytes', 1);
    }
  }

  /** Takes over the events of a summary; they were accepted one by one and are counted already. */
  hold(events: readonly SummaryEvent[]): void {
    // Each is a batch of its own: they are as large as a POST may be.
    for (const event of events) this.#held.push(Batch.ofSummary(event));
  }

  /** The batch to send now, oldest first; it is in flight until it is settled. `undefined`: nothing waits. */
  begin(): Batch | undefined {
    if (this.#isInFlight) throw new Error('a batch is in flight already');
    if (this.#held.length === 0 && this.#ring.count > 0) this.#held.push(this.#cut());
    this.#isInFlight = this.#held.length > 0;
    return this.#held[0];
  }

  /** The answer to what is in flight. */
  settle(outcome: Settlement): void {
    const [batch] = this.#held;
    if (batch === undefined || !this.#isInFlight) throw new Error('nothing is in flight');
    this.#isInFlight = false;
    if (outcome === 'keep') return;
    if (outcome === 'split') {
      this.#split(batch);
      return;
    }
    this.#held.shift();
    if (outcome === 'sent') this.#ledger.deliver(batch.weight);
    else this.#ledger.drop('refused', batch.weight);
  }

  /** The end: what still waits is dropped. Says how many accepted events that is. */
  abandon(): number {
    const lost = this.pending;
    this.#ledger.drop('closed', lost);
    this.#held = [];
    this.#isInFlight = false;
    while (this.#ring.drop());
    return lost;
  }

  /** Gives up the oldest event that is not on the wire; false when there is none. */
  dropOldest(cause: 'overflow' | 'bytes'): boolean {
    for (let i = this.#isInFlight ? 1 : 0; i < this.#held.length; i++) {
      const batch = this.#held[i] as Batch;
      if (batch.summary !== undefined) continue;
      batch.dropOldest();
      this.#ledger.drop(cause, 1);
      if (batch.count === 0) this.#held.splice(i, 1);
      return true;
    }
    if (!this.#ring.drop()) return false;
    this.#ledger.drop(cause, 1);
    return true;
  }

  /** Gives back memory that an empty queue holds. */
  trim(): void {
    this.#ring.trim();
  }

  /** Which limit a further event of this size would pass. */
  #limitBy(size: number): 'overflow' | 'bytes' | undefined {
    let count = this.#ring.count;
    let bytes = this.#ring.bytes;
    for (const batch of this.#held) {
      if (batch.summary !== undefined) continue;
      count += batch.count;
      bytes += batch.bytes;
    }
    if (count >= this.#ring.capacity) return 'overflow';
    return bytes + size > this.#limits.maxBytes ? 'bytes' : undefined;
  }

  /** Whether dropping everything that may be dropped would be enough. */
  #fitsBesideFlight(size: number): boolean {
    const [flying] = this.#held;
    if (!this.#isInFlight || flying === undefined || flying.summary !== undefined) return true;
    return flying.count < this.#ring.capacity && flying.bytes + size <= this.#limits.maxBytes;
  }

  /** The oldest events of the ring, as many as one POST may have; at least one. */
  #cut(): Batch {
    const { maxBatchEvents, maxBatchBytes } = this.#limits;
    const sizes: number[] = [];
    let total = 0;
    for (const size of this.#ring.sizes()) {
      // The comma between two events.
      const more = sizes.length === 0 ? size : size + 1;
      const isFull = sizes.length === maxBatchEvents || this.#envelopeBytes + total + more > maxBatchBytes;
      if (sizes.length > 0 && isFull) break;
      sizes.push(size);
      total += more;
    }
    const bytes = Buffer.alloc(total, ',');
    for (let i = 0, at = 0; i < sizes.length; i++) at += this.#ring.moveTo(bytes, at) + 1;
    return Batch.ofEvents(bytes, sizes);
  }

  /** Halves with ids of their own: the whole was refused, so nobody has any of it. */
  #split(batch: Batch): void {
    const halves =
      batch.summary !== undefined
        ? this.#splitSummary(batch.summary.text).map((event) => Batch.ofSummary(event))
        : batch.count > 1
          ? batch.halves()
          : [];
    this.#held.splice(0, 1, ...halves);
    if (halves.length === 0) this.#ledger.drop('tooLarge', batch.weight);
  }
}
