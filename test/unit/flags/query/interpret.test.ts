import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../../../src/flags/query/parser.ts';
import type { Outcome } from './interpret.ts';
import { interpretFully, queryData } from './interpret.ts';

function outcome(
  query: string,
  context: Record<string, unknown> = {},
  enrichment: Record<string, unknown> = {},
): Outcome {
  return interpretFully(parseQuery(query), queryData(context, enrichment));
}

describe('logic', () => {
  it('evaluates from the left, with one precedence', () => {
    expect(outcome('x eq 1 or y eq 1 and z eq 1', { x: 1 })).toBe('false');
    expect(outcome('x eq 1 or (y eq 1 and z eq 1)', { x: 1 })).toBe('true');
  });

  it('aborts on a malformed operand only when it is reached', () => {
    expect(outcome('x eq 1 or foo', { x: 1 })).toBe('true');
    expect(outcome('x eq 1 or foo', { x: 2 })).toBe('abort');
    expect(outcome('x eq 1 and', { x: 2 })).toBe('false');
    expect(outcome('not (x eq 1 and foo)', { x: 1 })).toBe('abort');
  });

  it('makes the whole query false once an operation is invalid, even under or and not', () => {
    expect(outcome('x co 1 or y eq 1', { x: 1, y: 1 })).toBe('invalid');
    expect(outcome('not (x gt null)', { y: 1 })).toBe('invalid');
    expect(outcome('y eq 1 or x co 1', { y: 1 })).toBe('true');
  });

  it('goes on after a value that is missing', () => {
    expect(outcome('x eq 1.0e999 or y eq 1', { x: 1, y: 1 })).toBe('true');
  });
});

describe('paths', () => {
  it('keeps the left value of the comparison before when a parent is missing', () => {
    expect(outcome('x eq 1 and a.b eq 1', { x: 1 })).toBe('true');
    expect(outcome('x eq 1 and a.b eq 1', { x: 1, a: null })).toBe('true');
    expect(outcome('x eq 1 and a.b eq 1', { x: 1, a: {} })).toBe('false');
    expect(outcome('a.b pr', {})).toBe('false');
  });

  it('leaves a nil behind that makes the next path return at once', () => {
    expect(outcome('x eq 1 and a.b.c eq 1 and y eq 1', { x: 1 })).toBe('true');
    expect(outcome('a.b.c eq 1 or y eq 2', { y: 2 })).toBe('false');
    expect(outcome('a.b.c eq 1 or y eq 2 or y eq 2', { y: 2 })).toBe('true');
  });

  it('leaves a map behind in which the next path is looked up', () => {
    expect(outcome('a.b.c eq 1 or y eq 2', { a: { y: 2 } })).toBe('true');
    expect(outcome('a.b.c eq 1 or y eq 2', { a: {}, y: 2 })).toBe('false');
    expect(outcome('a.b.c eq 1 or y eq 2 or y eq 2', { a: {}, y: 2 })).toBe('true');
  });

  it('aborts on a scalar or an array in the middle', () => {
    expect(outcome('a.b eq 1 or x eq 1', { a: 1, x: 1 })).toBe('abort');
    expect(outcome('a.b eq 1 or x eq 1', { a: [], x: 1 })).toBe('abort');
  });

  it('takes __proto__ and constructor for ordinary names', () => {
    expect(outcome('constructor pr')).toBe('false');
    expect(outcome('a.constructor pr', { a: {} })).toBe('false');
    expect(outcome('a.hasOwnProperty eq 1', { a: { hasOwnProperty: 1 } })).toBe('true');
  });
});

describe('presence and null', () => {
  it('takes only null and absence for missing', () => {
    for (const value of [false, '', 0, {}, []]) expect(outcome('x pr', { x: value })).toBe('true');
    expect(outcome('x pr', { x: null })).toBe('false');
    expect(outcome('x eq null')).toBe('true');
    expect(outcome('x ne null', { x: 0 })).toBe('true');
    expect(outcome('x ne 1')).toBe('false');
  });
});

describe('integers and floats', () => {
  it('truncates a float against an integer literal, but not in a list', () => {
    expect(outcome('x eq 1', { x: 1.9 })).toBe('true');
    expect(outcome('x in [1]', { x: 1.9 })).toBe('false');
    expect(outcome('x eq -1', { x: -1.9 })).toBe('true');
  });

  it('matches an integer list only with a top-level integer of the caller', () => {
    expect(outcome('x in [1]', { x: 1 })).toBe('true');
    expect(outcome('a.x in [1]', { a: { x: 1 } })).toBe('false');
    expect(outcome('x in [1]', {}, { x: 1 })).toBe('false');
    expect(outcome('x in [1.0]', {}, { x: 1 })).toBe('true');
    expect(outcome('x eq 1', {}, { x: 1 })).toBe('true');
  });

  it('saturates out of range floats as amd64 does', () => {
    expect(outcome('x eq -9223372036854775808', { x: 1e300 })).toBe('true');
    expect(outcome('x gt 5.0', { x: 2 ** 63 })).toBe('true');
  });
});

describe('text', () => {
  it('compares without case, but in lists with it', () => {
    expect(outcome('x eq "ABC"', { x: 'abc' })).toBe('true');
    expect(outcome('x in ["ABC"]', { x: 'abc' })).toBe('false');
    expect(outcome('x co ""', { x: '' })).toBe('true');
    expect(outcome('x ew "@B.c"', { x: 'a@b.C' })).toBe('true');
    expect(outcome('x ew "aab"', { x: 'ab' })).toBe('false');
  });

  it('lowers by code point: no final sigma, no dotted i, sharp s unchanged', () => {
    expect(outcome('x eq "ΑΣ"', { x: 'ασ' })).toBe('true');
    expect(outcome('x eq "ΑΣ"', { x: 'ας' })).toBe('false');
    expect(outcome('x eq "İ"', { x: 'i' })).toBe('true');
    expect(outcome('x eq "ẞ"', { x: 'ß' })).toBe('true');
  });

  it('orders by code point, not by UTF-16 unit', () => {
    expect(outcome('x gt "\uffff"', { x: '😀' })).toBe('true');
  });
});

describe('versions', () => {
  it('compares strict semantic versions by precedence', () => {
    expect(outcome('v gt 1.9.0', { v: '1.10.0' })).toBe('true');
    expect(outcome('v gt "1.9.0"', { v: '1.10.0' })).toBe('false');
    expect(outcome('v lt 1.0.0', { v: '1.0.0-rc.1' })).toBe('true');
    expect(outcome('v lt 1.0.0-rc.10', { v: '1.0.0-rc.9' })).toBe('true');
    expect(outcome('v eq 1.0.0+b', { v: '1.0.0+a' })).toBe('true');
  });

  it('mismatches what is no version on either side', () => {
    for (const v of ['v1.0.0', '1.0', '01.0.0', '1.0.0-01', '1.0.0-', '1.0.0 ', 1]) {
      expect(outcome('v ne 2.0.0', { v })).toBe('false');
    }
    expect(outcome('v ne 2.0.99999999999999999999', { v: '1.0.0' })).toBe('false');
  });
});

describe('recomputed members', () => {
  it('recomputes key, targetingKey and anonymous, whatever the caller or enrichment say', () => {
    expect(outcome('key eq "u"', { targetingKey: 'u', key: 'mine' })).toBe('true');
    expect(outcome('targetingKey eq "u"', { targetingKey: 'u' }, { targetingKey: 'e' })).toBe('true');
    expect(outcome('targetingKey eq ""', { targetingKey: 5 })).toBe('true');
    expect(outcome('anonymous eq false', { anonymous: 'true' })).toBe('true');
    expect(outcome('anonymous eq true', {}, { anonymous: true })).toBe('true');
    expect(outcome('key.x pr', { key: { x: 1 } })).toBe('abort');
  });
});
