/** Which flags count as changed between two configurations. */

import { describe, expect, it } from 'vitest';
import { Snapshot } from '../../../../src/evaluator/snapshot.ts';
import { FLAG_WORDS, FlagColumn } from '../../../../src/flags/image/abi.ts';
import { compileFlags, flagOf } from '../../wasm/support/kernel-rig.ts';

function changes(before: object, after: object, enrichedBefore: object = {}, enrichedAfter: object = {}): string[] {
  const first = new Snapshot(compileFlags(before, enrichedBefore));
  return new Snapshot(compileFlags(after, enrichedAfter)).changesFrom(first);
}

/** The flags that change when only enrichment does. */
function enriched(flags: object, before: object, after: object): string[] {
  return changes(flags, flags, before, after);
}

function digestAt(rows: Uint32Array, row: number): string {
  const at = row * FLAG_WORDS;
  return `${rows[at + FlagColumn.digestLow]} ${rows[at + FlagColumn.digestHigh]}`;
}

const STATIC = { variations: { a: 1 }, defaultRule: { variation: 'a' } };

describe('a flag', () => {
  it('is unchanged when its JSON is', () => {
    const flags = { a: flagOf('plan eq "pro"'), b: STATIC };
    expect(changes(flags, structuredClone(flags))).toEqual([]);
  });

  it('is unchanged by the order of members, and of flags', () => {
    expect(changes({ a: { variations: { x: 1, y: 2 } }, b: {} }, { b: {}, a: { variations: { y: 2, x: 1 } } })).toEqual(
      [],
    );
  });

  it.each([
    ['a value', { variations: { a: 2 } }],
    ['the kind of a value', { variations: { a: '1' } }],
    ['a value into a list of it', { variations: { a: [1] } }],
    ['the name of a variation', { variations: { b: 1 } }],
    ['a query', { targeting: [{ query: 'a eq 2', variation: 'a' }] }],
    ['metadata alone', { metadata: { owner: 'x' } }],
    ['an absent member into an empty one', { targeting: [] }],
    ['an absent member into false', { disable: false }],
    ['a version', { version: '' }],
  ])('is changed by %s', (_, change) => {
    expect(changes({ flag: STATIC, other: STATIC }, { flag: { ...STATIC, ...change }, other: STATIC })).toEqual([
      'flag',
    ]);
  });

  it('tells values apart that are written alike or add up alike', () => {
    const values = [
      0,
      1,
      '',
      '0',
      '1',
      true,
      false,
      null,
      [],
      {},
      [[]],
      [0],
      [null],
      { '': 0 },
      { a: 1 },
      { a: '1' },
      ['a', 'b'],
      ['b', 'a'],
      ['ab', ''],
      ['ab'],
      { a: 'b', b: 'a' },
      { a: 'a', b: 'b' },
      { a: { b: 1 } },
      { b: { a: 1 } },
    ];
    const digests = values.map((value) => {
      return digestAt(compileFlags({ flag: { variations: { value } } }).flags, 0);
    });
    expect(new Set(digests).size).toBe(values.length);
  });

  it('is changed when it comes or goes', () => {
    expect(changes({ a: STATIC, b: STATIC }, { b: STATIC, c: STATIC })).toEqual(['a', 'c']);
  });

  it('collides with none of 20,000 that differ in one digit', () => {
    const flags = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, { variations: { a: i } }]));
    const { flags: rows } = compileFlags(flags);
    const digests = new Set<string>();
    for (let row = 0; row < 20_000; row++) digests.add(digestAt(rows, row));
    expect(digests.size).toBe(20_000);
  });
});

describe('a change of enrichment alone', () => {
  const flags = {
    path: flagOf('org.id eq 7'),
    plain: flagOf('env eq "prod"'),
    tree: flagOf('org.unit.id eq 1 or env eq "prod"'),
    logic: flagOf('{"==":[{"var":"env"},"prod"]}'),
    everything: flagOf('{"==":[{"var":{"cat":["e","nv"]}},"prod"]}'),
    bucketing: { ...STATIC, bucketingKey: 'team' },
    anonymous: flagOf('anonymous eq true'),
    key: flagOf('targetingKey eq "u"'),
    window: { ...STATIC, experimentation: { end: '2025-07-01T00:00:00Z' } },
    progressive: {
      ...STATIC,
      defaultRule: {
        progressiveRollout: {
          initial: { variation: 'a', date: '2025-07-01T00:00:00Z' },
          end: { variation: 'a', date: '2025-08-01T00:00:00Z' },
        },
      },
    },
    unrelated: STATIC,
  };

  it.each([
    ['env', ['everything', 'logic', 'plain', 'tree']],
    ['org', ['everything', 'path', 'tree']],
    ['team', ['bucketing', 'everything']],
    ['anonymous', ['anonymous', 'everything']],
    ['gofeatureflag', ['everything', 'progressive']],
    ['nobody', ['everything']],
  ])('of %s changes the flags that read it, and no other', (name, changed) => {
    expect(enriched(flags, {}, { [name]: 'x' }), 'added').toEqual(changed);
    expect(enriched(flags, { [name]: 'x' }, { [name]: { id: 1 } }), 'changed').toEqual(changed);
    expect(enriched(flags, { [name]: 'x' }, {}), 'removed').toEqual(changed);
    expect(enriched(flags, { [name]: 'x' }, { [name]: 'x' }), 'the same').toEqual([]);
  });

  it('of targetingKey changes no query, but a flag that is bucketed by it', () => {
    const bucketed = { ...flags, own: { ...STATIC, bucketingKey: 'targetingKey' } };
    expect(enriched(bucketed, {}, { targetingKey: 'x' })).toEqual(['everything', 'own']);
  });

  it('from null to absent is a change', () => {
    expect(enriched({ plain: flags.plain }, { env: null }, {})).toEqual(['plain']);
  });
});
