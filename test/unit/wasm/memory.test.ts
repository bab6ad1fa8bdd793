import { beforeEach, describe, expect, it } from 'vitest';
import { GuestMemory } from '../../../src/wasm/memory.ts';
import { growInEveryCall } from './support/growing-guest.ts';

const PAGE = 65_536;

let linear: WebAssembly.Memory;
let memory: GuestMemory;
beforeEach(() => {
  linear = new WebAssembly.Memory({ initial: 2, maximum: 4 });
  memory = new GuestMemory(linear);
});

const outside = expect.objectContaining({ code: 'INVALID_RESULT' });

describe('bounds', () => {
  it('admit the first and the last byte', () => {
    memory.write(0, Uint8Array.of(1, 2));
    memory.write(2 * PAGE - 2, Uint8Array.of(3, 4));
    expect([...memory.read(0, 2, 2)]).toEqual([1, 2]);
    expect([...memory.read(2 * PAGE - 2, 2, 2)]).toEqual([3, 4]);
    expect(memory.read(2 * PAGE, 0, 0)).toHaveLength(0);
  });

  it.each([
    ['one byte past the end', 2 * PAGE - 1, 2],
    ['at the end', 2 * PAGE, 1],
    ['a negative pointer', -1, 1],
    ['a negative pointer whose sum with the length looks small', -4, 8],
    ['the lowest 32-bit number', -0x8000_0000, 4],
    ['an address close to 2^32', 0xffff_fff0, 8],
    ['an address whose sum with the length passes 2^32', 0xffff_fff0, 32],
    ['a negative length', 0, -1],
    ['a length of 2^32 - 1', 1, 0xffff_ffff],
    ['a pointer and a length of 2^31 each', 0x8000_0000, 0x8000_0000],
  ])('refuse %s (D-02)', (_, ptr, length) => {
    expect(() => memory.read(ptr, length, Number.POSITIVE_INFINITY)).toThrow(outside);
  });

  it.each([
    ['one byte past the end', 2 * PAGE - 1],
    ['a negative pointer', -1],
    ['an address close to 2^32', 0xffff_ffff],
  ])('refuse to write %s, and write nothing', (_, ptr) => {
    expect(() => memory.write(ptr, Uint8Array.of(9, 9))).toThrow(outside);
    expect(new Uint8Array(linear.buffer).some((byte) => byte !== 0)).toBe(false);
  });

  it('take pointers as unsigned: what the guest answers as a negative i32 is an address above 2 GiB (D-02, GOFF-WASM-004)', () => {
    expect(() => memory.read(-16, 8, 8)).toThrow('bytes 4294967280 to 4294967288 of 131072');
  });

  it('hold a length to its limit before anything is copied', () => {
    expect(() => memory.read(0, 17, 16)).toThrow('a length of 17 bytes, more than 16');
    expect(() => memory.read(0, -1, 2 ** 31)).toThrow('a length of 4294967295 bytes');
  });

  it('refuse words outside or at an odd address', () => {
    const target = new Int32Array(4);
    for (const ptr of [2 * PAGE - 12, -16, 0xffff_fff0]) expect(() => memory.readWords(ptr, target)).toThrow(outside);
    for (const ptr of [1, 2, 3, 1_021]) expect(() => memory.readWords(ptr, target)).toThrow('unaligned');
  });
});

describe('what is read', () => {
  it('is a copy, not a view (GOFF-WASM-005)', () => {
    memory.write(100, Uint8Array.of(1, 2, 3));
    const copy = memory.read(100, 3, 3);
    memory.write(100, Uint8Array.of(7, 7, 7));
    expect([...copy]).toEqual([1, 2, 3]);
    copy[0] = 9;
    expect([...memory.read(100, 3, 3)]).toEqual([7, 7, 7]);
    expect(copy.buffer).not.toBe(linear.buffer);
  });

  it('is words with their sign, into an array of the caller', () => {
    new Int32Array(linear.buffer).set([-1, 2, -2_147_483_648], 256);
    const target = new Int32Array(3);
    memory.readWords(1_024, target);
    expect([...target]).toEqual([-1, 2, -2_147_483_648]);
  });
});

describe('growth', () => {
  it('renews every kind of view', () => {
    memory.write(8, Uint8Array.of(1, 0, 0, 0));
    linear.grow(1);
    expect(memory.byteLength).toBe(3 * PAGE);
    for (const view of [memory.bytes, memory.buffer, memory.words, memory.doubles]) {
      expect(view.byteLength).toBe(3 * PAGE);
      expect(view.buffer).toBe(linear.buffer);
    }
    expect(memory.words[2]).toBe(1);
  });

  it.each(['bytes', 'buffer', 'words', 'doubles'] as const)('is noticed by whoever asks for %s first', (kind) => {
    linear.grow(1);
    expect(memory[kind].byteLength).toBe(3 * PAGE);
  });

  it('is noticed by reading and writing', () => {
    linear.grow(1);
    memory.write(2 * PAGE, Uint8Array.of(5));
    linear.grow(0);
    expect([...memory.read(2 * PAGE, 1, 1)]).toEqual([5]);
    linear.grow(1);
    const target = new Int32Array(1);
    memory.readWords(2 * PAGE, target);
    expect([...target]).toEqual([5]);
  });

  it('in each of 1,000 guest calls never meets a detached buffer (D-02)', () => {
    expect(growInEveryCall(1_000)).toBe(1_001 * PAGE);
  });
});
