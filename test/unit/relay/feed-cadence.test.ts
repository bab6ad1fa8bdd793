import { describe, expect, it } from 'vitest';

import { settle } from './support/fake-clock.ts';
import { FeedBench, failure, flags, unchanged } from './support/feed-bench.ts';

describe('the cadence of the feed', () => {
  it('polls by default, 120 s after the previous poll ended (D-20, GOFF-IP-006)', async () => {
    const bench = new FeedBench([flags(1), unchanged]);
    expect(await bench.start()).toBe('loaded');
    await bench.clock.advance(119_999);
    expect(bench.fetches).toBe(1);
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(2);
    await bench.clock.advance(120_000 * 5);
    expect(bench.fetches).toBe(7);
  });

  it('counts the interval from the end of a slow poll, not from its start', async () => {
    let answerSlowly = (_: typeof unchanged): void => undefined;
    const slow = new Promise<typeof unchanged>((resolve) => {
      answerSlowly = resolve;
    });
    const bench = new FeedBench([flags(1), slow, unchanged], { pollIntervalMs: 10_000 });
    await bench.start();
    await bench.clock.advance(10_000 + 7_000);
    expect(bench.fetches).toBe(2);
    answerSlowly(unchanged);
    await bench.clock.advance(9_999);
    expect(bench.fetches).toBe(2);
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(3);
  });

  it('spreads polls by ten percent either way (GOFF-IP-011)', async () => {
    for (const [random, dueMs] of [
      [0, 108_000],
      [0.999_999, 132_000],
    ] as const) {
      const bench = new FeedBench([flags(1)], { random: () => random });
      await bench.start();
      await bench.clock.advance(dueMs - 1);
      expect(bench.fetches).toBe(1);
      await bench.clock.advance(1);
      expect(bench.fetches).toBe(2);
    }
  });

  it('500 feeds started together are due at as many different moments', async () => {
    const due = await Promise.all(
      Array.from({ length: 500 }, async (_, index) => {
        const bench = new FeedBench([flags(1)], { random: () => index / 500 });
        await bench.start();
        return bench.feed.describe().nextAttemptInMs as number;
      }),
    );
    expect(Math.min(...due)).toBe(108_000);
    expect(Math.max(...due)).toBeGreaterThan(131_000);
    expect(new Set(due).size).toBeGreaterThan(400);
  });

  it('doubles the ceiling of the backoff up to maxBackoffMs, and one success returns to the poll interval', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK')], { random: () => 0.999_999 });
    await bench.start();
    await bench.feed.refresh();
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) {
      const delay = bench.feed.describe().nextAttemptInMs as number;
      delays.push(delay);
      await bench.clock.advance(delay);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    bench.nowAnswer(unchanged);
    await bench.clock.advance(60_000);
    expect(bench.feed.describe()).toMatchObject({ consecutiveFailures: 0, nextAttemptInMs: 132_000 });
  });

  it('never waits less than 250 ms after a failure', async () => {
    const bench = new FeedBench([failure('UNAVAILABLE')], { random: () => 0 });
    await bench.start();
    expect(bench.feed.describe().nextAttemptInMs).toBe(250);
  });

  it('asks slowly, for ever, after a refused credential (CF-09, D-27)', async () => {
    const bench = new FeedBench([failure('UNAUTHORIZED')]);
    expect(await bench.start()).toBe('UNAUTHORIZED');
    await bench.clock.advance(299_999);
    expect(bench.fetches).toBe(1);
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(2);
    await bench.clock.advance(300_000 * 100);
    expect(bench.fetches).toBe(102);
  });

  it('waits for the later of Retry-After and its own delay (S-08, D-29)', async () => {
    const bench = new FeedBench([flags(1), failure('RATE_LIMITED', { retryAfterMs: 90_000 })]);
    await bench.start();
    await bench.feed.refresh();
    expect(bench.feed.describe().nextAttemptInMs).toBe(90_000);
    bench.nowAnswer(failure('RATE_LIMITED', { retryAfterMs: 1 }));
    await bench.clock.advance(90_000);
    expect(bench.feed.describe().nextAttemptInMs as number).toBeGreaterThanOrEqual(250);
  });

  it('keeps trying through an outage of a day and recovers (D-26, GOFF-IP-010)', async () => {
    const bench = new FeedBench([failure('NETWORK')]);
    await bench.start();
    await bench.clock.advance(86_400_000);
    expect(bench.fetches).toBeGreaterThan(1_400);
    bench.nowAnswer(flags(3));
    await bench.clock.advance(60_000);
    expect(bench.published).toHaveLength(1);
    expect(bench.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
  });

  it('does not poll when pollIntervalMs is 0, but pursues the first configuration', async () => {
    const bench = new FeedBench([failure('NETWORK'), failure('NETWORK'), flags(1)], { pollIntervalMs: 0 });
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.published).toHaveLength(1);
    expect(bench.fetches).toBe(3);
    await bench.clock.advance(10_000_000);
    expect(bench.fetches).toBe(3);
    bench.nowAnswer(failure('NETWORK'));
    expect(await bench.feed.refresh()).toBe('failed');
    await bench.clock.advance(10_000_000);
    expect(bench.fetches).toBe(4);
    expect(bench.feed.describe().nextAttemptInMs).toBeNull();
  });

  it('a wall clock that jumps a day moves no poll (S-38)', async () => {
    const bench = new FeedBench([flags(1), unchanged]);
    await bench.start();
    bench.clock.wallMs += 86_400_000;
    await bench.clock.advance(119_999);
    expect(bench.fetches).toBe(1);
    bench.clock.wallMs -= 2 * 86_400_000;
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(2);
  });

  it('an interval near the limit of timers never becomes a busy loop', async () => {
    const bench = new FeedBench([flags(1), unchanged], { pollIntervalMs: 2_147_483_647, random: () => 0.999 });
    await bench.start();
    await bench.clock.advance(2_147_483_646);
    expect(bench.fetches).toBe(1);
  });
});

describe('one attempt at a time (S-24)', () => {
  it('any number of triggers during a fetch cause exactly one more after it', async () => {
    let answer = (_: ReturnType<typeof flags>): void => undefined;
    const pending = new Promise<ReturnType<typeof flags>>((resolve) => {
      answer = resolve;
    });
    const bench = new FeedBench([pending, flags(2, { content: 'b' })]);
    void bench.feed.start();
    const refreshes = [bench.feed.refresh(), bench.feed.refresh(), bench.feed.refresh()];
    await settle();
    expect(bench.fetches).toBe(1);
    answer(flags(1));
    expect(await Promise.all(refreshes)).toEqual(['changed', 'changed', 'changed']);
    expect(bench.fetches).toBe(2);
    expect(bench.mostRunning).toBe(1);
    expect(bench.published.map(({ content }) => content)).toEqual(['flags:1:a', 'flags:2:b']);
  });

  it('a listener that asks again from inside an event starts no second fetch beside the first', async () => {
    const bench = new FeedBench([flags(1), flags(2), flags(3), unchanged]);
    let asked = 0;
    const push = bench.events.push.bind(bench.events);
    bench.events.push = (event) => {
      if (event.type === 'published' && asked < 2) {
        asked++;
        void bench.feed.refresh();
        void bench.feed.refresh();
      }
      return push(event);
    };
    await bench.start();
    await bench.clock.advance(1);
    expect(bench.mostRunning).toBe(1);
    expect(bench.published).toHaveLength(3);
  });

  it('a manual refresh moves the next poll', async () => {
    const bench = new FeedBench([flags(1), unchanged]);
    await bench.start();
    await bench.clock.advance(100_000);
    expect(await bench.feed.refresh()).toBe('unchanged');
    await bench.clock.advance(119_999);
    expect(bench.fetches).toBe(2);
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(3);
  });
});

describe('stopping', () => {
  it('leaves no timer and asks no more', async () => {
    const bench = new FeedBench([flags(1)], { errorAfterStaleMs: 1_000 });
    await bench.start();
    bench.nowAnswer(failure('UNAUTHORIZED'));
    await bench.feed.refresh();
    bench.feed.stop();
    expect(bench.clock.pendingTimers).toBe(0);
    await bench.clock.advance(10_000_000);
    expect(bench.fetches).toBe(2);
    expect(await bench.feed.refresh()).toBe('failed');
    expect(bench.fetches).toBe(2);
  });

  it('publishes nothing that arrives later, and ends a start that is under way (S-32)', async () => {
    let answer = (_: ReturnType<typeof flags>): void => undefined;
    const bench = new FeedBench([
      new Promise<ReturnType<typeof flags>>((resolve) => {
        answer = resolve;
      }),
    ]);
    const start = bench.feed.start();
    await settle();
    bench.feed.stop();
    expect(await start).toMatchObject({ kind: 'failed', error: { code: 'CLOSED' } });
    answer(flags(1));
    await settle();
    expect(bench.published).toEqual([]);
    expect(bench.events).toEqual([]);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('a start after stop answers CLOSED without asking', async () => {
    const bench = new FeedBench([flags(1)]);
    bench.feed.stop();
    expect(await bench.start()).toBe('CLOSED');
    expect(bench.fetches).toBe(0);
  });
});
