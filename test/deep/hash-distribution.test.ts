/**
 * A percentage is a promise about many users: over a million keys, each variation gets its weight to within 0.1 percentage
 * point (SC-03). Keys of several shapes, because a weak hash shows on keys that look alike.
 */

import { describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../src/evaluator/in-process-evaluator.ts';
import type { EvaluationContext } from '../../src/evaluator/resolution.ts';

const KEYS = 1_000_000;
/** Percentage points. */
const TOLERANCE = 0.1;

type Weights = Readonly<Record<string, number>>;

const WEIGHTS: Readonly<Record<string, Weights>> = {
  halves: { a: 50, b: 50 },
  thirds: { a: 33.3, b: 33.3, c: 33.4 },
  slope: { a: 10, b: 20, c: 30, d: 40 },
  'one in a hundred': { a: 1, b: 99 },
  'one in two hundred': { a: 0.5, b: 99.5 },
};

const byKey = (targetingKey: string): EvaluationContext => ({ targetingKey });

const SHAPES: readonly (readonly [name: string, contexts: () => (index: number) => EvaluationContext])[] = [
  ['counted names', () => (index) => byKey(`user-${index}`)],
  ['bare numbers', () => (index) => byKey(String(index))],
  ['mail addresses', () => (index) => byKey(`user${index}@example.com`)],
  ['128-bit identifiers', () => randomIdentifiers()],
  ['a bucketing key of another attribute', () => (index) => ({ targetingKey: 'same', team: `team ${index}` })],
];

const flagFor = (weights: Weights, bucketingKey?: string): object => ({
  variations: Object.fromEntries(Object.keys(weights).map((variation) => [variation, variation])),
  defaultRule: { percentage: weights },
  ...(bucketingKey === undefined ? {} : { bucketingKey }),
});

/** The same million on every run (xorshift, 32 bits a step). */
function randomIdentifiers(): () => EvaluationContext {
  let state = 12_345;
  const word = (): string => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0).toString(16).padStart(8, '0');
  };
  return () => byKey(word() + word() + word() + word());
}

describe(`${KEYS.toLocaleString('en')} keys`, () => {
  it.each(SHAPES)(
    'of the shape "%s" meet every weight to within 0.1 percentage point (SC-03)',
    async (name, contexts) => {
      const bucketingKey = name.startsWith('a bucketing key') ? 'team' : undefined;
      const flags = Object.fromEntries(
        Object.entries(WEIGHTS).map(([flag, weights]) => [flag, flagFor(weights, bucketingKey)]),
      );
      const evaluator = new InProcessEvaluator({ bootstrap: { flags } });
      await evaluator.initialize();
      const contextOf = contexts();
      const counts = new Map<string, number>();
      for (let index = 0; index < KEYS; index++) {
        const prepared = evaluator.prepare(contextOf(index));
        for (const flag in WEIGHTS) {
          const place = `${flag}/${prepared.evaluate(flag).variant}`;
          counts.set(place, (counts.get(place) ?? 0) + 1);
        }
      }
      await evaluator.close();

      let worst = { place: '', points: 0 };
      let total = 0;
      for (const [flag, weights] of Object.entries(WEIGHTS)) {
        for (const [variation, weight] of Object.entries(weights)) {
          const place = `${flag}/${variation}`;
          const count = counts.get(place) ?? 0;
          total += count;
          const points = Math.abs((count / KEYS) * 100 - weight);
          if (points > worst.points) worst = { place, points };
        }
      }
      console.log(`${name}: at most ${worst.points.toFixed(4)} percentage points off, at ${worst.place}`);
      expect(total).toBe(KEYS * Object.keys(WEIGHTS).length);
      expect(worst.points, worst.place).toBeLessThan(TOLERANCE);
    },
    120_000,
  );
});
