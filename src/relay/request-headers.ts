/** The headers of each request: ours, the credentials, then the caller's. */

import { EdictError } from '../errors.ts';
import { parseApiKey } from '../options/checks.ts';
import type { Header } from '../options/header-rules.ts';
import { isReservedHeader, parseHeaderRecord } from '../options/header-rules.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { HeaderPurpose } from '../options/rows/connection.ts';
import { USER_AGENT } from './user-agent.ts';

export type CredentialOptions = Pick<ResolvedOptions, 'apiKey' | 'authScheme' | 'headers' | 'logger'>;

const OURS: readonly Header[] = [
  ['content-type', 'application/json'],
  ['accept', 'application/json'],
  ['accept-encoding', 'gzip, br'],
  ['user-agent', USER_AGENT],
];

/** Builds request headers; `apiKey` and `headers` functions are called for each request. */
export class RequestHeaders {
  readonly #options: CredentialOptions;
  #hasWarned = false;

  constructor(options: CredentialOptions) {
    this.#options = options;
    // A record of the options was checked, and warned about, when they were resolved.
    this.#hasWarned = typeof options.headers !== 'function';
  }

  /** Whether asking again can give other credentials than the last time. */
  get canChange(): boolean {
    const { apiKey, headers } = this.#options;
    return typeof apiKey === 'function' || typeof headers === 'function';
  }

  /** @throws EdictError INVALID_OPTION when a function throws or gives something that cannot travel. */
  async build(purpose: HeaderPurpose, validator: string | undefined): Promise<readonly Header[]> {
    // Keyed by lower-case name, so that a later header replaces an earlier one instead of standing beside it.
    const headers = new Map<string, string>(OURS);
    const { authScheme, logger } = this.#options;
    // A stream reads its key from the query and nowhere else.
    const key = purpose === 'stream' ? '' : await this.#apiKey();
    if (key !== '') {
      logger.remember(key);
      if (authScheme === 'bearer') headers.set('authorization', `Bearer ${key}`);
      else headers.set('x-api-key', key);
    }
    for (const [name, value] of await this.#callersHeaders(purpose)) {
      if (isReservedHeader(name)) {
        this.#warnOnce(name);
        continue;
      }
      logger.remember(value);
      headers.set(name.toLowerCase(), value);
    }
    if (validator !== undefined) headers.set('if-none-match', validator);
    return [...headers];
  }

  /** The key as a stream's URL carries it; empty without one. The URL is a secret from here on. Throws as `build`. */
  async keyQuery(): Promise<string> {
    const key = await this.#apiKey();
    if (key === '') return '';
    const encoded = encodeURIComponent(key);
    this.#options.logger.remember(key);
    this.#options.logger.remember(encoded);
    return `apiKey=${encoded}`;
  }

  async #apiKey(): Promise<string> {
    const { apiKey = '' } = this.#options;
    if (typeof apiKey !== 'function') return apiKey;
    const given = await callSafely('apiKey', apiKey);
    const key = given === undefined || given === null ? '' : parseApiKey(given);
    if (key === undefined) throw new EdictError('INVALID_OPTION', 'apiKey: the function gave no printable ASCII text');
    return key;
  }

  async #callersHeaders(purpose: HeaderPurpose): Promise<readonly Header[]> {
    const { headers = [] } = this.#options;
    if (typeof headers !== 'function') return headers;
    const given = await callSafely('headers', () => headers(purpose));
    const parsed = given === undefined || given === null ? [] : parseHeaderRecord(given);
    if (parsed === undefined) {
      throw new EdictError('INVALID_OPTION', 'headers: the function gave no record of legal header names and values');
    }
    return parsed;
  }

  #warnOnce(name: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.logger.warn(`headers: ${name} cannot be set and is ignored`);
  }
}

/** The caller's function may do anything; its own error stays readable as the cause, and out of the message. */
async function callSafely(option: string, call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (cause) {
    throw new EdictError('INVALID_OPTION', `${option}: the function threw`, { cause });
  }
}
