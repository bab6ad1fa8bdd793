/** What of a rule becomes slots, and which attributes the context tree must hold. */

import { describe, expect, it } from 'vitest';
import { Pool, Tag } from '../../../../src/flags/image/pool.ts';
import { SlotTable } from '../../../../src/flags/image/slots.ts';
import type { EncodedJsonLogic } from '../../../../src/flags/jsonlogic/encode.ts';
import { encodeJsonLogic } from '../../../../src/flags/jsonlogic/encode.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

interface Reads {
  readonly slots: readonly string[];
  readonly roots: readonly string[] | 'all';
}

function encode(rule: JsonValue, pool = new Pool(), slots = new SlotTable()): EncodedJsonLogic {
  const encoded = encodeJsonLogic(rule, pool, slots);
  if (encoded.problem !== undefined) throw new Error(encoded.problem);
  return encoded;
}

/** Slots as dotted paths, sorted; roots likewise. */
function reads(rule: JsonValue): Reads {
  const slots = new SlotTable();
  const encoded = encode(rule, new Pool(), slots);
  const names = encoded.slots.map((slot) => {
    const source = slots.sources[slot];
    return source === undefined ? '?' : source.path.length === 0 ? source.kind : source.path.join('.');
  });
  return { slots: names.sort(), roots: encoded.roots === 'all' ? 'all' : [...encoded.roots].sort() };
}

describe('a var of a constant name', () => {
  it.each<[JsonValue, readonly string[]]>([
    [{ '==': [{ var: 'country' }, 'FR'] }, ['country']],
    [{ and: [{ var: 'a' }, { '>': [{ var: ['b'] }, 1] }, { or: [{ var: ['c', 5] }] }] }, ['a', 'b', 'c']],
    [{ var: 'user.plan.tier' }, ['user.plan.tier']],
    [{ var: '.user..tier.' }, ['user.tier']],
    [{ var: 'targetingKey' }, ['targetingKey']],
    [{ var: 'key' }, ['targetingKey']],
    [{ var: 'anonymous' }, ['anonymous']],
    [{ var: '0' }, ['0']],
    [{ var: ['a', { var: 'b' }] }, ['a', 'b']],
    [{ filter: [{ var: 'items' }, true] }, ['items']],
    [{ reduce: [{ var: 'items' }, { '+': [1] }, { var: 'start' }] }, ['items', 'start']],
    [{ in: [[{ var: 'a' }], [[{ var: 'b' }]]] }, ['a', 'b']],
    [{ cat: { var: 'a' } }, ['a']],
    [{ var: '__proto__' }, ['__proto__']],
    [{ var: 'a.constructor' }, ['a.constructor']],
  ])('is a slot where it is certainly evaluated with the context: %j', (rule, slots) => {
    expect(reads(rule)).toEqual({ slots, roots: [] });
  });

  it.each<[JsonValue, Reads]>([
    // Below the first name an array may be in the way, and these could be its indexes.
    [{ var: 'items.0' }, { slots: [], roots: ['items'] }],
    [{ var: 'items.0.n' }, { slots: [], roots: ['items'] }],
    [{ var: ['items.NaN', 1] }, { slots: [], roots: ['items'] }],
    [{ var: 'a.Infinity' }, { slots: [], roots: ['a'] }],
    [{ var: 'a.+x' }, { slots: [], roots: ['a'] }],
    [{ var: ['a', 1, 2] }, { slots: [], roots: ['a'] }],
    [{ var: 1 }, { slots: [], roots: ['1'] }],
    [{ var: 1.5 }, { slots: [], roots: ['1'] }],
    [{ var: -0 }, { slots: [], roots: ['-0'] }],
    [{ var: 1e21 }, { slots: [], roots: 'all' }],
    // Elements of list literals and members of larger objects are data.
    [{ map: [[{ var: 'a' }], 1] }, { slots: [], roots: [] }],
    [{ merge: [{ a: { var: 'x' }, b: 1 }] }, { slots: [], roots: [] }],
    // The logic of a loop sees elements; filter and its kin look its names up outside first.
    [{ map: [{ var: 'items' }, { var: 'n' }] }, { slots: ['items'], roots: [] }],
    [{ filter: [{ var: 'items' }, { '==': [{ var: 'n' }, 1] }] }, { slots: ['items'], roots: ['n'] }],
    [{ some: [{ var: 'items' }, { var: '' }] }, { slots: ['items'], roots: [] }],
    [{ all: [{ var: 'items' }, { in: [{ var: '.n' }, { var: 'user.list' }] }] }, { slots: ['items'], roots: ['user'] }],
    [{ none: [{ var: 'items' }, { a: { var: 'x' }, b: { var: 'y' } }] }, { slots: ['items'], roots: ['x', 'y'] }],
    [{ filter: [[1], { var: { cat: ['a'] } }] }, { slots: [], roots: 'all' }],
    [{ reduce: [[1], { var: 'current' }, [{ var: 'a' }]] }, { slots: [], roots: [] }],
    // Operands that fail anyway.
    [{ and: { var: 'a' } }, { slots: [], roots: [] }],
    [{ filter: { var: 'a' } }, { slots: [], roots: [] }],
    [{ unknown: { var: 'a' } }, { slots: [], roots: [] }],
  ])('is read from the tree, or not at all, elsewhere: %j', (rule, expected) => {
    expect(reads(rule)).toEqual(expected);
  });

  it('is nothing below the recomputed attributes, which are no maps', () => {
    expect(reads({ '!': [{ var: 'key.x' }] })).toEqual({ slots: [], roots: [] });
  });

  it('with a default stays an operation there: in front of a loop a bare default would be another subject', () => {
    expect(reads({ none: [{ var: ['anonymous.y', 'd'] }, {}] })).toEqual({ slots: [], roots: ['anonymous'] });
  });

  it('takes one slot however often it is read, and one with the queries that read it too', () => {
    const slots = new SlotTable();
    const known = slots.forQuery(['a']);
    const encoded = encode({ and: [{ var: 'a' }, { var: ['a', 1] }, { '!': [{ var: 'a' }] }] }, new Pool(), slots);
    expect(encoded.slots).toEqual([known]);
    expect(slots.sources[known]?.deep).toBe(true);
  });
});

describe('the context tree', () => {
  it.each<JsonValue>([
    { var: '' },
    { var: '.' },
    { var: [] },
    { var: ['', 1] },
    { var: { var: 'name' } },
    { var: [{ var: 'name' }] },
    { missing: { var: 'names' } },
    { missing: [{ var: 'name' }] },
    { missing_some: [1, { var: 'names' }] },
    { missing_some: { var: 'all' } },
    // A branch that is an object of the context is applied to the whole context.
    { if: [{ var: 'a' }, { var: 'b' }] },
    { if: [1, { or: [{ var: 'b' }] }] },
    { '?:': [1, 2, { set: [{}, 'var', 'x'] }] },
    { set: [{}, 'a', { var: 'b' }] },
    { set: { var: 'args' } },
  ])('is needed whole where only the evaluation can tell what is read: %j', (rule) => {
    expect(reads(rule).roots).toBe('all');
  });

  it.each<[JsonValue, readonly string[]]>([
    [{ missing: ['a', 'b.c', 5, null, ['d', 1]] }, ['5', 'a', 'b', 'd']],
    [{ missing: 'a' }, ['a']],
    [{ missing_some: [1, ['a', 'b']] }, ['a', 'b']],
    [{ if: [{ var: 'a' }, 'x', { '+': [{ var: 'b' }] }] }, []],
    [{ set: [{ var: 'a' }, 'b', 1] }, []],
    [{ var: null }, []],
    [{ var: true }, []],
    [{ '==': [1, 1] }, []],
  ])('holds just the attributes that are read: %j', (rule, roots) => {
    expect(reads(rule).roots).toEqual(roots);
  });
});

describe('an encoded rule', () => {
  it('marks lists with nothing to evaluate, so that they cost nothing', () => {
    const flagOf = (rule: JsonValue) => {
      const pool = new Pool();
      const { rule: address } = encode(rule, pool);
      return [pool.getU32(address), pool.getU32(address + 12)];
    };
    expect(flagOf([1, ['a', null], { a: 1, b: 2 }, {}])).toEqual([Tag.array, 1]);
    expect(flagOf([1, [{ var: 'a' }]])).toEqual([Tag.array, 0]);
    expect(flagOf([{ unknown: 1 }])).toEqual([Tag.array, 0]);
  });

  it('nests 512 levels; deeper ones are refused with the depth, however deep', () => {
    const nest = (levels: number) => {
      let rule: JsonValue = 1;
      for (let i = 0; i < levels; i++) rule = i % 2 === 0 ? [rule] : { '!': rule };
      return rule;
    };
    const attempt = (levels: number) => encodeJsonLogic(nest(levels), new Pool(), new SlotTable()).problem;
    expect(attempt(512)).toBeUndefined();
    expect(attempt(513)).toBe('targeting query exceeds the maximum nesting depth (513 > 512)');
    expect(attempt(100_000)).toBe('targeting query exceeds the maximum nesting depth (100000 > 512)');
  });

  it('leaves no trace of a refused rule in pool and slots', () => {
    const pool = new Pool();
    const slots = new SlotTable();
    let rule: JsonValue = { var: 'a' };
    for (let i = 0; i < 600; i++) rule = { '!': rule };
    encodeJsonLogic(rule, pool, slots);
    expect(pool.length).toBe(0);
    expect(slots.sources).toHaveLength(1);
  });
});
