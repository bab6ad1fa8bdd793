/** The ways to ask agree with each other: evaluate, prepare, evaluateAll. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { EvaluationContext, Resolution } from '../../../src/evaluator/resolution.ts';
import { emptyRecord, type JsonObject, type JsonValue } from '../../../src/internal/json.ts';
import { readVectors } from '../../conformance/vector-records.ts';

const FLAGS_AT_ONCE = 1_000;
const CONTEXTS_AT_ONCE = 12;

const evaluator = new InProcessEvaluator({ bootstrap: { flags: {} } });
beforeAll(() => evaluator.initialize());
afterAll(() => evaluator.close());

async function loadFlags(flags: Readonly<Record<string, JsonValue>>, enrichment: JsonObject = {}): Promise<void> {
  await evaluator.load({ flags, evaluationContextEnrichment: enrichment });
}

/** Answers that differ, one line each; resolutions are shared, so equal ones are mostly the same object. */
function differences(one: readonly Resolution[], other: readonly Resolution[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    if (one[i] === other[i]) continue;
    const [left, right] = [JSON.stringify(one[i]), JSON.stringify(other[i])];
    if (left !== right) found.push(`${left} ≠ ${right}`);
  }
  return found;
}

/** What the three ways say of every flag for one context, as the differences between them. */
function disagreements(context: EvaluationContext): string[] {
  const keys = evaluator.flagKeys();
  const single = keys.map((key) => evaluator.evaluate(key, context));
  const prepared = evaluator.prepare(context);
  const onPrepared = keys.map((key) => prepared.evaluate(key));
  // A second time over: the slots are in place now, and must still be right.
  const again = keys.toReversed().map((key) => prepared.evaluate(key));
  return [
    ...differences(single, onPrepared),
    ...differences(single, again.reverse()),
    ...differences(single, evaluator.evaluateAll(context)),
    ...differences(single.toReversed(), evaluator.evaluateAll(context, keys.toReversed())),
  ];
}

describe('evaluate, prepare and evaluateAll', () => {
  it('agree on the flags of all recorded evaluations, a thousand in one configuration', async () => {
    const records = readVectors();
    let asked = 0;
    for (let start = 0; start < records.length; start += FLAGS_AT_ONCE) {
      const batch = records.slice(start, start + FLAGS_AT_ONCE);
      const flags = emptyRecord<JsonValue>();
      for (const { id, input } of batch) flags[`${input.flagKey}-${id}`] = input.flag;
      const enrichment = batch.find(({ input }) => input.flagContext.evaluationContextEnrichment !== undefined);
      await loadFlags(flags, enrichment?.input.flagContext.evaluationContextEnrichment);
      expect(evaluator.flagKeys()).toHaveLength(batch.length);
      for (let i = 0; i < CONTEXTS_AT_ONCE; i++) {
        const { evalContext } = batch[(i * 83) % batch.length]!.input;
        // Flags that follow the clock may change their answer between two of the ways.
        const reserved = { currentDateTime: '2026-03-01T12:00:00Z' };
        const context = { ...evalContext, gofeatureflag: evalContext['gofeatureflag'] ?? reserved };
        expect(disagreements(context)).toEqual([]);
        asked += batch.length;
      }
    }
    expect(asked).toBe(records.length * CONTEXTS_AT_ONCE);
  }, 120_000);

  it('agree on random flags and contexts', async () => {
    const attribute = fc.constantFrom('a', 'b', 'c.d', 'targetingKey', 'anonymous', 'env');
    const scalar = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.constantFrom('x', 'X', 'xy', '', '1.2.3'),
      fc.boolean(),
    );
    const comparison = fc
      .tuple(attribute, fc.constantFrom('eq', 'ne', 'lt', 'ge', 'co', 'sw', 'ew'), scalar)
      .map(([name, operator, value]) => `${name} ${operator} ${JSON.stringify(value)}`);
    const nikunjy = fc
      .array(comparison, { minLength: 1, maxLength: 4 })
      .chain((parts) => fc.constantFrom(' and ', ' or ').map((joint) => parts.join(joint)));
    const logic = fc
      .tuple(fc.constantFrom('==', '!=', '<', '>=', 'in'), attribute, scalar)
      .map(([operator, name, value]) => JSON.stringify({ [operator]: [{ var: name }, value] }));
    const outcome = fc.oneof(
      fc.constantFrom({ variation: 'one' }, { variation: 'two' }),
      fc.integer({ min: 0, max: 100 }).map((share) => ({ percentage: { one: share, two: 100 - share } })),
    );
    const rule = fc.tuple(fc.oneof(nikunjy, logic), outcome).map(([query, decided]) => ({ query, ...decided }));
    const flag = fc
      .record({ targeting: fc.array(rule, { maxLength: 4 }), defaultRule: outcome, disable: fc.boolean() })
      .map((facts) => ({ variations: { one: 1, two: { nested: [2] } }, ...facts }) as unknown as JsonValue);
    const value = fc.oneof(scalar, fc.constant(null), fc.array(scalar, { maxLength: 3 }), fc.record({ d: scalar }));
    const context = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'targetingKey', 'anonymous', 'env'), value);
    const flags = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), flag, { minKeys: 1, maxKeys: 12 });
    const property = fc.asyncProperty(
      flags,
      fc.array(context, { minLength: 1, maxLength: 6 }),
      async (some, contexts) => {
        await loadFlags(some, { env: 'production' });
        for (const one of contexts) expect(disagreements(one)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  }, 60_000);

  it('agree when some keys are unknown, repeated or not asked for in order', async () => {
    const on = { variations: { on: true, off: false }, defaultRule: { variation: 'on' } };
    await loadFlags({ b: on, a: { ...on, disable: true } });
    const answers = evaluator.evaluateAll({}, ['b', 'nothing', 'a', 'b']);
    expect(answers.map(({ flagKey, reason, errorCode }) => [flagKey, reason, errorCode])).toEqual([
      ['b', 'STATIC', undefined],
      ['nothing', 'ERROR', 'FLAG_NOT_FOUND'],
      ['a', 'DISABLED', undefined],
      ['b', 'STATIC', undefined],
    ]);
  });

  it('serve two prepared contexts that take turns, each with its own attributes', async () => {
    const query = { variations: { on: true, off: false }, targeting: [{ query: 'who eq "ann"', variation: 'on' }] };
    await loadFlags({ one: { ...query, defaultRule: { variation: 'off' } } });
    const ann = evaluator.prepare({ who: 'ann' });
    const bob = evaluator.prepare({ who: 'bob' });
    const answers = [ann, bob, ann, bob, bob, ann].map((prepared) => prepared.evaluate('one').value);
    expect(answers).toEqual([true, false, true, false, false, true]);
  });

  it('keep a prepared context usable over a reload, with the answers of the new configuration', async () => {
    const targeting = (variation: string) => ({
      variations: { on: 'on', off: 'off', other: 'other' },
      targeting: [{ query: 'who eq "ann"', variation }],
      defaultRule: { variation: 'off' },
    });
    await loadFlags({ one: targeting('on') });
    const prepared = evaluator.prepare({ who: 'ann' });
    expect(prepared.evaluate('one').value).toBe('on');
    await loadFlags({ zero: targeting('off'), one: targeting('other') });
    expect(prepared.evaluate('one').value).toBe('other');
    expect(prepared.evaluate('zero').value).toBe('off');
  });
});
