import { describe, expect, it } from 'vitest';
import { TokenKind } from '../../../../src/flags/query/token.ts';
import { doubleValue, listValue, longValue, parseInt64, stringText } from '../../../../src/flags/query/values.ts';

describe('integers', () => {
  it('keeps every digit of an int64', () => {
    expect(parseInt64('9007199254740993')).toBe(9007199254740993n);
    expect(longValue('9223372036854775807')).toEqual({ kind: 'int', value: 9223372036854775807n });
    expect(longValue('-9223372036854775808')).toEqual({ kind: 'int', value: -9223372036854775808n });
    expect(longValue('-0')).toEqual({ kind: 'int', value: 0n });
  });

  it('is invalid one beyond an int64 on either side, and far beyond without converting it', () => {
    expect(longValue('9223372036854775808').kind).toBe('invalid');
    expect(longValue('-9223372036854775809').kind).toBe('invalid');
    expect(longValue('9'.repeat(1_000_000))).toEqual({
      kind: 'invalid',
      problem: `${'9'.repeat(32)}… is out of the range of an int64`,
    });
  });
});

describe('doubles', () => {
  it('takes the nearest double', () => {
    expect(doubleValue('0.1')).toEqual({ kind: 'float', value: 0.1 });
    expect(doubleValue('-2.50e3')).toEqual({ kind: 'float', value: -2500 });
    expect(doubleValue('1.7976931348623157e308')).toEqual({ kind: 'float', value: Number.MAX_VALUE });
  });

  it('underflows to zero, and is missing when it overflows', () => {
    expect(doubleValue('1.0e-999')).toEqual({ kind: 'float', value: 0 });
    expect(doubleValue('1.0e999')).toEqual({ kind: 'nothing' });
    expect(doubleValue('-1.0e999')).toEqual({ kind: 'nothing' });
  });
});

describe('strings', () => {
  it('leaves escapes as they are written', () => {
    expect(stringText('"a\\n\\"b"')).toBe('a\\n\\"b');
    expect(stringText('""')).toBe('');
  });
});

describe('lists', () => {
  it('holds items of one type', () => {
    expect(listValue(TokenKind.INT, ['1', '2'])).toEqual({ kind: 'ints', items: [1n, 2n] });
    expect(listValue(TokenKind.DOUBLE, ['1.0', '-2.5'])).toEqual({ kind: 'floats', items: [1, -2.5] });
    expect(listValue(TokenKind.STRING, ['"a"', '""'])).toEqual({ kind: 'strings', items: ['a', ''] });
  });

  it('aborts on a missing item', () => {
    expect(listValue(TokenKind.STRING, ['"a"', undefined])).toEqual({
      kind: 'abort',
      problem: 'item 2 of the list is missing',
    });
  });

  it('is invalid with an item out of range, and the first faulty item decides', () => {
    expect(listValue(TokenKind.INT, ['1', '9223372036854775808', undefined]).kind).toBe('invalid');
    expect(listValue(TokenKind.DOUBLE, ['1.0e999']).kind).toBe('invalid');
    expect(listValue(TokenKind.INT, [undefined, '9223372036854775808']).kind).toBe('abort');
  });
});
