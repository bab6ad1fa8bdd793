/** What an evaluation context may hold, and what each kind means (relay-and-provider §4.3, D-56). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { EvaluationContext, Resolution } from '../../../src/evaluator/resolution.ts';
import { emptyRecord, type JsonValue } from '../../../src/internal/json.ts';
import { splitter } from '../wasm/support/reference-rollout.ts';

const evaluator = new InProcessEvaluator({ bootstrap: { flags: {} } });
beforeAll(() => evaluator.initialize());
afterAll(() => evaluator.close());

async function load(flags: Readonly<Record<string, JsonValue>>): Promise<void> {
  await evaluator.load({ flags });
}

const flagOf = (query: string): JsonValue => ({
  variations: { yes: 'yes', no: 'no' },
  targeting: [{ query, variation: 'yes' }],
  defaultRule: { variation: 'no' },
});

/** A flag that is `yes` where the query holds. */
async function ask(query: string, context: EvaluationContext): Promise<Resolution> {
  await load({ asked: flagOf(query) });
  return evaluator.evaluate('asked', context, 'default');
}

const INVALID = { value: 'default', reason: 'ERROR', errorCode: 'INVALID_CONTEXT' };

/** `{ next: { next: … } }`, that many levels. */
function nested(levels: number, innermost: unknown = 'end'): unknown {
  let value = innermost;
  for (let i = 0; i < levels; i++) value = { next: value };
  return value;
}

describe('an attribute', () => {
  class Account {
    plan = 'pro';
  }
  const cases: readonly (readonly [name: string, value: unknown, query: string, expected: string])[] = [
    ['a Date is RFC 3339 in UTC', new Date(Date.UTC(2026, 0, 2)), 'a eq "2026-01-02T00:00:00.000Z"', 'yes'],
    ['an invalid Date is left out', new Date(Number.NaN), 'a pr', 'no'],
    ['a safe bigint is a number', 7n, 'a eq 7', 'yes'],
    ['a large bigint is decimal text', 2n ** 70n, 'a eq "1180591620717411303424"', 'yes'],
    ['NaN is left out', Number.NaN, 'a pr', 'no'],
    ['Infinity is left out', Number.POSITIVE_INFINITY, 'a gt 5', 'no'],
    ['a function is left out', () => 'x', 'a pr', 'no'],
    ['a symbol is left out', Symbol('x'), 'a pr', 'no'],
    ['undefined is left out', undefined, 'a pr', 'no'],
    ['a Map with text keys is an object', new Map([['b', 'deep']]), 'a.b eq "deep"', 'yes'],
    ['an instance of a class gives its members', new Account(), 'a.plan eq "pro"', 'yes'],
    ['a null-prototype object is an object', Object.assign(Object.create(null), { b: 1 }), 'a.b eq 1', 'yes'],
    ['a boolean is no number', true, 'a eq 1', 'no'],
    ['a lone surrogate is the replacement character', '\ud800', 'a eq "\ufffd"', 'yes'],
    ['an emoji is text', '👍🏽', 'a eq "👍🏽"', 'yes'],
    ['a zero byte is text', 'a\0b', '{"==": [{"var": "a"}, "a\\u0000b"]}', 'yes'],
  ];

  it.each(cases)('%s', async (_, a, query, expected) => {
    expect(await ask(query, { targetingKey: 'u', a })).toMatchObject({ value: expected, errorCode: undefined });
  });

  it('is as long as its UTF-8 bytes, not as its characters, also between others (D-82, GOFF-WASM-003)', async () => {
    const texts = ['żółć', 'a€', '👍🏽', 'plain', `${'x'.repeat(70)}ß`, '日本語'];
    const [first, second] = ['before', 'after'];
    for (const text of texts) {
      const context = { first, text, second, targetingKey: text };
      const last = [...text].at(-1);
      for (const query of [`text eq "${text}"`, `text sw "${text}"`, `text ew "${last}"`, `text co "${last}"`]) {
        const whole = `first eq "before" and ${query} and second eq "after"`;
        expect(await ask(whole, context), query).toMatchObject({ value: 'yes' });
        expect(await ask(whole, { ...context, text: text.slice(0, -1) }), query).not.toMatchObject({ value: 'yes' });
      }
      await load({ split: { variations: { a: 'a', b: 'b' }, defaultRule: { percentage: { a: 50, b: 50 } } } });
      expect(evaluator.evaluate('split', context).value).toBe(splitter({ a: 50, b: 50 })('split', text));
    }
  });

  it('of 2 MiB answers INVALID_CONTEXT where it is read, and costs nothing where it is not', async () => {
    const context = { a: 'x'.repeat(2 * 1_048_576), b: 1 };
    const resolution = await ask('a eq "x"', context);
    expect(resolution).toMatchObject(INVALID);
    expect(resolution.errorMessage).toContain('INVALID_CONTEXT: ');
    expect(await ask('b eq 1', context)).toMatchObject({ value: 'yes' });
    expect(await ask('a eq "x"', { a: 'x' })).toMatchObject({ value: 'yes' });
  });

  it('just under 1 MiB is text like any other', async () => {
    expect(await ask('a co "needle"', { a: `${'x'.repeat(1_000_000)}needle` })).toMatchObject({ value: 'yes' });
  });

  it('that contains itself answers INVALID_CONTEXT where it is read whole', async () => {
    const a: Record<string, unknown> = { b: 1 };
    a['self'] = a;
    expect(await ask('{"==": [{"var": "a"}, 1]}', { a })).toMatchObject(INVALID);
    expect(await ask('a.b eq 1', { a })).toMatchObject({ value: 'yes' });
    expect(await ask('b eq 1', { a, b: 1 })).toMatchObject({ value: 'yes' });
    const list: unknown[] = [];
    list.push(list);
    expect(await ask('{"in": [1, {"var": "a"}]}', { a: list })).toMatchObject(INVALID);
  });

  it('nested 10,000 deep answers INVALID_CONTEXT where it is read whole, and is no burden elsewhere', async () => {
    const a = nested(10_000);
    expect(await ask('{"==": [{"var": "a"}, 1]}', { a })).toMatchObject(INVALID);
    expect(await ask('a.next.next pr', { a })).toMatchObject({ value: 'yes' });
    expect(await ask('b eq 1', { a, b: 1 })).toMatchObject({ value: 'yes' });
  });

  it('whose getter throws answers INVALID_CONTEXT with the getter’s words, and the next evaluation is right', async () => {
    const context = Object.defineProperty({ b: 1 }, 'a', {
      enumerable: true,
      get: () => {
        throw new Error('no such tenant');
      },
    });
    const resolution = await ask('a eq 1', context);
    expect(resolution).toMatchObject(INVALID);
    expect(resolution.errorMessage).toContain('no such tenant');
    expect(evaluator.evaluate('asked', { a: 1 }).value).toBe('yes');
    expect(evaluator.describe()).toMatchObject({ traps: 0 });
  });

  it('a context that is a revoked Proxy answers INVALID_CONTEXT', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(await ask('a eq 1', proxy)).toMatchObject(INVALID);
  });
});

describe('a context', () => {
  it('is never changed, not even when it is frozen or holds frozen things', async () => {
    const context = Object.freeze({ targetingKey: 'u', a: Object.freeze({ list: Object.freeze([1, { b: 2n }]) }) });
    const before = structuredClone(context);
    await ask('{"in": [1, {"var": "a.list"}]}', context);
    evaluator.evaluateAll(context);
    evaluator.prepare(context).evaluate('asked');
    expect(context).toEqual(before);
  });

  it('with 1,000 attributes of all kinds is read all the same by a flag that takes it whole', async () => {
    const context: Record<string, unknown> = { targetingKey: 'u', wanted: 'here' };
    const kinds = [1, 'x', 2n, Number.NaN, () => 1, Symbol('s'), new Map([[1, 2]]), new Date(0), null, [undefined], {}];
    for (let i = 0; i < 1_000; i++) context[`attribute-${i}`] = kinds[i % kinds.length];
    expect(await ask('{"==": [{"var": "wanted"}, "here"]}', context)).toMatchObject({ value: 'yes' });
    expect(await ask('{"missing": ["wanted", "attribute-1"]}', context)).toMatchObject({ value: 'no' });
    expect(await ask('{"!": [{"missing": ["wanted", "attribute-3"]}]}', context)).toMatchObject({
      errorCode: undefined,
    });
  });

  it('whose targeting key is missing decides flags that do not bucket, and fails those that do (D-57, GOFF-CTX-003)', async () => {
    await load({
      rule: flagOf('a eq 1'),
      split: { variations: { yes: 'yes', no: 'no' }, defaultRule: { percentage: { yes: 50, no: 50 } } },
    });
    expect(evaluator.evaluate('rule', { a: 1 })).toMatchObject({ value: 'yes', errorCode: undefined });
    for (const context of [{}, { targetingKey: '' }, { targetingKey: 7 }]) {
      expect(evaluator.evaluate('split', context, 'default')).toMatchObject({
        value: 'default',
        errorCode: 'TARGETING_KEY_MISSING',
      });
    }
  });
});

describe('names that mean something on every object (D-35)', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

  it.each(NAMES)('"%s" is an ordinary flag key', async (name) => {
    expect(evaluator.evaluate(name, {}, 'default').errorCode).toBe('FLAG_NOT_FOUND');
    const flags = emptyRecord<JsonValue>();
    flags[name] = flagOf('a eq 1');
    await load(flags);
    expect(evaluator.flagKeys()).toEqual([name]);
    expect(evaluator.evaluate(name, { a: 1 }, 'default').value).toBe('yes');
    expect(evaluator.evaluateAll({ a: 1 }).map(({ flagKey, value }) => [flagKey, value])).toEqual([[name, 'yes']]);
    expect(evaluator.isTrackable(name)).toBe(true);
    await load({});
    expect(evaluator.evaluate(name, { a: 1 }, 'default').errorCode).toBe('FLAG_NOT_FOUND');
  });

  it.each(NAMES)('"%s" is an ordinary attribute, and absent unless the context has it', async (name) => {
    const logic = `{"==": [{"var": "${name}"}, "mine"]}`;
    // Names of a nikunjy query begin with a letter.
    for (const query of name.startsWith('_') ? [logic] : [logic, `${name} eq "mine"`]) {
      expect((await ask(query, {})).value).toBe('no');
      const context = emptyRecord<unknown>();
      context[name] = 'mine';
      expect((await ask(query, context)).value).toBe('yes');
      const own = Object.defineProperty({}, name, { value: 'mine', enumerable: true });
      expect((await ask(query, own)).value).toBe('yes');
      expect((await ask(query, { other: 1 })).value).toBe('no');
    }
  });

  it('as variations and metadata keep their values', async () => {
    const flag = JSON.parse(
      '{"variations":{"__proto__":"p","constructor":"c"},"defaultRule":{"variation":"__proto__"},"metadata":{"__proto__":1,"constructor":2}}',
    ) as JsonValue;
    await load({ odd: flag });
    const { value, variant, metadata } = evaluator.evaluate('odd', {});
    expect([value, variant, JSON.stringify(metadata)]).toEqual(['p', '__proto__', '{"__proto__":1,"constructor":2}']);
  });
});
