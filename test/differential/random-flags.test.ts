/** The compiled kernel against a plain reading of the specification, on random flags. */

import { describe, expect, it } from 'vitest';
import { KernelRig } from '../unit/wasm/support/kernel-rig.ts';
import { difference, newTally } from './support/compare-flags.ts';

/** Set EDICT_FUZZ_SEED and EDICT_FUZZ_CASES to go further, or to replay one. */
const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 1_500);

describe('random flags with nikunjy rules, percentages and schedules', () => {
  it('are decided by the compiled kernel as the specification reads', () => {
    const rig = new KernelRig();
    const tally = newTally();
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const text = difference(rig, seed, tally);
      if (text !== undefined) expect.fail(text);
    }
    // Cases that never match, or always do, would prove little.
    if (CASES >= 1_000) {
      expect(tally.pairs).toBe(CASES * 20);
      expect(tally.matched).toBeGreaterThan(tally.pairs / 5);
      expect(tally.matched).toBeLessThan(tally.pairs * 0.8);
      expect(tally.split).toBeGreaterThan(tally.pairs / 10);
      expect(tally.scheduled).toBeGreaterThan(tally.pairs / 10);
    }
  }, 600_000);
});
