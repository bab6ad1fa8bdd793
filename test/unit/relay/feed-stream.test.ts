/** The feed under a stream, and with a configuration that it knew before it started. */

import { describe, expect, it } from 'vitest';

import { settle } from './support/fake-clock.ts';
import { FeedBench, failure, flags, unchanged } from './support/feed-bench.ts';

const nextMs = (bench: FeedBench): unknown => bench.feed.describe().nextAttemptInMs;

describe('polling under a stream (D-14)', () => {
  it('slows down to five minutes while the stream is up, and is ordinary again when it is down', async () => {
    const bench = new FeedBench([flags(1), unchanged], { streaming: 'sse' });
    await bench.start();
    bench.feed.setStreamUp(true);
    bench.feed.trigger();
    await settle();
    expect([bench.fetches, nextMs(bench)]).toEqual([2, 300_000]);
    await bench.clock.advance(10_000);
    bench.feed.setStreamUp(false);
    expect(nextMs(bench)).toBe(120_000);
    await bench.clock.advance(120_000);
    expect([bench.fetches, nextMs(bench)]).toEqual([3, 120_000]);
  });

  it('never becomes faster by it: a longer interval stays, and a poll that is due soon stays due', async () => {
    const slow = new FeedBench([flags(1), unchanged], { streaming: 'sse', pollIntervalMs: 900_000 });
    await slow.start();
    slow.feed.setStreamUp(true);
    await slow.feed.refresh();
    expect(nextMs(slow)).toBe(900_000);
    const soon = new FeedBench([flags(1), unchanged], { streaming: 'sse' });
    await soon.start();
    soon.feed.setStreamUp(true);
    await soon.feed.refresh();
    await soon.clock.advance(290_000);
    soon.feed.setStreamUp(false);
    expect(nextMs(soon)).toBe(10_000);
  });

  it('that is off stays off, while failures of a triggered fetch are pursued: no event will repeat it', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK'), failure('NETWORK'), flags(2, { content: 'b' })], {
      streaming: 'sse',
      pollIntervalMs: 0,
    });
    await bench.start();
    bench.feed.setStreamUp(true);
    await bench.clock.advance(10_000_000);
    expect(bench.fetches).toBe(1);
    bench.feed.trigger();
    await bench.clock.advance(10_000);
    expect(bench.published.map(({ content }) => content)).toEqual(['flags:1:a', 'flags:2:b']);
    bench.feed.setStreamUp(false);
    await bench.clock.advance(10_000_000);
    expect(bench.fetches).toBe(4);
  });

  it('an ended stream does not shorten a wait that the relay asked for (S-08)', async () => {
    const bench = new FeedBench([flags(1), failure('RATE_LIMITED', { retryAfterMs: 600_000 })], { streaming: 'sse' });
    await bench.start();
    bench.feed.setStreamUp(true);
    await bench.feed.refresh();
    bench.feed.setStreamUp(false);
    expect(nextMs(bench)).toBe(600_000);
  });
});

describe('a trigger', () => {
  it('during a fetch causes exactly one more, like any other (S-24)', async () => {
    let answer = (_: ReturnType<typeof flags>): void => undefined;
    const slow = new Promise<ReturnType<typeof flags>>((resolve) => {
      answer = resolve;
    });
    const bench = new FeedBench([flags(1), slow, unchanged], { streaming: 'sse' });
    await bench.start();
    for (let i = 0; i < 5; i++) bench.feed.trigger();
    await settle();
    expect(bench.fetches).toBe(2);
    answer(flags(1, { content: 'b' }));
    await settle();
    expect([bench.fetches, bench.mostRunning]).toEqual([3, 1]);
  });

  it('goes before a backoff, because a stream that came up says the relay is there', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK'), unchanged], { streaming: 'sse' });
    await bench.start();
    await bench.feed.refresh();
    bench.feed.trigger();
    await settle();
    expect(bench.feed.describe()).toMatchObject({ consecutiveFailures: 0 });
  });

  it.each([
    ['429 with Retry-After', failure('RATE_LIMITED', { retryAfterMs: 90_000 }), 90_000],
    ['401', failure('UNAUTHORIZED'), 300_000],
  ])('never goes before the wait after a %s (S-08)', async (_, refusal, waitMs) => {
    const bench = new FeedBench([flags(1), refusal, unchanged], { streaming: 'sse' });
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(waitMs - 1);
    bench.feed.trigger();
    await settle();
    expect(bench.fetches).toBe(2);
    await bench.clock.advance(1);
    expect(bench.fetches).toBe(3);
    bench.feed.trigger();
    await settle();
    expect(bench.fetches).toBe(4);
  });

  it('after the stop does nothing', async () => {
    const bench = new FeedBench([flags(1)]);
    await bench.start();
    bench.feed.stop();
    bench.feed.setStreamUp(true);
    bench.feed.setStreamUp(false);
    bench.feed.trigger();
    await settle();
    expect([bench.fetches, bench.clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe('a configuration known before the start (S-02)', () => {
  const { body, digest } = flags(3);
  const known = { digest, validator: '"saved"' };
  expect(body.length).toBeGreaterThan(0);

  it('is confirmed by a 304: its validator goes out with the first request, nothing is published', async () => {
    const bench = new FeedBench([unchanged]);
    bench.flagsInUse = 3;
    expect(await bench.start({ hasLocal: true, known })).toBe('loaded');
    expect(bench.validators).toEqual(['"saved"']);
    expect([bench.published, bench.eventTypes, bench.compiles]).toEqual([[], [], 0]);
    expect(bench.feed.describe()).toMatchObject({ digest, validator: '"saved"' });
  });

  it('is confirmed by the same content as well, and the new validator is kept', async () => {
    const bench = new FeedBench([flags(3, { validator: '"new"' }), unchanged]);
    expect(await bench.start({ hasLocal: true, known })).toBe('loaded');
    await bench.feed.refresh();
    expect([bench.validators, bench.compiles]).toEqual([['"saved"', '"new"'], 0]);
  });

  it('gives way to other content, which is then the first that the feed published', async () => {
    const bench = new FeedBench([flags(1, { validator: '"other"' }), flags(2, { content: 'b' })]);
    bench.flagsInUse = 3;
    await bench.start({ hasLocal: true, known });
    await bench.feed.refresh();
    const firsts = bench.events.flatMap((event) => (event.type === 'published' ? [event.first] : []));
    expect([bench.published.length, firsts]).toEqual([2, [true, false]]);
  });

  it('counts as unconfirmed: without polling the relay is still pursued', async () => {
    const bench = new FeedBench([failure('NETWORK'), failure('NETWORK'), unchanged], { pollIntervalMs: 0 });
    expect(await bench.start({ hasLocal: true, known })).toBe('NETWORK');
    await bench.clock.advance(10_000_000);
    expect([bench.fetches, bench.eventTypes.at(-1)]).toEqual([3, 'recovered']);
  });

  it('of zero flags is no reason to hold the relay’s zero flags', async () => {
    const empty = flags(0);
    const bench = new FeedBench([flags(0, { content: 'b' })]);
    expect(await bench.start({ hasLocal: true, known: { digest: empty.digest } })).toBe('loaded');
    expect(bench.published).toHaveLength(1);
  });
});
