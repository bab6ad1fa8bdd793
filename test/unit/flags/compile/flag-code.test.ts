/** The order of decisions in a flag (spec/flags.md §4, §5), through the kernel. */

import { beforeAll, describe, expect, it } from 'vitest';
import { parseJsonLogic } from '../../../../src/flags/compile/flag-code.ts';
import { KernelRig } from '../../wasm/support/kernel-rig.ts';

const BASE = { variations: { a: 'A', b: 'B' }, defaultRule: { variation: 'a' } };
const SPLIT = { percentage: { a: 50, b: 50 } };
const USER = { targetingKey: 'u' };
const PAST = '2020-01-01T00:00:00Z';
const FUTURE = '2030-01-01T00:00:00Z';
const NOW = Date.UTC(2025, 0, 1);

let rig: KernelRig;
beforeAll(() => {
  rig = new KernelRig();
});

function answer(flag: object, context: object = USER, enrichment: object = {}) {
  rig.load({ flag }, enrichment);
  return rig.raw('flag', context as Record<string, unknown>, NOW);
}

const details = (flag: object, context?: object) => answer(flag, context).details;

describe('what is served', () => {
  it('is the default rule’s variation: STATIC without rules, DEFAULT with some, disabled ones included', () => {
    expect(answer(BASE)).toMatchObject({
      variation: 'a',
      value: 'A',
      reason: 'STATIC',
      cacheable: true,
      ruleIndex: undefined,
    });
    expect(answer({ ...BASE, targeting: [] }).reason).toBe('STATIC');
    expect(answer({ ...BASE, targeting: [{ query: 'x pr', variation: 'b' }] }).reason).toBe('DEFAULT');
    expect(answer({ ...BASE, targeting: [{ disable: true }] }).reason).toBe('DEFAULT');
  });

  it('is the first matching rule’s, with its index and name', () => {
    const targeting = [
      { query: 'x eq 2', variation: 'b' },
      { name: 'second', query: 'x eq 1', variation: 'b' },
      { name: 'third', variation: 'a' },
    ];
    expect(answer({ ...BASE, targeting, metadata: { team: 1 } }, { x: 1 })).toMatchObject({
      variation: 'b',
      reason: 'TARGETING_MATCH',
      ruleIndex: 1,
      ruleName: 'second',
      metadata: { team: 1, evaluatedRuleName: 'second' },
    });
    expect(answer({ ...BASE, targeting }, {})).toMatchObject({ ruleIndex: 2, ruleName: 'third' });
  });

  it('by a rule without a query is always that rule’s', () => {
    for (const query of [null, '', '   ', '\n \n']) {
      expect(answer({ ...BASE, targeting: [{ query, variation: 'b' }, { variation: 'a' }] }).variation).toBe('b');
    }
    expect(answer({ ...BASE, targeting: [{ variation: 'b' }] }).variation).toBe('b');
  });

  it('ignores name, query and disable of the default rule', () => {
    const defaultRule = { variation: 'a', name: 'n', query: 'x eq 1', disable: true };
    expect(answer({ ...BASE, defaultRule })).toMatchObject({ variation: 'a', reason: 'STATIC', ruleName: undefined });
  });

  it('may be a variation that does not exist, or an empty name', () => {
    expect(answer({ ...BASE, defaultRule: { variation: 'zzz' } })).toMatchObject({
      variation: 'zzz',
      value: null,
      code: '',
    });
    expect(answer({ ...BASE, defaultRule: { variation: '' } })).toMatchObject({ variation: '', value: null, code: '' });
    expect(answer({ defaultRule: { variation: 'constructor' } })).toMatchObject({ value: null, code: '' });
  });
});

describe('reasons of shares', () => {
  it('are SPLIT for a default rule and TARGETING_MATCH_SPLIT for a targeting rule', () => {
    expect(answer({ ...BASE, defaultRule: SPLIT }).reason).toBe('SPLIT');
    expect(answer({ ...BASE, targeting: [SPLIT] }).reason).toBe('TARGETING_MATCH_SPLIT');
    expect(answer({ ...BASE, targeting: [{ percentage: { b: 100 } }] })).toMatchObject({
      reason: 'TARGETING_MATCH',
      variation: 'b',
    });
    expect(
      answer({ ...BASE, defaultRule: { percentage: { b: 100, a: 0 } }, targeting: [{ disable: true }] }).reason,
    ).toBe('DEFAULT');
  });

  it('stand before a variation of the same rule', () => {
    expect(answer({ ...BASE, defaultRule: { variation: 'a', percentage: { b: 100 } } }).variation).toBe('b');
  });
});

describe('errors', () => {
  it('come from a flag without a default rule, when no rule matches', () => {
    expect(answer({ variations: {} })).toMatchObject({
      reason: 'ERROR',
      code: 'FLAG_CONFIG',
      details: 'no default targeting for the flag',
      value: undefined,
      cacheable: false,
    });
    expect(answer({ variations: { a: 1 }, targeting: [{ variation: 'a' }] }).variation).toBe('a');
  });

  it('come from a matching rule without an outcome, and later rules are not tried', () => {
    const empty = 'error in the configuration, no variation available for this rule';
    expect(details({ ...BASE, targeting: [{}, { variation: 'a' }] })).toBe(empty);
    expect(details({ ...BASE, targeting: [{ percentage: {} }] })).toBe(empty);
    expect(details({ ...BASE, defaultRule: {} })).toBe(empty);
    expect(details({ ...BASE, targeting: [{ query: 'x pr' }] })).toBe('');
  });

  it('carry the flag’s metadata, version and trackEvents, but no cacheability', () => {
    const flag = { metadata: { m: 1 }, version: '3', trackEvents: false };
    expect(answer(flag)).toMatchObject({ metadata: { m: 1 }, version: '3', trackEvents: false, cacheable: false });
  });
});

describe('the targeting key', () => {
  const missing = 'Error: Empty targeting key';

  it.each([
    ['a default rule with percentages', { ...BASE, defaultRule: SPLIT }],
    [
      'a rule with a progressive rollout, also an empty one',
      { ...BASE, targeting: [{ query: 'x pr', progressiveRollout: {} }] },
    ],
    ['a disabled rule', { ...BASE, targeting: [{ ...SPLIT, disable: true }] }],
    ['a step that is not due', { ...BASE, scheduledRollout: [{ date: FUTURE, defaultRule: SPLIT }] }],
    ['a step without a date', { ...BASE, scheduledRollout: [{ targeting: [SPLIT] }] }],
    ['a disabled flag', { ...BASE, defaultRule: SPLIT, disable: true }],
    ['a flag out of its window', { ...BASE, defaultRule: SPLIT, experimentation: { end: PAST } }],
    ['shares of 100', { ...BASE, defaultRule: { percentage: { a: 100 } } }],
  ])('is asked for by %s', (_, flag) => {
    for (const context of [{}, { targetingKey: '' }, { targetingKey: 7 }, { key: 'u' }]) {
      expect(answer(flag, context)).toMatchObject({ code: 'TARGETING_KEY_MISSING', details: missing });
    }
    expect(answer(flag).code).toBe('');
  });

  it.each([
    ['plain rules', { ...BASE, targeting: [{ query: 'x pr', variation: 'b' }] }],
    ['empty percentages', { ...BASE, defaultRule: { variation: 'a', percentage: {} } }],
    [
      'a step inside a step',
      { ...BASE, scheduledRollout: [{ scheduledRollout: [{ date: PAST, defaultRule: SPLIT }] }] },
    ],
  ])('is not asked for by %s', (_, flag) => {
    expect(answer(flag, {}).code).toBe('');
  });
});

describe('a bucketing key', () => {
  const impossible = (key: string) => `impossible to find bucketingKey in context: nested key not found: ${key}`;

  it('is looked for even by a flag that needs none', () => {
    expect(details({ ...BASE, bucketingKey: 'team' })).toBe(impossible('team'));
    expect(details({ ...BASE, bucketingKey: 'team' }, { team: 'x' })).toBe('');
    expect(details({ ...BASE, bucketingKey: 'team', disable: true })).toBe(impossible('team'));
  });

  it.each([
    ['a.b', { a: { b: 'x' } }, ''],
    ['a.b', { a: {} }, impossible('a.b')],
    ['a.b', { a: 'x' }, impossible('a.b')],
    ['a.b', { 'a.b': 'x' }, impossible('a.b')],
    ['a..b', { a: { '': { b: 'x' } } }, ''],
    ['.', { '': { '': 'x' } }, ''],
    ['key', { key: 'x' }, ''],
    ['key', USER, impossible('key')],
    ['targetingKey', USER, ''],
    ['a', { a: null }, 'invalid bucketing key'],
    ['a', { a: 1 }, 'invalid bucketing key'],
    ['a', { a: ['x'] }, 'invalid bucketing key'],
    ['a.b', { a: { b: null } }, 'invalid bucketing key'],
    ['constructor', {}, impossible('constructor')],
  ])('%j in %j: %s', (bucketingKey, context, expected) => {
    expect(details({ ...BASE, bucketingKey }, context)).toBe(expected);
  });

  it('that is empty text in the context is an error only where a bucket is needed', () => {
    expect(details({ ...BASE, bucketingKey: 'a' }, { a: '' })).toBe('');
    expect(details({ ...BASE, bucketingKey: 'a', defaultRule: SPLIT }, { a: '' })).toBe('Error: Empty bucketing key');
  });

  it('configured as empty takes the targeting key unchecked; rules that need one complain before their query', () => {
    const flag = { ...BASE, bucketingKey: '' };
    const complaint = 'evaluate Rule: no key for bucketing-required rule';
    expect(details({ ...flag, defaultRule: SPLIT }, {})).toBe(complaint);
    expect(details({ ...flag, defaultRule: SPLIT })).toBe('');
    expect(details({ ...flag, targeting: [{ ...SPLIT, query: 'never pr' }] }, {})).toBe(complaint);
    expect(details({ ...flag, targeting: [{ ...SPLIT, disable: true }] }, {})).toBe(complaint);
    expect(details({ ...flag, targeting: [{ variation: 'b' }, SPLIT] }, {})).toBe('');
  });
});

describe('a flag that is off', () => {
  it('answers DISABLED, no error, and is cacheable when no time is involved', () => {
    expect(answer({ ...BASE, disable: true })).toMatchObject({
      reason: 'DISABLED',
      code: '',
      variation: 'SdkDefault',
      value: undefined,
      cacheable: true,
    });
    expect(answer({ ...BASE, disable: true, experimentation: {} }).cacheable).toBe(false);
  });

  it.each([
    [{ start: FUTURE }, 'DISABLED'],
    [{ end: PAST }, 'DISABLED'],
    [{ start: PAST, end: FUTURE }, 'STATIC'],
    [{ start: '2025-01-01T00:00:00Z', end: '2025-01-01T00:00:00Z' }, 'STATIC'],
    [{ start: '2025-01-01T00:00:00.000000001Z' }, 'DISABLED'],
    [{ end: '2024-12-31T23:59:59.999999999Z' }, 'DISABLED'],
    [{ start: FUTURE, end: PAST }, 'DISABLED'],
    [{}, 'STATIC'],
  ])('by its window, both ends inclusive: %j is %s', (experimentation, reason) => {
    expect(answer({ ...BASE, experimentation })).toMatchObject({ reason, cacheable: false });
  });
});

describe('a schedule', () => {
  const step = { date: '2025-01-01T00:00:00Z', defaultRule: { variation: 'b' } };

  it('applies at its very instant, by the clock or the context’s date', () => {
    const flag = { ...BASE, scheduledRollout: [step] };
    rig.load({ flag });
    expect([NOW - 1, NOW].map((now) => rig.raw('flag', {}, now).variation)).toEqual(['a', 'b']);
    const at = (currentDateTime: string) => rig.raw('flag', { gofeatureflag: { currentDateTime } }, NOW).variation;
    expect([at('2024-12-31T23:59:59.999999999Z'), at('2025-01-01T01:00:00+01:00')]).toEqual(['a', 'b']);
  });

  it('finds the last due of many steps', () => {
    const steps = Array.from({ length: 100 }, (_, i) => ({
      date: new Date(NOW + i * 1_000).toISOString(),
      variations: { [`v${i}`]: i },
      defaultRule: { variation: `v${i}` },
    }));
    rig.load({ flag: { ...BASE, scheduledRollout: steps } });
    for (const i of [0, 1, 49, 50, 98, 99, 500]) {
      expect(rig.raw('flag', {}, NOW + i * 1_000 + 999)).toMatchObject({
        variation: `v${Math.min(i, 99)}`,
        value: Math.min(i, 99),
      });
    }
  });

  it('answers the original version and trackEvents, and is never cacheable', () => {
    const flag = { ...BASE, version: '1', scheduledRollout: [{ ...step, version: '2', trackEvents: false }] };
    expect(answer(flag)).toMatchObject({ variation: 'b', version: '1', trackEvents: true, cacheable: false });
    expect(answer({ ...BASE, scheduledRollout: [] }).cacheable).toBe(true);
  });

  it('that panics answers GENERAL from that instant on', () => {
    const flag = { variations: {}, targeting: [{ variation: 'a' }], scheduledRollout: [step] };
    expect(answer(flag)).toMatchObject({
      code: 'GENERAL',
      preEvaluation: true,
      details:
        'recovered from panic during evaluation: runtime error: invalid memory address or nil pointer dereference',
    });
    rig.load({ flag });
    expect(rig.raw('flag', {}, NOW - 1).variation).toBe('a');
  });

  it('that cannot be copied answers GENERAL always, without metadata', () => {
    const flag = { ...BASE, metadata: { m: 1 }, version: '1', experimentation: { start: '2020-01-01T00:00:00+24:00' } };
    expect(answer({ ...flag, scheduledRollout: [] })).toMatchObject({
      code: 'GENERAL',
      reason: 'ERROR',
      preEvaluation: false,
      metadata: undefined,
      version: '1',
      details: expect.stringContaining('timezone hour outside of range [0,23]'),
    });
    expect(answer(flag)).toMatchObject({ code: '', metadata: { m: 1 } });
  });
});

describe('parseJsonLogic', () => {
  it.each(['{}', ' {"a":1} ', '\t{"var":"x"}\r', 'null', ' null '])('takes %j', (text) => {
    expect(parseJsonLogic(text)).toEqual({ rule: JSON.parse(text) as unknown });
  });

  it.each([
    '',
    'a eq 1',
    '[1]',
    '1',
    '"x"',
    'true',
    'nullx',
    'null eq 1',
    '{"a":1} x',
    '{"a":1e400}',
    '{"a":[[-1e999]]}',
    "{'a':1}",
    '\u00a0{}',
  ])('leaves %j to nikunjy', (text) => {
    expect(parseJsonLogic(text)).toBeUndefined();
  });
});
