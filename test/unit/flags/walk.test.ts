import { describe, expect, it } from 'vitest';
import { ABORT, isMap, KEEP, memberOf, walkMembers, walkQuery } from '../../../src/flags/walk.ts';

const path = (text: string) => text.split('.');

describe('memberOf', () => {
  it('gives own members only', () => {
    expect(memberOf({ a: 1 }, 'a')).toBe(1);
    expect(memberOf({}, 'constructor')).toBeUndefined();
    expect(memberOf({}, '__proto__')).toBeUndefined();
    expect(memberOf(JSON.parse('{"__proto__":7}') as object, '__proto__')).toBe(7);
    expect(memberOf(Object.create({ a: 1 }) as object, 'a')).toBeUndefined();
  });

  it('reads a Map by its keys', () => {
    expect(memberOf(new Map([['a', 1]]), 'a')).toBe(1);
    expect(memberOf(new Map(), 'size')).toBeUndefined();
  });
});

describe('isMap', () => {
  it('is true for what JSON writes as an object', () => {
    for (const value of [{}, new Map(), Object.create(null)]) expect(isMap(value)).toBe(true);
    for (const value of [null, undefined, [], new Date(), 'a', 1, true]) expect(isMap(value)).toBe(false);
  });
});

describe('walkQuery', () => {
  const walk = (root: unknown, text: string) => walkQuery(root, path(text));

  it('follows members to the last name', () => {
    expect(walk({ b: { c: 1 } }, 'a.b.c')).toBe(1);
    expect(walk(1, 'a')).toBe(1);
    expect(walk({ b: null }, 'a.b')).toBeNull();
  });

  it('answers undefined for a missing last name, and KEEP for a missing or null parent', () => {
    expect(walk({}, 'a.b')).toBeUndefined();
    expect(walk(undefined, 'a')).toBeUndefined();
    expect(walk(undefined, 'a.b')).toBe(KEEP);
    expect(walk(null, 'a.b')).toBe(KEEP);
    expect(walk({}, 'a.b.c')).toBe(KEEP);
    expect(walk({ b: null }, 'a.b.c')).toBe(KEEP);
  });

  it.each([[1], ['text'], [true], [[]], [new Date()], [0], ['']])('aborts in the middle at %j', (value) => {
    expect(walk(value, 'a.b')).toBe(ABORT);
    expect(walk({ b: value }, 'a.b.c')).toBe(ABORT);
  });
});

describe('walkMembers', () => {
  it('answers undefined wherever the way ends', () => {
    for (const root of [undefined, null, 1, 'text', [1], {}, { b: null }, { b: [] }]) {
      expect(walkMembers(root, path('a.b.c'))).toBeUndefined();
    }
    expect(walkMembers({ b: { c: 0 } }, path('a.b.c'))).toBe(0);
    expect(walkMembers({ '': { '': 7 } }, path('a..'))).toBe(7);
  });
});
