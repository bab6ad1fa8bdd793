/** API keys: which flag set a request asks for, and the exact answers to those who may not ask. */

import type { IncomingHttpHeaders } from 'node:http';
import { EdictError } from '../errors.ts';
import type { Answer } from './answer.ts';
import { messageAnswer } from './answer.ts';
import { KeyRing } from './key-ring.ts';

/** What a request opens: a flag set, or the answer that refuses it. */
export type Access<FlagSet> = { readonly flagSet: FlagSet } | { readonly refusal: Answer };

export interface AuthenticationOptions<FlagSet> {
  /** The flag set of a relay without named ones: whoever may ask, asks for this. */
  readonly only?: FlagSet | undefined;
  /** Named flag sets with the keys that open each. */
  readonly named?: Iterable<readonly [flagSet: FlagSet, keys: readonly string[]]>;
  /** Keys of the relay as a whole. Beside named flag sets they are accepted, but open none. */
  readonly apiKeys?: readonly string[];
  /** Keys of the admin routes; each is accepted as an API key as well. */
  readonly adminKeys?: readonly string[];
}

/**
 * The keys in force. Authentication is on as soon as there is one key that is not an admin key; without any, everybody
 * may ask. Admin routes are never open.
 */
export class Authentication<FlagSet> {
  readonly #only: FlagSet | undefined;
  readonly #bound = new Map<FlagSet, KeyRing>();
  #unbound: KeyRing;
  #admin: KeyRing;

  constructor(options: AuthenticationOptions<FlagSet>) {
    this.#only = options.only;
    this.#unbound = new KeyRing(options.apiKeys ?? []);
    this.#admin = new KeyRing(options.adminKeys ?? []);
    for (const [flagSet, keys] of options.named ?? []) this.replaceKeys(keys, flagSet);
  }

  /**
   * Replaces all keys of a flag set at once, or those of the relay as a whole; a key refused before may be accepted from
   * now on. Throws `INVALID_OPTION` when another flag set has one of them: a key opens one.
   */
  replaceKeys(keys: readonly string[], flagSet?: FlagSet): void {
    if (flagSet === undefined) {
      this.#unbound = new KeyRing(keys);
      return;
    }
    for (const [other, ring] of this.#bound) {
      if (other !== flagSet && keys.some((key) => ring.holds(key))) {
        throw new EdictError('INVALID_OPTION', 'apiKeys: a key opens one flag set, not two');
      }
    }
    this.#bound.set(flagSet, new KeyRing(keys));
  }

  replaceAdminKeys(keys: readonly string[]): void {
    this.#admin = new KeyRing(keys);
  }

  /** `undefined` when the request carries any key that is known, or none is needed. */
  refuse(headers: IncomingHttpHeaders): Answer | undefined {
    return this.#isOn ? refuse(credentialOf(headers), (key) => this.#isKnown(key)) : undefined;
  }

  /** The flag set that the request's key opens. */
  resolve(headers: IncomingHttpHeaders): Access<FlagSet> {
    const refusal = this.refuse(headers);
    if (refusal !== undefined) return { refusal };
    if (this.#only !== undefined) return { flagSet: this.#only };
    const credential = credentialOf(headers);
    const key = 'key' in credential ? credential.key : '';
    const flagSet = this.#boundTo(key);
    if (flagSet !== undefined) return { flagSet };
    const reason = key === '' ? 'no API key provided' : 'flagset not found for API key';
    return { refusal: messageAnswer(400, `error while getting flagset: ${reason}`) };
  }

  /** As `refuse`, for streams. */
  refuseStream(query: URLSearchParams): Answer | undefined {
    return this.#isOn && !this.#isKnown(query.get('apiKey') ?? '') ? messageAnswer(401, 'Unauthorized') : undefined;
  }

  /** The same for streams, which carry their key in the query because `EventSource` cannot set headers. */
  resolveStream(query: URLSearchParams): Access<FlagSet> {
    const key = query.get('apiKey') ?? '';
    const refusal = this.refuseStream(query);
    if (refusal !== undefined) return { refusal };
    if (this.#only !== undefined) return { flagSet: this.#only };
    const flagSet = this.#boundTo(key);
    if (flagSet !== undefined) return { flagSet };
    return { refusal: messageAnswer(400, 'no flag set associated to the API key') };
  }

  /** `undefined` when the request carries an admin key, otherwise the 401: also when no admin key is configured. */
  refuseAdmin(headers: IncomingHttpHeaders): Answer | undefined {
    return refuse(credentialOf(headers), (key) => this.#admin.holds(key));
  }

  get #isOn(): boolean {
    return !this.#unbound.isEmpty || [...this.#bound.values()].some((ring) => !ring.isEmpty);
  }

  /** Asks every ring, so that time does not say which one answered. */
  #isKnown(key: string): boolean {
    const answers = [this.#unbound, this.#admin, ...this.#bound.values()].map((ring) => ring.holds(key));
    return answers.includes(true);
  }

  #boundTo(key: string): FlagSet | undefined {
    let found: FlagSet | undefined;
    for (const [flagSet, ring] of this.#bound) {
      if (ring.holds(key)) found = flagSet;
    }
    return found;
  }
}

type Credential = { readonly key: string; readonly source: 'x-api-key' | 'bearer' } | { readonly missing: string };

/** `X-API-Key` wins over `Authorization`; the scheme `Bearer` is compared without case. */
function credentialOf(headers: IncomingHttpHeaders): Credential {
  const apiKey = headers['x-api-key'];
  if (typeof apiKey === 'string' && apiKey !== '') return { key: apiKey, source: 'x-api-key' };
  const authorization = headers.authorization ?? '';
  if (authorization === '') return { missing: 'missing key in request header' };
  const [, bearer] = /^bearer (.*)$/i.exec(authorization) ?? [];
  return bearer === undefined ? { missing: 'invalid key in the request header' } : { key: bearer, source: 'bearer' };
}

function refuse(credential: Credential, isAccepted: (key: string) => boolean): Answer | undefined {
  if ('missing' in credential) return messageAnswer(401, credential.missing);
  if (isAccepted(credential.key)) return undefined;
  return messageAnswer(401, credential.source === 'bearer' ? 'invalid key' : 'code=401, message=Unauthorized');
}
