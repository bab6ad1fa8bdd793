import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../src/wasm/binary/reader.ts';
import { ByteWriter, leb, signedLeb } from '../../../../src/wasm/binary/writer.ts';

const reader = (...bytes: number[]) => new ByteReader(Uint8Array.from(bytes));

describe('numbers', () => {
  it('of 32 bits come back as they were written, signed and unsigned', () => {
    for (const value of [0, 1, 63, 64, 127, 128, 300, 16_383, 16_384, 2 ** 31 - 1]) {
      expect(reader(...leb(value)).varU32()).toBe(value);
      expect(reader(...signedLeb(value)).varS32()).toBe(value);
      expect(reader(...signedLeb(-value - 1)).varS32()).toBe(-value - 1);
    }
    expect(reader(...leb(2 ** 32 - 1)).varU32()).toBe(2 ** 32 - 1);
    const writer = new ByteWriter(1, 100);
    writer.varU32(2 ** 32 - 1);
    expect([...writer.view()]).toEqual(leb(2 ** 32 - 1));
  });

  it('may be padded, but not beyond their bits', () => {
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x00).varU32()).toBe(0);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).varU32()).toBe(2 ** 32 - 1);
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x1f).varU32()).toThrow('malformed');
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x00).varU32()).toThrow('malformed');
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x78).varS32()).toBe(-(2 ** 31));
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x70).varS32()).toThrow('malformed');
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x08).varS32()).toThrow('malformed');
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x08).varS32(33)).toBe(2 ** 31);
  });

  it('of 64 bits are passed over in at most ten bytes', () => {
    const nine = Array.from({ length: 9 }, () => 0x80);
    for (const last of [0x00, 0x7f]) {
      const one = reader(...nine, last, 42);
      one.skipS64();
      expect(one.u8()).toBe(42);
    }
    expect(() => reader(...nine, 0x01).skipS64()).toThrow('malformed');
    expect(() => reader(...nine, 0x80, 0x00).skipS64()).toThrow('malformed');
  });
});

describe('a reader', () => {
  it('never leaves its part, and says where it stopped', () => {
    const whole = reader(1, 2, 3, 4);
    const part = whole.part(2);
    expect([part.u8(), part.u8(), part.done]).toEqual([1, 2, true]);
    expect(() => part.u8()).toThrow('content passes its end (at byte 2)');
    expect(() => part.skip(1)).toThrow('content passes its end (at byte 2)');
    expect(whole.u8()).toBe(3);
    expect(() => whole.skip(2 ** 32 - 1)).toThrow('content passes its end (at byte 3)');
    expect(() => reader().u8()).toThrow('it is truncated (at byte 0)');
  });

  it('takes names in UTF-8 only', () => {
    expect(reader(3, 0xe2, 0x82, 0xac).name()).toBe('€');
    expect(() => reader(2, 0xe2, 0x82).name()).toThrow('not UTF-8 (at byte 1)');
  });
});

describe('a writer', () => {
  it('grows as far as its limit and no further', () => {
    const writer = new ByteWriter(2, 100);
    writer.copy(new Uint8Array(60).fill(7));
    writer.copy(Uint8Array.of(1, 2, 3), 1, 3);
    expect(writer.length).toBe(62);
    expect([...writer.view().subarray(58)]).toEqual([7, 7, 2, 3]);
    expect(() => writer.copy(new Uint8Array(39))).toThrow('more than 100 bytes');
    expect(writer.length).toBe(62);
  });
});
