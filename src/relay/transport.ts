/** One request to a relay: one deadline over connect, headers and body, limits on the body, no redirects, typed errors. */

import type { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import { EdictError } from '../errors.ts';
import type { Header } from '../options/header-rules.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import { contentCodings, headerText } from './answer-headers.ts';
import type { Body, BodyLimits } from './body-reader.ts';
import { EMPTY_BODY, readBody, tooLarge } from './body-reader.ts';
import { Deadline } from './deadline.ts';
import type { RawAnswer } from './raw-answer.ts';
import { sendThroughFetch } from './through-fetch.ts';
import type { OwnPool, Undici } from './undici.ts';
import { createPool, loadUndici } from './undici.ts';

export type TransportOptions = Pick<
  ResolvedOptions,
  'timeoutMs' | 'stallTimeoutMs' | 'maxWireBytes' | 'maxInflatedBytes' | 'dispatcher' | 'fetch' | 'clock'
> & {
  readonly endpoint: string;
  /** Most connections of our own pool. Default 1: a poll has nothing to gain from a second. */
  readonly connections?: number;
};

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  /** The route, put behind the base URL. */
  readonly route: string;
  /** Called inside the deadline: credentials may come from a function that waits. */
  readonly headers: () => Promise<readonly Header[]>;
  /** The query of the URL without its question mark; called inside the deadline as well. */
  readonly query?: () => Promise<string>;
  readonly body?: string;
  /** A deadline tighter than the option's, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Answer extends Body {
  readonly status: number;
  readonly headers: AnswerHeaders;
}

/** An answer whose body is read by somebody else, for as long as it takes. */
export interface StreamedAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Its reader listens for `error`, and destroys it at the end. Empty for statuses other than 200 and 206. */
  readonly body: Readable;
}

/** An answer that is no success is read this far, for the sentence it may hold. */
const MAX_ERROR_BODY_BYTES = 65_536;

/** Talks to one relay. Never logs; every rejection is an `EdictError`. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #base: URL;
  readonly #inFlight = new Set<Deadline>();
  readonly #streams = new Set<Readable>();
  #undici: Promise<Undici> | undefined;
  #pool: OwnPool | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#base = new URL(options.endpoint);
  }

  /**
   * Sends one request and reads the answer, whatever its status; the body of a 200 under the configured limits, of other
   * statuses as far as it is useful.
   *
   * @throws EdictError TIMEOUT, NETWORK, BODY_TOO_LARGE, INVALID_BODY (content coding), CLOSED.
   */
  send(request: TransportRequest): Promise<Answer> {
    return this.#within(request, async (deadline) => {
      const response = await this.#request(request, deadline);
      const body = await this.#readBody(response, deadline);
      return { status: response.statusCode, headers: response.headers, ...body };
    });
  }

  /** Sends one request and gives the answer as soon as its headers are there. Throws as `send`. `close` ends the body. */
  open(request: TransportRequest): Promise<StreamedAnswer> {
    return this.#within(request, async (deadline) => {
      const { statusCode, headers, body } = await this.#request(request, deadline);
      body.on('error', ignore);
      if (statusCode === 200 || statusCode === 206) {
        this.#streams.add(body);
        body.once('close', () => this.#streams.delete(body));
      } else body.destroy();
      return { status: statusCode, headers, body };
    });
  }

  /** Aborts what is in flight and ends every connection of our own. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const deadline of this.#inFlight) deadline.abort(closed());
    for (const body of this.#streams) body.destroy();
    await this.#dropPool();
  }

  /** Runs `work` under one deadline; what it throws becomes an `EdictError`. */
  async #within<T>(request: TransportRequest, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    const { clock, timeoutMs, stallTimeoutMs } = this.#options;
    const limitMs = Math.min(timeoutMs, request.timeoutMs ?? timeoutMs);
    const deadline = new Deadline(clock, { timeoutMs: limitMs, stallTimeoutMs });
    this.#inFlight.add(deadline);
    const onAbort = (): void => deadline.abort(new EdictError('CLOSED', 'the request was given up'));
    request.signal?.addEventListener('abort', onAbort, { once: true });
    if (request.signal?.aborted === true) onAbort();
    try {
      return await work(deadline);
    } catch (caught) {
      const error = deadline.signal.aborted ? (deadline.signal.reason as EdictError) : networkError(caught);
      // A connection that ran into the deadline may hang for ever: the next request gets a fresh one. Of several, the others
      // are busy with requests that have done nothing wrong; undici itself ends the one whose request was given up.
      const isOnlyOne = (this.#options.connections ?? 1) === 1;
      if (error.code === 'TIMEOUT' && limitMs === timeoutMs && isOnlyOne) void this.#dropPool();
      throw error;
    } finally {
      deadline.dispose();
      request.signal?.removeEventListener('abort', onAbort);
      this.#inFlight.delete(deadline);
    }
  }

  async #request(request: TransportRequest, deadline: Deadline): Promise<RawAnswer> {
    const headers = await deadline.race(request.headers());
    const query = request.query === undefined ? '' : await deadline.race(request.query());
    const path = this.#path(request.route) + (query === '' ? '' : `?${query}`);
    const { fetch } = this.#options;
    const { method, body } = request;
    const sent =
      fetch === undefined
        ? this.#throughUndici(request, path, headers, deadline)
        : sendThroughFetch(fetch, this.#base.origin + path, { method, headers, body }, deadline.signal);
    // An answer that arrives after the deadline has a body nobody reads: let go of it, and of its connection.
    sent.then(({ body }) => deadline.signal.aborted && body.on('error', ignore).destroy(), ignore);
    return deadline.race(sent);
  }

  async #throughUndici(
    request: TransportRequest,
    path: string,
    headers: readonly Header[],
    deadline: Deadline,
  ): Promise<RawAnswer> {
    this.#undici ??= loadUndici();
    const undici = await deadline.race(this.#undici);
    return undici.request(this.#dispatcher(undici), {
      origin: this.#base.origin,
      path,
      method: request.method,
      headers: headers.flat(),
      body: request.body ?? null,
      signal: deadline.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async #readBody(response: RawAnswer, deadline: Deadline): Promise<Body> {
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

  async #drain(response: RawAnswer, deadline: Deadline, limits: BodyLimits): Promise<Body> {
    const { body } = response;
    const { headers } = response;
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
    const { timeoutMs, connections = 1 } = this.#options;
    this.#pool ??= createPool(undici, this.#base.origin, { connectTimeoutMs: timeoutMs, connections });
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
