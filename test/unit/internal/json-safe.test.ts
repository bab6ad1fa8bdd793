/** JSON of anything: what fits, what is left out, what is refused. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JSON_MAX_DEPTH, jsonString, safeJson } from '../../../src/internal/json-safe.ts';

const text = (value: unknown): string | undefined => (safeJson(value) as { text?: string }).text;

describe('what JSON can say', () => {
  it('is written as JSON.stringify writes it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(text(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('is written as JSON.stringify writes it, for texts of any units', () => {
    for (let unit = 0; unit < 0x10000; unit += unit < 0x100 ? 1 : 37) {
      const string = `a${String.fromCharCode(unit)}`;
      expect(jsonString(string)).toBe(JSON.stringify(string));
    }
  });
});

describe('what JSON cannot say', () => {
  it('is made to fit or left out (D-56)', () => {
    class Point {
      x = 1;
      toJSON(): string {
        return 'never called';
      }
    }
    const value = {
      date: new Date(0),
      noDate: new Date(Number.NaN),
      small: 10n,
      large: 2n ** 64n,
      negativeZero: -0,
      nan: Number.NaN,
      infinite: Number.POSITIVE_INFINITY,
      none: undefined,
      call: () => 1,
      symbol: Symbol('s'),
      map: new Map<unknown, unknown>([
        ['a', 1],
        [2, 'left out'],
        ['b', new Map()],
      ]),
      set: new Set([1]),
      list: [undefined, Number.NaN, () => 1, 1n, new Date(0)],
      point: new Point(),
      bare: Object.assign(Object.create(null), { a: 1 }),
      ['__proto__']: 'own',
    };
    expect(text(value)).toBe(
      '{"date":"1970-01-01T00:00:00.000Z","small":10,"large":"18446744073709551616","negativeZero":0,' +
        '"map":{"a":1,"b":{}},"set":{},"list":[null,null,null,1,"1970-01-01T00:00:00.000Z"],"point":{"x":1},"bare":{"a":1},' +
        '"__proto__":"own"}',
    );
    expect(text(undefined)).toBe('null');
  });

  it('is refused when it is too deep, contains itself, is too large, or cannot be read; nothing is thrown (D-56)', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
    expect(text(nested(JSON_MAX_DEPTH))).toHaveLength(JSON_MAX_DEPTH * 6 + 1);
    expect(safeJson(nested(JSON_MAX_DEPTH + 1))).toEqual({ problem: 'too-deep' });
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const map = new Map<string, unknown>();
    map.set('self', map);
    for (const value of [cycle, map]) expect(safeJson(value)).toEqual({ problem: 'too-deep' });
    expect(safeJson('x'.repeat(1_048_577))).toEqual({ problem: 'too-large' });
    expect(safeJson(new Array(1_000_000).fill(1))).toEqual({ problem: 'too-large' });
    const throwing = {
      get a() {
        throw new Error('no');
      },
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [throwing, proxy, { inner: proxy }]) expect(safeJson(value)).toEqual({ problem: 'unreadable' });
  });
});

describe('a filter', () => {
  it('sees the top level alone, and changes or removes what it wants', () => {
    const seen: string[] = [];
    const json = safeJson({ a: 1, b: { a: 2 }, c: 3 }, (name, value) => {
      seen.push(name);
      return name === 'a' ? undefined : name === 'c' ? 'changed' : value;
    });
    expect(json).toEqual({ text: '{"b":{"a":2},"c":"changed"}' });
    expect(seen).toEqual(['a', 'b', 'c']);
  });
});
