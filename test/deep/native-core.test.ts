/** The same promise as in the default suite, for ten times as many pairs. */

import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../src/cli/kernel.ts';
import { NativeCore, newNativeTally } from '../differential/support/native-core.ts';
import { nativeProgram } from '../differential/support/native-program.ts';

const FIRST = Number(process.env['EDICT_NATIVE_SEED'] ?? randomInt(2 ** 31));
const CASES = Number(process.env['EDICT_NATIVE_CASES'] ?? 200_000);
/** One process of the core answers so many: all texts and answers are in memory together. */
const BATCH = 20_000;

const native = nativeProgram();

describe('200,000 fresh pairs of flag and context (D-62, RF-04)', () => {
  it.skipIf('reason' in native)(
    `get the answer of GO Feature Flag’s native core in every member${'reason' in native ? ` (${native.reason})` : ''}`,
    async () => {
      const core = new NativeCore((native as { file: string }).file, await Kernel.open());
      const tally = newNativeTally();
      for (let done = 0; done < CASES; done += BATCH) {
        const text = core.difference(FIRST + done, Math.min(BATCH, CASES - done), tally);
        if (text !== undefined) expect.fail(text);
        // Lets the runner hear that this process is alive.
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(tally.pairs).toBe(CASES);
      console.log(
        `${CASES} pairs from number ${FIRST} on, ${tally.undefined} of them undefined by the order of a Go map:`,
        Object.fromEntries(tally.outcomes),
      );
    },
    900_000,
  );
});
