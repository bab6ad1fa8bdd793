import { describe, expect, it } from 'vitest';
import { canonicalJson, compareUtf8 } from '../../../src/internal/canonical-json.ts';

describe('canonicalJson', () => {
  it('is compact and sorts members at every depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: true })).toBe('{"a":true,"b":[{"c":null,"d":1}]}');
  });

  it('escapes what HTML and JavaScript would misread, in values and in names', () => {
    expect(canonicalJson({ '<k>': 'a&b\u2028\u2029' })).toBe('{"\\u003ck\\u003e":"a\\u0026b\\u2028\\u2029"}');
  });

  it('uses the short escapes of JSON and leaves the rest as UTF-8', () => {
    expect(canonicalJson('"\\\n\r\t\b\f\u0001é€😀\u007f')).toBe('"\\"\\\\\\n\\r\\t\\b\\f\\u0001é€😀\u007f"');
  });

  it('writes a lone surrogate as U+FFFD and keeps pairs', () => {
    expect(canonicalJson('\ud800a\udc00😀')).toBe('"\ufffda\ufffd😀"');
  });

  it('writes numbers in their shortest form, with the exponent borders of ECMAScript, and keeps -0', () => {
    const numbers = [0, -0, 1, 1.5, 1e21, 1e20, 1e-6, 1e-7, Number('12345678901234567890')];
    expect(canonicalJson(numbers)).toBe('[0,-0,1,1.5,1e+21,100000000000000000000,0.000001,1e-7,12345678901234567000]');
  });

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it('writes members named like those of Object.prototype', () => {
    const value: unknown = JSON.parse('{"constructor":1,"__proto__":{"toString":2}}');
    expect(canonicalJson(value)).toBe('{"__proto__":{"toString":2},"constructor":1}');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1])('refuses %s, which JSON cannot say', (value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError);
  });
});

describe('compareUtf8', () => {
  it('orders as the bytes do, where UTF-16 code units order differently', () => {
    const texts = ['\uff5e', '😀', 'a', '', 'ab', '\ue000', 'é', '𐀀'];
    const byBytes = [...texts].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    expect([...texts].sort(compareUtf8)).toEqual(byBytes);
    expect([...texts].sort()).not.toEqual(byBytes);
  });
});
