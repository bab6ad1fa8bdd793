import { describe, expect, it } from 'vitest';
import {
  MAX_FLAGS,
  MAX_NESTING,
  nesting,
  parseEnvelope,
  readEnvelope,
} from '../../../../src/flags/compile/envelope.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseEnvelope(encode(text));

function code(call: () => unknown): unknown {
  try {
    call();
  } catch (caught) {
    return (caught as { code?: unknown }).code;
  }
  return 'fine';
}

describe('a configuration', () => {
  it('holds flags and enrichment, other members do not matter', () => {
    expect(parse('{"flags":{"a":{}},"evaluationContextEnrichment":{"env":"prod"},"extra":[1]}')).toEqual({
      flags: { a: {} },
      enrichment: { env: 'prod' },
      suspicious: false,
    });
  });

  it('may lack flags, enrichment, or both', () => {
    expect(parse('{}')).toEqual({ flags: {}, enrichment: {}, suspicious: false });
    expect(parse('{"evaluationContextEnrichment":null}').enrichment).toEqual({});
  });

  it('may be indented, and begin with a byte order mark', () => {
    expect(parse('\ufeff \n{ "flags" : { } }\n').flags).toEqual({});
  });

  it('is suspicious when it carries members of an error answer', () => {
    expect(parse('{"errorDetails":"x"}').suspicious).toBe(true);
    expect(parse('{"message":null}').suspicious).toBe(true);
    expect(parse('{"flags":{"message":{}}}').suspicious).toBe(false);
  });

  it('keeps flags named like members of Object.prototype', () => {
    const { flags } = parse('{"flags":{"__proto__":{"disable":true},"constructor":{}}}');
    expect(Object.keys(flags)).toEqual(['__proto__', 'constructor']);
  });

  it('has no members from a prototype', () => {
    expect(readEnvelope(Object.create({ errorCode: 'X', flags: 7, message: 'x' }))).toEqual({
      flags: {},
      enrichment: {},
      suspicious: false,
    });
  });
});

describe('INVALID_BODY', () => {
  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><html></html>'],
    ['a document that breaks off', '{"flags":{"a":{"variations":{'],
    ['something behind the document', '{} {}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['text', '"flags"'],
    ['an error code', '{"errorCode":"UNAUTHORIZED","flags":{"a":{}}}'],
    ['an error code of null', '{"errorCode":null}'],
    ['flags that are null', '{"flags":null}'],
    ['flags that are an array', '{"flags":[]}'],
    ['flags that are text', '{"flags":"none"}'],
    ['an enrichment that is an array', '{"evaluationContextEnrichment":[]}'],
    ['an enrichment that is text', '{"evaluationContextEnrichment":"x"}'],
    ['an enrichment that is false', '{"flags":{},"evaluationContextEnrichment":false}'],
  ])('is thrown for %s', (_, text) => {
    expect(code(() => parse(text))).toBe('INVALID_BODY');
  });

  it('says what is wrong and what to check', () => {
    expect(() => parse('{"flags":[]}')).toThrow('`flags` is not an object; check that the endpoint is a relay');
    expect(() => parse('{oops}')).toThrow('the configuration is not JSON: ');
  });

  it('is thrown for nesting beyond 64 levels, before anything is parsed', () => {
    const nested = (depth: number) => `{"flags":{"a":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}`;
    expect(code(() => parse(nested(MAX_NESTING)))).toBe('fine');
    expect(code(() => parse(nested(MAX_NESTING + 1)))).toBe('INVALID_BODY');
    expect(() => parse('['.repeat(1_000_000))).toThrow('nests more than 64 levels');
  });
});

describe('a document that a program built', () => {
  const holding = (value: unknown) => ({ flags: { a: { variations: { x: value } } } });

  it('may hold undefined where JSON has nothing', () => {
    expect(code(() => readEnvelope(holding(undefined)))).toBe('fine');
  });

  it.each([[1n], [() => 1], [Symbol('x')], [[{ deep: 1n }]]])('is refused when JSON cannot say it: %o', (value) => {
    expect(code(() => readEnvelope(holding(value)))).toBe('INVALID_BODY');
  });

  it('is refused when it contains itself, or nests beyond what recursion bears', () => {
    const cycle: Record<string, unknown> = {};
    Object.assign(cycle, { one: cycle, two: [cycle, cycle] });
    expect(code(() => readEnvelope(holding(cycle)))).toBe('INVALID_BODY');
    const nested = (depth: number) => {
      let value: unknown = 1;
      for (let i = 0; i < depth; i++) value = [value];
      return value;
    };
    expect(code(() => readEnvelope(holding(nested(500))))).toBe('fine');
    expect(() => readEnvelope(holding(nested(100_000)))).toThrow('nests more than 512 levels, or contains itself');
  });
});

describe('CONFIGURATION_TOO_LARGE', () => {
  it('is thrown for more than 50,000 flags, with the count', () => {
    const flags = (count: number) => ({
      flags: Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, {}])),
    });
    expect(code(() => readEnvelope(flags(MAX_FLAGS)))).toBe('fine');
    expect(() => readEnvelope(flags(MAX_FLAGS + 1))).toThrow(
      expect.objectContaining({
        code: 'CONFIGURATION_TOO_LARGE',
        text: expect.stringContaining('50001 flags, more than 50000'),
      }),
    );
  });
});

describe('nesting', () => {
  it.each([
    ['', 0],
    ['1', 0],
    ['{}', 1],
    ['[{"a":[]}]', 3],
    ['[[],[[]],[]]', 3],
    ['"[[["', 0],
    [String.raw`["\"[[[", []]`, 2],
    [String.raw`["\\", [[]]]`, 3],
    [String.raw`["\\\"[[[[", 1]`, 1],
    [String.raw`{"a\u005b":"{{{"}`, 1],
    ['["é[日本{", [1]]', 2],
    ['["never closed [[[', 1],
    [String.raw`["ends in an escape\ `.trim(), 1],
    ['[[[', 3],
    [']]]', 0],
    [']]][[', 0],
    ['[}]{', 1],
  ])('of %j is %i', (text, depth) => {
    expect(nesting(encode(text))).toBe(depth);
  });

  it('is counted in one pass, for 64 MB of brackets', () => {
    expect(nesting(new Uint8Array(64_000_000).fill(0x5b))).toBe(64_000_000);
  });
});
