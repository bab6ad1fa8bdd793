/** At least once: whatever a collector does, each event arrives or is counted as dropped. */

import { describe, expect, it } from 'vitest';

import { resolveOptions } from '../../../src/options/resolve.ts';
import type { OutgoingBatch, PostResult } from '../../../src/usage/sink.ts';
import { UsageEvents } from '../../../src/usage/usage-events.ts';
import { Random } from '../flags/jsonlogic/random-cases.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { countsOf, eventsOf, isBalanced, refused, taken, UsageBench, use } from './support/usage-bench.ts';

const SEED = Number(process.env['EDICT_WALK_SEED'] ?? 1);

/** Takes batches, or not, or takes them and says it did not. */
class MoodyCollector {
  readonly seen = new Map<string, number>();
  readonly events = new Map<number, Set<string>>();
  posts = 0;
  mood: (random: Random) => number;
  readonly #random: Random;

  constructor(random: Random, mood: (random: Random) => number) {
    this.#random = random;
    this.mood = mood;
  }

  async post(batch: OutgoingBatch): Promise<PostResult> {
    this.posts++;
    const status = this.mood(this.#random);
    const isAccepted = status === 200 || status === 500;
    if (isAccepted) {
      this.seen.set(batch.id, (this.seen.get(batch.id) ?? 0) + 1);
      for (const { key } of eventsOf(batch)) {
        const number = Number(key);
        const ids = this.events.get(number) ?? new Set();
        this.events.set(number, ids.add(batch.id));
      }
    }
    return status === 200 ? taken : refused(status);
  }
}

describe('10,000 batches to a collector that fails at random', () => {
  it('lose nothing; what arrives twice does so under one id (UE-03)', async () => {
    const random = new Random(SEED);
    const moods = [200, 200, 200, 500, 503, 0, 429, 401];
    const collector = new MoodyCollector(random, () => random.pick(moods));
    const clock = new FakeClock();
    const options = {
      endpoint: 'http://relay',
      clock,
      logger: new RecordingLogger(),
      maxBatchEvents: 5,
      maxPendingEvents: 500,
    };
    const usage = new UsageEvents(resolveOptions({ ...options, random: () => random.next() }), collector);
    usage.start();
    let accepted = 0;
    while (collector.posts < 10_000) {
      const burst = random.below(20);
      for (let i = 0; i < burst && countsOf(usage).pending < 900; i++) usage.feature(use(String(accepted++)));
      await usage.flush();
      expect(isBalanced(countsOf(usage))).toBe(true);
    }
    collector.mood = () => 200;
    await usage.flush();
    await usage.close(1_000);
    expect(countsOf(usage)).toMatchObject({ accepted, sent: accepted, pending: 0, dropped: { total: 0 } });
    expect(collector.events.size).toBe(accepted);
    const twice = [...collector.seen.values()].filter((times) => times > 1);
    expect(twice.length).toBeGreaterThan(100);
    // Each event is known under one id alone: a collector that remembers ids counts it once.
    expect([...collector.events.values()].filter((ids) => ids.size !== 1)).toEqual([]);
  }, 60_000);

  it('lose exactly what is counted as dropped, with 413, refusals, overflow and restarts mixed in (UE-01, UE-03)', async () => {
    const random = new Random(SEED + 1);
    const collector = new MoodyCollector(random, () => random.pick([200, 200, 500, 0, 413, 400]));
    const clock = new FakeClock();
    const options = {
      endpoint: 'http://relay',
      clock,
      logger: new RecordingLogger(),
      maxBatchEvents: 7,
      maxPendingEvents: 40,
    };
    const usage = new UsageEvents(resolveOptions({ ...options, random: () => random.next() }), collector);
    usage.start();
    for (let round = 0, number = 0; round < 3_000; round++) {
      for (let i = random.below(30); i > 0; i--) usage.feature(use(String(number++)));
      const kind = random.below(20);
      if (kind < 10) await usage.flush();
      else if (kind < 18) await clock.advance(random.below(2_000));
      else {
        await usage.close(random.below(500));
        usage.start();
      }
      expect(isBalanced(countsOf(usage))).toBe(true);
    }
    await usage.close(0);
    const { accepted, sent, pending, dropped } = countsOf(usage);
    expect(pending).toBe(0);
    expect(sent + (dropped['total'] as number)).toBe(accepted);
    // Whoever answers 500 after accepting may have more than we know of, never less.
    expect(collector.events.size).toBeGreaterThanOrEqual(sent);
    for (const cause of ['overflow', 'tooLarge', 'refused', 'closed']) expect(dropped[cause], cause).toBeGreaterThan(0);
  }, 60_000);
});

describe('150,000 events', () => {
  it('whose flush failed are all sent later, in order, without a stack overflow (D-71)', async () => {
    const bench = new UsageBench({
      maxPendingEvents: 150_000,
      maxPendingBytes: 200_000_000,
      maxBatchEvents: 100_000,
      maxBatchBytes: 100_000_000,
    });
    for (let i = 0; i < 150_000; i++) bench.usage.track(String(i), {}, {});
    const sizes: number[] = [];
    let next = 0;
    let isDown = true;
    bench.sink.post = async (batch) => {
      const events = eventsOf(batch);
      sizes.push(events.length);
      if (isDown) return refused(503);
      for (const { key } of events) expect(Number(key)).toBe(next++);
      return taken;
    };
    expect(await bench.usage.flush()).toEqual({ sent: 0, pending: 150_000, dropped: 0 });
    isDown = false;
    expect(await bench.usage.flush()).toEqual({ sent: 150_000, pending: 0, dropped: 0 });
    expect(sizes).toEqual([100_000, 100_000, 50_000]);
    expect(next).toBe(150_000);
  }, 60_000);
});
