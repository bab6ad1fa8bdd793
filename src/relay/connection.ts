/** The conversation with a relay: credentials on every request, several addresses, refusals as typed failures. */

import { EdictError } from '../errors.ts';
import type { Header } from '../options/header-rules.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { HeaderPurpose } from '../options/rows/connection.ts';
import { headerText, shownHeader } from './answer-headers.ts';
import { EndpointPreference } from './endpoint-preference.ts';
import type { RetryPace } from './refusal.ts';
import { redirectHost, refusalOf, relayMessage } from './refusal.ts';
import type { CredentialOptions } from './request-headers.ts';
import { RequestHeaders } from './request-headers.ts';
import { parseRetryAfter } from './retry-after.ts';
import { safeCause } from './safe-cause.ts';
import type { Answer, StreamedAnswer, TransportOptions, TransportRequest } from './transport.ts';
import { Transport } from './transport.ts';

export type ConnectionOptions = CredentialOptions &
  Omit<TransportOptions, 'endpoint'> &
  Pick<ResolvedOptions, 'maxRetryAfterMs'> & { readonly endpoint: readonly string[] };

/** One request to whichever relay is preferred now. */
export interface RelayRequest {
  readonly purpose: HeaderPurpose;
  readonly method: 'GET' | 'POST';
  /** The route, put behind the base URL; variable segments are encoded already. */
  readonly route: string;
  readonly body?: string;
  readonly validator?: string | undefined;
  /** Headers of ours for this request alone, in lower case; they replace those that every request has. */
  readonly headers?: readonly Header[];
  /** A deadline tighter than the option's, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A request that did not get what it asked for. */
export interface RelayFailure {
  readonly kind: 'failed';
  readonly error: EdictError;
  /** What the relay asked for with Retry-After, already clamped to `maxRetryAfterMs`. */
  readonly retryAfterMs?: number;
  readonly pace: RetryPace;
}

/** A failure on its way through code that throws; a feed that catches it keeps to its pace. */
export class RequestFailed extends Error {
  readonly failure: RelayFailure;

  constructor(failure: RelayFailure) {
    super(failure.error.message, { cause: failure.error });
    this.failure = failure;
  }
}

/** After a 401, fresh credentials are tried at once, but not more often than this. */
const REPEAT_INTERVAL_MS = 30_000;

/** Purposes whose request may be repeated after a 401: an evaluation never is, and a stream has a cadence of its own. */
const REPEATABLE: ReadonlySet<HeaderPurpose> = new Set(['configuration', 'change', 'collector', 'policy']);

/** Statuses whose Retry-After is believed. */
const mayAskToWait = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

/**
 * The client of one relay, or of several that say the same. Validators stay valid across them, because they are hashes of
 * the content.
 *
 * @example
 * const connection = new RelayConnection({ ...options, endpoint: ['http://localhost:1031'] });
 * const answer = await connection.send({ purpose: 'change', method: 'GET', route: '/v1/flag/change' });
 */
export class RelayConnection {
  readonly #options: ConnectionOptions;
  readonly #transports: readonly Transport[];
  readonly #preference: EndpointPreference;
  readonly #headers: RequestHeaders;
  #lastRepeatMs = Number.NEGATIVE_INFINITY;
  #limitMs: number | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#transports = options.endpoint.map((endpoint) => new Transport({ ...options, endpoint }));
    this.#preference = new EndpointPreference(options.endpoint.length, options.clock);
    this.#headers = new RequestHeaders(options);
  }

  /** The base URL the next request goes to. */
  get endpoint(): string {
    return this.#options.endpoint[this.#preference.current] as string;
  }

  /**
   * A tighter deadline for every request from now on, in milliseconds; `undefined` goes back to the option's. Where several
   * addresses share a start window, one that hangs must not use it up.
   */
  limit(timeoutMs: number | undefined): void {
    this.#limitMs = timeoutMs;
  }

  /**
   * Sends one request and reads the answer, whatever its status. It does not keep the process alive: who awaits it with
   * nothing else running uses `holdProcess`.
   *
   * @throws EdictError TIMEOUT, NETWORK, BODY_TOO_LARGE, INVALID_BODY (content coding), INVALID_OPTION (a function of the
   * caller's), CLOSED; texts never hold a credential.
   */
  async send(request: RelayRequest): Promise<Answer> {
    const answer = await this.#sendOnce(request);
    const mayRepeat = answer.status === 401 && REPEATABLE.has(request.purpose) && this.#mayRepeat();
    return mayRepeat ? this.#sendOnce(request) : answer;
  }

  /** Opens an answer whose body goes on for as long as it likes; the deadline covers its headers only. Throws as `send`. */
  open(request: RelayRequest): Promise<StreamedAnswer> {
    return this.#with((transport) => transport.open(this.#transportRequest(request)));
  }

  /** What an answer that is no success means. */
  refusal({ status, headers, bytes }: Pick<Answer, 'status' | 'headers' | 'bytes'>, route: string): RelayFailure {
    const { clock, maxRetryAfterMs } = this.#options;
    const { code, text, pace } = refusalOf(status, {
      path: new URL(this.endpoint + route).pathname,
      message: relayMessage(bytes),
      relayVersion: shownHeader(headers, 'x-gofeatureflag-version'),
      redirectHost: redirectHost(headerText(headers, 'location'), this.endpoint),
    });
    const requestId = shownHeader(headers, 'x-request-id');
    const error = new EdictError(code, text, { status, ...(requestId === undefined ? {} : { requestId }) });
    const asked = mayAskToWait(status) ? headerText(headers, 'retry-after') : undefined;
    const retryAfterMs = parseRetryAfter(asked, clock.now(), maxRetryAfterMs);
    return {
      kind: 'failed',
      error: this.redacted(error),
      pace,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }

  /** What a rejected `send` means. */
  failure(caught: unknown): RelayFailure {
    return { kind: 'failed', error: this.redacted(EdictError.from(caught, 'NETWORK')), pace: 'backoff' };
  }

  /** A relay, or a proxy before it, may quote the credential it refuses; a caller's `fetch` may quote the whole request. */
  redacted(error: EdictError): EdictError {
    const { logger } = this.#options;
    const { code, status } = error;
    const text = logger.redact(error.text);
    const cause = safeCause(error.cause, logger);
    const requestId = error.requestId === undefined ? undefined : logger.redact(error.requestId);
    if (text === error.text && cause === error.cause && requestId === error.requestId) return error;
    return new EdictError(code, text, {
      ...(cause === undefined ? {} : { cause }),
      ...(status === undefined ? {} : { status }),
      ...(requestId === undefined ? {} : { requestId }),
    });
  }

  /** Aborts what is in flight and ends the connections of our own. Idempotent; never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }

  #sendOnce(request: RelayRequest): Promise<Answer> {
    return this.#with((transport) => transport.send(this.#transportRequest(request)));
  }

  /** One try at the preferred address; what it meets there decides where later requests go. */
  async #with<T extends { readonly status: number }>(work: (transport: Transport) => Promise<T>): Promise<T> {
    const index = this.#preference.current;
    try {
      const answer = await work(this.#transports[index] as Transport);
      this.#preference.note(index, answer.status < 500);
      return answer;
    } catch (caught) {
      const { code } = EdictError.from(caught, 'NETWORK');
      if (code === 'NETWORK' || code === 'TIMEOUT') this.#preference.note(index, false);
      throw caught;
    }
  }

  #transportRequest(request: RelayRequest): TransportRequest {
    const { purpose, validator, headers = [], timeoutMs = this.#limitMs, ...rest } = request;
    return {
      ...rest,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      headers: async () => [...new Map([...(await this.#headers.build(purpose, validator)), ...headers])],
      ...(purpose === 'stream' ? { query: () => this.#headers.keyQuery() } : {}),
    };
  }

  /** Rotating credentials may have expired a moment ago; anything more than one repeat would hammer the relay. */
  #mayRepeat(): boolean {
    const now = this.#options.clock.monotonic();
    if (!this.#headers.canChange || now - this.#lastRepeatMs < REPEAT_INTERVAL_MS) return false;
    this.#lastRepeatMs = now;
    return true;
  }
}
