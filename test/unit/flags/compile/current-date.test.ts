/** The guest's date grammar against the compiler's, for texts that are nearly dates. */

import { describe, expect, it } from 'vitest';
import { parseDate } from '../../../../src/flags/date.ts';
import { KernelRig } from '../../wasm/support/kernel-rig.ts';
import { Random } from '../jsonlogic/random-cases.ts';
import { vectors } from '../vectors.ts';

const SEED = Number(process.env['EDICT_FUZZ_SEED'] ?? 1);
const CASES = 12_000;
const NOW = Date.UTC(2031, 4, 6, 7, 8, 9);
const NOW_TEXT = '2031-05-06T07:08:09Z';

const DIGITS = '0123456789';
const ODD = ['T', 't', 'Z', 'z', ':', '.', ',', '+', '-', ' ', 'é', '\u0000', '٣', '\ud800', '😀', '/', ';', '0', '9'];

/** A date whose parts are mostly in range, then none to three edits. */
function nearlyDate(random: Random): string {
  const two = (most: number) => String(random.below(most + 1)).padStart(2, '0');
  const fraction = random.chance(0.4) ? `${random.pick(['.', ',', '.'])}${digits(random, random.below(12))}` : '';
  const zone = random.chance(0.4) ? 'Z' : `${random.pick(['+', '-'])}${two(25)}:${two(61)}`;
  const hour = random.chance(0.1) ? String(random.below(10)) : two(24);
  let text = `${random.pick(['2024', '2025', '1969', '1970', '0000', '9999', '1900', '2000', digits(random, 4)])}-${two(13)}-${two(32)}`;
  text += `T${hour}:${two(60)}:${two(60)}${fraction}${zone}`;
  for (let edits = random.pick([0, 0, 0, 1, 1, 2, 3]); edits > 0; edits--) text = edit(random, text);
  return text;
}

function digits(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick([...DIGITS])).join('');
}

function edit(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const piece = random.chance(0.4) ? random.pick([...DIGITS]) : random.pick(ODD);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + piece + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + piece + text.slice(at + 1);
    default:
      return text.slice(0, at);
  }
}

function isDate(text: string): boolean {
  return !('error' in parseDate(text));
}

/**
 * One flag for each text, whose window is the very instant the compiler reads in it; for a text it refuses, the instant of
 * the wall clock. The flag is served only if the guest saw the same instant.
 */
function differences(texts: readonly string[]): string[] {
  const flags = Object.fromEntries(
    texts.map((text, i) => {
      const instant = isDate(text) ? text : NOW_TEXT;
      return [
        `t${i}`,
        { variations: { a: 1 }, defaultRule: { variation: 'a' }, experimentation: { start: instant, end: instant } },
      ];
    }),
  );
  const rig = new KernelRig(flags);
  const clock = (text: string) => (isDate(text) ? NOW + 1_000 : NOW);
  return texts.filter((text, i) => {
    const { reason } = rig.raw(`t${i}`, { gofeatureflag: { currentDateTime: text } }, clock(text));
    return reason !== 'STATIC';
  });
}

describe('currentDateTime', () => {
  it('is read by the guest as flag dates are by the compiler, for 12,000 mutated texts', () => {
    const random = new Random(SEED);
    const texts = Array.from({ length: CASES }, () => nearlyDate(random));
    const dates = texts.filter(isDate).length;
    expect(dates).toBeGreaterThan(CASES / 10);
    expect(dates).toBeLessThan(CASES * 0.9);
    expect(differences(texts), `EDICT_FUZZ_SEED=${SEED}`).toEqual([]);
  });

  it('is read so for every recorded text too', () => {
    const texts = vectors<{ text: string }>('dates.json').map(({ text }) => text);
    expect(differences(texts)).toEqual([]);
  });

  it('is the clock’s business when it is no text', () => {
    const window = { start: NOW_TEXT, end: NOW_TEXT };
    const rig = new KernelRig({
      flag: { variations: { a: 1 }, defaultRule: { variation: 'a' }, experimentation: window },
    });
    for (const currentDateTime of [0, 1_700_000_000, true, null, [], {}, '', NOW_TEXT.toLowerCase()]) {
      expect(rig.raw('flag', { gofeatureflag: { currentDateTime } }, NOW).reason).toBe('STATIC');
    }
    for (const gofeatureflag of ['2024-01-01T00:00:00Z', null, [], 7]) {
      expect(rig.raw('flag', { gofeatureflag }, NOW).reason).toBe('STATIC');
    }
    expect(rig.raw('flag', { gofeatureflag: { currentDateTime: '2024-01-01T00:00:00Z' } }, NOW).reason).toBe(
      'DISABLED',
    );
  });

  it('counts the clock itself to the millisecond, also before 1970', () => {
    for (const text of ['2031-05-06T07:08:09.123Z', '1969-12-31T23:59:59.999Z', '0001-01-01T00:00:00.5Z']) {
      const now = Date.parse(text);
      const flag = {
        variations: { a: 1 },
        defaultRule: { variation: 'a' },
        experimentation: { start: text, end: text },
      };
      const rig = new KernelRig({ flag });
      expect([now - 1, now, now + 1].map((at) => rig.raw('flag', {}, at).reason)).toEqual([
        'DISABLED',
        'STATIC',
        'DISABLED',
      ]);
    }
  });
});
