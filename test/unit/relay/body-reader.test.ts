import { createHash } from 'node:crypto';
import zlib from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { EdictError } from '../../../src/errors.ts';
import { MAX_INFLATE_RATIO, readBody } from '../../../src/relay/body-reader.ts';

const MIB = 1_048_576;
const LIMITS = { maxWireBytes: 8 * MIB, maxInflatedBytes: 64 * MIB };

async function* pieces(bytes: Uint8Array, size = 16_384): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function read(bytes: Uint8Array, codings: string[] = [], limits = LIMITS): Promise<Uint8Array> {
  return readBody(pieces(bytes), codings, limits, () => undefined).then((body) => body.bytes);
}

describe('readBody', () => {
  it('gives the inflated bytes and their SHA-256', async () => {
    const text = Buffer.from(JSON.stringify({ flags: Array.from({ length: 5_000 }, (_, i) => `flag-${i}`) }));
    for (const [coding, wire] of [
      ['identity', text],
      ['gzip', zlib.gzipSync(text)],
      ['x-gzip', zlib.gzipSync(text)],
      ['br', zlib.brotliCompressSync(text)],
    ] as const) {
      const body = await readBody(pieces(wire, 777), coding === 'identity' ? [] : [coding], LIMITS, () => undefined);
      expect(Buffer.from(body.bytes).equals(text)).toBe(true);
      expect(body.digest).toBe(createHash('sha256').update(text).digest('hex'));
    }
  });

  it('reports each piece from the wire', async () => {
    let chunks = 0;
    await readBody(pieces(Buffer.alloc(100), 10), [], LIMITS, () => chunks++);
    expect(chunks).toBe(10);
  });

  it('takes exactly the limit and not one byte more', async () => {
    const limits = { maxWireBytes: 1_024, maxInflatedBytes: 2_048 };
    expect(await read(Buffer.alloc(1_024), [], limits)).toHaveLength(1_024);
    await expect(read(Buffer.alloc(1_025), [], limits)).rejects.toThrow(/BODY_TOO_LARGE.*maxWireBytes/);
    expect(await read(zlib.gzipSync(Buffer.alloc(2_048)), ['gzip'], limits)).toHaveLength(2_048);
    await expect(read(zlib.gzipSync(Buffer.alloc(2_049)), ['gzip'], limits)).rejects.toThrow(/maxInflatedBytes/);
  });

  it('refuses a body that inflates past maxWireBytes at more than 100:1', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(20 * MIB));
    expect((20 * MIB) / bomb.length).toBeGreaterThan(MAX_INFLATE_RATIO);
    await expect(read(bomb, ['gzip'])).rejects.toThrow(/BODY_TOO_LARGE.*100 times/);
  });

  it('takes a dense body that could have come uncompressed: flags that differ in their names only', async () => {
    const flag = {
      variations: { on: true, off: false },
      defaultRule: { variation: 'off' },
      metadata: { owner: 'payments' },
    };
    const flags = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`flag-${String(i).padStart(5, '0')}`, flag]),
    );
    const text = Buffer.from(JSON.stringify({ flags }));
    const wire = zlib.brotliCompressSync(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } });
    expect(text.length / wire.length).toBeGreaterThan(MAX_INFLATE_RATIO);
    expect(await read(wire, ['br'])).toHaveLength(text.length);
  });

  it.each([[['gzip', 'gzip']], [['gzip', 'br']], [['deflate']], [['zstd']]])(
    'refuses the codings %j',
    async (codings) => {
      await expect(read(Buffer.from('x'), codings)).rejects.toThrow(/INVALID_BODY.*coding/);
    },
  );

  it.each([
    ['cut gzip', zlib.gzipSync('{"flags":{}}').subarray(0, 20), 'gzip'],
    ['no gzip', Buffer.from('<html>'), 'gzip'],
    ['empty gzip', Buffer.alloc(0), 'gzip'],
    ['cut brotli', zlib.brotliCompressSync(Buffer.from('{"flags":{}}'.repeat(50))).subarray(0, 12), 'br'],
    ['no brotli', Buffer.from('<html>not compressed</html>'), 'br'],
  ])('%s is INVALID_BODY', async (_, wire, coding) => {
    await expect(read(wire, [coding])).rejects.toThrow(/INVALID_BODY/);
  });

  it('an error of the wire passes unchanged, inflating or not', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield zlib.gzipSync('text').subarray(0, 10);
      throw new EdictError('TIMEOUT', 'stalled');
    }
    for (const codings of [[], ['gzip']]) {
      await expect(readBody(broken(), codings, LIMITS, () => undefined)).rejects.toThrow('TIMEOUT: stalled');
    }
  });
});
