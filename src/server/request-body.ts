/** Reading a request's body: capped while it arrives, then taken as JSON. */

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { JsonValue } from '../internal/json.ts';

const inflate = promisify(gunzip);

/** The body is larger than the cap; answered 413 whatever the route. */
export class BodyTooLarge extends Error {}
/** The client went away before the body was complete; there is nobody to answer. */
export class ClientGone extends Error {}
/** The body cannot be taken as JSON; each route answers in its own error shape. The message is the reason. */
export class UnreadableBody extends Error {}

/** How much of a too large body is read and thrown away, in multiples of the cap, so that the client gets to read the 413. */
const DISCARD_FACTOR = 4;

/** The body of one request, read when a handler asks for it. */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;

  constructor(request: IncomingMessage, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
  }

  /**
   * The JSON value, or `undefined` when the request has no body.
   *
   * Rejects with `UnreadableBody` when the media type is not JSON or the text does not parse, with `BodyTooLarge` past the
   * cap, and with `ClientGone` when the client left.
   */
  async json(): Promise<JsonValue | undefined> {
    return this.#parse(await this.#read());
  }

  /** As `json`, for routes whose senders compress: a body in gzip is inflated, up to the same cap. */
  async inflatedJson(): Promise<JsonValue | undefined> {
    const bytes = await this.#read();
    const coding = this.#request.headers['content-encoding']?.trim().toLowerCase();
    if (coding === undefined || coding === 'identity') return this.#parse(bytes);
    if (coding !== 'gzip') throw new UnreadableBody('the Content-Encoding is not gzip');
    try {
      return this.#parse(await inflate(bytes, { maxOutputLength: this.#maxBytes }));
    } catch (caught) {
      if (caught instanceof UnreadableBody) throw caught;
      if ((caught as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new BodyTooLarge();
      throw new UnreadableBody('the gzip coding of the body is broken', { cause: caught });
    }
  }

  #parse(bytes: Buffer): JsonValue | undefined {
    if (bytes.length === 0) return undefined;
    const mediaType = (this.#request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
    if (mediaType !== 'application/json') throw new UnreadableBody('the Content-Type is not application/json');
    try {
      return JSON.parse(bytes.toString('utf8')) as JsonValue;
    } catch (caught) {
      // The parser quotes what it read; the context it quotes is the caller's business, not the log's or the answer's.
      throw new UnreadableBody('the body is not valid JSON', { cause: caught });
    }
  }

  #read(): Promise<Buffer> {
    const request = this.#request;
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > this.#maxBytes * DISCARD_FACTOR) return Promise.reject(new BodyTooLarge());
    return new Promise((resolve, reject) => {
      let chunks: Buffer[] = [];
      let size = 0;
      const finish = (settle: () => void): void => {
        request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
        settle();
      };
      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        if (size <= this.#maxBytes) chunks.push(chunk);
        else chunks = [];
        if (size > this.#maxBytes * DISCARD_FACTOR) finish(() => reject(new BodyTooLarge()));
      };
      const onEnd = (): void =>
        finish(() => (size > this.#maxBytes ? reject(new BodyTooLarge()) : resolve(Buffer.concat(chunks))));
      const onGone = (): void => finish(() => reject(new ClientGone()));
      request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
    });
  }
}
