/** Finds where numbers, versions and escapes of a nikunjy query end (spec/flags.md §8.1): offsets in, offsets out. */

export const LETTER = 1;
export const DIGIT = 2;
/** Characters of an attribute name after its first. */
export const NAME = 4;
/** Characters of a pre-release or build identifier. */
const IDENTIFIER = 8;
const HEX = 16;

const CHARACTERS = characterTable();

/** What may follow a backslash, besides `u` and four hex digits. */
const ESCAPES = '"\\/bfnrt';
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const LOWER_U = 0x75;

/** Traits of a character; NaN (past the end) and everything beyond ASCII have none. */
export function traitsOf(code: number): number {
  return code < 128 ? (CHARACTERS[code] as number) : 0;
}

/** End of `0` or `[1-9][0-9]*` at `at`; `at` itself when there is none. */
export function integerEnd(text: string, at: number): number {
  if (text.charCodeAt(at) === ZERO) return at + 1;
  return digitsEnd(text, at);
}

function digitsEnd(text: string, at: number): number {
  let end = at;
  while (traitsOf(text.charCodeAt(end)) & DIGIT) end++;
  return end;
}

/** End of `.digits` and an exponent, where `at` is behind the integer part; 0 when there is no fraction. */
export function fractionEnd(text: string, at: number): number {
  if (text.charCodeAt(at) !== POINT) return 0;
  const fraction = digitsEnd(text, at + 1);
  if (fraction === at + 1) return 0;
  const letter = text.charCodeAt(fraction);
  if (letter !== LOWER_E && letter !== UPPER_E) return fraction;
  const sign = text.charCodeAt(fraction + 1);
  const digits = sign === PLUS || sign === MINUS ? fraction + 2 : fraction + 1;
  const exponent = integerEnd(text, digits);
  return exponent > digits ? exponent : fraction;
}

/** End of the longest version, where `at` is behind its first number; 0 when there is none. */
export function versionEnd(text: string, at: number): number {
  const minor = integerEnd(text, at + 1);
  if (minor === at + 1 || text.charCodeAt(minor) !== POINT) return 0;
  const patch = integerEnd(text, minor + 1);
  if (patch === minor + 1) return 0;
  const release = text.charCodeAt(patch) === MINUS ? identifiersEnd(text, patch, preReleaseEnd) : patch;
  return text.charCodeAt(release) === PLUS ? identifiersEnd(text, release, runEnd) : release;
}

/** End of `id(.id)*` behind the character at `at`, `at` itself when not even one identifier follows. */
function identifiersEnd(text: string, at: number, identifierEnd: (text: string, at: number) => number): number {
  let end = at;
  do {
    const next = identifierEnd(text, end + 1);
    if (next === end + 1) return end;
    end = next;
  } while (text.charCodeAt(end) === POINT);
  return end;
}

/** A run without letter or dash is a number, and a number has no leading zero: only its `0` belongs to the version. */
function preReleaseEnd(text: string, at: number): number {
  const end = runEnd(text, at);
  return digitsEnd(text, at) === end ? integerEnd(text, at) : end;
}

function runEnd(text: string, at: number): number {
  let end = at;
  while (traitsOf(text.charCodeAt(end)) & IDENTIFIER) end++;
  return end;
}

/** Offset of the character that spoils the escape whose backslash is at `at` (it may be the end of text); -1 if none. */
export function badEscape(text: string, at: number): number {
  if (text.charCodeAt(at + 1) !== LOWER_U) return ESCAPES.includes(text.charAt(at + 1) || ' ') ? -1 : at + 1;
  for (let i = at + 2; i < at + 6; i++) {
    if (!(traitsOf(text.charCodeAt(i)) & HEX)) return i;
  }
  return -1;
}

function characterTable(): Uint8Array {
  const table = new Uint8Array(128);
  const mark = (characters: string, traits: number): void => {
    for (let i = 0; i < characters.length; i++) {
      const code = characters.charCodeAt(i);
      table[code] = (table[code] ?? 0) | traits;
    }
  };
  mark('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', LETTER | NAME | IDENTIFIER);
  mark('0123456789', DIGIT | NAME | IDENTIFIER);
  mark('-', NAME | IDENTIFIER);
  mark('_:', NAME);
  mark('0123456789abcdefABCDEF', HEX);
  return table;
}
