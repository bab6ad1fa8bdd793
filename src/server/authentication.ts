/** API keys: who may ask, and the exact answers to those who may not. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer.ts';
import { messageAnswer } from './answer.ts';

/** The keys in force. Without any key everybody may ask. */
export class Authentication {
  #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** Replaces all keys at once; a key refused before may be accepted from now on. */
  replaceKeys(keys: readonly string[]): void {
    this.#digests = keys.map(digest);
  }

  /**
   * `undefined` when the request may pass, otherwise the 401. `X-API-Key` wins over `Authorization`; the scheme `Bearer`
   * is compared without case.
   */
  refuse(headers: IncomingHttpHeaders): Answer | undefined {
    if (this.#digests.length === 0) return undefined;
    const apiKey = headers['x-api-key'];
    if (typeof apiKey === 'string' && apiKey !== '') {
      return this.#isKnown(apiKey) ? undefined : messageAnswer(401, 'code=401, message=Unauthorized');
    }
    const authorization = headers.authorization ?? '';
    if (authorization === '') return messageAnswer(401, 'missing key in request header');
    const [, bearer] = /^bearer (.*)$/i.exec(authorization) ?? [];
    if (bearer === undefined) return messageAnswer(401, 'invalid key in the request header');
    return this.#isKnown(bearer) ? undefined : messageAnswer(401, 'invalid key');
  }

  /** Streams carry their key in the query, because `EventSource` cannot set headers. */
  refuseStream(query: URLSearchParams): Answer | undefined {
    if (this.#digests.length === 0) return undefined;
    return this.#isKnown(query.get('apiKey') ?? '') ? undefined : messageAnswer(401, 'Unauthorized');
  }

  /** Compares digests (equal length, whatever the key's) with every key, so that time says nothing about any of them. */
  #isKnown(key: string): boolean {
    const given = digest(key);
    let known = false;
    for (const candidate of this.#digests) {
      if (timingSafeEqual(candidate, given)) known = true;
    }
    return known;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
