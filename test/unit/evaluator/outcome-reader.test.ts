import { expect, it } from 'vitest';
import { variantOf } from '../../../src/evaluator/outcome-reader.ts';
import { InProcessEvaluator } from '../../../src/index.ts';

it('a variation may be called "": only what was never evaluated, disabled or in error is SdkDefault', async () => {
  const variations = { '': 1, off: 2 };
  const flags = {
    named: { variations, defaultRule: { variation: '' } },
    percents: { variations, defaultRule: { percentage: { '': 100 } } },
    absent: { variations: { off: 2 }, defaultRule: { variation: '' } },
    disabled: { variations, defaultRule: { variation: '' }, disable: true },
    ruleless: { variations },
    broken: { variations: 1 },
  };
  const evaluator = new InProcessEvaluator({ bootstrap: { flags } });
  await evaluator.initialize();
  try {
    const variants = Object.keys(flags).map((key) => evaluator.evaluate(key, { targetingKey: 'u' }, 0).variant);
    expect(variants).toEqual(['', '', '', 'SdkDefault', 'SdkDefault', 'SdkDefault']);
    const raw = Object.keys(flags).map((key) => evaluator.evaluateRaw(key, { targetingKey: 'u' }));
    expect(raw.map((outcome) => outcome && variantOf(outcome))).toEqual(variants);
  } finally {
    await evaluator.close();
  }
});
