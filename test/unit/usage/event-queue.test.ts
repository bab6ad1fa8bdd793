/** The books of the queue, walked at random beside a model. */

import { describe, expect, it } from 'vitest';

import { Batch } from '../../../src/usage/batch.ts';
import { EventRing } from '../../../src/usage/event-ring.ts';
import { Random } from '../flags/jsonlogic/random-cases.ts';
import { walk } from './support/queue-walk.ts';

const STEPS = 1_000_000;
const SEED = Number(process.env['EDICT_WALK_SEED'] ?? 1);

const small = {
  maxPendingEvents: 5,
  maxPendingBytes: 1_024,
  maxBatchEvents: 4,
  maxBatchBytes: 300,
  eventMode: 'each',
} as const;

describe('accepted = sent + dropped + pending', () => {
  it('holds at each of 1,000,000 random steps, with order and content those of a model (UE-01, D-05, D-72)', () => {
    const random = new Random(SEED);
    const half = STEPS / 2;
    const oldest = walk(random, half, { ...small, overflow: 'drop-oldest' });
    const newest = walk(random, half, { ...small, overflow: 'drop-newest' });
    for (const tally of [oldest, newest]) {
      expect(tally.sent).toBeGreaterThan(half / 50);
      expect(tally.dropped).toBeGreaterThan(half / 50);
    }
  }, 120_000);
});

describe('the ring', () => {
  it('gives back what it took, in order, around its end, and refuses more than its capacity', () => {
    const ring = new EventRing(3);
    for (let i = 0; i < 10; i++) {
      ring.push(`a${i}`, 2);
      ring.push(`b${i}`, 5);
      expect([ring.count, ring.bytes, ring.oldestSize]).toEqual([2, 7, 2]);
      expect([ring.shift(), ring.shift(), ring.shift()]).toEqual([`a${i}`, `b${i}`, undefined]);
    }
    for (let i = 0; i < 3; i++) ring.push('x', 1);
    expect(() => ring.push('x', 1)).toThrow(RangeError);
    expect(ring.oldestSize).toBe(1);
  });
});

describe('a batch', () => {
  it('loses its oldest events without changing its id', () => {
    const batch = new Batch([
      { text: '1', size: 1, weight: 1 },
      { text: '22', size: 2, weight: 1 },
    ]);
    const { id } = batch;
    expect(batch.body('{}')).toBe('{"meta":{},"events":[1,22]}');
    expect(batch.dropOldest()).toBe(1);
    expect([batch.id, batch.count, batch.bytes, batch.weight]).toEqual([id, 1, 2, 1]);
    expect(batch.body('{}')).toBe('{"meta":{},"events":[22]}');
    expect([batch.dropOldest(), batch.dropOldest()]).toEqual([1, 0]);
  });
});
