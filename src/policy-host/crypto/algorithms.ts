/** The algorithms that policies can name: what each needs of a key, and how Node is told to run it. */

import { constants, type KeyObject } from 'node:crypto';

export interface SignatureAlgorithm {
  readonly kind: 'rsa' | 'rsa-pss' | 'ec' | 'eddsa' | 'hmac';
  /** Node's name; null where the algorithm brings its own. */
  readonly hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' | null;
  /** OpenSSL's name of the one curve it may be used on. */
  readonly curve?: string;
  /** Too weak to make anything new with; only old formats are checked with it. */
  readonly verifyOnly?: true;
}

/** Names of RFC 7518 and 8037, and two old ones. */
export const SIGNATURE_ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = Object.freeze({
  RS256: { kind: 'rsa', hash: 'sha256' },
  RS384: { kind: 'rsa', hash: 'sha384' },
  RS512: { kind: 'rsa', hash: 'sha512' },
  PS256: { kind: 'rsa-pss', hash: 'sha256' },
  PS384: { kind: 'rsa-pss', hash: 'sha384' },
  PS512: { kind: 'rsa-pss', hash: 'sha512' },
  ES256: { kind: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { kind: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { kind: 'ec', hash: 'sha512', curve: 'secp521r1' },
  EdDSA: { kind: 'eddsa', hash: null },
  HS256: { kind: 'hmac', hash: 'sha256' },
  HS384: { kind: 'hmac', hash: 'sha384' },
  HS512: { kind: 'hmac', hash: 'sha512' },
  RS1: { kind: 'rsa', hash: 'sha1', verifyOnly: true },
  HS1: { kind: 'hmac', hash: 'sha1', verifyOnly: true },
});

/** For `hash` and `hmac`. */
export const HASHES: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512'>> = Object.freeze({
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
});

const MIN_RSA_BITS = 2_048;
/** Checking a signature takes time in the square of this, and in the length of the exponent. */
const MAX_RSA_BITS = 8_192;
const MAX_RSA_EXPONENT = 0xffff_ffffn;

/** True when a key is of the kind an algorithm is for: what one algorithm signed must not pass as another's. */
export function fits(key: KeyObject, { kind, curve }: SignatureAlgorithm): boolean {
  if (kind === 'hmac') return key.type === 'secret';
  if (key.type === 'secret') return false;
  const details = key.asymmetricKeyDetails ?? {};
  switch (kind) {
    case 'rsa':
      return key.asymmetricKeyType === 'rsa' && isSoundRsa(details);
    case 'rsa-pss':
      return (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss') && isSoundRsa(details);
    case 'ec':
      return key.asymmetricKeyType === 'ec' && details.namedCurve === curve;
    default:
      return key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448';
  }
}

/** The key as Node's `sign` and `verify` take it; signatures of curves are pairs of numbers, as in JOSE. */
export function keyOptions(key: KeyObject, { kind }: SignatureAlgorithm): { key: KeyObject } {
  switch (kind) {
    case 'rsa-pss': {
      const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
      return { key, ...padding } as { key: KeyObject };
    }
    case 'rsa':
      return { key, padding: constants.RSA_PKCS1_PADDING } as { key: KeyObject };
    case 'ec':
      return { key, dsaEncoding: 'ieee-p1363' } as { key: KeyObject };
    default:
      return { key };
  }
}

function isSoundRsa(details: { readonly modulusLength?: number; readonly publicExponent?: bigint }): boolean {
  const { modulusLength = 0, publicExponent = 0n } = details;
  return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS && publicExponent <= MAX_RSA_EXPONENT;
}
