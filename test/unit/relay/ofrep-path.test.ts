import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OFREP_ROUTE, ofrepRoute } from '../../../src/relay/ofrep-path.ts';

const segment = (key: string): string | undefined => ofrepRoute(key)?.slice(OFREP_ROUTE.length + 1);

describe('a flag key in the path (GOFF-REM-001)', () => {
  it.each([
    ['new-checkout', 'new-checkout'],
    ['AZaz09-_.~', 'AZaz09-_.~'],
    ['a$b&c+d,e:f;g=h@i', 'a$b&c+d,e:f;g=h@i'],
    ['a b', 'a%20b'],
    ['a/b', 'a%2Fb'],
    ["!*'()", '%21%2A%27%28%29'],
    ['50%', '50%25'],
    ['a%2Fb', 'a%252Fb'],
    ['a?b#c', 'a%3Fb%23c'],
    ['[x]\\|^`{}"<>', '%5Bx%5D%5C%7C%5E%60%7B%7D%22%3C%3E'],
    ['é€😀', '%C3%A9%E2%82%AC%F0%9F%98%80'],
    ['a\u0000\n\u007f', 'a%00%0A%7F'],
    ['...', '...'],
    ['.a', '.a'],
    ['__proto__', '__proto__'],
  ])('%j travels as %j', (key, expected) => {
    expect(segment(key)).toBe(expected);
  });

  it.each(['', '.', '..'])('%j would address another route, so it has none', (key) => {
    expect(ofrepRoute(key)).toBeUndefined();
  });

  it('with lone surrogates never throws: they are U+FFFD', () => {
    expect(segment('a\ud800b')).toBe('a%EF%BF%BDb');
    expect(segment('\udc00')).toBe('%EF%BF%BD');
  });

  it('decodes to the key again, whatever it is, and holds only what a path may', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
        const encoded = segment(key);
        if (encoded === undefined) return;
        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-_.~$&+,:;=@]|%[0-9A-F]{2})+$/);
        expect(decodeURIComponent(encoded)).toBe(Buffer.from(key, 'utf8').toString('utf8'));
      }),
    );
  });
});
