/** Downloads contents by digest; a download that breaks off goes on from where it was, also in a later refresh. */

import type { Readable } from 'node:stream';
import { EdictError } from '../errors.ts';
import type { Sha256 } from '../internal/sha256.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { contentCodings, headerText } from '../relay/answer-headers.ts';
import { readBody } from '../relay/body-reader.ts';
import { type RelayConnection, RequestFailed } from '../relay/connection.ts';
import { Deadline } from '../relay/deadline.ts';
import type { StreamedAnswer } from '../relay/transport.ts';
import { type ContentKind, ContentRefused, hasDigest, routeOf } from './content-kind.ts';

/** Tries of one content in one refresh; each after the first must have been worth it: bytes came before it broke off. */
const MAX_TRIES = 4;

/** How often contents were asked for. */
export interface DownloadFacts {
  readonly downloads: number;
  /** Times that one went on where it had broken off. */
  readonly resumed: number;
  readonly bytes: number;
  readonly failed: number;
}

/** What came of a content before its download broke off. */
interface Partial {
  readonly pieces: Uint8Array[];
  bytes: number;
}

export type DownloadOptions = Pick<ResolvedOptions, 'timeoutMs' | 'stallTimeoutMs' | 'clock'>;

export class ContentDownload {
  readonly #connection: RelayConnection;
  readonly #options: DownloadOptions;
  readonly #partials = new Map<Sha256, Partial>();
  readonly #counts = { downloads: 0, resumed: 0, bytes: 0, failed: 0 };

  constructor(connection: RelayConnection, options: DownloadOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * The bytes that the digest names, checked.
   *
   * @throws ContentRefused where the relay has nothing of this digest that could be used; RequestFailed for another answer that
   * is no success, with its pace; EdictError NETWORK, TIMEOUT, INVALID_BODY, CLOSED.
   */
  async fetch(kind: ContentKind, digest: Sha256, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    try {
      for (let left = MAX_TRIES; ; left--) {
        const had = this.#partials.get(digest)?.bytes ?? 0;
        try {
          const bytes = await this.#try(kind, digest, maxBytes, signal);
          this.#partials.delete(digest);
          if (hasDigest(bytes, digest)) {
            this.#counts.downloads++;
            return bytes;
          }
          // Parts of two answers may not belong together; a whole one is what the relay has.
          if (had === 0 || left <= 1) throw new ContentRefused('DIGEST_MISMATCH', 'the bytes have another digest');
        } catch (caught) {
          const hasMore = (this.#partials.get(digest)?.bytes ?? 0) > had;
          if (left <= 1 || !hasMore || !isBrokenOff(caught) || signal.aborted) throw caught;
        }
      }
    } catch (caught) {
      this.#counts.failed++;
      throw caught;
    }
  }

  /** Contents that no document names any more are not waited for. */
  forgetAllBut(digests: ReadonlySet<Sha256>): void {
    for (const digest of this.#partials.keys()) if (!digests.has(digest)) this.#partials.delete(digest);
  }

  describe(): DownloadFacts {
    return { ...this.#counts };
  }

  async #try(kind: ContentKind, digest: Sha256, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const partial = this.#partials.get(digest);
    const route = routeOf(kind, digest);
    const answer = await this.#connection.open({
      purpose: 'policy',
      method: 'GET',
      route,
      headers: [
        ['accept', '*/*'],
        // A range counts plain bytes.
        ['accept-encoding', 'identity'],
        ...(partial === undefined
          ? []
          : ([
              ['range', `bytes=${partial.bytes}-`],
              ['if-range', `"${digest}"`],
            ] as const)),
      ],
      signal,
    });
    if (answer.status === 416) this.#partials.delete(digest);
    if (answer.status === 404) throw new ContentRefused('POLICY_MISSING', `the relay does not have ${route}`);
    if (answer.status !== 200 && answer.status !== 206) {
      throw new RequestFailed(this.#connection.refusal({ ...answer, bytes: NO_BYTES }, route));
    }
    return this.#read(answer, digest, maxBytes, signal);
  }

  async #read(answer: StreamedAnswer, digest: Sha256, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const { status, headers, body } = answer;
    const deadline = new Deadline(this.#options.clock, this.#options);
    const onAbort = (): void => deadline.abort(new EdictError('CLOSED', 'the download was given up'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) onAbort();
      const partial = this.#begin(answer, digest);
      const announced = Number(headerText(headers, 'content-length') ?? 0);
      if (partial.bytes + announced > maxBytes) throw this.#tooLarge(digest, maxBytes);
      deadline.expectChunk();
      const codings = contentCodings(headers);
      if (codings.length > 0 && status === 200) {
        // Somebody on the way compresses all the same: what was inflated cannot be gone on with.
        this.#partials.delete(digest);
        const limits = { maxWireBytes: maxBytes, maxInflatedBytes: maxBytes };
        const inflated = readBody(body, codings, limits, () => deadline.expectChunk()).catch((caught: unknown) => {
          const isTooLarge = EdictError.from(caught, 'NETWORK').code === 'BODY_TOO_LARGE';
          throw isTooLarge ? this.#tooLarge(digest, maxBytes) : caught;
        });
        return (await deadline.race(inflated)).bytes;
      }
      const isWhole = await deadline.race(this.#collect(body, partial, maxBytes, deadline));
      if (!isWhole) throw this.#tooLarge(digest, maxBytes);
      return Buffer.concat(partial.pieces, partial.bytes);
    } finally {
      deadline.dispose();
      signal.removeEventListener('abort', onAbort);
      body.on('error', () => undefined).destroy();
    }
  }

  /** The answer goes on where an earlier one ended, or begins afresh. */
  #begin({ status, headers }: StreamedAnswer, digest: Sha256): Partial {
    const known = this.#partials.get(digest);
    if (status === 206) {
      const from = /^bytes (\d{1,15})-/.exec(headerText(headers, 'content-range') ?? '')?.[1];
      if (known !== undefined && Number(from) === known.bytes) {
        this.#counts.resumed++;
        return known;
      }
      this.#partials.delete(digest);
      throw new EdictError('INVALID_BODY', 'the relay sent another part than the one that was asked for');
    }
    const fresh: Partial = { pieces: [], bytes: 0 };
    this.#partials.set(digest, fresh);
    return fresh;
  }

  /** False when there is more than there may be. */
  async #collect(body: Readable, partial: Partial, maxBytes: number, deadline: Deadline): Promise<boolean> {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      deadline.expectChunk();
      if (partial.bytes + piece.length > maxBytes) return false;
      partial.pieces.push(piece);
      partial.bytes += piece.length;
      this.#counts.bytes += piece.length;
    }
    return true;
  }

  #tooLarge(digest: Sha256, maxBytes: number): ContentRefused {
    this.#partials.delete(digest);
    return new ContentRefused('MODULE_INVALID', `it has more than ${maxBytes} bytes`);
  }
}

const NO_BYTES = new Uint8Array(0);

/** Going on at once may help: the connection broke, or was too slow for the deadline. */
function isBrokenOff(caught: unknown): boolean {
  return ['NETWORK', 'TIMEOUT'].includes(EdictError.from(caught, 'NETWORK').code);
}
