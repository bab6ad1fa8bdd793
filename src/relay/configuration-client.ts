/** Asks a relay for the flag configuration and reads the answer as changed, unchanged or failed. */

import { EdictError } from '../errors.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { headerText, isJsonMediaType, lastModified, shownHeader } from './answer-headers.ts';
import type { RetryPace } from './refusal.ts';
import { redirectHost, refusalOf, relayMessage } from './refusal.ts';
import type { CredentialOptions } from './request-headers.ts';
import { RequestHeaders } from './request-headers.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Answer, TransportOptions } from './transport.ts';
import { Transport } from './transport.ts';
import { storableValidator } from './validator.ts';

export const CONFIGURATION_ROUTE = '/v1/flag/configuration';

/** A 200. Whether the body is a configuration is for the compiler to say: a large one is not parsed on this thread. */
export interface ChangedConfiguration {
  readonly kind: 'changed';
  /** The body after inflating. */
  readonly body: Uint8Array;
  /** SHA-256 of `body` in hex. */
  readonly digest: string;
  /** To be sent back byte for byte, once the body has been accepted; absent when there was none or none that can be sent. */
  readonly validator?: string;
  /** As the relay wrote it: its local time, for people only. */
  readonly lastModified?: string;
  readonly relayVersion?: string;
  readonly jsonMediaType: boolean;
}

/** A 304 to a request with validator. INVARIANT: no field in which data could travel, whatever headers it had. */
export interface UnchangedConfiguration {
  readonly kind: 'unchanged';
}

export interface FailedConfiguration {
  readonly kind: 'failed';
  readonly error: EdictError;
  /** What the relay asked for with Retry-After, already clamped to `maxRetryAfterMs`. */
  readonly retryAfterMs?: number;
  readonly pace: RetryPace;
}

export type ConfigurationResult = ChangedConfiguration | UnchangedConfiguration | FailedConfiguration;

export type ConfigurationClientOptions = CredentialOptions &
  TransportOptions &
  Pick<ResolvedOptions, 'flagList' | 'flagPrefix' | 'maxRetryAfterMs'>;

/** After a 401, fresh credentials are tried at once, but not more often than this. */
const REPEAT_INTERVAL_MS = 30_000;

/** Statuses whose Retry-After is believed. */
const mayAskToWait = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

/**
 * The client of one relay.
 *
 * @example
 * const client = new ConfigurationClient({ ...resolveOptions({ endpoint: 'http://localhost:1031' }), endpoint });
 * const result = await client.fetch(undefined); // never rejects
 */
export class ConfigurationClient {
  readonly #options: ConfigurationClientOptions;
  readonly #transport: Transport;
  readonly #headers: RequestHeaders;
  readonly #requestBody: string;
  #lastRepeatMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConfigurationClientOptions) {
    this.#options = options;
    this.#transport = new Transport(options);
    this.#headers = new RequestHeaders(options);
    const { flagList, flagPrefix } = options;
    this.#requestBody = JSON.stringify({ flags: flagList, ...(flagPrefix === undefined ? {} : { flagPrefix }) });
  }

  /**
   * One conditional fetch. Never rejects; after `close` it answers with a CLOSED failure. It does not keep the process
   * alive (polls must not): who awaits it with nothing else running uses `holdProcess`, as the feed does.
   */
  async fetch(validator: string | undefined): Promise<ConfigurationResult> {
    try {
      let answer = await this.#post(validator);
      if (answer.status === 401 && this.#mayRepeat()) answer = await this.#post(validator);
      return this.#read(answer, validator !== undefined);
    } catch (caught) {
      return { kind: 'failed', error: this.#redacted(EdictError.from(caught, 'NETWORK')), pace: 'backoff' };
    }
  }

  /** Aborts the fetch in flight and ends the connections of our own. Idempotent; never rejects. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  #post(validator: string | undefined): Promise<Answer> {
    return this.#transport.post({
      route: CONFIGURATION_ROUTE,
      headers: () => this.#headers.build('configuration', validator),
      body: this.#requestBody,
    });
  }

  /** Rotating credentials may have expired a moment ago; anything more than one repeat would hammer the relay. */
  #mayRepeat(): boolean {
    const now = this.#options.clock.monotonic();
    if (!this.#headers.canChange || now - this.#lastRepeatMs < REPEAT_INTERVAL_MS) return false;
    this.#lastRepeatMs = now;
    return true;
  }

  #read(answer: Answer, wasConditional: boolean): ConfigurationResult {
    const { status, headers } = answer;
    if (status === 304 && wasConditional) return { kind: 'unchanged' };
    if (status !== 200) return this.#refused(answer);
    return {
      kind: 'changed',
      body: answer.bytes,
      digest: answer.digest,
      jsonMediaType: isJsonMediaType(headers),
      ...present('validator', storableValidator(headerText(headers, 'etag'))),
      ...present('lastModified', lastModified(headers)),
      ...present('relayVersion', shownHeader(headers, 'x-gofeatureflag-version')),
    };
  }

  #refused({ status, headers, bytes }: Answer): FailedConfiguration {
    const { endpoint, clock, maxRetryAfterMs } = this.#options;
    const { code, text, pace } = refusalOf(status, {
      path: new URL(endpoint + CONFIGURATION_ROUTE).pathname,
      message: relayMessage(bytes),
      relayVersion: shownHeader(headers, 'x-gofeatureflag-version'),
      redirectHost: redirectHost(headerText(headers, 'location'), endpoint),
    });
    const requestId = shownHeader(headers, 'x-request-id');
    const error = new EdictError(code, text, { status, ...present('requestId', requestId) });
    const asked = mayAskToWait(status) ? headerText(headers, 'retry-after') : undefined;
    const retryAfterMs = parseRetryAfter(asked, clock.now(), maxRetryAfterMs);
    return { kind: 'failed', error: this.#redacted(error), pace, ...present('retryAfterMs', retryAfterMs) };
  }

  /** A relay, or a proxy before it, may quote the credential it refuses. */
  #redacted(error: EdictError): EdictError {
    const text = this.#options.logger.redact(error.text);
    if (text === error.text) return error;
    const { code, status, requestId } = error;
    return new EdictError(code, text, { ...present('status', status), ...present('requestId', requestId) });
  }
}

/** A member when it has a value, none otherwise: the optional members are absent, never undefined. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });
}
