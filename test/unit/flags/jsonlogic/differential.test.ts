/** The guest's interpreter against the reference on random rules, in each way a rule can reach its data. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import type { Mode } from '../../guest/jsonlogic-rig.ts';
import { JsonLogicRig, MODES } from '../../guest/jsonlogic-rig.ts';
import { randomCase } from './random-cases.ts';
import { referenceMatches, referenceValue } from './reference.ts';
import { shrink } from './shrink.ts';

/** Set EDICT_FUZZ_SEED and EDICT_FUZZ_CASES to go further, or to replay one. */
const FIRST = Number(process.env.EDICT_FUZZ_SEED ?? 1);
const CASES = Number(process.env.EDICT_FUZZ_CASES ?? 20_000);

let rig: JsonLogicRig;
beforeAll(async () => {
  rig = await JsonLogicRig.start();
}, 120_000);

/** How guest and reference differ on a case; `undefined` when they agree. */
function difference(rule: JsonValue, data: JsonObject, mode: Mode): string | undefined {
  const expected = referenceMatches(rule, data);
  const { matches, fault } = rig.run(rule, data, mode);
  return matches === expected && fault === 0
    ? undefined
    : `${mode}: guest ${matches} (fault ${fault}), reference ${expected}`;
}

/** The failing case with its number and a smaller rule that still fails. */
function report(seed: number, rule: JsonValue, data: JsonObject, mode: Mode): string {
  const smaller = shrink(rule, (candidate) => difference(candidate, data, mode) !== undefined);
  return [
    `case ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1): ${difference(rule, data, mode)}`,
    `rule   ${JSON.stringify(rule)}`,
    `shrunk ${JSON.stringify(smaller)}`,
    `data   ${JSON.stringify(data)}`,
  ].join('\n');
}

describe('JSONLogic in the guest', () => {
  it.each(MODES)('decides random rules as the specification does (%s)', { timeout: 300_000 }, (mode) => {
    let matched = 0;
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const { rule, data } = randomCase(seed);
      if (difference(rule, data, mode) !== undefined) expect.fail(report(seed, rule, data, mode));
      if (referenceMatches(rule, data)) matched++;
    }
    // Rules that never match would prove little.
    if (CASES > 1_000) expect(matched).toBeGreaterThan(CASES / 6);
  });

  it('comes to the very values the specification says', { timeout: 300_000 }, () => {
    let compared = 0;
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const { rule, data } = randomCase(seed);
      const value = referenceValue(rule, data);
      if (typeof value !== 'number' && typeof value !== 'string') continue;
      // As text: -0 and 0, NaN and infinities have names of their own there.
      const text = referenceValue({ cat: [rule] }, data) as string;
      const exact = { '===': [{ cat: [rule] }, text] };
      if (difference(exact, data, 'pruned') !== undefined) expect.fail(report(seed, exact, data, 'pruned'));
      compared++;
    }
    if (CASES > 1_000) expect(compared).toBeGreaterThan(CASES / 20);
  });
});
