import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { codingOf } from '../../../../src/gateway/coding/content-coding.ts';
import { bodyForPolicies, mutationForWire } from '../../../../src/gateway/coding/whole-body.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';

const LIMITS = { maxDecompressedBytes: 10_485_760 };
const headers = (coding: string): HeaderMap => HeaderMap.from([['content-encoding', coding]]);
const TEXT = JSON.stringify({ text: 'héllo '.repeat(300) });

const CODED: readonly [string, Buffer, (bytes: Buffer) => Buffer][] = [
  ['gzip', zlib.gzipSync(TEXT), zlib.gunzipSync],
  ['x-gzip', zlib.gzipSync(TEXT), zlib.gunzipSync],
  ['GZIP', zlib.gzipSync(TEXT), zlib.gunzipSync],
  ['identity, gzip', zlib.gzipSync(TEXT), zlib.gunzipSync],
  ['br', zlib.brotliCompressSync(TEXT), zlib.brotliDecompressSync],
  ['deflate', zlib.deflateSync(TEXT), zlib.inflateSync],
];

describe('a body', () => {
  it.each(CODED)('in %s is decoded, and encoded once when it changed (P-34, U-13)', async (name, raw, decoded) => {
    const body = await bodyForPolicies(raw, headers(name), LIMITS);
    expect(body).toMatchObject({ present: true, truncated: false });
    expect(typeof body === 'string' ? body : String(Buffer.from(body.content))).toBe(TEXT);
    const changed = { headers: { remove: [], set: [['content-length', ['3']]] as const }, body: Buffer.from('new') };
    const wire = await mutationForWire(changed, headers(name), headers(name));
    expect(String(decoded(wire.body as Buffer))).toBe('new');
    expect(wire.headers.set).toEqual([['content-length', [String(wire.body?.length)]]]);
  });

  it('in a coding nobody knows stays as it is, and says so (P-34)', async () => {
    for (const name of ['compress', 'gzip, br', 'x-own', 'constructor']) {
      expect(codingOf(headers(name))).toBe('unknown');
      const body = await bodyForPolicies(Buffer.from('raw'), headers(name), LIMITS);
      expect(body).toMatchObject({ encoded: true, content: Buffer.from('raw') });
    }
  });

  it.each([
    ['cut off', zlib.gzipSync(TEXT).subarray(0, 30)],
    ['something else', Buffer.from('not gzip')],
    ['followed by more', Buffer.concat([zlib.gzipSync(TEXT), Buffer.from('hidden')])],
  ])('that is %s cannot be decoded (P-34)', async (_, raw) => {
    expect(await bodyForPolicies(raw, headers('gzip'), LIMITS)).toBe('undecodable');
  });

  it('that grows over the limit, or over a hundred times, is too large (P-34)', async () => {
    const random = zlib.gzipSync(Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 251)));
    expect(await bodyForPolicies(random, headers('gzip'), { maxDecompressedBytes: 4_999 })).toBe('too-large');
    for (const bomb of [zlib.gzipSync(Buffer.alloc(5_000_000)), zlib.brotliCompressSync(Buffer.alloc(5_000_000))]) {
      const name = bomb[0] === 0x1f ? 'gzip' : 'br';
      expect(await bodyForPolicies(bomb, headers(name), LIMITS)).toBe('too-large');
    }
    // A short body of blanks is no bomb.
    expect(await bodyForPolicies(zlib.gzipSync(' '.repeat(60_000)), headers('gzip'), LIMITS)).toMatchObject({
      present: true,
    });
  });

  it('whose coding a policy took away leaves as the policy made it; a cleared one has none (P-34)', async () => {
    const mutation = { headers: { remove: [], set: [] }, body: Buffer.from('plain') };
    expect(await mutationForWire(mutation, headers('gzip'), HeaderMap.empty)).toBe(mutation);
    expect(await mutationForWire(mutation, HeaderMap.empty, headers('gzip'))).toBe(mutation);
    const cleared = { headers: { remove: [], set: [] }, body: Buffer.alloc(0) };
    expect(await mutationForWire(cleared, headers('gzip'), headers('gzip'))).toMatchObject({
      headers: { remove: ['content-encoding'] },
      body: Buffer.alloc(0),
    });
  });
});
