import { describe, expect, it } from 'vitest';
import { IMAGE_BASE, MAX_IMAGE_BYTES, Pool, Tag } from '../../../../src/flags/image/pool.ts';

function text(pool: Pool, ref: { ptr: number; bytes: number }, base = IMAGE_BASE): string {
  return new TextDecoder().decode(pool.toBytes().subarray(ref.ptr - base, ref.ptr - base + ref.bytes));
}

describe('addresses', () => {
  it('are absolute: the first byte lies at the base', () => {
    expect(new Pool().reserve(4)).toBe(IMAGE_BASE);
    const pool = new Pool(1_000_000);
    expect(pool.reserve(4)).toBe(1_000_000);
    expect(pool.end).toBe(1_000_004);
    expect(pool.length).toBe(4);
  });

  it('are aligned as asked, whatever came before', () => {
    const pool = new Pool();
    for (const align of [4, 8, 16]) {
      pool.string(`x${align}`);
      expect(pool.reserve(1, align) % align).toBe(0);
    }
  });

  it('of an empty reservation are the next aligned byte', () => {
    const pool = new Pool();
    pool.reserve(3);
    expect(pool.reserve(0, 16)).toBe(IMAGE_BASE + 16);
    expect(pool.length).toBe(16);
  });
});

describe('growth', () => {
  it('keeps what was written, and hands out zeroed bytes', () => {
    const pool = new Pool(IMAGE_BASE, 8);
    const first = pool.reserve(8);
    pool.setU32(first, 0xdead_beef);
    const name = pool.string('grown');
    const later = pool.reserve(100_000, 8);
    pool.setF64(later, 1.5);
    pool.setI64(later + 8, -(2n ** 63n));
    pool.setU8(later + 16, 255);
    expect(pool.getU32(first)).toBe(0xdead_beef);
    expect(text(pool, name)).toBe('grown');
    const bytes = pool.toBytes();
    const view = new DataView(bytes.buffer);
    expect(view.getFloat64(later - IMAGE_BASE, true)).toBe(1.5);
    expect(view.getBigInt64(later - IMAGE_BASE + 8, true)).toBe(-(2n ** 63n));
    expect(bytes.subarray(later - IMAGE_BASE + 16, later - IMAGE_BASE + 19)).toEqual(Uint8Array.of(255, 0, 0));
    expect(bytes.subarray(later - IMAGE_BASE + 17).every((byte) => byte === 0)).toBe(true);
    expect(bytes).toHaveLength(pool.length);
  });

  it('hands out zeroed bytes also where a longer string was tried first', () => {
    const pool = new Pool(IMAGE_BASE, 64);
    const { bytes } = pool.string('é');
    expect(bytes).toBe(2);
    expect(pool.getU32(pool.reserve(4))).toBe(0);
  });

  it('ends at 48 MiB with an error that says what to do', () => {
    const pool = new Pool();
    pool.reserve(MAX_IMAGE_BYTES);
    expect(pool.length).toBe(48 * 1024 * 1024);
    expect(() => pool.reserve(1)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_TOO_LARGE', message: expect.stringContaining('flagPrefix') }),
    );
    expect(() => new Pool().reserve(MAX_IMAGE_BYTES + 1)).toThrow('CONFIGURATION_TOO_LARGE');
  });

  it('counts a string at three bytes a character until it is written', () => {
    const pool = new Pool();
    pool.reserve(MAX_IMAGE_BYTES - 12);
    expect(text(pool, pool.string('abcd'))).toBe('abcd');
    expect(pool.length).toBe(MAX_IMAGE_BYTES - 8);
    expect(() => pool.string('efg')).toThrow('CONFIGURATION_TOO_LARGE');
    expect(text(pool, pool.string('hi'))).toBe('hi');
  });
});

describe('strings', () => {
  it('are stored once', () => {
    const pool = new Pool();
    const one = pool.string('country');
    const { length } = pool;
    expect(pool.string('country')).toEqual(one);
    expect(pool.string('coun' + 'try')).toEqual(one);
    expect(pool.length).toBe(length);
    expect(pool.string('Country').ptr).not.toBe(one.ptr);
  });

  it('say whether they are ASCII, by bytes and not by length', () => {
    const pool = new Pool();
    expect(pool.string('plain')).toMatchObject({ bytes: 5, ascii: true });
    expect(pool.string('')).toMatchObject({ bytes: 0, ascii: true });
    expect(pool.string('\u007f')).toMatchObject({ bytes: 1, ascii: true });
    expect(pool.string('\u0080')).toMatchObject({ bytes: 2, ascii: false });
    expect(pool.string('日本')).toMatchObject({ bytes: 6, ascii: false });
    expect(pool.string('😀')).toMatchObject({ bytes: 4, ascii: false });
  });

  it.each([
    ['a high surrogate alone', '\ud83d', '\ufffd'],
    ['a low surrogate alone', 'a\ude00b', 'a\ufffdb'],
    ['surrogates in the wrong order', '\ude00\ud83d', '\ufffd\ufffd'],
    ['a pair behind a lone one', '\ud83d😀', '\ufffd😀'],
  ])('write %s as U+FFFD', (_, lone, written) => {
    const pool = new Pool();
    const ref = pool.string(lone);
    expect(text(pool, ref)).toBe(written);
    expect(ref.ascii).toBe(false);
  });

  it('named like members of Object.prototype are strings like others', () => {
    const pool = new Pool();
    for (const name of ['__proto__', 'constructor', 'toString']) expect(text(pool, pool.string(name))).toBe(name);
  });
});

describe('values', () => {
  it('are sixteen bytes: tag, count, and a number or an address', () => {
    const pool = new Pool();
    const at = pool.reserve(64, 8);
    pool.writeString(at, 'ascii');
    pool.writeString(at + 16, 'tëxt');
    pool.writeNumber(at + 32, Tag.float, -0.5);
    pool.writeTag(at + 48, Tag.true);
    const ascii = pool.string('ascii');
    const wide = pool.string('tëxt');
    const words = [0, 4, 8, 12].map((offset) => pool.getU32(at + offset));
    expect(words).toEqual([Tag.ascii, 5, ascii.ptr, 0]);
    expect([0, 4, 8, 12].map((offset) => pool.getU32(at + 16 + offset))).toEqual([Tag.text, 5, wide.ptr, 0]);
    expect([0, 4].map((offset) => pool.getU32(at + 32 + offset))).toEqual([Tag.float, 0]);
    expect(new DataView(pool.toBytes().buffer).getFloat64(at + 40 - IMAGE_BASE, true)).toBe(-0.5);
    expect([0, 4, 8, 12].map((offset) => pool.getU32(at + 48 + offset))).toEqual([Tag.true, 0, 0, 0]);
  });
});
