/** Runs OpenFeature's gherkin suite with one SDK, in every mode. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviationOf } from './deviations.ts';
import { GHERKIN_CASES } from './gherkin-cases.ts';
import { GHERKIN_COUNTS, GHERKIN_TOTAL } from './gherkin-counts.ts';
import { MODES } from './modes.ts';
import type { Sdk } from './sdk.ts';
import { SuiteBench } from './suite-bench.ts';

export function runGherkinSuite(sdk: Sdk): void {
  describe(`OpenFeature's gherkin suite on server-sdk ${sdk.version} over core ${sdk.coreVersion} (SC-03)`, () => {
    it('is complete: each scenario has as many cases as in the files, 132 in all', () => {
      const counted: Record<string, number> = {};
      for (const { scenario } of GHERKIN_CASES) counted[scenario] = (counted[scenario] ?? 0) + 1;
      expect(counted).toEqual(Object.assign({}, ...Object.values(GHERKIN_COUNTS)));
      expect(GHERKIN_CASES).toHaveLength(GHERKIN_TOTAL);
    });

    it('runs on the API of this SDK, not on one that another SDK left behind', () => {
      expect(sdk.exports.OpenFeature).toBeInstanceOf(sdk.exports.OpenFeatureAPI);
    });

    for (const mode of MODES) {
      describe(mode.name, () => {
        let bench: SuiteBench;
        beforeAll(async () => {
          bench = await SuiteBench.open(sdk, mode);
        });
        afterAll(() => bench.close());

        for (const { scenario, title, run } of GHERKIN_CASES) {
          const deviation = deviationOf(mode.name, scenario);
          const note = deviation === undefined ? '' : ` (deviates: ${deviation.reason})`;
          it(`${scenario}: ${title}${note}`, () => run(bench));
        }
      });
    }
  });
}
