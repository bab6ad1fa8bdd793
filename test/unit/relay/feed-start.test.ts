import { describe, expect, it } from 'vitest';

import { settle } from './support/fake-clock.ts';
import { FeedBench, failure, flags } from './support/feed-bench.ts';

const never = new Promise<never>(() => undefined);

describe('start without local configuration', () => {
  it('resolves with the first configuration, and tells of no recovery', async () => {
    const bench = new FeedBench([flags(2)]);
    expect(await bench.start()).toBe('loaded');
    expect(bench.eventTypes).toEqual(['published']);
    expect(bench.events[0]).toMatchObject({ first: true });
  });

  it('repeats attempts inside initTimeoutMs, then fails, and goes on for ever (S-01)', async () => {
    const bench = new FeedBench([failure('NETWORK')]);
    let code = 'pending';
    void bench.feed.start().then((outcome) => {
      code = outcome.kind === 'failed' ? outcome.error.code : outcome.kind;
    });
    await bench.clock.advance(9_999);
    expect(code).toBe('pending');
    expect(bench.fetches).toBeGreaterThan(3);
    await bench.clock.advance(1);
    expect(code).toBe('NETWORK');
    expect(bench.eventTypes).not.toContain('stale');
    bench.nowAnswer(flags(1));
    await bench.clock.advance(60_000);
    expect(bench.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
  });

  it('loads inside the window when the relay comes up late', async () => {
    const bench = new FeedBench([failure('NETWORK'), failure('UNAVAILABLE'), flags(1)]);
    const start = bench.feed.start();
    await bench.clock.advance(9_000);
    expect(await start).toEqual({ kind: 'loaded' });
  });

  it.each(['UNAUTHORIZED', 'FORBIDDEN', 'BAD_REQUEST'] as const)('ends at once with %s (S-03, S-07)', async (code) => {
    const bench = new FeedBench([failure(code)]);
    expect(await bench.start()).toBe(code);
  });

  it('answers TIMEOUT when the first attempt is still under way at the end of the window', async () => {
    const bench = new FeedBench([never]);
    const start = bench.feed.start();
    await bench.clock.advance(10_000);
    expect(await start).toMatchObject({ kind: 'failed', error: { code: 'TIMEOUT' } });
  });

  it('gives everybody the same promise and runs one loop (S-30)', async () => {
    const bench = new FeedBench([flags(1)]);
    const [one, two] = [bench.feed.start(), bench.feed.start()];
    expect(one).toBe(two);
    await settle();
    expect(bench.fetches).toBe(1);
  });
});

describe('start with a local configuration (S-02)', () => {
  it('resolves when the first attempt fails, tells no stale event, and recovers with the first success', async () => {
    const bench = new FeedBench([failure('NETWORK')]);
    bench.flagsInUse = 4;
    expect(await bench.start({ hasLocal: true })).toBe('NETWORK');
    expect(bench.eventTypes).toEqual(['failed']);
    bench.nowAnswer(flags(1));
    await bench.clock.advance(2_000);
    expect(bench.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
  });

  it('resolves after one second when the first attempt takes longer', async () => {
    const bench = new FeedBench([never]);
    const start = bench.feed.start({ hasLocal: true });
    await bench.clock.advance(1_000);
    expect(await start).toMatchObject({ kind: 'failed', error: { code: 'TIMEOUT' } });
    expect(bench.feed.describe().staleForMs).toBe(0);
  });

  it('a 401 at start is the outcome, not a stale event as well (S-04)', async () => {
    const bench = new FeedBench([failure('UNAUTHORIZED')]);
    expect(await bench.start({ hasLocal: true })).toBe('UNAUTHORIZED');
    expect(bench.eventTypes).toEqual(['failed']);
    expect(bench.logger.at('error').join()).toContain('UNAUTHORIZED');
  });

  it('becomes overdue when the relay stays away for errorAfterStaleMs', async () => {
    const bench = new FeedBench([failure('NETWORK')], { errorAfterStaleMs: 30_000 });
    await bench.start({ hasLocal: true });
    await bench.clock.advance(29_999);
    expect(bench.eventTypes).not.toContain('overdue');
    await bench.clock.advance(1);
    expect(bench.eventTypes).toContain('overdue');
  });

  it('zero flags from the relay while local flags are in use are held', async () => {
    const bench = new FeedBench([flags(0)]);
    bench.flagsInUse = 4;
    expect(await bench.start({ hasLocal: true })).toBe('held');
    expect(bench.published).toEqual([]);
    await bench.clock.advance(10_000);
    expect(bench.published).toHaveLength(1);
  });
});
