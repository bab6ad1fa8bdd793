/** Edict's kernel against GO Feature Flag's own core, on random flags and contexts that neither has seen. */

import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../src/cli/kernel.ts';
import { NativeCore, newNativeTally } from './support/native-core.ts';
import { nativeProgram } from './support/native-program.ts';

/** Other pairs in every run. Set EDICT_NATIVE_SEED and EDICT_NATIVE_CASES to go further, or to replay one. */
const FIRST = Number(process.env['EDICT_NATIVE_SEED'] ?? randomInt(2 ** 31));
const CASES = Number(process.env['EDICT_NATIVE_CASES'] ?? 20_000);

const native = nativeProgram();

describe('20,000 fresh pairs of flag and context (D-62, RF-04)', () => {
  it.skipIf('reason' in native)(
    `get the answer of GO Feature Flag’s native core in every member${'reason' in native ? ` (${native.reason})` : ''}`,
    async () => {
      const core = new NativeCore((native as { file: string }).file, await Kernel.open());
      const tally = newNativeTally();
      const text = core.difference(FIRST, CASES, tally);
      if (text !== undefined) expect.fail(text);
      expect(tally.pairs).toBe(CASES);
      // Cases that all end alike would prove little.
      if (CASES >= 10_000) {
        const share = (outcome: string) => (tally.outcomes.get(outcome) ?? 0) / CASES;
        for (const reason of ['TARGETING_MATCH', 'TARGETING_MATCH_SPLIT', 'SPLIT', 'DEFAULT', 'STATIC', 'DISABLED']) {
          expect(share(reason), reason).toBeGreaterThan(0.05);
        }
        for (const code of ['FLAG_CONFIG', 'TARGETING_KEY_MISSING', 'PARSE_ERROR']) {
          expect(share(code), code).toBeGreaterThan(0.03);
        }
        expect(share('GENERAL')).toBeGreaterThan(0);
        expect(tally.undefined / CASES).toBeLessThan(0.01);
      }
    },
    300_000,
  );
});
