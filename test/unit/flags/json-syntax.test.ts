import { describe, expect, it } from 'vitest';
import { findJsonSyntaxError } from '../../../src/flags/json-syntax.ts';

describe('findJsonSyntaxError', () => {
  it.each(['null', ' [1, -0.5e+3, true, {"a": "\\u00e9\\n", "b": {}}, []] ', '"\u2028"', '0'])('passes %s', (text) => {
    expect(findJsonSyntaxError(text)).toBeUndefined();
  });

  it.each([
    ['', 'unexpected end of JSON input', 0],
    ['{"a":1', 'unexpected end of JSON input', 6],
    ['{"a":tru', 'unexpected end of JSON input', 8],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string", 7],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1],
    ['{"a" 1}', "invalid character '1' after object key", 5],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair", 7],
    ['[1 2]', "invalid character '2' after array element", 3],
    ['[,]', "invalid character ',' looking for beginning of value", 1],
    ["['a']", "invalid character '\\'' looking for beginning of value", 1],
    ['1 2', "invalid character '2' after top-level value", 2],
    ['01', "invalid character '1' after top-level value", 1],
    ['"a\nb"', "invalid character '\\n' in string literal", 2],
    ['"\x01"', "invalid character '\\x01' in string literal", 1],
    ['"\\x"', "invalid character 'x' in string escape code", 2],
    ['"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape", 5],
    ['trux', "invalid character 'x' in literal true (expecting 'e')", 3],
    ['-x', "invalid character 'x' in numeric literal", 1],
    ['1.x', "invalid character 'x' after decimal point in numeric literal", 2],
    ['1e+x', "invalid character 'x' in exponent of numeric literal", 3],
  ])('finds what is wrong with %j', (text, message, offset) => {
    expect(findJsonSyntaxError(text)).toEqual({ message, offset });
    expect(() => JSON.parse(text)).toThrow();
  });

  it('survives any nesting', () => {
    expect(findJsonSyntaxError(`${'['.repeat(9_000)}${']'.repeat(9_000)}`)).toBeUndefined();
    expect(findJsonSyntaxError('['.repeat(1_000_000))).toEqual({ message: 'exceeded max depth', offset: 10_000 });
  });
});
