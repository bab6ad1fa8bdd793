/** The books of the queue, walked at random beside a model. */

import { describe, expect, it } from 'vitest';

import { Batch } from '../../../src/internal/event-batch.ts';
import { EventRing } from '../../../src/internal/event-ring.ts';
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
  const push = (ring: EventRing, text: string): void =>
    ring.push(Buffer.from(`${text}and what is behind`), text.length);
  const take = (ring: EventRing): string => {
    const target = Buffer.alloc(100);
    return target.toString('utf8', 3, 3 + ring.moveTo(target, 3));
  };

  it('gives back what it took, in order, cut by its end or not, and refuses more than its limits', () => {
    const ring = new EventRing(3, 25);
    for (let i = 0; i < 50; i++) {
      push(ring, `a${i % 10}`);
      push(ring, `bbbb${i % 10}`);
      expect([ring.count, ring.bytes, ring.oldestSize, ...ring.sizes()]).toEqual([2, 7, 2, 2, 5]);
      push(ring, 'cc');
      expect([take(ring), ring.drop(), take(ring), ring.drop()]).toEqual([`a${i % 10}`, true, 'cc', false]);
    }
    for (let i = 0; i < 3; i++) push(ring, 'x');
    expect(() => push(ring, 'x')).toThrow(RangeError);
    while (ring.drop());
    expect(() => push(ring, 'x'.repeat(26))).toThrow(RangeError);
    expect([ring.oldestSize, ring.bytes]).toEqual([0, 0]);
  });

  it('grows to its limit without losing what it holds', () => {
    const ring = new EventRing(100_000, 1_000_000);
    const text = (i: number): string => `${i}:`.padEnd(1 + (i % 97), '.');
    let first = 0;
    let next = 0;
    for (; ring.bytes < 999_000; next++) {
      push(ring, text(next));
      if (next % 5 === 0) expect(take(ring)).toBe(text(first++));
    }
    while (first < next) expect(take(ring)).toBe(text(first++));
  });
});

describe('a batch', () => {
  it('loses its oldest events without changing its id, and halves what is left', () => {
    const batch = Batch.ofEvents(Buffer.from('1,22,333,4444'), [1, 2, 3, 4]);
    const { id } = batch;
    expect([batch.count, batch.bytes, batch.weight]).toEqual([4, 10, 4]);
    batch.dropOldest();
    expect([batch.id, batch.count, batch.bytes, batch.weight]).toEqual([id, 3, 9, 3]);
    expect(batch.body('{}')).toBe('{"meta":{},"events":[22,333,4444]}');
    const halves = batch.halves();
    expect(halves.map((half) => [half.content, half.count, half.bytes])).toEqual([
      ['22', 1, 2],
      ['333,4444', 2, 7],
    ]);
    expect(new Set([id, ...halves.map((half) => half.id)]).size).toBe(3);
    for (let i = 0; i < 3; i++) batch.dropOldest();
    expect([batch.content, batch.count, batch.bytes]).toEqual(['', 0, 0]);
  });
});
