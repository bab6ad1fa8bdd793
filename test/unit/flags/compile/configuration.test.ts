import { describe, expect, it } from 'vitest';
import { compileConfiguration } from '../../../../src/flags/compile/configuration.ts';
import { readEnvelope } from '../../../../src/flags/compile/envelope.ts';
import { FLAG_WORDS, FlagBit, FlagColumn, MAGIC, NO_HASH } from '../../../../src/flags/image/abi.ts';
import { IMAGE_BASE } from '../../../../src/flags/image/pool.ts';
import { compileFlags, flagOf, KernelRig } from '../../wasm/support/kernel-rig.ts';
import { fnv1a } from '../../wasm/support/reference-rollout.ts';

const STATIC = { variations: { a: 1 }, defaultRule: { variation: 'a' } };
const HALF = { variations: { a: 1, b: 2 }, defaultRule: { percentage: { a: 50, b: 50 } } };

function header(image: Uint8Array): number[] {
  return Array.from(new Uint32Array(image.slice(0, 64).buffer));
}

function column(compiled: { flags: Uint32Array }, flag: number, name: keyof typeof FlagColumn): number {
  return compiled.flags[flag * FLAG_WORDS + FlagColumn[name]] as number;
}

describe('an image', () => {
  it('begins with a header that says where everything lies', () => {
    const { image, flagCount, outcomes } = compileFlags({ a: STATIC, b: HALF, c: flagOf('plan eq "pro"') });
    const [magic, abi, bytes, flags, records, slots, start, end, outcomeCount, seeds, seedCount] = header(image);
    expect([magic, abi, bytes, flags]).toEqual([MAGIC, 1, image.length, 3]);
    expect(flagCount).toBe(3);
    expect(records).toBe(IMAGE_BASE + 64);
    expect(slots).toBe(3);
    expect(outcomeCount).toBe(outcomes.length / 6);
    expect((start as number) % 16).toBe(0);
    expect(((end as number) - (start as number)) % 20).toBe(0);
    expect((seeds as number) % 16).toBe(0);
    expect(seedCount).toBe(16);
  });

  it('holds the hash state behind each flag key, and pads those of the batch to sixteen', () => {
    const flags = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`é${i}`, HALF]));
    const compiled = compileFlags({ ...flags, still: STATIC });
    const words = new Uint32Array(compiled.image.slice().buffer);
    const [, , , , records = 0, , , , , seeds = 0, seedCount] = header(compiled.image);
    expect(seedCount).toBe(32);
    const keys = JSON.parse(compiled.keys) as string[];
    for (const [i, key] of keys.entries()) {
      const record = (records - IMAGE_BASE) / 4 + i * 4;
      expect(words[record + 1]).toBe(fnv1a(key));
      const index = words[record + 2] as number;
      if (key === 'still') expect(index).toBe(NO_HASH);
      else expect(words[(seeds - IMAGE_BASE) / 4 + index]).toBe(fnv1a(key));
    }
  });

  it('is the same for the same configuration, whatever the order of its flags', () => {
    const one = compileFlags({ a: STATIC, b: HALF, c: flagOf('plan eq "pro"') }, { x: 1 });
    const other = compileFlags({ c: flagOf('plan eq "pro"'), b: HALF, a: STATIC }, { x: 1 });
    expect(Buffer.compare(one.image, other.image)).toBe(0);
    expect(other).toEqual(one);
  });

  it('may hold no flag at all', () => {
    const rig = new KernelRig({});
    expect(rig.all({ targetingKey: 'u' })).toEqual([]);
  });

  it('stores a text that many flags compare with once', () => {
    const long = 'x'.repeat(2_000);
    const flags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, flagOf(`plan eq "${long}"`)]));
    expect(compileFlags(flags).image.length).toBeLessThan(2_000 + 50 * 200);
  });
});

describe('flags', () => {
  it('are in the order of their keys, whatever these are', () => {
    const flags = JSON.parse('{"b":{},"a":{},"__proto__":{},"":{},"10":{},"9":{},"é":{}}') as object;
    expect(JSON.parse(compileFlags(flags).keys)).toEqual(['', '10', '9', '__proto__', 'a', 'b', 'é']);
  });

  it('may be chosen by prefix', () => {
    const envelope = readEnvelope({ flags: { 'shop.a': STATIC, 'shop.b': STATIC, shop: STATIC, 'x.shop.': STATIC } });
    const keys = (flagPrefix?: string) => JSON.parse(compileConfiguration(envelope, { flagPrefix }).keys) as string[];
    expect(keys('shop.')).toEqual(['shop.a', 'shop.b']);
    expect(keys('none')).toEqual([]);
    expect(keys('')).toHaveLength(4);
    expect(keys()).toHaveLength(4);
  });

  it('that nothing can change carry their outcome, so that no call is needed', () => {
    const compiled = compileFlags({
      a: STATIC,
      b: { ...STATIC, disable: true },
      c: {},
      d: { ...STATIC, targeting: [{ query: 'x eq 1', variation: 'a', disable: true }] },
    });
    for (let i = 0; i < 4; i++) expect(column(compiled, i, 'constantOutcome'), `flag ${i}`).toBeGreaterThan(0);
    expect(
      header(compiled.image)
        .slice(6, 8)
        .reduce((start, end) => end - start),
    ).toBe(4 * 20);
  });

  it('that context or clock can change carry none', () => {
    const compiled = compileFlags({
      bucketed: { ...STATIC, bucketingKey: 'team' },
      half: HALF,
      rule: flagOf('x eq 1'),
      scheduled: { ...STATIC, scheduledRollout: [{ date: '2025-01-01T00:00:00Z' }] },
      window: { ...STATIC, experimentation: { start: '2025-01-01T00:00:00Z' } },
    });
    for (let i = 0; i < 5; i++) expect(column(compiled, i, 'constantOutcome'), `flag ${i}`).toBe(0);
  });

  it('list the slots they read, and no others', () => {
    const compiled = compileFlags({
      a: flagOf('plan eq "pro" and age gt 3 or plan pr'),
      b: STATIC,
      c: { ...HALF, targeting: [{ query: 'team.name eq "x"', variation: 'a' }] },
      // A rule that always applies: nobody ever asks for what stands behind it.
      d: { ...STATIC, targeting: [{ variation: 'a' }, { query: 'never pr', variation: 'a' }] },
    });
    const paths = (flag: number) => {
      const start = column(compiled, flag, 'slotsStart');
      const slots = compiled.lists.subarray(start, start + column(compiled, flag, 'slotsCount'));
      return Array.from(slots, (slot) => compiled.slots[slot]?.path.join('.') || compiled.slots[slot]?.kind).sort();
    };
    expect([0, 1, 2, 3].map(paths)).toEqual([['age', 'plan'], [], ['targetingKey', 'team.name'], []]);
    expect(compiled.slots.some((source) => source?.path[0] === 'never')).toBe(false);
  });

  it('say whether they read the clock, the tree, or hash the targeting key', () => {
    const compiled = compileFlags({
      a: { ...STATIC, experimentation: { start: '2025-01-01T00:00:00Z' }, trackEvents: false },
      b: flagOf('a.b.c eq 1 and d eq 1'),
      c: flagOf('{"==":[{"var":{"cat":["x"]}},1]}'),
      d: HALF,
      e: { ...HALF, bucketingKey: 'team' },
      f: { variations: 'no object' },
    });
    const bits = [0, 1, 2, 3, 4, 5].map((flag) => column(compiled, flag, 'bits'));
    expect(bits).toEqual([
      FlagBit.time | FlagBit.untracked,
      FlagBit.tree,
      FlagBit.tree | FlagBit.allRoots,
      FlagBit.hashes,
      0,
      FlagBit.broken,
    ]);
    expect(compiled.rootNames).toEqual(['a', 'd']);
  });
});

describe('a document that a program built', () => {
  it('may hold undefined: at most the flag that does is broken', () => {
    const odd = { ...STATIC, targeting: [{ query: undefined, variation: 'a' }], metadata: { owner: undefined } };
    const rig = new KernelRig({ odd, good: STATIC, valueless: { ...STATIC, variations: { a: undefined } } });
    expect(rig.raw('good').variation).toBe('a');
    expect(rig.raw('valueless').value).toBeNull();
    expect(rig.compiled.broken.filter(({ key }) => key !== 'odd')).toEqual([]);
  });
});

describe('a broken flag', () => {
  const flags = { bad: { variations: { a: 1 }, defaultRule: { variation: 7 } }, good: STATIC, worse: 'no object' };

  it('answers PARSE_ERROR with its details, and all others serve', () => {
    const rig = new KernelRig(flags);
    expect(rig.raw('good')).toMatchObject({ variation: 'a', code: '' });
    for (const key of ['bad', 'worse']) {
      expect(rig.raw(key, { targetingKey: 'u' })).toMatchObject({
        code: 'PARSE_ERROR',
        preEvaluation: true,
        variation: '',
        reason: '',
        details: expect.stringContaining('json: cannot unmarshal'),
      });
    }
    expect(rig.compiled.broken.map(({ key }) => key)).toEqual(['bad', 'worse']);
  });

  it('may be one whose query nests beyond what compiles', () => {
    const deep = flagOf(`${'('.repeat(20_000)}a eq 1${')'.repeat(20_000)}`);
    const rig = new KernelRig({ deep, good: STATIC });
    expect(rig.compiled.broken.map(({ key }) => key)).toEqual(['deep']);
    expect(rig.raw('deep').code).toBe('PARSE_ERROR');
    expect(rig.raw('good').variation).toBe('a');
  });

  it('leaves nothing of its half-compiled reads behind', () => {
    const bad = flagOf('plan eq "pro"');
    const targeting = [...(bad['targeting'] as object[]), { query: `${'('.repeat(20_000)}a eq 1`, variation: 'on' }];
    const { flags: rows } = compileFlags({ bad: { ...bad, targeting } });
    expect(rows[FlagColumn.slotsCount]).toBe(0);
    expect((rows[FlagColumn.bits] as number) & FlagBit.broken).toBe(FlagBit.broken);
  });
});
