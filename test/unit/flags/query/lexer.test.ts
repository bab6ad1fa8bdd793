import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenize } from '../../../../src/flags/query/lexer.ts';
import { TokenKind } from '../../../../src/flags/query/token.ts';
import { showTokens } from './show.ts';

describe('tokens of an ordinary query', () => {
  it('splits a query into names, single spaces, operators and literals', () => {
    expect(showTokens('user.plan eq "gold"')).toBe('ATTR<user> DOT ATTR<plan> SP EQ<eq> SP STRING<"gold">');
    expect(showTokens('(x in [1, 2])')).toBe('LP ATTR<x> SP IN<in> SP LB INT<1> COMMA INT<2> RB RP');
  });

  it('makes one token of each space, but lets a comma take all spaces behind it', () => {
    expect(showTokens('x  y')).toBe('ATTR<x> SP SP ATTR<y>');
    expect(showTokens('1,   2')).toBe('INT<1> COMMA INT<2>');
    expect(showTokens('1 ,2')).toBe('INT<1> SP COMMA INT<2>');
  });

  it('reserves keywords in exactly the listed spellings', () => {
    expect(showTokens('pr not NOT and or')).toBe('PR<pr> SP NOT<not> SP NOT<NOT> SP LOG<and> SP LOG<or>');
    expect(showTokens('true false null')).toBe('BOOL<true> SP BOOL<false> SP NULL<null>');
    expect(showTokens('IN in EQ eq NE ne GT gt')).toBe(
      'IN<IN> SP IN<in> SP EQ<EQ> SP EQ<eq> SP NE<NE> SP NE<ne> SP GT<GT> SP GT<gt>',
    );
    expect(showTokens('LT lt GE ge LE le')).toBe('LT<LT> SP LT<lt> SP GE<GE> SP GE<ge> SP LE<LE> SP LE<le>');
    expect(showTokens('CO co SW sw EW ew')).toBe('CO<CO> SP CO<co> SP SW<SW> SP SW<sw> SP EW<EW> SP EW<ew>');
    for (const name of ['order', 'Eq', 'AND', 'OR', 'True', 'NULL', 'PR', 'Not', 'pr2', 'in_', 'eq:', 'not-']) {
      expect(showTokens(name)).toBe(`ATTR<${name}>`);
    }
  });

  it('takes the longer of two symbols', () => {
    expect(showTokens('== != > >= < <=')).toBe('EQ<==> SP NE<!=> SP GT<>> SP GE<>=> SP LT<<> SP LE<<=>');
    expect(showTokens('>==')).toBe('GE<>=>');
  });

  it('lets attribute names hold dash, underscore, colon and digits, but not begin with them', () => {
    expect(showTokens('a-b_c:9')).toBe('ATTR<a-b_c:9>');
    expect(showTokens('_a')).toBe('ATTR<a>');
    expect(showTokens('9a')).toBe('INT<9> ATTR<a>');
  });

  it('knows the line feed as a token, though trimming leaves none', () => {
    expect(showTokens('x\ny')).toBe('ATTR<x> NEWLINE ATTR<y>');
  });
});

describe('numbers', () => {
  it.each([
    ['0', 'INT<0>'],
    ['01', 'INT<0> INT<1>'],
    ['-5', 'DASH INT<5>'],
    ['-5.5', 'DOUBLE<-5.5>'],
    ['-01.5', 'DASH INT<0> DOUBLE<1.5>'],
    ['1.', 'INT<1> DOT'],
    ['-1.', 'DASH INT<1> DOT'],
    ['.5', 'DOT INT<5>'],
    ['1.02.3', 'DOUBLE<1.02> DOT INT<3>'],
    ['1.2.', 'DOUBLE<1.2> DOT'],
    ['-1.2.3', 'DOUBLE<-1.2> DOT INT<3>'],
    ['1.50', 'DOUBLE<1.50>'],
    ['1.0e5', 'DOUBLE<1.0e5>'],
    ['1.0E+5', 'DOUBLE<1.0E+5>'],
    ['1.0e-50', 'DOUBLE<1.0e-50>'],
    ['1.0e05', 'DOUBLE<1.0e0> INT<5>'],
    ['1.0e', 'DOUBLE<1.0> ATTR<e>'],
    ['1.0e+', 'DOUBLE<1.0> ATTR<e>'],
  ])('reads %s as %s', (text, tokens) => {
    expect(showTokens(text)).toBe(tokens);
  });

  it('makes a token of an exponent alone only where no attribute name is as long', () => {
    expect(showTokens('1e+5')).toBe('INT<1> EXP<e+5>');
    expect(showTokens('E+10')).toBe('EXP<E+10>');
    expect(showTokens('e+05')).toBe('EXP<e+0> INT<5>');
    expect(showTokens('1e5')).toBe('INT<1> ATTR<e5>');
    expect(showTokens('1e-5')).toBe('INT<1> ATTR<e-5>');
    expect(showTokens('e+')).toBe('ATTR<e>');
    expect(showTokens('ee+5')).toBe('ATTR<ee> INT<5>');
  });
});

describe('versions', () => {
  it.each([
    ['1.2.3', 'VERSION<1.2.3>'],
    ['0.0.0', 'VERSION<0.0.0>'],
    ['1.2.03', 'VERSION<1.2.0> INT<3>'],
    ['1.2.3.4', 'VERSION<1.2.3> DOT INT<4>'],
    ['1.2.3-', 'VERSION<1.2.3> DASH'],
    ['1.2.3-01', 'VERSION<1.2.3-0> INT<1>'],
    ['1.2.3-0', 'VERSION<1.2.3-0>'],
    ['1.2.3-01a', 'VERSION<1.2.3-01a>'],
    ['1.2.3-rc.1', 'VERSION<1.2.3-rc.1>'],
    ['1.2.3-rc.', 'VERSION<1.2.3-rc> DOT'],
    ['1.2.3-a.01.b', 'VERSION<1.2.3-a.0> INT<1> DOT ATTR<b>'],
    ['1.2.3--', 'VERSION<1.2.3-->'],
    ['1.2.3+', 'VERSION<1.2.3>'],
    ['1.2.3+001', 'VERSION<1.2.3+001>'],
    ['1.2.3-a+b.c', 'VERSION<1.2.3-a+b.c>'],
    ['1.2.3+a..b', 'VERSION<1.2.3+a> DOT DOT ATTR<b>'],
    ['1.2.3-01+b', 'VERSION<1.2.3-0> INT<1> ATTR<b>'],
  ])('takes the longest valid prefix of %s', (text, tokens) => {
    expect(showTokens(text)).toBe(tokens);
  });
});

describe('strings', () => {
  it('runs to the closing quote over escapes, line feeds and any character', () => {
    expect(showTokens('"a\\"b"')).toBe('STRING<"a\\"b">');
    expect(showTokens('"\\\\"')).toBe('STRING<"\\\\">');
    expect(showTokens('"\\/\\b\\f\\n\\r\\t\\u00e9"')).toBe('STRING<"\\/\\b\\f\\n\\r\\t\\u00e9">');
    expect(showTokens('"a\tb\né😀" x')).toBe('STRING<"a\tb\né😀"> SP ATTR<x>');
  });

  it('drops everything behind an unterminated quote', () => {
    expect(showTokens('x "abc and y eq 1')).toBe('ATTR<x> SP');
    expect(showTokens('x "abc\\')).toBe('ATTR<x> SP');
    expect(showTokens('x "abc\\u00')).toBe('ATTR<x> SP');
  });

  it('drops through the character that spoils an escape and goes on right behind it', () => {
    expect(showTokens('"a\\qb')).toBe('ATTR<b>');
    expect(showTokens('"\\u12G4')).toBe('INT<4>');
    expect(showTokens('"\\😀x')).toBe('ATTR<x>');
    expect(showTokens('"\\u😀x')).toBe('ATTR<x>');
  });
});

describe('characters that begin no token', () => {
  it('drops a lone = or ! together with the character behind it', () => {
    expect(showTokens('x = y')).toBe('ATTR<x> SP ATTR<y>');
    expect(showTokens('=x')).toBe('');
    expect(showTokens('!😀x')).toBe('ATTR<x>');
    expect(showTokens('===x')).toBe('EQ<==>');
    expect(showTokens('x =')).toBe('ATTR<x> SP');
  });

  it('drops any other unknown character alone', () => {
    expect(showTokens("a\tb\rc'd&e+f_")).toBe('ATTR<a> ATTR<b> ATTR<c> ATTR<d> ATTR<e> ATTR<f_>');
    expect(showTokens('é1😀2{3}\u00a04\ufeff')).toBe('INT<1> INT<2> INT<3> INT<4>');
    expect(showTokens('x\ud800y\udc00')).toBe('ATTR<x> ATTR<y>');
  });

  it('tells where the first of them was', () => {
    expect(tokenize('x eq 1').droppedAt).toBe(-1);
    expect(tokenize("x eq 'a'").droppedAt).toBe(5);
  });
});

describe('any text', () => {
  it('yields tokens in order that never overlap, and two ends of text', () => {
    const fragment = fc.constantFrom('"', '\\', 'u', '0', '1', '.', '-', '+', 'e', ' ', ',', '=', '!', 'é', '😀', 'or');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fragment).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (query) => {
        const { kinds, starts, ends } = tokenize(query);
        let at = 0;
        for (const [i, start] of starts.entries()) {
          expect(start).toBeGreaterThanOrEqual(at);
          at = ends[i] ?? -1;
          expect(at > start || kinds[i] === TokenKind.EOF).toBe(true);
        }
        expect(at).toBe(query.length);
        expect(kinds.slice(-2)).toEqual([TokenKind.EOF, TokenKind.EOF]);
        expect(kinds.indexOf(TokenKind.EOF)).toBe(kinds.length - 2);
      }),
    );
  });
});
