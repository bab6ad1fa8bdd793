/** The keys of a tenant, by name. Policies name them; no function gives their bytes. */

import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isJsonObject } from '../../internal/json.ts';
import { fits, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './algorithms.ts';

/** A key as configuration gives it: a JWK, PEM text, or a secret in UTF-8 or base64. */
export type KeySource = (
  | { readonly jwk: Readonly<Record<string, unknown>> }
  | { readonly pem: string }
  | { readonly secret: string | Uint8Array }
  | { readonly secretBase64: string }
) & {
  /** Algorithms it may be used with; absent: every one it fits. */
  readonly algorithms?: readonly string[];
};

/** A key with what it may do. */
export interface Key {
  readonly key: KeyObject;
  readonly algorithms: ReadonlySet<string> | undefined;
}

/** A JWK from a guest, public, and no longer than a sane one. */
const MAX_JWK_CHARACTERS = 8_192;

const KEY_NAME = /^[A-Za-z0-9._:@/-]{1,128}$/;

export class KeySet {
  readonly #keys = new Map<string, Key>();

  /** All problems at once, none with a byte of a key in it; what is fine is there all the same. */
  static from(sources: Readonly<Record<string, KeySource>>): {
    readonly keys: KeySet;
    readonly problems: readonly { readonly name: string; readonly message: string }[];
  } {
    const keys = new KeySet();
    const problems: { name: string; message: string }[] = [];
    for (const [name, source] of Object.entries(sources)) {
      const key = KEY_NAME.test(name) ? importKey(source) : 'the name must be 1 to 128 plain characters';
      if (typeof key === 'string') problems.push({ name: name.slice(0, 128), message: key });
      else keys.#keys.set(name, key);
    }
    return { keys, problems };
  }

  get(name: string): Key | undefined {
    return this.#keys.get(name);
  }
}

/** True when a key may be used with an algorithm. */
export function mayUse({ key, algorithms }: Key, name: string, algorithm: SignatureAlgorithm): boolean {
  return fits(key, algorithm) && (algorithms === undefined || algorithms.has(name));
}

/** The public key in a JWK that a guest brought, or undefined for anything else. */
export function publicJwk(text: string): Key | undefined {
  if (text.length > MAX_JWK_CHARACTERS) return undefined;
  try {
    const jwk: unknown = JSON.parse(text);
    // Secrets do not belong into a guest: one that has them is told so by their not working.
    if (!isJsonObject(jwk) || jwk.kty === 'oct' || Object.hasOwn(jwk, 'd')) return undefined;
    if (!allows(jwk, 'verify')) return undefined;
    return {
      key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
      algorithms: algorithmsOf(jwk, undefined),
    };
  } catch {
    return undefined;
  }
}

/** The key, or why it is none. Messages of OpenSSL can quote what they failed on, so they are not passed on. */
function importKey(source: KeySource): Key | string {
  if (typeof source !== 'object' || source === null) return 'must be an object with jwk, pem, secret or secretBase64';
  const { algorithms } = source;
  const unknown = algorithms?.filter((name) => !Object.hasOwn(SIGNATURE_ALGORITHMS, name)) ?? [];
  if (unknown.length > 0) return `names unknown algorithms: ${unknown.join(', ')}`;
  try {
    if ('jwk' in source) {
      const { jwk } = source;
      return { key: keyOfJwk(jwk), algorithms: algorithmsOf(jwk, algorithms) };
    }
    return { key: keyOf(source), algorithms: algorithms === undefined ? undefined : new Set(algorithms) };
  } catch {
    return 'the key cannot be read';
  }
}

function keyOf(source: Exclude<KeySource, { readonly jwk: unknown }>): KeyObject {
  if ('pem' in source) {
    return source.pem.includes('PRIVATE KEY') ? createPrivateKey(source.pem) : createPublicKey(source.pem);
  }
  const bytes = 'secret' in source ? Buffer.from(source.secret as string) : Buffer.from(source.secretBase64, 'base64');
  if (bytes.length === 0) throw new Error('empty');
  return createSecretKey(bytes);
}

function keyOfJwk(jwk: Readonly<Record<string, unknown>>): KeyObject {
  if (jwk.kty === 'oct') {
    const bytes = Buffer.from(typeof jwk.k === 'string' ? jwk.k : '', 'base64url');
    if (bytes.length === 0) throw new Error('empty');
    return createSecretKey(bytes);
  }
  const key = { key: jwk as JsonWebKey, format: 'jwk' as const };
  return Object.hasOwn(jwk, 'd') ? createPrivateKey(key) : createPublicKey(key);
}

/** `use` and `key_ops` as RFC 7517 has them. */
function allows({ use, key_ops: operations }: Readonly<Record<string, unknown>>, operation: string): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes(operation));
}

function algorithmsOf(
  { alg }: Readonly<Record<string, unknown>>,
  given: readonly string[] | undefined,
): ReadonlySet<string> | undefined {
  if (alg === undefined) return given === undefined ? undefined : new Set(given);
  return new Set(given === undefined ? [String(alg)] : given.filter((name) => name === alg));
}
