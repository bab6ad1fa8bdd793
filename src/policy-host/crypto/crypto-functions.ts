/** Hashes, signatures and comparisons for policies, through Node's OpenSSL. */

import { createHash, createHmac, createPublicKey, sign, timingSafeEqual, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type HostResult, hostFault } from '../../policy/guest/host-functions.ts';
import { HASHES, keyOptions, SIGNATURE_ALGORITHMS } from './algorithms.ts';
import { type Key, type KeySet, mayUse, publicJwk } from './key-set.ts';

/** Keys from guests that are kept ready: importing one costs as much as using it. */
const MAX_KEPT_JWKS = 64;

/** For one policy. Unknown algorithms are `bad-argument`, unknown keys `not-found`, a key of the wrong kind `denied`. */
export class CryptoFunctions {
  readonly #keys: KeySet | undefined;
  readonly #jwks = new LRUCache<string, Key>({ max: MAX_KEPT_JWKS });

  constructor(keys: KeySet | undefined) {
    this.#keys = keys;
  }

  hash(algorithm: string, data: Uint8Array): HostResult<Uint8Array> {
    const hash = Object.hasOwn(HASHES, algorithm) ? HASHES[algorithm] : undefined;
    if (hash === undefined) return unknownHash(algorithm);
    return new Uint8Array(createHash(hash).update(data).digest());
  }

  hmac(algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    const hash = Object.hasOwn(HASHES, algorithm) ? HASHES[algorithm] : undefined;
    if (hash === undefined) return unknownHash(algorithm);
    const key = this.#keys?.get(keyRef);
    if (key === undefined) return hostFault('not-found');
    const name = `HS${hash.slice(3)}`;
    if (!mayUse(key, name, { kind: 'hmac', hash })) return hostFault('denied');
    return new Uint8Array(createHmac(hash, key.key).update(data).digest());
  }

  sign(algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    const how = algorithmOf(algorithm);
    if (how === undefined) return hostFault('bad-argument');
    if (how.verifyOnly === true) return hostFault('denied');
    const key = this.#keys?.get(keyRef);
    if (key === undefined) return hostFault('not-found');
    if (!mayUse(key, algorithm, how) || key.key.type === 'public') return hostFault('denied');
    try {
      if (how.kind === 'hmac') {
        return new Uint8Array(
          createHmac(how.hash as string, key.key)
            .update(data)
            .digest(),
        );
      }
      return new Uint8Array(sign(how.hash, data, keyOptions(key.key, how)));
    } catch {
      return hostFault('unavailable');
    }
  }

  verify(algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): HostResult<boolean> {
    const how = algorithmOf(algorithm);
    if (how === undefined) return hostFault('bad-argument');
    const isJwk = key.startsWith('{');
    const found = isJwk ? this.#jwk(key) : this.#keys?.get(key);
    if (found === undefined) return hostFault(isJwk ? 'bad-argument' : 'not-found');
    if (!mayUse(found, algorithm, how)) return hostFault('denied');
    try {
      if (how.kind === 'hmac') {
        return equalBytes(
          createHmac(how.hash as string, found.key)
            .update(data)
            .digest(),
          signature,
        );
      }
      const checked = found.key.type === 'private' ? createPublicKey(found.key) : found.key;
      return verify(how.hash, data, keyOptions(checked, how), signature);
    } catch {
      // A signature that is no signature of this algorithm at all.
      return false;
    }
  }

  #jwk(text: string): Key | undefined {
    const known = this.#jwks.get(text);
    if (known !== undefined) return known;
    const key = publicJwk(text);
    if (key !== undefined) this.#jwks.set(text, key);
    return key;
  }
}

/** In constant time for equal lengths; of different lengths only that is told. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function algorithmOf(name: string): (typeof SIGNATURE_ALGORITHMS)[string] | undefined {
  return Object.hasOwn(SIGNATURE_ALGORITHMS, name) ? SIGNATURE_ALGORITHMS[name] : undefined;
}

/** SHA-1 is known, but makes nothing new: `verify` checks old formats with it. */
function unknownHash(algorithm: string): ReturnType<typeof hostFault> {
  return hostFault(algorithm === 'sha-1' ? 'denied' : 'bad-argument');
}
