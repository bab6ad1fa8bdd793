/** A batch: the events of one POST and the id they keep until they are sent, split or dropped. */

import { randomUUID } from 'node:crypto';

/** An encoded event and how many accepted events it stands for (a summary: all it counts). */
export interface EncodedEvent {
  readonly text: string;
  /** UTF-8 bytes of the text. */
  readonly size: number;
  readonly weight: number;
}

const GONE: EncodedEvent = { text: '', size: 0, weight: 0 };

/**
 * Events of one POST, oldest first. While it waits for its next try it may lose its oldest events to newer ones; the id
 * stays, because a collector that knows the id has all of them already.
 */
export class Batch {
  readonly id: string = randomUUID();
  /** Holds totals that no pressure may remove. */
  readonly isSummary: boolean;
  readonly #events: EncodedEvent[];
  #first = 0;
  #bytes = 0;
  #weight = 0;

  constructor(events: readonly EncodedEvent[], isSummary = false) {
    this.#events = events.slice();
    this.isSummary = isSummary;
    for (const { size, weight } of events) {
      this.#bytes += size;
      this.#weight += weight;
    }
  }

  get count(): number {
    return this.#events.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Accepted events it stands for. */
  get weight(): number {
    return this.#weight;
  }

  get events(): readonly EncodedEvent[] {
    return this.#first === 0 ? this.#events : this.#events.slice(this.#first);
  }

  /** Gives up the oldest event and says how many accepted events that was. */
  dropOldest(): number {
    const event = this.#events[this.#first];
    if (event === undefined) return 0;
    // Its text must not stay in memory under a limit that no longer counts it.
    this.#events[this.#first] = GONE;
    this.#first++;
    this.#bytes -= event.size;
    this.#weight -= event.weight;
    return event.weight;
  }

  /** The document of the POST. `meta` is JSON text. */
  body(meta: string): string {
    return `{"meta":${meta},"events":[${this.events.map(({ text }) => text).join(',')}]}`;
  }
}
