/** Damaged images: refused, or answered, or trapped; the store's memory, the image and the next image stay whole. */

import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../flags/jsonlogic/random-cases.ts';
import { damage, ImageFuzz } from './support/image-fuzz.ts';

/** Set EDICT_FUZZ_SEED and EDICT_FUZZ_CASES to go further, or to replay one. */
const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 5_000);

let fuzz: ImageFuzz;
beforeAll(() => {
  fuzz = new ImageFuzz();
});

function expectNoSpread(image: Uint8Array, name: string): void {
  const problem = fuzz.try(image);
  if (problem !== undefined) expect.fail(`${name}: ${problem}`);
}

describe('an image with one byte changed', () => {
  it.each(['header', 'records', 'seeds', 'constants', 'instructions', 'tables'] as const)(
    'does no harm, whichever byte of its %s it is',
    (name) => {
      const [start, end] = fuzz.regions[name];
      const before = { ...fuzz.fates };
      for (let at = start; at < end; at++) {
        const image = Uint8Array.from(fuzz.compiled.image);
        image[at] = (image[at] ?? 0) ^ (at % 3 === 0 ? 0xff : 1 << (at & 7));
        expectNoSpread(image, `byte ${at}`);
      }
      const tried = Object.values(fuzz.fates).reduce((sum, count) => sum + count, 0);
      expect(tried).toBe(Object.values(before).reduce((sum, count) => sum + count, 0) + end - start);
      if (name === 'header') expect(fuzz.fates.refused - before.refused).toBeGreaterThan(40);
    },
    120_000,
  );

  it('is refused when the byte belongs to magic, version or size', () => {
    const refused = fuzz.fates.refused;
    for (let at = 0; at < 12; at++) {
      const image = Uint8Array.from(fuzz.compiled.image);
      image[at] = (image[at] ?? 0) ^ 0x10;
      expectNoSpread(image, `byte ${at}`);
    }
    expect(fuzz.fates.refused - refused).toBe(12);
  });
});

describe('an image cut short', () => {
  it('is refused at every length', () => {
    const refused = fuzz.fates.refused;
    let tried = 0;
    for (let length = 0; length < fuzz.compiled.image.length; length += 7) {
      expectNoSpread(fuzz.compiled.image.slice(0, length), `${length} bytes`);
      tried++;
    }
    expect(fuzz.fates.refused - refused).toBe(tried);
  });
});

describe('an image with several things wrong', () => {
  it('does no harm, whatever they are', () => {
    const before = { ...fuzz.fates };
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      expectNoSpread(damage(new Random(seed), fuzz), `case ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1)`);
    }
    // Damage that is always refused, or never, would prove little.
    if (CASES >= 1_000) {
      expect(fuzz.fates.refused - before.refused).toBeGreaterThan(CASES / 10);
      expect(fuzz.fates.answered - before.answered).toBeGreaterThan(CASES / 10);
      expect(fuzz.fates.trapped - before.trapped).toBeLessThan(CASES / 100);
    }
  }, 600_000);
});
