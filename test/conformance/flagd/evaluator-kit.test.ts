/** flagd's evaluator kit, as far as GO Feature Flag's semantics can say its cases (SC-03). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { FlagType } from '../../../src/evaluator/resolution.ts';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { KIT_CASES } from './cases.ts';
import { KIT_COUNTS, KIT_TOTAL, type KitPlace } from './counts.ts';
import { kitFlags } from './flags.ts';
import { NOT_APPLICABLE } from './not-applicable.ts';

const nameOf = ([file, scenario]: KitPlace): string => `${file}: ${scenario}`;

const logger = new RecordingLogger();
const evaluator = new InProcessEvaluator({ bootstrap: { flags: kitFlags() }, logger });
beforeAll(() => evaluator.initialize());
afterAll(() => evaluator.close());

describe('flagd’s evaluator kit (SC-03)', () => {
  it('is complete: each of its 140 cases is here, or listed as not applicable with the reason', () => {
    const counted: Record<string, number> = {};
    const count = (place: KitPlace, by: number): void => {
      counted[nameOf(place)] = (counted[nameOf(place)] ?? 0) + by;
    };
    for (const { place } of KIT_CASES) count(place, 1);
    for (const { place, cases, why } of NOT_APPLICABLE) {
      count(place, cases.length);
      expect(new Set(cases).size).toBe(cases.length);
      expect(why).toMatch(/\.$/);
    }
    const expected = Object.entries(KIT_COUNTS).flatMap(([file, scenarios]) =>
      Object.entries(scenarios).map(([scenario, times]) => [`${file}: ${scenario}`, times]),
    );
    expect(counted).toEqual(Object.fromEntries(expected));
    expect(Object.values(counted).reduce((sum, times) => sum + times, 0)).toBe(KIT_TOTAL);
    expect(KIT_CASES).toHaveLength(65);
  });

  it('has only flags that are right', () => {
    expect(evaluator.describe()).toMatchObject({ brokenFlags: 0 });
    expect(logger.at('warn')).toEqual([]);
  });

  for (const { place, flag, fallback, context = {}, expected } of KIT_CASES) {
    it(`${nameOf(place)}: ${flag} ${JSON.stringify(context)}`, () => {
      const { metadata, ...members } = expected;
      const resolution = evaluator.evaluate(flag, context, fallback, typeof fallback as FlagType);
      expect(resolution).toMatchObject(members);
      if ('value' in members) expect(resolution.value).toEqual(members.value);
      if (metadata !== undefined) expect(resolution.metadata).toEqual(metadata);
    });
  }
});

describe('what the list of not applicable cases says is so', () => {
  const variations = { one: 'one', two: 'two', fallback: 'fallback', none: null };
  const rule = (query: string) => ({
    variations,
    targeting: [{ query, variation: 'one' }],
    defaultRule: { variation: 'fallback' },
  });
  const instead = new InProcessEvaluator({
    logger: new RecordingLogger(),
    bootstrap: {
      flags: {
        split: { variations, defaultRule: { percentage: { one: 50, two: 50 } } },
        weightless: { variations, defaultRule: { percentage: { one: 0, two: 0 } } },
        valueless: { variations, defaultRule: { variation: 'none' } },
        version: rule('version eq 1.0.0'),
        newer: rule('version gt 1.1.0'),
        operator: rule('version === 1.0.0'),
      },
    },
  });
  beforeAll(() => instead.initialize());
  afterAll(() => instead.close());

  it('a split without a key is an error, and so is one without weights', () => {
    expect(instead.evaluate('split', {}, 'wrong')).toMatchObject({
      value: 'wrong',
      errorCode: 'TARGETING_KEY_MISSING',
    });
    const weightless = instead.evaluate('weightless', { targetingKey: 'any-user' }, 'wrong');
    expect(weightless).toMatchObject({ value: 'wrong', engineCode: 'FLAG_CONFIG' });
  });

  it('a flag without rules and without a value is STATIC, with the caller’s default', () => {
    expect(instead.evaluate('valueless', {}, true, 'boolean')).toMatchObject({ value: true, reason: 'STATIC' });
  });

  it('a version is read strictly, and an operator that does not exist is read as the one it begins with', () => {
    for (const version of ['v1.0.0', 'V1.0.0', '1.0', '1', 1, 1.2]) {
      expect(instead.evaluate('version', { version }, 'wrong').value).toBe('fallback');
      expect(instead.evaluate('newer', { version }, 'wrong').value).toBe('fallback');
    }
    expect(instead.evaluate('version', { version: '1.0.0' }, 'wrong').value).toBe('one');
    expect(instead.evaluate('operator', { version: '1.0.0' }, 'wrong').value).toBe('one');
    expect(instead.evaluate('operator', { version: '2.0.0' }, 'wrong').value).toBe('fallback');
  });
});
