import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lowerCase } from '../../../../src/flags/query/lower-case.ts';
import { flagOf, KernelRig } from '../../wasm/support/kernel-rig.ts';

const file = new URL('../../../conformance/vectors/unicode15-simple-lower.txt', import.meta.url);
const pairs = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ').map((hex) => String.fromCodePoint(parseInt(hex, 16))) as [string, string]);
const table = new Map(pairs);

const CHUNK = 512;
const LAST = 0x10_ffff;

/** All code points but surrogates, and but those a query literal cannot hold, in chunks. */
function* allText(): Generator<string> {
  for (let first = 0; first <= LAST; first += CHUNK) {
    let text = '';
    for (let code = first; code < first + CHUNK && code <= LAST; code++) {
      if ((code < 0xd800 || code > 0xdfff) && code !== 0x22 && code !== 0x5c && code !== 0x0a)
        text += String.fromCodePoint(code);
    }
    if (text !== '') yield text;
  }
}

const published = (text: string) => Array.from(text, (character) => table.get(character) ?? character).join('');

describe('lowerCase', () => {
  it('lowers all 1,433 letters of the published table', () => {
    expect(pairs).toHaveLength(1_433);
    expect(table.size).toBe(1_433);
    for (const [upper, lower] of pairs) expect(lowerCase(upper), upper).toBe(lower);
  });

  it('changes nothing else among all code points', () => {
    for (const text of allText()) {
      if (lowerCase(text) !== published(text)) expect.fail(`from U+${text.codePointAt(0)?.toString(16)}`);
    }
    expect(lowerCase('"\\\n')).toBe('"\\\n');
  });

  it('knows no context: Σ is σ also at the end of a word, İ loses its dot, ß stays and ẞ becomes it', () => {
    expect(lowerCase('ΟΔΟΣ')).toBe('οδοσ');
    expect(lowerCase('İSTANBUL')).toBe('istanbul');
    expect(lowerCase('STRAẞE ß')).toBe('straße ß');
  });

  it('leaves letters younger than Unicode 15 alone', () => {
    for (const code of [0x1c89, 0xa7cb, 0xa7cc, 0xa7da, 0xa7dc, 0x10d50, 0x16ea0]) {
      expect(lowerCase(String.fromCodePoint(code))).toBe(String.fromCodePoint(code));
    }
  });

  it('leaves lone surrogates alone', () => {
    expect(lowerCase('A\ud800B')).toBe('a\ud800b');
  });
});

describe('the guest', () => {
  it('lowers every code point as the compiler does', () => {
    const texts = [...allText()];
    const rig = new KernelRig(Object.fromEntries(texts.map((text, i) => [`chunk-${i}`, flagOf(`x eq "${text}"`)])));
    for (const [i, text] of texts.entries()) {
      if (rig.raw(`chunk-${i}`, { x: text }).variation !== 'on')
        expect.fail(`from U+${text.codePointAt(0)?.toString(16)}`);
    }
  });

  it('finds each upper-case letter equal to its lower-case one, both ways', () => {
    const upper = pairs.map(([letter]) => letter).join('');
    const lower = pairs.map(([, letter]) => letter).join('');
    const rig = new KernelRig({ upper: flagOf(`x eq "${upper}"`), lower: flagOf(`x eq "${lower}"`) });
    for (const flag of ['upper', 'lower']) {
      for (const x of [upper, lower]) expect(rig.raw(flag, { x }).variation).toBe('on');
      expect(rig.raw(flag, { x: `${upper}a` }).variation).toBe('off');
    }
  });
});
