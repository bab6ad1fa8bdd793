import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Coding } from '../../../../src/gateway/coding/content-coding.ts';
import { StreamCoding } from '../../../../src/gateway/coding/stream-coding.ts';

const LIMITS = { maxDecompressedBytes: 1_000_000 };

/** A stream as a service would send it: every text is flushed. */
async function flushed(encoder: zlib.Gzip | zlib.BrotliCompress, texts: readonly string[]): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for (const text of texts) {
    encoder.write(text);
    await new Promise<void>((resolve) => encoder.flush(() => resolve()));
    pieces.push(encoder.read() as Buffer);
  }
  encoder.end();
  await new Promise<void>((resolve) => {
    encoder.on('readable', () => {
      for (let part = encoder.read() as Buffer | null; part !== null; part = encoder.read() as Buffer | null) {
        pieces.push(part);
      }
    });
    encoder.on('end', resolve);
  });
  return pieces;
}

const MEMBERS: readonly [Coding, () => zlib.Gzip | zlib.BrotliCompress, (bytes: Buffer) => Buffer][] = [
  ['gzip', () => zlib.createGzip(), (bytes) => zlib.gunzipSync(bytes)],
  ['br', () => zlib.createBrotliCompress(), (bytes) => zlib.brotliDecompressSync(bytes)],
  ['deflate', () => zlib.createDeflate() as unknown as zlib.Gzip, (bytes) => zlib.inflateSync(bytes)],
];

describe.each(MEMBERS)('a stream in %s', (coding, encoder, decoded) => {
  it('gives every text with the piece it came in, and leaves as one member (P-34, U-14)', async () => {
    const texts = ['data: one\n\n', 'data: two\n\n', 'data: three\n\n'];
    const pieces = await flushed(encoder(), texts);
    const stream = new StreamCoding(coding, LIMITS);
    const seen: string[] = [];
    const out: Buffer[] = [];
    for (const [index, piece] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      const text = String(await stream.decode(piece, isLast));
      seen.push(text);
      const encoded = await stream.encode(Buffer.from(text.toUpperCase()), isLast);
      if (text !== '') expect(encoded.length).toBeGreaterThan(0);
      out.push(encoded);
    }
    expect(seen.filter((text) => text !== '')).toEqual(texts);
    expect(String(decoded(Buffer.concat(out)))).toBe(texts.join('').toUpperCase());
    // Decoders that take several members would hide that there is more than one.
    const again = await new StreamCoding(coding, LIMITS).decode(Buffer.concat(out), true);
    expect(String(again)).toBe(texts.join('').toUpperCase());
    stream.close();
  });

  it('that came to its end before it was said to is over, not stuck', async () => {
    const whole = Buffer.concat(await flushed(encoder(), ['all of it']));
    const stream = new StreamCoding(coding, LIMITS);
    expect(String(await stream.decode(whole, false))).toBe('all of it');
    expect(await stream.decode(Buffer.alloc(0), true)).toHaveLength(0);
    stream.close();
  });

  it('that was cut off, or never was one, is undecodable (P-34)', async () => {
    const whole = Buffer.concat(await flushed(encoder(), ['all of it']));
    const cut = new StreamCoding(coding, LIMITS);
    expect(await cut.decode(whole.subarray(0, whole.length - 6), true)).toBe('undecodable');
    const never = new StreamCoding(coding, LIMITS);
    expect(await never.decode(Buffer.from('plain text, not coded at all'), true)).toBe('undecodable');
    expect(await never.decode(Buffer.from('more'), false)).toBe('undecodable');
  });

  it('that grows more than a hundred times is given up before it is large (P-34)', async () => {
    const bomb = Buffer.concat(await flushed(encoder(), ['\0'.repeat(5_000_000)]));
    const stream = new StreamCoding(coding, { maxDecompressedBytes: 50_000_000 });
    expect(await stream.decode(bomb, true)).toBe('too-large');
  });
});

it('a stream without a byte is an empty stream', async () => {
  const stream = new StreamCoding('gzip', LIMITS);
  expect(await stream.decode(Buffer.alloc(0), true)).toHaveLength(0);
  stream.close();
});
