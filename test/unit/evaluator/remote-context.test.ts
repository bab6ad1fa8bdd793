/** What travels to a relay, and that both modes mean the same by it (relay-and-provider §4.3, D-56). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { contextJson } from '../../../src/evaluator/remote-context.ts';
import { emptyRecord, type JsonValue } from '../../../src/internal/json.ts';

const evaluator = new InProcessEvaluator({
  bootstrap: {
    flags: {
      asked: {
        variations: { yes: true, no: false },
        targeting: [{ query: '{"===": [{"var": "a"}, {"var": "same"}]}', variation: 'yes' }],
        defaultRule: { variation: 'no' },
      },
      whole: {
        variations: { yes: true, no: false },
        targeting: [{ query: '{"in": ["x", {"var": "a"}]}', variation: 'yes' }],
        defaultRule: { variation: 'no' },
      },
    },
  },
});
beforeAll(() => evaluator.initialize());
afterAll(() => evaluator.close());

/** `{ next: { next: … } }`, that many levels. */
function nested(levels: number, innermost: unknown = 'end'): unknown {
  let value = innermost;
  for (let i = 0; i < levels; i++) value = { next: value };
  return value;
}

class Account {
  plan = 'pro';
  readonly #secret = 1;
  get doubled(): number {
    return this.#secret * 2;
  }
}

const ABSENT = Symbol('absent');

/** What JavaScript holds, and what is left of it in JSON. */
const VALUES: readonly (readonly [name: string, value: unknown, json: JsonValue | typeof ABSENT])[] = [
  ['text', 'x', 'x'],
  ['empty text', '', ''],
  ['an emoji', '👍🏽', '👍🏽'],
  ['a lone surrogate', 'a\ud800', 'a\ufffd'],
  ['a zero byte', 'a\0b', 'a\0b'],
  ['markup', '<&>\u2028', '<&>\u2028'],
  ['a whole number', 7, 7],
  ['a fraction', 0.1, 0.1],
  ['a large number', 1e300, 1e300],
  // The engine makes it an ordinary zero where GO Feature Flag does: at the top level.
  ['minus zero', -0, -0],
  ['NaN', Number.NaN, ABSENT],
  ['Infinity', Number.POSITIVE_INFINITY, ABSENT],
  ['minus Infinity', Number.NEGATIVE_INFINITY, ABSENT],
  ['true', true, true],
  ['null', null, null],
  ['undefined', undefined, ABSENT],
  ['a function', () => 'x', ABSENT],
  ['a symbol', Symbol('x'), ABSENT],
  ['a safe bigint', 7n, 7],
  ['the largest safe bigint', BigInt(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
  ['a large bigint', 2n ** 70n, '1180591620717411303424'],
  ['a Date', new Date(Date.UTC(2026, 0, 2)), '2026-01-02T00:00:00.000Z'],
  ['an invalid Date', new Date(Number.NaN), ABSENT],
];

describe('a value', () => {
  it.each(VALUES)('%s travels as what JSON can say (D-56)', (_, a, json) => {
    const expected = json === ABSENT ? {} : { a: json };
    expect(JSON.parse(contextJson({ a }))).toEqual(expected);
    expect(JSON.parse(contextJson({ b: { a } }))).toEqual({ b: expected });
    expect(JSON.parse(contextJson({ b: [a] }))).toEqual({ b: [json === ABSENT ? null : json] });
  });

  it.each(VALUES)('%s means the same in both modes (D-56)', (_, a, json) => {
    const isPresent = json !== ABSENT;
    // What travelled is what the relay's engine reads: an own evaluation of it must be that of the original.
    const travelled = JSON.parse(contextJson({ a, same: 'x' })) as Record<string, unknown>;
    for (const key of ['asked', 'whole']) {
      expect(evaluator.evaluate(key, travelled)).toEqual(evaluator.evaluate(key, { a, same: 'x' }));
    }
    expect(evaluator.evaluate('asked', isPresent ? { a, same: json } : { a }).value).toBe(true);
  });

  it('a Map with text keys is an object, an instance gives its own members, a null prototype is none', () => {
    const map = new Map<unknown, unknown>([
      ['b', new Map([['c', 1n]])],
      [7, 'left out'],
      ['f', () => 1],
    ]);
    expect(contextJson({ a: map })).toBe('{"a":{"b":{"c":1}}}');
    expect(contextJson({ a: new Account() })).toBe('{"a":{"plan":"pro"}}');
    expect(contextJson(Object.assign(Object.create(null), { b: 1 }))).toBe('{"b":1}');
    const sparse = [1];
    sparse[2] = 3;
    expect(contextJson({ a: sparse })).toBe('{"a":[1,null,3]}');
  });

  it.each<[string, unknown, boolean]>([
    ['64 levels', nested(64), true],
    ['65 levels', nested(65), false],
    ['10,000 levels', nested(10_000), false],
    ['64 levels of arrays', JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`), true],
    ['65 levels of arrays', JSON.parse(`${'['.repeat(65)}${']'.repeat(65)}`), false],
    ['just under 1 MiB of text', 'x'.repeat(1_048_000), true],
    ['2 MiB of text', 'x'.repeat(2_097_152), false],
    ['2 MiB of names', { [`n${'x'.repeat(2_097_152)}`]: 1 }, false],
    ['300,000 items', new Array(300_000).fill(0), false],
    ['an array that claims four billion items', new Array(4_294_967_295), false],
    ['a self', selfReferring(), false],
  ])('of %s is taken or refused alike in both modes', (_, a, isFine) => {
    const inProcess = evaluator.evaluate('whole', { a }).errorCode;
    let remote: unknown;
    try {
      contextJson({ a });
    } catch (caught) {
      remote = (caught as { code: string }).code;
    }
    expect([inProcess, remote]).toEqual(isFine ? [undefined, undefined] : ['INVALID_CONTEXT', 'INVALID_CONTEXT']);
  });

  it('shared a billion times without a cycle is refused before it is copied', () => {
    let shared: unknown = 1;
    for (let i = 0; i < 30; i++) shared = [shared, shared];
    expect(() => contextJson({ shared })).toThrow(/^INVALID_CONTEXT: the context holds more than 262144 values$/);
  });
});

function selfReferring(): unknown {
  const list: unknown[] = ['y'];
  list.push(new Map([['list', list]]));
  return list;
}

describe('a context', () => {
  it('is flat, with targetingKey beside the attributes (GOFF-CTX-001, GOFF-CTX-002)', () => {
    expect(contextJson({ targetingKey: 'u-1', email: 'a@b.c' })).toBe('{"email":"a@b.c","targetingKey":"u-1"}');
  });

  it('without a targeting key travels without one; an empty one travels (D-57, GOFF-CTX-003)', () => {
    expect(contextJson({ a: 1 })).toBe('{"a":1}');
    expect(contextJson({ targetingKey: '' })).toBe('{"targetingKey":""}');
    expect(contextJson({ targetingKey: 7, a: 1 })).toBe('{"a":1}');
  });

  it('writes whole numbers one way, however they were written (GOFF-CTX-004)', () => {
    expect(contextJson({ a: 100.0, b: 1e2 })).toBe('{"a":100,"b":100}');
  });

  it('with equal members in another order is the same text', () => {
    expect(contextJson({ b: { d: 1, c: 2 }, a: 1 })).toBe(contextJson({ a: 1, b: { c: 2, d: 1 } }));
  });

  it('with names that mean something on every object keeps them (D-35)', () => {
    const context = emptyRecord<unknown>();
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) context[name] = { __proto__: null };
    expect(contextJson(context)).toBe('{"__proto__":{},"constructor":{},"hasOwnProperty":{},"toString":{}}');
    const own = JSON.parse('{"a":{"__proto__":{"admin":true}}}') as Record<string, unknown>;
    expect(contextJson(own)).toBe('{"a":{"__proto__":{"admin":true}}}');
  });

  it('is never changed, not even when it is frozen (GOFF-CTX-009)', () => {
    const reserved = Object.freeze({
      currentDateTime: '2026-01-01T00:00:00Z',
      exporterMetadata: Object.freeze({ a: 1 }),
    });
    const context = Object.freeze({ targetingKey: 'u', gofeatureflag: reserved });
    const before = structuredClone(context);
    expect(JSON.parse(contextJson(context, ['b', 'a']))).toEqual({
      targetingKey: 'u',
      gofeatureflag: { ...before.gofeatureflag, flagList: ['b', 'a'] },
    });
    expect(context).toEqual(before);
    expect(JSON.parse(contextJson(context))).toEqual(before);
  });

  it('whose gofeatureflag is no object has it replaced where flags are listed, and only there (GOFF-CTX-008)', () => {
    expect(contextJson({ gofeatureflag: 'x' }, ['a'])).toBe('{"gofeatureflag":{"flagList":["a"]}}');
    expect(contextJson({ gofeatureflag: [1] }, ['a'])).toBe('{"gofeatureflag":{"flagList":["a"]}}');
    expect(contextJson({ gofeatureflag: 'x' })).toBe('{"gofeatureflag":"x"}');
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a revoked Proxy', revoked()],
    ['a getter that throws', throwing(new Error('no such tenant'))],
    ['a getter that throws what has no text', throwing(Object.create(null))],
    ['a getter that throws a symbol', throwing(Symbol('s'))],
  ])('%s is INVALID_CONTEXT and nothing else', (_, context) => {
    expect(() => contextJson(context as never)).toThrow(/^INVALID_CONTEXT: /);
    if (context !== null && context !== undefined) {
      expect(evaluator.evaluate('asked', context as never).errorCode).toBe('INVALID_CONTEXT');
    }
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throwing(thrown: unknown): unknown {
  return Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw thrown;
    },
  });
}
