/** All flags in one guest call: every flag answers as it does alone, whatever its neighbours come to. */

import { describe, expect, it } from 'vitest';
import { RESULT_MEMORY, RESULT_STEPS } from '../../../src/flags/image/abi.ts';
import { flagOf, KernelRig } from './support/kernel-rig.ts';

const LIST = Array.from({ length: 3_000 }, (_, i) => i);
const EXHAUSTING = JSON.stringify({
  all: [{ var: 'list' }, { all: [{ var: 'list' }, { '>=': [{ var: '' }, 0] }] }],
});

/** The same numbers alone and in the batch, by flag key. */
function bothWays(rig: KernelRig, context: Record<string, unknown>): Record<string, number> {
  const together = rig.outcomes(context);
  const keys = JSON.parse(rig.compiled.keys) as string[];
  const alone = keys.map((key) => rig.outcome(rig.entry(key), context));
  expect(together).toEqual(alone);
  return Object.fromEntries(keys.map((key, i) => [key, together[i] as number]));
}

describe('a flag that runs out of steps', () => {
  // Its second rule makes it a program of several steps, which a batch runs before single conditions.
  const exhausting = flagOf(EXHAUSTING);
  const flags = {
    condition: flagOf('plan eq "pro"'),
    exhausting: {
      ...exhausting,
      targeting: [...(exhausting['targeting'] as object[]), { query: 'x eq 1', variation: 'on' }],
    },
    other: flagOf('plan eq "basic"'),
    static: { variations: { a: 1 }, defaultRule: { variation: 'a' } },
  };

  it('leaves the answers of all others right', () => {
    const answers = bothWays(new KernelRig(flags), { list: LIST, plan: 'pro' });
    expect(answers['exhausting']).toBe(RESULT_STEPS);
    for (const key of ['condition', 'other', 'static']) expect(answers[key]).toBeGreaterThanOrEqual(0);
  });
});

describe('an attribute too long to lower-case', () => {
  it('fails the flags that read it, and no other', () => {
    const rig = new KernelRig({
      a: flagOf('name eq "é"'),
      b: flagOf('name eq "é"'),
      c: flagOf('name co "x"'),
      d: flagOf('other eq "é"'),
      e: flagOf('plan pr'),
    });
    const answers = bothWays(rig, { name: '日'.repeat(1_000_000), other: 'É', plan: 'pro' });
    for (const key of ['a', 'b', 'c']) expect(answers[key], key).toBe(RESULT_MEMORY);
    for (const key of ['d', 'e']) expect(answers[key], key).toBeGreaterThanOrEqual(0);
  });

  it('is none when only the texts of several flags together are too long', () => {
    const attributes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const rig = new KernelRig(Object.fromEntries(attributes.map((name) => [name, flagOf(`${name} eq "é"`)])));
    const context = Object.fromEntries(attributes.map((name) => [name, '日'.repeat(120_000)]));
    for (const answer of Object.values(bothWays(rig, context))) expect(answer).toBeGreaterThanOrEqual(0);
  });
});

describe('conditions that many flags share', () => {
  it('are answered for each of them, between conditions that differ in one word', () => {
    const queries = [
      'age eq 1',
      'age eq 2',
      'age ne 1',
      'age eq 1.0',
      'size eq 1',
      'age in [1]',
      'age pr',
      'age eq null',
    ];
    const flags = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`f${i}`, flagOf(queries[i % queries.length] as string)]),
    );
    const rig = new KernelRig(flags);
    for (const context of [{ age: 1 }, { age: 2, size: 1 }, { age: '1' }, { age: null }, {}]) bothWays(rig, context);
  });
});
