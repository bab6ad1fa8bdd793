/** A response body that passes its chain piece by piece: held while a policy needs more, decoded and encoded on the way. */

import type { Exchange } from '../../policy/chain/exchange.ts';
import type { ChunkStep } from '../../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../../policy/chain/maybe-promise.ts';
import type { StreamCoding } from '../coding/stream-coding.ts';

/** Where the pieces go. */
export interface StreamSink {
  write(data: Uint8Array): void;
  end(): void;
  /** Cuts the connection: the client must not take what it has for the whole. */
  abort(): void;
}

export interface StreamedBodyParts {
  readonly exchange: Exchange;
  readonly streamId: number;
  readonly sink: StreamSink;
  readonly coding: StreamCoding | undefined;
  /** The bytes are in a coding that nobody here knows. */
  readonly isEncoded: boolean;
}

/** What is held back for policies that need more goes on from here, whatever they say. */
const MAX_HELD_BYTES = 10_485_760;

/** Takes one piece at a time. */
export class StreamedBody {
  readonly #parts: StreamedBodyParts;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isOver = false;

  constructor(parts: StreamedBodyParts) {
    this.#parts = parts;
  }

  /** Nothing more can be written: the stream has ended, or a policy has ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Settled when the chain is done with the piece. Never rejects. */
  take(data: Uint8Array, endOfStream: boolean): MaybePromise<void> {
    const { coding } = this.#parts;
    if (coding === undefined) return this.#offer(data, endOfStream);
    return coding.decode(data, endOfStream).then((decoded) => {
      if (typeof decoded === 'string') return this.#abort();
      return this.#offer(decoded, endOfStream);
    });
  }

  /** Nobody reads any more. */
  close(): void {
    this.#isOver = true;
    this.#parts.coding?.close();
  }

  #offer(data: Uint8Array, endOfStream: boolean): MaybePromise<void> {
    if (data.length > 0) {
      this.#held.push(data);
      this.#heldBytes += data.length;
    }
    if (endOfStream || this.#heldBytes >= MAX_HELD_BYTES) return this.#deliver(endOfStream);
    if (data.length === 0) return undefined;
    const { exchange, streamId } = this.#parts;
    const pending = { fresh: data, total: this.#heldBytes, streamId };
    return andThen(exchange.needsMore('response', pending), (more) => (more ? undefined : this.#deliver(false)));
  }

  #deliver(endOfStream: boolean): MaybePromise<void> {
    const { exchange, streamId, isEncoded } = this.#parts;
    const [first, ...rest] = this.#held;
    const data = first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    const chunk = { data, endOfStream, streamId, ...(isEncoded ? { encoded: true } : {}) };
    return andThen(exchange.responseChunk(chunk), (step) => this.#encode(step, endOfStream));
  }

  #encode(step: ChunkStep, endOfStream: boolean): MaybePromise<void> {
    const { coding } = this.#parts;
    if (coding === undefined || (step.data.length === 0 && !step.ends))
      return this.#write(step.data, step, endOfStream);
    return coding.encode(step.data, step.ends).then((encoded) => this.#write(encoded, step, endOfStream));
  }

  #write(data: Uint8Array, { ends, failed }: ChunkStep, endOfStream: boolean): void {
    if (this.#isOver) return;
    const { sink, exchange, streamId, coding } = this.#parts;
    if (data.length > 0) sink.write(data);
    if (!ends) return;
    this.#isOver = true;
    coding?.close();
    if (failed) void exchange.end('failed', streamId);
    else if (!endOfStream) void exchange.end('terminated', streamId);
    sink.end();
  }

  /** The rest cannot be shown to any policy, so nobody gets it. */
  #abort(): void {
    if (this.#isOver) return;
    this.close();
    const { sink, exchange, streamId } = this.#parts;
    void exchange.end('failed', streamId);
    sink.abort();
  }
}
