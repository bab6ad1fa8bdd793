/** Buckets through the kernel, one flag at a time and sixteen at once, against a plain FNV-1a. */

import { beforeAll, describe, expect, it } from 'vitest';
import { KernelRig } from '../../wasm/support/kernel-rig.ts';
import { type Splitter, splitter } from '../../wasm/support/reference-rollout.ts';

const FLAG_KEYS = [
  ...[
    'new-checkout',
    'a',
    '',
    ' ',
    'ß',
    '日本語のフラグ',
    '😀',
    '\ud800',
    'constructor',
    '__proto__',
    'UPPER.lower',
    'é',
  ],
  ...['with "quotes"', 'line\nbreak', '\u0000', 'k'.repeat(300), 'color', 'colour', '1', '2'],
];

/** A thousand variations of a thousandth each: which one is served says the exact bucket. */
const FINE: Record<string, number> = Object.fromEntries(
  Array.from({ length: 1_000 }, (_, i) => [`v${String(i).padStart(3, '0')}`, 0.001]),
);
const SHAPES: Record<string, number>[] = [FINE, { a: 50, b: 50 }, { a: 10, b: 20.5, c: 69.5 }, { a: 0.1, b: 32.3 }];

const SUFFIXES = ['', '-é', '日本', '😀', '\udc00', '@example.com', '\u0000', 'x'.repeat(120), 'ÿ'.repeat(40), ' '];

function userKey(i: number): string {
  return `${i % 3 === 0 ? 'user-' : ''}${i * 7919}${SUFFIXES[i % SUFFIXES.length]}`;
}

const shapeOf = (i: number) => SHAPES[i % SHAPES.length] as Record<string, number>;
const splitters = SHAPES.map(splitter);
const splitterOf = (i: number) => splitters[i % SHAPES.length] as Splitter;
const fine = splitterOf(0);
const flags: Record<string, object> = Object.create(null) as Record<string, object>;
for (const [i, key] of FLAG_KEYS.entries()) {
  flags[key] = { variations: { a: 1 }, defaultRule: { percentage: shapeOf(i) } };
}

let rig: KernelRig;
beforeAll(() => {
  rig = new KernelRig(flags);
});

describe('the bucket', () => {
  it('of 20 flags for 5,000 users is that of a plain FNV-1a', () => {
    expect(rig.compiled.flagCount).toBe(20);
    const seen = new Set<string>();
    for (let user = 0; user < 5_000; user++) {
      const targetingKey = userKey(user);
      for (const [i, flagKey] of FLAG_KEYS.entries()) {
        const { variation, details } = rig.raw(flagKey, { targetingKey });
        const expected = splitterOf(i)(flagKey, targetingKey);
        if ((details === '' ? variation : undefined) !== expected) {
          expect.fail(
            `flag ${JSON.stringify(flagKey)}, user ${JSON.stringify(targetingKey)}: ${variation || details}, not ${expected}`,
          );
        }
        seen.add(variation);
      }
    }
    expect(seen.size).toBeGreaterThan(990);
  }, 60_000);

  it('is the same in a batch', () => {
    for (let user = 0; user < 5_000; user++) {
      const context = { targetingKey: userKey(user) };
      for (const answer of rig.all(context)) {
        if (
          rig.raw(answer.flagKey, context) !== answer &&
          rig.raw(answer.flagKey, context).variation !== answer.variation
        ) {
          expect.fail(`flag ${JSON.stringify(answer.flagKey)}, user ${JSON.stringify(context.targetingKey)}`);
        }
      }
    }
  }, 60_000);

  it.each([1, 15, 16, 17, 33])('is the same in a batch of %i flags', (count) => {
    const some = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`f${i}`, { variations: {}, defaultRule: { percentage: FINE } }]),
    );
    const batch = new KernelRig({ ...some, still: { variations: { a: 1 }, defaultRule: { variation: 'a' } } });
    for (let user = 0; user < 50; user++) {
      const targetingKey = userKey(user);
      for (const { flagKey, variation } of batch.all({ targetingKey })) {
        expect(variation).toBe(flagKey === 'still' ? 'a' : fine(flagKey, targetingKey));
      }
    }
  });

  it('goes by the bucketing key where there is one, also in a batch', () => {
    const half = { variations: {}, defaultRule: { percentage: FINE } };
    const mixed = new KernelRig({
      own: { ...half, bucketingKey: 'team' },
      none: half,
      empty: { ...half, bucketingKey: '' },
    });
    for (let user = 0; user < 200; user++) {
      const context = { targetingKey: userKey(user), team: userKey(user + 1) };
      const answers = Object.fromEntries(mixed.all(context).map(({ flagKey, variation }) => [flagKey, variation]));
      expect(answers).toEqual({
        own: fine('own', context.team),
        none: fine('none', context.targetingKey),
        empty: fine('empty', context.targetingKey),
      });
      for (const flagKey of ['own', 'none', 'empty'])
        expect(mixed.raw(flagKey, context).variation).toBe(answers[flagKey]);
    }
  });

  it('is the same for an ASCII key right behind a wide one, and the other way round', () => {
    for (const targetingKey of ['abc', 'äbc', 'abc', 'a'.repeat(64), 'a'.repeat(65), 'ä'.repeat(33), 'abc', '']) {
      const { variation, details } = rig.raw('a', { targetingKey });
      expect(details || variation).toBe(
        targetingKey === '' ? 'Error: Empty targeting key' : splitterOf(1)('a', targetingKey),
      );
    }
  });
});

describe('the shares', () => {
  it('of 100,000 users lie within half a percentage point of the weights', () => {
    const percentage = { a: 10, b: 20.5, c: 69.5 };
    const one = new KernelRig({ experiment: { variations: {}, defaultRule: { percentage } } });
    const entry = one.entry('experiment');
    const counts = new Map<number, number>();
    for (let user = 0; user < 100_000; user++) {
      const outcome = one.outcome(entry, { targetingKey: `3f2b8c1e-${user.toString(16).padStart(6, '0')}` });
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    const shares = Array.from(counts.values(), (count) => count / 1_000).sort((a, b) => a - b);
    expect(shares).toHaveLength(3);
    for (const [i, weight] of [10, 20.5, 69.5].entries())
      expect(Math.abs((shares[i] as number) - weight)).toBeLessThan(0.5);
  });
});
