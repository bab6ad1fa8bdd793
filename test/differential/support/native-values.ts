/** Random texts, numbers, dates and JSON values, mostly where languages disagree about them. */

import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../../src/internal/json.ts';
import type { Random } from '../../unit/flags/jsonlogic/random-cases.ts';

/** Half a year that every evaluation of a random case happens in, long before any wall clock a test is run under. */
export const FIRST_DAY = Date.UTC(2025, 0, 1);
export const DAY_MS = 86_400_000;

/** Code points with their lower case, as recorded from Go. */
const LETTERS = readFileSync(new URL('../../conformance/vectors/unicode15-simple-lower.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ').map((hex) => Number.parseInt(hex, 16)) as [number, number]);

const TEXTS = [
  ...[
    '',
    'a',
    'A',
    'on',
    'off',
    'pro',
    'Pro',
    'user@example.com',
    'true',
    '1',
    '1.5',
    'null',
    ' ',
    'a b',
    'line\nbreak',
  ],
  ...[
    'tab\t',
    '<b>&amp;</b>',
    'quote"',
    'back\\slash',
    '\u2028\u2029',
    '\u0000\u001f\u007f',
    '\u00a0',
    '\ufeff',
    '\ufffd',
  ],
  ...[
    'é',
    'e\u0301',
    'ß',
    'ẞ',
    'İ',
    'ı',
    'ſ',
    'K',
    'Å',
    'Ω',
    'Ωω',
    'σΣς',
    'ǅ',
    'ﬁ',
    'ქ',
    'Ა',
    'ꭰ',
    '日本',
    '😀',
    '\ud800',
    'x\udc00',
  ],
  ...['𐐀', '𐐨', '𞤀', 'Ꮿ', 'constructor', '__proto__', '2025-01-01T00:00:00Z'],
];

const NUMBERS = [
  ...[
    0, -0, 1, -1, 2, 3, 42, 100, 0.1, 0.5, 1.5, 1.9, -1.9, 99.999, 1e-7, 1e-6, 5e-324, 1e20, 1e21,
    1.7976931348623157e308,
  ],
  ...[
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    2 ** 32 + 1,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 53),
    1735689600000,
  ],
  ...[
    2 ** 62,
    2 ** 63 - 1024,
    2 ** 63,
    -(2 ** 63),
    -(2 ** 63) - 2048,
    2 ** 64,
    123456789012345680000,
    1.0000000000000002,
  ],
];

/** A text, sometimes of letters whose lower case is not plain. */
export function anyText(random: Random): string {
  if (random.chance(0.6)) return random.pick(TEXTS);
  return unicodeText(random);
}

/** One to four letters that have a case, or neighbours of such. */
export function unicodeText(random: Random): string {
  const letters = random.list(3, () => letter(random));
  return [letter(random), ...letters].join('');
}

function letter(random: Random): string {
  const [upper, lower] = random.pick(LETTERS);
  return String.fromCodePoint(random.pick([upper, upper, lower, lower, upper + 1, random.below(0x250) + 1]));
}

/** The text with the case of its letters changed here and there. */
export function otherCase(random: Random, text: string): string {
  return [...text]
    .map((char) => {
      if (random.chance(0.5)) return char;
      const code = char.codePointAt(0);
      const pair = LETTERS.find(([upper, lower]) => upper === code || lower === code);
      return pair === undefined
        ? random.pick([char.toUpperCase(), char.toLowerCase()])
        : String.fromCodePoint(random.pick(pair));
    })
    .join('');
}

export function anyNumber(random: Random): number {
  const kind = random.next();
  if (kind < 0.5) return random.pick(NUMBERS);
  if (kind < 0.7) return random.below(200) - 100;
  if (kind < 0.85) return (random.below(200_000) - 100_000) / 1000;
  return (random.next() - 0.5) * 10 ** (random.below(40) - 12);
}

/** Any JSON, at most `depth` levels deep. */
export function anyJson(random: Random, depth = 3): JsonValue {
  const kind = random.next();
  if (depth > 0 && kind < 0.15) return random.list(3, () => anyJson(random, depth - 1));
  if (depth > 0 && kind < 0.35) {
    return Object.fromEntries(random.list(3, () => [anyText(random), anyJson(random, depth - 1)]));
  }
  if (kind < 0.55) return anyText(random);
  if (kind < 0.8) return anyNumber(random);
  return kind < 0.93 ? random.chance(0.5) : null;
}

/** The instant as a date of the flag format: `Z` or an offset, with a fraction or without. */
export function dateText(random: Random, ms: number): string {
  const offset = random.chance(0.6) ? 0 : random.pick([60, 90, -300, 345, 840, -720, 1439]);
  const local = new Date(ms + offset * 60_000).toISOString();
  const zone = offset === 0 ? random.pick(['Z', 'Z', '+00:00', '-00:00']) : zoneText(offset);
  const fraction =
    ms % 1000 === 0 && random.chance(0.7) ? '' : local.slice(19, 23) + random.pick(['', '', '000001', '999999999']);
  return local.slice(0, 19) + (random.chance(0.1) ? fraction.replace('.', ',') : fraction) + zone;
}

function zoneText(offset: number): string {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) =>
    String(n).padStart(2, '0'),
  );
  return `${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
}

const ODD_DATES = [
  ...[
    '2025-02-29T00:00:00Z',
    '2024-02-29T00:00:00Z',
    '2025-03-01T7:00:00Z',
    '2025-03-01t07:00:00Z',
    '2025-03-01T07:00:00z',
    '2025-03-01',
  ],
  ...[
    '2025-03-01T24:00:00Z',
    '2025-03-01T23:59:60Z',
    '2025-13-01T00:00:00Z',
    '2025-03-01T00:00:00',
    '2025-03-01 00:00:00Z',
    '',
  ],
  ...[
    '2025-03-01T00:00:00+24:00',
    '2025-03-01T00:00:00+23:60',
    '2025-03-01T00:00:00+24:60',
    '2025-03-01T00:00:00+25:00',
    '+2025-03-01T00:00:00Z',
  ],
  ...[
    '2025-03-01T00:00:00.Z',
    '2025-03-01T00:00:00.5Z',
    '2025-03-01T00:00:00.1234567891Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ],
  ...[
    '2025-03-01T00:00:00Zx',
    'é',
    '2025-3-1T00:00:00Z',
    '2025-03-01T00:00:00+0100',
    '2025-03-01T00:00Z',
    '2025-03-01T00:60:00Z',
  ],
];

/** A date, or something that almost is one. */
export function oddDate(random: Random): JsonValue {
  if (random.chance(0.85)) return random.pick(ODD_DATES);
  return random.pick<JsonValue>([null, 0, 1_735_689_600, true, [], {}, ' 2025-03-01T00:00:00Z']);
}

/** Mostly a date at or near `now`, so that equal, earlier and later instants are all likely. */
export function dateNear(random: Random, now: number): JsonValue {
  if (random.chance(0.04)) return oddDate(random);
  const distance = random.pick([0, 0, 1, 999, 1000, 3_600_000, DAY_MS, 30 * DAY_MS]);
  return dateText(random, now + random.pick([-1, -1, 1]) * distance);
}
