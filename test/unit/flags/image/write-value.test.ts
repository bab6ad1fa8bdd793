import { describe, expect, it } from 'vitest';
import { ENTRY_BYTES, IMAGE_BASE, Pool, Tag, VALUE_BYTES } from '../../../../src/flags/image/pool.ts';
import { writeValue } from '../../../../src/flags/image/write-value.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

/** Reads a value back the way the guest would. */
function read(pool: Pool, address: number): unknown {
  const view = new DataView(pool.toBytes().buffer);
  const at = address - IMAGE_BASE;
  const [tag, count, ptr] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) as [number, number, number];
  const text = (from: number, bytes: number) =>
    new TextDecoder().decode(pool.toBytes().subarray(from - IMAGE_BASE, from - IMAGE_BASE + bytes));
  switch (tag) {
    case Tag.null:
      return null;
    case Tag.false:
    case Tag.true:
      return tag === Tag.true;
    case Tag.float:
      return view.getFloat64(at + 8, true);
    case Tag.ascii:
    case Tag.text:
      return text(ptr, count);
    case Tag.array:
      return Array.from({ length: count }, (_, i) => read(pool, ptr + i * VALUE_BYTES));
    case Tag.map:
      return new Map(
        Array.from({ length: count }, (_, i) => {
          const entry = ptr + i * ENTRY_BYTES;
          return [text(pool.getU32(entry), pool.getU32(entry + 4)), read(pool, entry + 8)];
        }),
      );
    default:
      throw new Error(`tag ${tag}`);
  }
}

function roundTrip(value: JsonValue, deep = true): unknown {
  const pool = new Pool();
  const at = pool.reserve(VALUE_BYTES, 8);
  writeValue(pool, at, value, deep);
  return read(pool, at);
}

describe('writeValue', () => {
  it.each([[null], [true], [false], [0], [-0], [1.5], [2 ** 53], ['text'], ['tëxt'], ['']])('writes %j', (value) => {
    expect(roundTrip(value)).toBe(value);
  });

  it('writes every number as a float, also an integral one', () => {
    const pool = new Pool();
    const at = pool.reserve(VALUE_BYTES, 8);
    writeValue(pool, at, 7, false);
    expect(pool.getU32(at)).toBe(Tag.float);
  });

  it('writes arrays and maps with all they hold', () => {
    const json = '{"a":[1,[],["x",{"":null}]],"é":{"b":{}},"__proto__":{"constructor":true}}';
    const maps = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(maps);
      if (typeof value !== 'object' || value === null) return value;
      return new Map(Object.entries(value).map(([name, member]) => [name, maps(member)]));
    };
    expect(roundTrip(JSON.parse(json) as JsonValue)).toEqual(maps(JSON.parse(json)));
  });

  it('without contents writes only what kind it is', () => {
    expect(roundTrip([1, 2, 3], false)).toEqual([]);
    expect(roundTrip({ a: 1 }, false)).toEqual(new Map());
  });
});
