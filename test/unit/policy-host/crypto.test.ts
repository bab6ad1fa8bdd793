/** Crypto for policies: what algorithms give, which keys they take, and that keys stay with the host. */

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createVerify,
  generateKeyPairSync,
  type JsonWebKey,
  sign as nodeSign,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HostBinding } from '../../../src/policy/guest/host-binding.ts';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { equalBytes } from '../../../src/policy-host/crypto/crypto-functions.ts';
import { KeySet, type KeySource, publicJwk } from '../../../src/policy-host/crypto/key-set.ts';
import type { PolicyHost } from '../../../src/policy-host/policy-host.ts';
import { GuestMemory } from '../../../src/wasm/memory.ts';
import { INFO } from '../policy/guest/support/guest-rig.ts';
import { callOf, foreignCall, hostOf } from './support/host-rig.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const hex = (value: unknown): string => Buffer.from(value as Uint8Array).toString('hex');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');

const pem = (key: { export(options: object): unknown }): string =>
  key.export({ type: 'pkcs8', format: 'pem' }) as string;
const jwk = (key: { export(options: object): unknown }): JsonWebKey => key.export({ format: 'jwk' }) as JsonWebKey;

const SOURCES: Record<string, KeySource> = {
  rsa: { pem: pem(rsa.privateKey) },
  'rsa-public': { jwk: { ...jwk(rsa.publicKey), alg: 'RS256' } },
  weak: { pem: pem(weak.privateKey) },
  p256: { jwk: { ...jwk(p256.privateKey) } },
  p384: { pem: pem(p384.privateKey) },
  p521: { pem: pem(p521.privateKey) },
  ed: { pem: pem(ed.privateKey) },
  shared: { secret: 'a secret of the tenant' },
  only384: { secretBase64: 'c2VjcmV0', algorithms: ['HS384'] },
};

function host(
  sources: Record<string, KeySource> = SOURCES,
  crypto: unknown = ['hash', 'hmac', 'verify', 'sign', 'equal'],
): PolicyHost {
  const { keys, problems } = KeySet.from(sources);
  expect(problems).toEqual([]);
  return hostOf({ crypto }, { keys });
}

const DATA = bytes('what is signed');
const call = callOf();

describe('hashes', () => {
  it('are those of FIPS 180', () => {
    const h = host();
    expect(hex(h.hash(call, 'sha-256', bytes('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(h.hash(call, 'sha-384', DATA)).toHaveLength(48);
    expect(h.hash(call, 'sha-512', DATA)).toHaveLength(64);
  });

  it('make nothing new with SHA-1, and know no other name', () => {
    const h = host();
    expect(h.hash(call, 'sha-1', DATA)).toBe(hostFault('denied'));
    expect(h.hmac(call, 'sha-1', 'shared', DATA)).toBe(hostFault('denied'));
    for (const name of ['md5', 'SHA-256', 'sha256', '', 'constructor', '__proto__']) {
      expect(h.hash(call, name, DATA)).toBe(hostFault('bad-argument'));
    }
  });
});

describe('HMAC', () => {
  it('is made with a key that is only named', () => {
    const expected = createHmac('sha256', 'a secret of the tenant').update(DATA).digest('hex');
    expect(hex(host().hmac(call, 'sha-256', 'shared', DATA))).toBe(expected);
    expect(hex(host().sign(call, 'HS256', 'shared', DATA))).toBe(expected);
    expect(host().verify(call, 'HS256', 'shared', Buffer.from(expected, 'hex'), DATA)).toBe(true);
    expect(host().verify(call, 'HS256', 'shared', Buffer.from(expected, 'hex').subarray(1), DATA)).toBe(false);
  });

  it('of old formats can be checked with SHA-1, not made', () => {
    const old = createHmac('sha1', 'a secret of the tenant').update(DATA).digest();
    expect(host().verify(call, 'HS1', 'shared', old, DATA)).toBe(true);
    expect(host().sign(call, 'HS1', 'shared', DATA)).toBe(hostFault('denied'));
  });

  it('takes secrets only, and only for the algorithms they are for', () => {
    const h = host();
    expect(h.hmac(call, 'sha-256', 'rsa', DATA)).toBe(hostFault('denied'));
    expect(h.hmac(call, 'sha-256', 'only384', DATA)).toBe(hostFault('denied'));
    expect(h.hmac(call, 'sha-384', 'only384', DATA)).toHaveLength(48);
    expect(h.hmac(call, 'sha-256', 'nobody', DATA)).toBe(hostFault('not-found'));
    expect(h.hmac(call, 'sha-256', '__proto__', DATA)).toBe(hostFault('not-found'));
  });
});

describe('signatures', () => {
  const cases = [
    ['RS256', 'rsa'],
    ['RS384', 'rsa'],
    ['RS512', 'rsa'],
    ['PS256', 'rsa'],
    ['PS384', 'rsa'],
    ['PS512', 'rsa'],
    ['ES256', 'p256'],
    ['ES384', 'p384'],
    ['ES512', 'p521'],
    ['EdDSA', 'ed'],
  ] as const;
  const pairs = { rsa, p256, p384, p521, ed };

  it.each(cases)('of %s are made by name and checked by name and by a public JWK', (algorithm, name) => {
    const h = host();
    const signature = h.sign(call, algorithm, name, DATA) as Uint8Array;
    const publicKey = JSON.stringify(jwk(pairs[name].publicKey));
    for (const key of [name, publicKey]) {
      expect(h.verify(call, algorithm, key, signature, DATA)).toBe(true);
      expect(h.verify(call, algorithm, key, signature, bytes('something else'))).toBe(false);
      expect(h.verify(call, algorithm, key, signature.slice(1), DATA)).toBe(false);
      expect(h.verify(call, algorithm, key, new Uint8Array(0), DATA)).toBe(false);
    }
  });

  it('of curves are two numbers, as in JOSE, and RS256 is what Node makes of it', () => {
    const h = host();
    expect(h.sign(call, 'ES256', 'p256', DATA)).toHaveLength(64);
    expect(h.sign(call, 'ES512', 'p521', DATA)).toHaveLength(132);
    const signature = h.sign(call, 'RS256', 'rsa', DATA) as Uint8Array;
    expect(createVerify('RSA-SHA256').update(DATA).verify(rsa.publicKey, signature)).toBe(true);
  });

  it('of one algorithm never pass as those of another', () => {
    const h = host();
    const signature = h.sign(call, 'RS256', 'rsa', DATA) as Uint8Array;
    for (const algorithm of ['RS384', 'PS256']) {
      expect(h.verify(call, algorithm, 'rsa', signature, DATA)).toBe(false);
    }
    for (const algorithm of ['ES256', 'EdDSA', 'HS256']) {
      expect(h.verify(call, algorithm, 'rsa', signature, DATA)).toBe(hostFault('denied'));
    }
    expect(h.verify(call, 'ES384', 'p256', new Uint8Array(96), DATA)).toBe(hostFault('denied'));
    expect(h.verify(call, 'RS512', 'rsa-public', signature, DATA)).toBe(hostFault('denied'));
    for (const algorithm of ['none', 'NONE', '', 'rs256', 'toString']) {
      expect(h.verify(call, algorithm, 'rsa', signature, DATA)).toBe(hostFault('bad-argument'));
    }
    // The oldest trick: the public key as the secret of an HMAC.
    const forged = createHmac('sha256', pem(rsa.privateKey)).update(DATA).digest();
    expect(h.verify(call, 'HS256', JSON.stringify(jwk(rsa.publicKey)), forged, DATA)).toBe(hostFault('denied'));
  });

  it('of old formats are checked with SHA-1, not made', () => {
    const h = host();
    const old = nodeSign('sha1', DATA, rsa.privateKey);
    expect(h.verify(call, 'RS1', 'rsa', old, DATA)).toBe(true);
    expect(h.sign(call, 'RS1', 'rsa', DATA)).toBe(hostFault('denied'));
  });

  it('need a private key of at least 2048 bits', () => {
    const h = host();
    expect(h.sign(call, 'RS256', 'rsa-public', DATA)).toBe(hostFault('denied'));
    expect(h.sign(call, 'RS256', 'weak', DATA)).toBe(hostFault('denied'));
    expect(h.sign(call, 'RS256', 'nobody', DATA)).toBe(hostFault('not-found'));
    // A JWK names nothing: keys to sign with are never the guest's.
    expect(h.sign(call, 'RS256', JSON.stringify(jwk(rsa.privateKey)), DATA)).toBe(hostFault('not-found'));
  });
});

describe('a JWK from a guest', () => {
  const good = jwk(p256.publicKey);

  it.each([
    ['a secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a private key', jwk(p256.privateKey)],
    ['a key for encryption', { ...good, use: 'enc' }],
    ['a key that may not verify', { ...good, key_ops: ['sign'] }],
    ['a point that is not on the curve', { ...good, x: good.y, y: good.x }],
    ['no kind of key', { kty: 'XX' }],
    ['an unknown curve', { ...good, crv: 'P-999' }],
  ])('is refused when it is %s', (_name, value) => {
    expect(host().verify(call, 'ES256', JSON.stringify(value), new Uint8Array(64), DATA)).toBe(
      hostFault('bad-argument'),
    );
  });

  it('is refused when it is long, broken, or would take long to check', () => {
    const h = host();
    expect(publicJwk(JSON.stringify({ ...good, note: 'x'.repeat(9_000) }))).toBeUndefined();
    expect(h.verify(call, 'ES256', '{"kty":', new Uint8Array(64), DATA)).toBe(hostFault('bad-argument'));
    expect(h.verify(call, 'ES256', `${'{"a":'.repeat(3_000)}`, new Uint8Array(64), DATA)).toBe(
      hostFault('bad-argument'),
    );
    const modulus = Buffer.alloc(2_048, 0xff).toString('base64url');
    const slow = JSON.stringify({ kty: 'RSA', n: modulus, e: 'AQAB' });
    expect(h.verify(call, 'RS256', slow, new Uint8Array(2_048), DATA)).toBe(hostFault('denied'));
    const exponent = Buffer.alloc(256, 0x7f).toString('base64url');
    const odd = JSON.stringify({ ...jwk(rsa.publicKey), e: exponent });
    expect(h.verify(call, 'RS256', odd, new Uint8Array(256), DATA)).not.toBe(true);
  });

  it('is kept to the algorithm it names', () => {
    const h = host();
    const signature = h.sign(call, 'PS256', 'rsa', DATA) as Uint8Array;
    const key = JSON.stringify({ ...jwk(rsa.publicKey), alg: 'RS256' });
    expect(h.verify(call, 'PS256', key, signature, DATA)).toBe(hostFault('denied'));
  });
});

describe('the keys of a tenant', () => {
  it('are read all or told of one by one, without a byte of any', () => {
    const { keys, problems } = KeySet.from({
      good: { secret: 'x' },
      broken: { pem: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----' },
      empty: { secret: '' },
      unknown: { secret: 'x', algorithms: ['HS256', 'none'] },
      'bad name': { secret: 'x' },
      nothing: null as never,
      oct: { jwk: { kty: 'oct' } },
    });
    expect(problems.map(({ name }) => name)).toEqual(['broken', 'empty', 'unknown', 'bad name', 'nothing', 'oct']);
    expect(JSON.stringify(problems)).not.toContain('c2VjcmV0');
    expect(keys.get('good')).toBeDefined();
  });

  it('are out of reach for other tenants and for what was not granted', () => {
    const h = host();
    expect(h.sign(foreignCall(), 'RS256', 'rsa', DATA)).toBe(hostFault('denied'));
    expect(h.hmac(foreignCall(), 'sha-256', 'shared', DATA)).toBe(hostFault('denied'));
    expect(h.verify(foreignCall(), 'HS256', 'shared', DATA, DATA)).toBe(hostFault('denied'));
    const checks = host(SOURCES, ['verify']);
    expect(checks.sign(call, 'RS256', 'rsa', DATA)).toBe(hostFault('denied'));
    expect(checks.hmac(call, 'sha-256', 'shared', DATA)).toBe(hostFault('denied'));
    expect(checks.hash(call, 'sha-256', DATA)).toBe(hostFault('denied'));
    expect(checks.equal(call, DATA, DATA)).toBe(false);
    expect(hostOf({ crypto: ['sign'] }).sign(call, 'RS256', 'rsa', DATA)).toBe(hostFault('not-found'));
  });

  it('P-73 never enter the memory of a guest that signs with them', () => {
    const h = host();
    const memory = new WebAssembly.Memory({ initial: 2 });
    const guest = new GuestMemory(memory);
    const binding = new HostBinding(h, { info: INFO, phase: undefined, input: undefined }, 1_000);
    binding.attach(guest);
    const { sign, hmac } = binding.imports(new Set(['crypto']))['edict'] as Record<
      string,
      (...args: number[]) => number
    >;
    const put = (at: number, text: string): [number, number] => {
      guest.write(at, bytes(text));
      return [at, text.length];
    };
    const output = [4_096, 65_536] as const;
    for (const [algorithm, name] of [
      ['RS256', 'rsa'],
      ['PS512', 'rsa'],
      ['ES256', 'p256'],
      ['EdDSA', 'ed'],
      ['HS256', 'shared'],
    ] as const) {
      expect(sign!(...put(0, algorithm), ...put(64, name), ...put(128, 'data'), ...output)).toBeGreaterThan(0);
    }
    expect(hmac!(...put(0, 'sha-256'), ...put(64, 'shared'), ...put(128, 'data'), ...output)).toBe(32);
    const seen = Buffer.from(memory.buffer);
    const secrets = [
      Buffer.from('a secret of the tenant'),
      ...[rsa, p256, ed].flatMap(({ privateKey }) => {
        const { d, p, q } = jwk(createPrivateKey(pem(privateKey)));
        return [d, p, q].filter((part) => part !== undefined).map((part) => Buffer.from(part, 'base64url'));
      }),
    ];
    expect(secrets.length).toBe(6);
    for (const secret of secrets) expect(seen.includes(secret.subarray(0, 16))).toBe(false);
    expect(createPublicKey(rsa.publicKey.export({ type: 'spki', format: 'pem' })).type).toBe('public');
  });
});

describe('equal', () => {
  it('compares bytes, whatever their lengths', () => {
    expect(equalBytes(bytes('abc'), bytes('abc'))).toBe(true);
    expect(equalBytes(bytes('abc'), bytes('abd'))).toBe(false);
    expect(equalBytes(bytes('abc'), bytes('ab'))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
    expect(host().equal(call, DATA, DATA)).toBe(true);
  });
});
