import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_QUERY_DEPTH, parseQuery, QueryTooDeep, trimQuery } from '../../../../src/flags/query/parser.ts';
import { showQuery } from './show.ts';

describe('trimming', () => {
  it('takes the leading spaces of every line and joins the lines with nothing', () => {
    expect(trimQuery('  a eq 1\n   and b eq 2')).toBe('a eq 1and b eq 2');
    expect(trimQuery('a eq 1 \n and b eq 2')).toBe('a eq 1 and b eq 2');
    expect(trimQuery('x eq "a\n   b"')).toBe('x eq "ab"');
  });

  it('takes spaces only: tabs, carriage returns and trailing spaces stay', () => {
    expect(trimQuery(' \t a\r\n b ')).toBe('\t a\rb ');
  });

  it('leaves nothing of a text without content', () => {
    expect(trimQuery('')).toBe('');
    expect(trimQuery('  \n\n   ')).toBe('');
  });
});

describe('well-formed queries', () => {
  it.each([
    ['x eq 1', 'x eq int:1'],
    ['x eq -1', 'x eq int:-1'],
    ['x ne 1.5', 'x ne float:1.5'],
    ['x == "A"', 'x eq string:A'],
    ['x != true', 'x ne bool:true'],
    ['x EQ null', 'x eq null'],
    ['x >= 1.2.3-rc.1', 'x ge version:1.2.3-rc.1'],
    ['a.b.c pr', 'a.b.c pr'],
    ['x in [1, 2]', 'x in ints:1|2'],
    ['x IN ["a","b"]', 'x in strings:a|b'],
    ['x in [1.5,-2.5]', 'x in floats:1.5|-2.5'],
    ['not (x eq 1)', 'not (x eq int:1)'],
    ['NOT( x eq 1 )', 'not (x eq int:1)'],
    ['((x pr))', '((x pr))'],
  ])('parses %s', (query, tree) => {
    expect(showQuery(query)).toBe(tree);
  });

  it('gives and and or one precedence, in the order they are written', () => {
    expect(showQuery('a pr or b pr and c pr')).toBe('[a pr or b pr and c pr]');
    expect(showQuery('a pr and (b pr or not (c pr)) or d pr')).toBe('[a pr and ([b pr or not (c pr)]) or d pr]');
  });

  it('keeps escapes, reads 64-bit integers exactly and decides out-of-range literals', () => {
    expect(showQuery('x eq "a\\nb"')).toBe('x eq string:a\\nb');
    expect(showQuery('x eq 9007199254740993')).toBe('x eq int:9007199254740993');
    expect(showQuery('x eq -9223372036854775808')).toBe('x eq int:-9223372036854775808');
    expect(showQuery('x eq 9223372036854775808')).toBe('x eq invalid');
    expect(showQuery('x eq 1.0e999')).toBe('x eq nothing');
    expect(showQuery('x co 1.0e999')).toBe('x co invalid');
    expect(showQuery('x in [1,9223372036854775808]')).toBe('x in invalid');
  });
});

describe('what is ignored', () => {
  it.each([
    ['x eq 1 AND y eq 2', 'x eq int:1'],
    ['x eq 1 garbage', 'x eq int:1'],
    ['x eq 1)', 'x eq int:1'],
    ['x eq 1  and y eq 2', 'x eq int:1'],
    ['(x eq 1)and (y eq 2)', '(x eq int:1)'],
    ['a eq 1and b eq 2', 'a eq int:1'],
    ['x eq 1e5', 'x eq int:1'],
    ['x eq 01', 'x eq int:0'],
    ['x eq -1.2.3', 'x eq float:-1.2'],
  ])('stops reading %s early', (query, tree) => {
    expect(showQuery(query)).toBe(tree);
  });
});

describe('what is repaired', () => {
  it.each([
    ['(x eq 1', '(x eq int:1)'],
    [' x eq 1', '(x eq int:1)'],
    ['\t  x eq 1', '(x eq int:1)'],
    ['not x eq 1', 'not (x eq int:1)'],
    ['not x eq 1 or y eq 2', 'not ([x eq int:1 or y eq int:2])'],
    ['not not x pr', 'not (not (x pr))'],
    ['x eq  1', 'x eq int:1'],
    ['x ==1', 'x eq int:1'],
    ['x eq"a"', 'x eq string:a'],
    ['x eq 1 and(y eq 2)', '[x eq int:1 and (y eq int:2)]'],
    ['x eq 1 and y eq 2)', '[x eq int:1 and y eq int:2]'],
    ['(x eq 1 not)', 'not (x eq int:1)'],
    ['(x eq 1) not', '(x eq int:1)'],
    ['(x eq 1 and y pr', '([x eq int:1 and y pr])'],
    [')x pr', 'x pr'],
    ['"s"x pr', 'x pr'],
    ['x eq - 5', 'x eq invalid'],
    ['x eq -', 'x eq invalid'],
    ['x eq 1e+5', 'x eq invalid'],
    ['x eq -\t5', 'x eq int:-5'],
  ])('reads %s as %s', (query, tree) => {
    expect(showQuery(query)).toBe(tree);
  });

  it('takes of a malformed list what recovery leaves in it', () => {
    expect(showQuery('x in [1 ,2]')).toBe('x in ints:1');
    expect(showQuery('x in [1,,2]')).toBe('x in ints:1|2');
    expect(showQuery('x in [1,-2]')).toBe('x in ints:1|2');
    expect(showQuery('x in [1')).toBe('x in ints:1');
    expect(showQuery('x in [1,]')).toBe('x in abort');
    expect(showQuery('x in [1,]]2')).toBe('x in ints:1|2');
    expect(showQuery('x in [1,] and y pr')).toBe('[x in abort and y pr]');
    expect(showQuery('(x in [1) or y pr')).toBe('[(x in ints:1) or y pr]');
  });
});

describe('what is lost', () => {
  it.each([
    [''],
    ['x'],
    ['x  eq 1'],
    ['x==1'],
    ['1 eq x'],
    ['a..b pr'],
    ['a. pr'],
    ['x AND 1'],
    ['in pr'],
    ['or eq 1'],
    ['(()'],
    ['foo and y eq 2'],
  ])('makes nothing of %s', (query) => {
    expect(showQuery(query)).toMatch(/^(BAD|\(*BAD\)*)$/);
  });

  it.each([['[-1]'], ['[]'], ['[ 1]'], ['[1.2.3]'], ['[a]'], ['a'], [','], ['   1'], ['']])(
    'keeps the comparison but no value for x in %s',
    (value) => {
      expect(showQuery(`x in ${value}`)).toBe('x in abort');
    },
  );

  it('ends a list of mixed types at the first item of another type', () => {
    expect(showQuery('x in [1.0,2]')).toBe('x in abort');
    expect(showQuery('x in [1,2.0]')).toBe('x in abort');
  });
});

describe('errors in the middle of a chain', () => {
  it('loses only the operand: the chain goes on at the next space', () => {
    expect(showQuery('x eq 1 or foo and y eq 2')).toBe('[x eq int:1 or BAD and y eq int:2]');
    expect(showQuery('x eq 1 or a..b and y eq 2')).toBe('[x eq int:1 or BAD and y eq int:2]');
    expect(showQuery('x eq 1 or y eq [a] or z pr')).toBe('[x eq int:1 or y eq abort or z pr]');
    expect(showQuery('x eq ] and y pr')).toBe('[x eq abort and y pr]');
  });

  it('ends the chain when the space behind and or or is missing', () => {
    expect(showQuery('x eq 1 or')).toBe('[x eq int:1 or BAD]');
    expect(showQuery('x eq 1 or.y pr or z pr')).toBe('[x eq int:1 or BAD]');
    expect(showQuery('x eq 1 and ')).toBe('[x eq int:1 and BAD]');
    expect(showQuery('(x pr or.) and y pr')).toBe('[([x pr or BAD]) and y pr]');
  });

  it('reads no chain behind a first operand that needed recovery', () => {
    expect(showQuery('(foo and y pr) and z pr')).toBe('(BAD)');
    expect(showQuery('(x eq.) and z pr')).toBe('[(x eq abort) and z pr]');
    expect(showQuery('x eq. and z pr')).toBe('x eq abort');
  });

  it('deletes a parenthesis that stands where a space is wanted, and loses the end of the group with it', () => {
    expect(showQuery('(x pr or) and y pr')).toBe('([x pr or (y pr)])');
    expect(showQuery('(x eq) and z pr')).toBe('(x eq abort)');
  });

  it('keeps the child of a parenthesis that fails to close', () => {
    expect(showQuery('(x pr foo bar')).toBe('(x pr)');
    expect(showQuery('(x pr foo not')).toBe('not (x pr)');
    expect(showQuery('y pr or (x pr foo bar and z pr')).toBe('[y pr or (x pr)]');
  });
});

describe('problems in plain words', () => {
  function problem(query: string): string | undefined {
    const node = parseQuery(query);
    if (node.kind === 'bad') return node.problem;
    if (node.kind !== 'compare') return undefined;
    return 'problem' in node.value ? node.value.problem : undefined;
  }

  it('says what was expected, where, and what stands there', () => {
    expect(problem('x ==')).toBe('expected a value at offset 4, the query ends');
    expect(problem('x  eq 1')).toBe('expected an operator at offset 2, found " "');
    expect(problem('x==1')).toBe('expected a space and an operator at offset 1, found "=="');
    expect(problem('x in [a]')).toBe('expected a number or a string at offset 6, found "a"');
    expect(problem('x eq -a')).toBe('expected an integer at offset 6, found "a"');
    expect(problem(`x eq ${'y'.repeat(99)}`)).toBe(`expected a value at offset 5, found "${'y'.repeat(24)}…"`);
  });

  it('names a skipped character in front of the error, which is often its cause', () => {
    expect(problem("x eq 'a'")).toBe(
      'expected a value at offset 6, found "a" (\' at offset 5 begins no token and was skipped)',
    );
    expect(problem('x\teq 1')).toBe(
      'expected a space and an operator at offset 2, found "eq" (U+0009 at offset 1 begins no token and was skipped)',
    );
  });
});

describe('nesting', () => {
  const nested = (depth: number): string => `${'('.repeat(depth)}x eq 1${')'.repeat(depth)}`;

  it('parses the deepest nesting allowed', () => {
    expect(showQuery(nested(MAX_QUERY_DEPTH))).toBe(nested(MAX_QUERY_DEPTH).replace('1', 'int:1'));
  });

  it('refuses one level more, with the depth in the message', () => {
    expect(() => parseQuery(nested(MAX_QUERY_DEPTH + 1))).toThrow(QueryTooDeep);
    expect(() => parseQuery(nested(1_234))).toThrow('targeting query exceeds the maximum nesting depth (1234 > 1000)');
  });

  it('counts the levels that recovery makes of not and of spaces', () => {
    expect(() => parseQuery(`${'not '.repeat(1_001)}x pr`)).toThrow(QueryTooDeep);
    expect(() => parseQuery(`x pr and${' '.repeat(2_100)}y pr`)).toThrow(QueryTooDeep);
  });

  it('does not count parentheses side by side', () => {
    const side = Array.from({ length: 3_000 }, () => '(x pr)').join(' or ');
    expect(parseQuery(side)).toMatchObject({ kind: 'chain' });
  });
});

describe('hostile sizes', () => {
  // Large enough that what is linear takes a moment, and what is not never ends.
  const SIZE = 262_144;
  const repeat = (text: string): string => text.repeat(Math.ceil(SIZE / text.length));

  it.each([
    ['unterminated string', '"', 'a'],
    ['quotes', '', '"'],
    ['escapes', '"', '\\"'],
    ['bad escapes', '', '"\\q'],
    ['digits', 'x eq ', '9'],
    ['zeros', 'x eq ', '0'],
    ['fraction', 'x eq 0.', '1'],
    ['numbers and dots', 'x eq ', '1.'],
    ['pre-release of zeros', 'x eq 1.2.3-', '0'],
    ['pre-release', '', '1.2.3-a.'],
    ['open list', 'x in [', '1,'],
    ['open lists', '', 'x in ['],
    ['list of strings', 'x in [', '"a", '],
    ['path', '', 'a.'],
    ['closing parentheses', 'x eq 1', ')'],
    ['commas', '', ', '],
    ['chain', '', 'x eq 1 and '],
    ['chain of faults', 'x pr and ', 'foo or '],
    ['chain of faulty parentheses', 'x pr and ', '(x or '],
    ['faulty parentheses', '', '(x eq 1 '],
    ['lone equals signs', '', '= '],
    ['dashes', 'x eq ', '-'],
    ['emoji', '', '😀'],
    ['exponents', '', 'e+1'],
  ])('parses 256 KiB of %s in linear time', (_, begin, unit) => {
    const root = parseQuery(begin + repeat(unit));
    expect(['bad', 'compare', 'chain', 'paren', 'present']).toContain(root.kind);
  });

  it.each([['('], ['not '], ['() '], ['not('], ['x pr and (']])('refuses 256 KiB of %s as too deep', (unit) => {
    expect(() => parseQuery(repeat(unit))).toThrow(QueryTooDeep);
  });

  it('keeps a chain of a hundred thousand conditions flat', () => {
    const query = Array.from({ length: 100_000 }, (_, i) => `x eq ${i}`).join(' or ');
    const root = parseQuery(query);
    expect(root.kind === 'chain' && root.terms.length).toBe(100_000);
    expect(root.kind === 'chain' && root.terms[99_999]).toMatchObject({ value: { kind: 'int', value: 99_999n } });
  });

  it('keeps a list of a hundred thousand items', () => {
    const root = parseQuery(`x in [${Array.from({ length: 100_000 }, (_, i) => i).join(',')}]`);
    expect(root.kind === 'compare' && root.value.kind === 'ints' && root.value.items.at(-1)).toBe(99_999n);
  });
});

describe('any text', () => {
  it('parses without throwing', () => {
    const words = ['(', ')', 'not', 'and', 'or', 'x', 'eq', 'pr', '1', '1.5', '"a"', '[', ']', ',', ' ', ' ', '-', '.'];
    const query = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(query, fc.string({ unit: 'binary' })), (text) => {
        expect(showQuery(text)).not.toBe('');
      }),
      { numRuns: 1_000 },
    );
  });
});
