/** The same promise as in the default suite, for a million and a half pairs of flag and context. */

import { describe, expect, it } from 'vitest';
import { difference, newTally } from '../differential/support/compare-flags.ts';
import { KernelRig } from '../unit/wasm/support/kernel-rig.ts';

const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1_000_000);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 75_000);

describe('random flags', () => {
  it('are decided by the compiled kernel as the specification reads', () => {
    const rig = new KernelRig();
    const tally = newTally();
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const text = difference(rig, seed, tally);
      if (text !== undefined) expect.fail(text);
    }
    expect(tally.pairs).toBe(CASES * 20);
  }, 900_000);
});
