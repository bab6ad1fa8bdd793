/** When events are sent, and what each answer does to its batch. */

import { describe, expect, it } from 'vitest';

import { settle } from '../relay/support/fake-clock.ts';
import { isBalanced, keys, later, refused, taken, UsageBench } from './support/usage-bench.ts';

describe('sending', () => {
  it('happens on the interval, never at the start, and never without events (GOFF-COLL-014, GOFF-COLL-015)', async () => {
    const { usage, sink, clock } = new UsageBench({ flushIntervalMs: 60_000 });
    await clock.advance(59_999);
    expect(sink.posts).toHaveLength(0);
    await clock.advance(120_000);
    expect(sink.posts).toHaveLength(0);
    usage.track('a', {}, {});
    await clock.advance(60_000);
    expect(sink.keys).toEqual(['a']);
    await clock.advance(600_000);
    expect(sink.posts).toHaveLength(1);
  });

  it('waits between 90 % and 110 % of the interval', async () => {
    for (const [random, atMs] of [
      [0, 54_000],
      [0.999_999, 66_000],
    ] as const) {
      const bench = new UsageBench({ flushIntervalMs: 60_000, random: () => random });
      bench.use('a');
      await bench.clock.advance(atMs - 1);
      expect(bench.sink.posts).toHaveLength(0);
      await bench.clock.advance(1);
      expect(bench.sink.posts).toHaveLength(1);
    }
  });

  it('happens at maxPendingEvents, behind the evaluation that reached it (GOFF-COLL-014, D-83)', async () => {
    const bench = new UsageBench({ maxPendingEvents: 3 });
    bench.use('a', 'b', 'c', 'd');
    expect(bench.sink.posts).toHaveLength(0);
    await bench.clock.advance(0);
    expect(bench.sink.keys).toEqual(['a', 'b', 'c', 'd']);
  });

  it('happens only at the threshold, on flush and on close when flushIntervalMs is 0', async () => {
    const bench = new UsageBench({ flushIntervalMs: 0 });
    bench.use('a');
    expect(bench.clock.pendingTimers).toBe(0);
    await bench.clock.advance(10_000_000);
    expect(bench.sink.posts).toHaveLength(0);
    expect(await bench.usage.flush()).toEqual({ sent: 1, pending: 0, dropped: 0 });
    bench.use('b');
    expect(await bench.usage.close(1_000)).toEqual({ lost: 0 });
    expect(bench.sink.keys).toEqual(['a', 'b']);
  });

  it('cuts batches by count and by bytes, oldest first; an event larger than a batch travels alone', async () => {
    const byCount = new UsageBench({ maxBatchEvents: 2 });
    byCount.use(...keys(1, 5));
    await byCount.usage.flush();
    expect(byCount.sink.posts.map((post) => post.keys)).toEqual([['f1', 'f2'], ['f3', 'f4'], ['f5']]);

    const byBytes = new UsageBench({ maxBatchBytes: 1_024 });
    byBytes.use(...keys(1, 20), 'L'.repeat(2_000), 'last');
    await byBytes.usage.flush();
    const sizes = byBytes.sink.posts.map(({ body }) => Buffer.byteLength(body));
    expect(byBytes.sink.keys).toEqual([...keys(1, 20), 'L'.repeat(2_000), 'last']);
    expect(sizes.filter((size) => size > 1_024)).toHaveLength(1);
    expect(byBytes.sink.posts.filter((post) => post.keys.length > 1).length).toBeGreaterThan(3);
  });

  it('has one POST in flight and one flush waiting, shared by all who ask (D-05, D-70, GOFF-COLL-016)', async () => {
    const { usage, sink, clock, ...bench } = new UsageBench({ maxPendingEvents: 2, maxBatchEvents: 100 });
    const first = later();
    sink.nowAnswer(first.answer, taken);
    usage.track('a', {}, {});
    const flushes = [usage.flush()];
    await settle();
    for (let i = 0; i < 50; i++) {
      usage.track(`b${i}`, {}, {});
      flushes.push(usage.flush());
    }
    await clock.advance(0);
    expect(sink.posts).toHaveLength(1);
    first.give(taken);
    const results = await Promise.all(flushes);
    expect(sink.mostInFlight).toBe(1);
    expect(sink.posts.length).toBeLessThanOrEqual(4);
    expect(results.at(-1)?.pending).toBe(0);
    expect(bench.logger.lines).toEqual([]);
  });

  it('sends what waited when it began, not what goes on arriving (GOFF-COLL-017)', async () => {
    const { usage, sink } = new UsageBench({ maxBatchEvents: 1 });
    const post = sink.post.bind(sink);
    sink.post = (batch) => {
      usage.track('late', {}, {});
      return post(batch);
    };
    for (const name of ['a', 'b', 'c']) usage.track(name, {}, {});
    await usage.flush();
    expect(sink.keys).toEqual(['a', 'b', 'c']);
  });
});

describe('an answer', () => {
  it.each([0, 408, 425, 429, 500, 503])(
    '%i: the batch stays at the head, with its id, in order (D-72, GOFF-COLL-018)',
    async (status) => {
      const bench = new UsageBench({ maxBatchEvents: 2 });
      bench.sink.nowAnswer(refused(status));
      bench.use('a', 'b', 'c');
      expect(await bench.usage.flush()).toEqual({ sent: 0, pending: 3, dropped: 0 });
      bench.use('d');
      bench.sink.nowAnswer(taken);
      expect(await bench.usage.flush()).toEqual({ sent: 4, pending: 0, dropped: 0 });
      expect(bench.sink.posts.map((post) => post.keys)).toEqual([
        ['a', 'b'],
        ['a', 'b'],
        ['c', 'd'],
      ]);
      const [first, second, third] = bench.sink.posts.map(({ id }) => id);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
      expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    },
  );

  it('a sink that throws is a failure like any other', async () => {
    const bench = new UsageBench();
    bench.sink.nowAnswer(new Error('broken sink'));
    bench.use('a');
    expect(await bench.usage.flush()).toEqual({ sent: 0, pending: 1, dropped: 0 });
    expect(bench.logger.at('warn')).toHaveLength(1);
  });

  it('failures are tried again after a growing delay with jitter, at most maxBackoffMs (D-70)', async () => {
    const bench = new UsageBench({ maxBackoffMs: 8_000 });
    bench.sink.nowAnswer(refused(503));
    bench.use('a');
    await bench.usage.flush();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      const before = bench.sink.posts.length;
      let waitedMs = 0;
      while (bench.sink.posts.length === before) {
        await bench.clock.advance(25);
        waitedMs += 25;
      }
      delays.push(waitedMs);
    }
    // The middle of 250 ms and 1, 2, 4, 8, 8, 8 s.
    expect(delays).toEqual([625, 1_125, 2_125, 4_125, 4_125, 4_125]);
  });

  it('Retry-After is waited for, also by flush(), and clamped to maxRetryAfterMs (D-29)', async () => {
    const bench = new UsageBench({ maxRetryAfterMs: 30_000 });
    bench.sink.nowAnswer(refused(429, { retryAfterMs: 3_600_000 }), taken);
    bench.use('a');
    await bench.usage.flush();
    await bench.clock.advance(29_999);
    expect(await bench.usage.flush()).toEqual({ sent: 0, pending: 1, dropped: 0 });
    expect(bench.sink.posts).toHaveLength(1);
    await bench.clock.advance(1);
    expect(bench.sink.posts).toHaveLength(2);
    expect(bench.counts.sent).toBe(1);
  });

  it.each([401, 403])('%i: kept, and tried again at authRetryIntervalMs (UE-03)', async (status) => {
    const bench = new UsageBench({ authRetryIntervalMs: 300_000 });
    bench.sink.nowAnswer(refused(status), taken);
    bench.use('a');
    await bench.usage.flush();
    await bench.clock.advance(299_999);
    expect(bench.sink.posts).toHaveLength(1);
    await bench.clock.advance(1);
    expect(bench.sink.keys).toEqual(['a', 'a']);
    expect(bench.sink.posts[1]?.id).toBe(bench.sink.posts[0]?.id);
  });

  it('413: halved until it passes, in order; a single event that does not pass is dropped (UE-03)', async () => {
    const bench = new UsageBench();
    const post = bench.sink.post.bind(bench.sink);
    bench.sink.post = async (batch) => {
      await post(batch);
      return batch.body.includes('"huge"') || batch.body.split('"kind"').length > 3 ? refused(413) : taken;
    };
    bench.use('a', 'b', 'c', 'huge', 'd', 'e', 'f');
    expect(await bench.usage.flush()).toEqual({ sent: 6, pending: 0, dropped: 1 });
    const accepted = bench.sink.posts.filter((post) => post.keys.length <= 2 && !post.keys.includes('huge'));
    expect(accepted.flatMap((post) => post.keys)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(bench.counts.dropped['tooLarge']).toBe(1);
    expect(new Set(bench.sink.posts.map(({ id }) => id)).size).toBe(bench.sink.posts.length);
    expect(bench.logger.lines).toEqual([]);
  });

  it.each([400, 404, 405, 422])(
    '%i: dropped and counted, and the next batch is sent (D-72, GOFF-COLL-018)',
    async (status) => {
      const bench = new UsageBench({ maxBatchEvents: 2 });
      bench.sink.nowAnswer(refused(status), taken);
      bench.use('a', 'b', 'c');
      expect(await bench.usage.flush()).toEqual({ sent: 1, pending: 0, dropped: 2 });
      expect(bench.counts).toMatchObject({ dropped: { refused: 2 }, batches: { sent: 1, refused: 1 } });
    },
  );

  it('a silent sink is given up, and its late answer counts for nothing (UE-05)', async () => {
    const bench = new UsageBench({ timeoutMs: 1_000 });
    const late = later();
    bench.sink.nowAnswer(late.answer, taken);
    bench.use('a');
    const flushed = bench.usage.flush();
    await bench.clock.advance(3_000);
    expect(await flushed).toEqual({ sent: 0, pending: 1, dropped: 0 });
    late.give(taken);
    await settle();
    expect(bench.counts).toMatchObject({ sent: 0, pending: 1 });
    await bench.clock.advance(1_000);
    expect(bench.counts).toMatchObject({ sent: 1, pending: 0 });
  });
});

describe('an outage', () => {
  it('is one warning when it begins and one when it ends, with the number lost (D-05, GOFF-ERR-006)', async () => {
    const bench = new UsageBench({ maxPendingEvents: 5, maxBatchEvents: 4 });
    bench.sink.nowAnswer(refused(503));
    bench.use(...keys(1, 40));
    await bench.clock.advance(600_000);
    expect(bench.sink.posts.length).toBeGreaterThan(10);
    expect(bench.logger.at('warn')).toHaveLength(1);
    expect(bench.logger.at('warn')[0]).toContain('UNAVAILABLE');
    bench.use(...keys(41, 60));
    bench.sink.nowAnswer(taken);
    await bench.clock.advance(60_000);
    expect(bench.logger.at('warn')).toHaveLength(2);
    expect(bench.logger.at('warn')[1]).toMatch(/usage events are taken again after 6\d\d s; 50 were lost/);
    expect(bench.counts).toMatchObject({ accepted: 60, sent: 10, pending: 0, dropped: { total: 50, overflow: 50 } });
  });

  it('is not shortened by the threshold: while the collector is down only the backoff asks', async () => {
    const bench = new UsageBench({ maxPendingEvents: 2 });
    bench.sink.nowAnswer(refused(0));
    bench.use('a', 'b');
    await bench.clock.advance(0);
    for (let i = 0; i < 100; i++) bench.use(`c${i}`);
    await bench.clock.advance(0);
    expect(bench.sink.posts).toHaveLength(1);
  });

  it('with oldest-first drops, what is in flight is neither dropped nor counted twice', async () => {
    const bench = new UsageBench({ maxPendingEvents: 3, maxBatchEvents: 3 });
    const answer = later();
    bench.sink.nowAnswer(answer.answer, taken);
    bench.use('a', 'b', 'c');
    await bench.clock.advance(0);
    bench.use(...keys(1, 10));
    expect(bench.counts).toMatchObject({ accepted: 13, pending: 6, dropped: { overflow: 7 } });
    answer.give(refused(500));
    await settle();
    // Now they wait like the others, and are the oldest.
    bench.use('g', 'h');
    expect(isBalanced(bench.counts)).toBe(true);
    await bench.usage.flush();
    expect(bench.sink.posts.map((post) => post.keys)).toEqual([
      ['a', 'b', 'c'],
      ['c'],
      ['f8', 'f9', 'f10'],
      ['g', 'h'],
    ]);
    expect(bench.sink.posts[1]?.id).toBe(bench.sink.posts[0]?.id);
    expect(bench.counts).toMatchObject({ accepted: 15, sent: 6, pending: 0, dropped: { total: 9 } });
  });
});
