import { describe, expect, it } from 'vitest';
import { validateQuery } from '../../../../src/flags/query/validate-query.ts';

describe('queries the relay accepts', () => {
  it.each([
    ['x eq 1'],
    ['a.b.c.d eq "x" or a.b pr'],
    ['not (x in ["a"])'],
    ['x eq null and y ne null'],
    ['x eq 1.0e999'],
    ['x ge 1.2.3'],
    ['x eq 1 AND y eq'],
    ['(x eq 1'],
    ["x eq 1'"],
  ])('accepts %s', (query) => {
    expect(validateQuery(query)).toBeUndefined();
  });

  it('does not look behind what short-circuiting skips', () => {
    expect(validateQuery('x eq 1 and y gt null')).toBeUndefined();
    expect(validateQuery('x eq 1 and')).toBeUndefined();
    expect(validateQuery('x eq null or foo')).toBeUndefined();
    expect(validateQuery('x eq 1 and foo or y pr')).toBeUndefined();
  });
});

describe('queries the relay refuses', () => {
  it('refuses malformed text, naming what was expected and where', () => {
    expect(validateQuery('')).toBe('invalid query: expected a condition at offset 0, the query ends');
    expect(validateQuery('x')).toBe('invalid query: expected a space and an operator at offset 1, the query ends');
    expect(validateQuery('x eq abc')).toBe('invalid query: expected a value at offset 5, found "abc"');
    expect(validateQuery('(x pr or foo)')).toBe(
      'invalid query: expected a space and an operator at offset 12, found ")"',
    );
    expect(validateQuery('x eq 1 or')).toBe('invalid query: expected a condition at offset 9, the query ends');
    expect(validateQuery('not (x eq 1 and y eq 2) and foo')).toBe(
      'invalid query: expected a space and an operator at offset 31, the query ends',
    );
    expect(validateQuery('x in ["a",]')).toBe('invalid query: item 2 of the list is missing');
  });

  it('refuses values out of range', () => {
    expect(validateQuery('x eq 9223372036854775808')).toBe(
      'invalid query: 9223372036854775808 is out of the range of an int64',
    );
    expect(validateQuery('x in [1.0e999]')).toBe('invalid query: 1.0e999 is out of the range of a double');
    expect(validateQuery('x eq 1e+5')).toBe('invalid query: an exponent needs a decimal point, as in 1.0e5');
  });

  it('refuses operators that do not apply, though the attribute is missing', () => {
    expect(validateQuery('a.b gt null')).toBe('invalid query: gt does not apply to null (a.b gt …)');
    expect(validateQuery('x lt true')).toBe('invalid query: lt does not apply to a boolean (x lt …)');
    expect(validateQuery('x in 1.2.3')).toBe('invalid query: in does not apply to a version (x in …)');
    expect(validateQuery('y pr or x co 1')).toBe('invalid query: co does not apply to a number (x co …)');
    expect(validateQuery('x ew 1.0e999')).toBe('invalid query: ew does not apply to a number');
    expect(validateQuery('x sw [1]')).toBe('invalid query: sw does not apply to a list of numbers (x sw …)');
  });

  it('reaches the rest of a chain where the left side does not decide', () => {
    expect(validateQuery('x eq null and foo')).toMatch(/^invalid query: /);
    expect(validateQuery('x pr and foo or bar')).toMatch(/offset 19, the query ends$/);
    expect(validateQuery('not (x pr) and y gt null')).toMatch(/gt does not apply to null/);
  });

  it('refuses nesting beyond the limit', () => {
    expect(validateQuery(`${'('.repeat(2_000)}x pr`)).toBe(
      'invalid query: targeting query exceeds the maximum nesting depth (2000 > 1000)',
    );
  });
});
