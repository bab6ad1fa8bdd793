/** The same promise as in the default suite, for a quarter of a million damaged images. */

import { describe, expect, it } from 'vitest';
import { Random } from '../unit/flags/jsonlogic/random-cases.ts';
import { damage, ImageFuzz } from '../unit/wasm/support/image-fuzz.ts';

const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1_000_000);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 250_000);

describe('a damaged image', () => {
  it('does no harm, whatever is wrong with it', () => {
    const fuzz = new ImageFuzz();
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const problem = fuzz.try(damage(new Random(seed), fuzz));
      if (problem !== undefined) expect.fail(`case ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1): ${problem}`);
    }
    expect(fuzz.fates.refused).toBeGreaterThan(CASES / 10);
    expect(fuzz.fates.answered).toBeGreaterThan(CASES / 10);
    // A typed trap is allowed (a damaged header moves the regions the host writes to), but should stay rare.
    expect(fuzz.fates.trapped).toBeLessThan(CASES / 200);
  }, 600_000);
});
