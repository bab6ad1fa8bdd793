/** A batch: the events of one POST and the id they keep until they are sent, split or dropped. */

import { randomUUID } from 'node:crypto';

/** An encoded event that stands for many accepted ones: all that it counts. */
export interface SummaryEvent {
  readonly text: string;
  readonly weight: number;
}

/** Bytes between two events. */
const COMMA = 1;
const LINE_FEED = 10;

/**
 * Events of one POST, oldest first. While it waits for its next try it may lose its oldest events to newer ones; the id
 * stays, because a collector that knows the id has all of them already.
 */
export class Batch {
  readonly id: string = randomUUID();
  /** The one summary it consists of: a total that no pressure may remove. */
  readonly summary: SummaryEvent | undefined;
  /** The events with a comma between any two. */
  readonly #bytes: Buffer;
  readonly #sizes: readonly number[];
  #first = 0;
  #start = 0;

  private constructor(bytes: Buffer, sizes: readonly number[], summary?: SummaryEvent) {
    this.#bytes = bytes;
    this.#sizes = sizes;
    this.summary = summary;
  }

  /** `bytes` are the events with a comma between any two, `sizes` those of the events alone. */
  static ofEvents(bytes: Buffer, sizes: readonly number[]): Batch {
    return new Batch(bytes, sizes);
  }

  static ofSummary(summary: SummaryEvent): Batch {
    const bytes = Buffer.from(summary.text);
    return new Batch(bytes, [bytes.length], summary);
  }

  get count(): number {
    return this.#sizes.length - this.#first;
  }

  /** Bytes of the events alone. */
  get bytes(): number {
    return this.count === 0 ? 0 : this.#bytes.length - this.#start - (this.count - 1) * COMMA;
  }

  /** Accepted events it stands for. */
  get weight(): number {
    return this.summary === undefined ? this.count : this.summary.weight;
  }

  /** Gives up the oldest event; there is one. */
  dropOldest(): void {
    this.#start += (this.#sizes[this.#first] as number) + COMMA;
    this.#first++;
  }

  /** Two batches with ids of their own; this one has two events or more. */
  halves(): readonly [Batch, Batch] {
    const sizes = this.#sizes.slice(this.#first);
    const left = sizes.slice(0, sizes.length >> 1);
    const end = this.#start + left.reduce((sum, size) => sum + size + COMMA, 0);
    return [
      new Batch(this.#bytes.subarray(this.#start, end - COMMA), left),
      new Batch(this.#bytes.subarray(end), sizes.slice(left.length)),
    ];
  }

  /** The events as JSON, with a comma between any two. */
  get content(): string {
    return this.#bytes.toString('utf8', Math.min(this.#start, this.#bytes.length));
  }

  /** The events as JSON, with a line feed between any two. */
  get lines(): string {
    const bytes = Buffer.from(this.#bytes.subarray(Math.min(this.#start, this.#bytes.length)));
    let at = 0;
    for (const size of this.#sizes.slice(this.#first, -1)) {
      at += size;
      bytes[at] = LINE_FEED;
      at += COMMA;
    }
    return bytes.toString('utf8');
  }

  /** The document of the POST. `meta` is JSON text. */
  body(meta: string): string {
    return `{"meta":${meta},"events":[${this.content}]}`;
  }
}
