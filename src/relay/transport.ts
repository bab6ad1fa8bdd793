/** One POST to a relay: one deadline over connect, headers and body, limits on the body, no redirects, typed errors. */

import type { Dispatcher } from 'undici';

import { EdictError } from '../errors.ts';
import type { Header } from '../options/header-rules.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import { contentCodings, headerText } from './answer-headers.ts';
import type { Body, BodyLimits } from './body-reader.ts';
import { EMPTY_BODY, readBody, tooLarge } from './body-reader.ts';
import { Deadline } from './deadline.ts';
import type { OwnPool, Undici } from './undici.ts';
import { createPool, loadUndici } from './undici.ts';

export type TransportOptions = Pick<
  ResolvedOptions,
  'timeoutMs' | 'stallTimeoutMs' | 'maxWireBytes' | 'maxInflatedBytes' | 'dispatcher' | 'clock'
> & { readonly endpoint: string };

export interface PostRequest {
  /** The route, put behind the base URL. */
  readonly route: string;
  /** Called inside the deadline: credentials may come from a function that waits. */
  readonly headers: () => Promise<readonly Header[]>;
  readonly body: string;
}

export interface Answer extends Body {
  readonly status: number;
  readonly headers: AnswerHeaders;
}

/** An answer that is no configuration is read this far, for the sentence it may hold. */
const MAX_ERROR_BODY_BYTES = 65_536;

/** Talks to one relay. Never logs; every rejection is an `EdictError`. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #base: URL;
  readonly #inFlight = new Set<Deadline>();
  #undici: Promise<Undici> | undefined;
  #pool: OwnPool | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#base = new URL(options.endpoint);
  }

  /**
   * Sends one POST and reads the answer, whatever its status; the body of a 200 under the configured limits, of other
   * statuses as far as it is useful.
   *
   * @throws EdictError TIMEOUT, NETWORK, BODY_TOO_LARGE, INVALID_BODY (content coding), CLOSED.
   */
  async post(request: PostRequest): Promise<Answer> {
    if (this.#closed) throw closed();
    const deadline = new Deadline(this.#options.clock, this.#options);
    this.#inFlight.add(deadline);
    try {
      return await this.#exchange(request, deadline);
    } catch (caught) {
      const error = deadline.signal.aborted ? (deadline.signal.reason as EdictError) : networkError(caught);
      // A connection that ran into the deadline may hang for ever: the next request gets a fresh one.
      if (error.code === 'TIMEOUT') void this.#dropPool();
      throw error;
    } finally {
      deadline.dispose();
      this.#inFlight.delete(deadline);
    }
  }

  /** Aborts what is in flight and ends every connection of our own. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const deadline of this.#inFlight) deadline.abort(closed());
    await this.#dropPool();
  }

  async #exchange(request: PostRequest, deadline: Deadline): Promise<Answer> {
    const headers = await deadline.race(request.headers());
    this.#undici ??= loadUndici();
    const undici = await deadline.race(this.#undici);
    const sent = undici.request(this.#dispatcher(undici), {
      origin: this.#base.origin,
      path: this.#path(request.route),
      method: 'POST',
      headers: headers.flat(),
      body: request.body,
      signal: deadline.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // An answer that arrives after the deadline has a body nobody reads: let go of it, and of its connection.
    sent.then(({ body }) => deadline.signal.aborted && body.on('error', ignore).destroy(), ignore);
    const response = await deadline.race(sent);
    const body = await this.#readBody(response, deadline);
    return { status: response.statusCode, headers: response.headers, ...body };
  }

  async #readBody(response: Dispatcher.ResponseData, deadline: Deadline): Promise<Body> {
    const { statusCode, body } = response;
    if (statusCode === 200) {
      const { maxWireBytes, maxInflatedBytes } = this.#options;
      return this.#drain(response, deadline, { maxWireBytes, maxInflatedBytes });
    }
    if (statusCode < 400) {
      // A 304 ends with its headers and leaves the connection usable; what else comes here may be of any length.
      body.on('error', ignore);
      if (statusCode === 304) body.resume();
      else body.destroy();
      return EMPTY_BODY;
    }
    try {
      const limits = { maxWireBytes: MAX_ERROR_BODY_BYTES, maxInflatedBytes: MAX_ERROR_BODY_BYTES };
      return await this.#drain(response, deadline, limits);
    } catch {
      // The status says more than the reason its text could not be read.
      if (this.#closed) throw closed();
      return EMPTY_BODY;
    }
  }

  async #drain(response: Dispatcher.ResponseData, deadline: Deadline, limits: BodyLimits): Promise<Body> {
    const { body } = response;
    const headers: AnswerHeaders = response.headers;
    try {
      if (Number(headerText(headers, 'content-length') ?? 0) > limits.maxWireBytes) {
        throw tooLarge('wire', 'maxWireBytes', limits.maxWireBytes);
      }
      deadline.expectChunk();
      return await deadline.race(readBody(body, contentCodings(headers), limits, () => deadline.expectChunk()));
    } finally {
      body.on('error', ignore).destroy();
    }
  }

  #dispatcher(undici: Undici): Dispatcher {
    if (this.#options.dispatcher !== undefined) return this.#options.dispatcher;
    this.#pool ??= createPool(undici, this.#base.origin, this.#options.timeoutMs);
    return this.#pool.dispatcher;
  }

  #path(route: string): string {
    return this.#base.pathname === '/' ? route : this.#base.pathname + route;
  }

  async #dropPool(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.destroy();
  }
}

function closed(): EdictError {
  return new EdictError('CLOSED', 'the relay client was closed');
}

/** undici's own limits; ours are switched off, but a caller's dispatcher may have them. */
const UNDICI_TIMEOUT = /^UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT$/;

/** The reason in the words of the system, without the stack of wrappers around it. */
function networkError(caught: unknown): EdictError {
  if (caught instanceof EdictError) return caught;
  if (UNDICI_TIMEOUT.test(String((caught as { code?: unknown } | undefined)?.code))) {
    return EdictError.from(caught, 'TIMEOUT');
  }
  const error = caught instanceof AggregateError && caught.errors.length > 0 ? caught.errors.at(-1) : caught;
  const text = error instanceof Error && error.message !== '' ? error.message : 'unknown reason';
  return new EdictError('NETWORK', `the connection to the relay failed: ${text}`, { cause: caught });
}

function ignore(): void {}
