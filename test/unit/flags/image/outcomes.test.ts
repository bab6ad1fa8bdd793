import { describe, expect, it } from 'vitest';
import { NONE, OUTCOME_WORDS } from '../../../../src/flags/image/abi.ts';
import { OutcomeBit, type OutcomeFacts, Outcomes, REASONS } from '../../../../src/flags/image/outcomes.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

const SERVED: OutcomeFacts = { name: 'on', value: true, reason: 'STATIC', bits: 0 };

function textOf(...values: JsonValue[]): string {
  const outcomes = new Outcomes();
  outcomes.beginFlag(0);
  for (const value of values) outcomes.add({ ...SERVED, value });
  return outcomes.endFlag(undefined, '');
}

describe('an outcome', () => {
  it('is six words: flag, name, value, rule name, rule index + 1, facts', () => {
    const outcomes = new Outcomes();
    outcomes.beginFlag(7);
    outcomes.add(SERVED);
    const rule = { ruleIndex: 2, ruleName: 'beta', reason: 'TARGETING_MATCH' as const };
    expect(outcomes.add({ ...SERVED, ...rule, name: 'off', value: false, bits: OutcomeBit.cacheable })).toBe(1);
    outcomes.add({ name: 'text', reason: 'ERROR', code: 'FLAG_CONFIG', bits: OutcomeBit.usesDefault });
    const words = outcomes.toWords();
    expect(words).toHaveLength(3 * OUTCOME_WORDS);
    expect([...words.subarray(0, 6)]).toEqual([7, 0, 0, NONE, 0, REASONS.indexOf('STATIC')]);
    expect([...words.subarray(6, 12)]).toEqual([7, 1, 1, 0, 3, 0x100]);
    expect([...words.subarray(12)]).toEqual([7, 2, NONE, NONE, 0, REASONS.indexOf('ERROR') | (2 << 4) | 0x200]);
    expect(JSON.parse(outcomes.endFlag({ a: 1 }, 'v1'))).toEqual([
      ['on', 'off', 'text'],
      [true, false],
      ['beta'],
      { a: 1 },
      'v1',
    ]);
  });

  it('without a rule name, or with an empty one, names no rule', () => {
    const outcomes = new Outcomes();
    outcomes.beginFlag(0);
    outcomes.add({ ...SERVED, ruleIndex: 0, ruleName: '' });
    outcomes.add({ ...SERVED, ruleIndex: 1, ruleName: undefined });
    expect(outcomes.toWords()[3]).toBe(NONE);
    expect(outcomes.toWords()[9]).toBe(NONE);
  });

  it('has a number of its own among many thousand', () => {
    const outcomes = new Outcomes();
    for (let flag = 0; flag < 5_000; flag++) {
      outcomes.beginFlag(flag);
      expect(outcomes.add(SERVED)).toBe(flag);
    }
    const words = outcomes.toWords();
    expect(outcomes.count).toBe(5_000);
    expect(words[4_999 * OUTCOME_WORDS]).toBe(4_999);
    expect(words).toHaveLength(5_000 * OUTCOME_WORDS);
  });
});

describe('the text of a flag', () => {
  it('stores names, values and rule names once', () => {
    const outcomes = new Outcomes();
    outcomes.beginFlag(0);
    const value = { long: 'x'.repeat(1_000) };
    for (let i = 0; i < 100; i++) outcomes.add({ ...SERVED, value, ruleIndex: i, ruleName: 'same' });
    const text = outcomes.endFlag(undefined, '');
    expect(text.length).toBeLessThan(1_100);
    expect(JSON.parse(text)).toEqual([['on'], [value], ['same'], null, '']);
  });

  it('begins anew with each flag', () => {
    const outcomes = new Outcomes();
    outcomes.beginFlag(0);
    outcomes.add({ ...SERVED, name: 'first' });
    outcomes.beginFlag(1);
    outcomes.add({ ...SERVED, name: 'second' });
    expect(JSON.parse(outcomes.endFlag(undefined, ''))[0]).toEqual(['second']);
  });

  it('keeps -0 apart from 0, wherever it is', () => {
    const read = (JSON.parse(textOf(0, -0, [{ a: -0, b: [0, -0, 'x'] }])) as [unknown, JsonValue[]])[1];
    expect(read).toHaveLength(3);
    expect(Object.is(read[0], 0)).toBe(true);
    expect(Object.is(read[1], -0)).toBe(true);
    const [{ a, b }] = read[2] as unknown as [{ a: number; b: number[] }];
    expect([a, ...b.slice(0, 2)].map((number) => Object.is(number, -0))).toEqual([true, false, true]);
  });

  it.each([
    ['\ud800', '\ufffd'],
    ['a\udfffb', 'a\ufffdb'],
    ['\udc00\ud800', '\ufffd\ufffd'],
    ['😀', '😀'],
    ['\\ud800', '\\ud800'],
    ['\\\\ud800', '\\\\ud800'],
    ['\\\ud800', '\\\ufffd'],
  ])('writes lone surrogates as U+FFFD and leaves text alone that only looks like them: %j', (written, expected) => {
    const [, values] = JSON.parse(textOf(written, { [written]: [written] })) as [unknown, JsonValue[]];
    expect(values).toEqual([expected, { [expected]: [expected] }]);
  });

  it('keeps members named __proto__', () => {
    const value = JSON.parse('{"__proto__":{"a":-0},"constructor":1}') as JsonValue;
    expect(textOf(value)).toContain('{"__proto__":{"a":-0},"constructor":1}');
  });
});
