/** A coded stream between a transport and policies: one decoder and one encoder for its whole length. */

import { type Coding, type CodingStream, toolsOf } from './content-coding.ts';
import { type DecodingLimits, ratioCeiling } from './limits.ts';
import type { DecodeFault } from './whole-body.ts';

/**
 * Pieces go through one at a time: the next call begins when the promise of the one before is settled. What was given comes
 * out with the same call, so a chunk is never held back by a coding.
 */
export class StreamCoding {
  readonly #decoder: CodingPipe;
  readonly #encoder: CodingPipe;
  readonly #flush: number;
  readonly #limits: DecodingLimits;
  #received = 0;
  #decoded = 0;

  constructor(coding: Coding, limits: DecodingLimits) {
    const { decoder, encoder, flush } = toolsOf(coding);
    this.#decoder = new CodingPipe(decoder());
    this.#encoder = new CodingPipe(encoder());
    this.#flush = flush;
    this.#limits = limits;
  }

  /** Never rejects. */
  async decode(data: Uint8Array, endOfStream: boolean): Promise<Buffer | DecodeFault> {
    this.#received += data.length;
    const room = Math.min(this.#limits.maxDecompressedBytes, ratioCeiling(this.#received) - this.#decoded);
    // A stream that never had a byte has no end of a member either.
    if (endOfStream && this.#received === 0) return Buffer.alloc(0);
    const decoded = await this.#decoder.pass(data, endOfStream, undefined, room);
    if (typeof decoded !== 'string') this.#decoded += decoded.length;
    return decoded;
  }

  /** Everything given so far is in what came out so far, at every call. Never rejects. */
  async encode(data: Uint8Array, endOfStream: boolean): Promise<Buffer> {
    const encoded = await this.#encoder.pass(data, endOfStream, this.#flush, Number.POSITIVE_INFINITY);
    return typeof encoded === 'string' ? Buffer.alloc(0) : encoded;
  }

  /** Both are let go, wherever they are. */
  close(): void {
    this.#decoder.close();
    this.#encoder.close();
  }
}

/** One of Node's coding streams, asked piece by piece. */
class CodingPipe {
  readonly #stream: CodingStream;
  #parts: Buffer[] = [];
  #size = 0;
  #room = 0;
  #isBroken = false;
  #settle: ((fault: DecodeFault | undefined) => void) | undefined;

  constructor(stream: CodingStream) {
    this.#stream = stream;
    // Read while it works: a stream whose output nobody takes stops in the middle of its input.
    stream.on('readable', () => this.#drain());
    stream.on('error', () => this.#fail('undecodable'));
  }

  async pass(data: Uint8Array, isEnd: boolean, flush: number | undefined, room: number): Promise<Buffer | DecodeFault> {
    if (this.#isBroken) return 'undecodable';
    this.#room = room;
    const fault = await new Promise<DecodeFault | undefined>((resolve) => {
      this.#settle = resolve;
      const done = (): void => this.#done();
      if (isEnd) {
        this.#stream.once('end', done);
        this.#stream.end(data);
      } else if (flush === undefined) this.#stream.write(data, done);
      else {
        this.#stream.write(data);
        this.#stream.flush(flush, done);
      }
    });
    if (fault !== undefined) return fault;
    const out = Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    return out;
  }

  close(): void {
    this.#isBroken = true;
    this.#stream.destroy();
    this.#fail('undecodable');
  }

  #drain(): void {
    for (let part = this.#stream.read() as Buffer | null; part !== null; part = this.#stream.read() as Buffer | null) {
      this.#parts.push(part);
      this.#size += part.length;
      if (this.#size > this.#room) {
        this.#stream.destroy();
        this.#fail('too-large');
        return;
      }
    }
  }

  #done(): void {
    this.#drain();
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(undefined);
  }

  #fail(fault: DecodeFault): void {
    this.#isBroken = true;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(fault);
  }
}
