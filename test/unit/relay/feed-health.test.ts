import { describe, expect, it } from 'vitest';

import { FeedBench, failure, flags, garbage, unchanged } from './support/feed-bench.ts';

describe('staleness', () => {
  it('is told once, after staleAfterFailures failures in a row, and recovery once (S-09)', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK')]);
    await bench.start();
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.eventTypes).toEqual(['published', 'failed', 'failed']);
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.eventTypes).toEqual(['published', 'failed', 'failed', 'failed', 'stale', 'failed']);
    expect(bench.events.find((event) => event.type === 'stale')).toMatchObject({
      message: expect.stringContaining('NETWORK'),
    });
    bench.nowAnswer(unchanged);
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.eventTypes.slice(6)).toEqual(['recovered']);
  });

  it('a success in between begins the count afresh', async () => {
    const bench = new FeedBench([
      flags(1),
      failure('NETWORK'),
      garbage(),
      unchanged,
      failure('TIMEOUT'),
      failure('NETWORK'),
      unchanged,
    ]);
    await bench.start();
    for (let i = 0; i < 6; i++) await bench.feed.refresh();
    expect(bench.eventTypes).not.toContain('stale');
    expect(bench.eventTypes).not.toContain('recovered');
  });

  it.each([
    ['NETWORK', true],
    ['TIMEOUT', true],
    ['UNAVAILABLE', true],
    ['INVALID_BODY', false],
    ['UNAUTHORIZED', false],
    ['RATE_LIMITED', false],
  ] as const)(
    'after %s the relay counts as unreachable: %s, until it answers anything (D-52)',
    async (code, expected) => {
      const bench = new FeedBench([flags(1), failure(code), unchanged, failure(code), flags(0)]);
      await bench.start();
      expect(bench.feed.isUnreachable).toBe(false);
      await bench.feed.refresh();
      expect(bench.feed.isUnreachable).toBe(expected);
      await bench.feed.refresh();
      expect(bench.feed.isUnreachable).toBe(false);
      await bench.feed.refresh();
      expect(bench.feed.isUnreachable).toBe(expected);
      expect(await bench.feed.refresh()).toBe('held');
      expect(bench.feed.isUnreachable).toBe(false);
    },
  );

  it.each(['UNAUTHORIZED', 'FORBIDDEN'] as const)(
    '%s is stale at once, logged as an error, then hourly (S-05)',
    async (code) => {
      const bench = new FeedBench([flags(1), failure(code)]);
      await bench.start();
      await bench.feed.refresh();
      expect(bench.eventTypes).toEqual(['published', 'failed', 'stale']);
      await bench.clock.advance(3_599_000);
      expect(bench.logger.at('error')).toHaveLength(1);
      await bench.clock.advance(301_000);
      expect(bench.logger.at('error')).toHaveLength(2);
    },
  );

  it('is never told when there is no configuration that could be stale', async () => {
    const bench = new FeedBench([failure('NETWORK')]);
    await bench.start();
    await bench.clock.advance(1_000_000);
    expect(new Set(bench.eventTypes)).toEqual(new Set(['failed']));
  });

  it('recovery comes before the change of the same refresh', async () => {
    const bench = new FeedBench([flags(1), failure('FORBIDDEN'), flags(2)]);
    await bench.start();
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
  });

  it('errorAfterStaleMs tells once that the configuration is too old, and a success cancels it', async () => {
    const bench = new FeedBench([flags(1), failure('UNAUTHORIZED')], { errorAfterStaleMs: 60_000 });
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(59_999);
    bench.nowAnswer(unchanged);
    await bench.feed.refresh();
    await bench.clock.advance(1_000_000);
    expect(bench.eventTypes).not.toContain('overdue');
    bench.nowAnswer(failure('UNAUTHORIZED'));
    await bench.feed.refresh();
    await bench.clock.advance(1_000_000);
    const overdue = bench.events.filter((event) => event.type === 'overdue');
    expect(overdue).toHaveLength(1);
    expect(overdue[0]).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
  });

  it('never becomes overdue by default', async () => {
    const bench = new FeedBench([flags(1), failure('UNAUTHORIZED')]);
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(86_400_000);
    expect(bench.eventTypes).not.toContain('overdue');
  });
});

describe('what the log says', () => {
  it('one warning when an outage begins, one line when it ends, the rest at debug level (GOFF-ERR-005)', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK')]);
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(600_000);
    expect(bench.logger.at('warn')).toHaveLength(1);
    expect(bench.logger.at('warn')[0]).toMatch(/NETWORK.*stays.*next attempt in \d+ s/);
    bench.nowAnswer(unchanged);
    await bench.clock.advance(60_000);
    expect(bench.logger.at('info')).toHaveLength(1);
  });

  it('a listener that throws is logged and stops nothing', async () => {
    const bench = new FeedBench([flags(1), unchanged]);
    bench.events.push = () => {
      throw new Error('listener');
    };
    expect(await bench.start()).toBe('loaded');
    await bench.clock.advance(120_000);
    expect(bench.fetches).toBe(2);
    expect(bench.logger.at('error')).toHaveLength(1);
  });
});

describe('diagnostics', () => {
  it('describe() is plain JSON with counters, the last error and times', async () => {
    const bench = new FeedBench([flags(1, { validator: '"a"' }), unchanged, failure('UNAVAILABLE')]);
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(120_000);
    const described = bench.feed.describe();
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
    expect(described).toMatchObject({
      polls: { changed: 1, unchanged: 1, held: 0, failed: 1, failedByCode: { UNAVAILABLE: 1 } },
      consecutiveFailures: 1,
      lastError: { code: 'UNAVAILABLE', status: null, at: '2026-01-01T00:02:00.000Z' },
      lastSuccessAt: '2026-01-01T00:00:00.000Z',
      staleForMs: null,
      configFlips: 0,
      validator: '"a"',
      relayVersion: '1.55.0',
      lastModified: null,
    });
  });
});

describe('outcomes of other requests to the same relay', () => {
  const error = failure('NETWORK').error;

  it('count for staleness like refreshes, and a success of either recovers', async () => {
    const bench = new FeedBench([flags(1), failure('NETWORK')]);
    await bench.start();
    bench.feed.note(error);
    bench.feed.note(error);
    expect(bench.eventTypes).toEqual(['published']);
    await bench.feed.refresh();
    expect(bench.events.at(-1)).toMatchObject({
      type: 'stale',
      message: expect.stringMatching(/^3 requests failed in a row/),
    });
    bench.feed.note(undefined);
    bench.feed.note(undefined);
    expect(bench.eventTypes.slice(1)).toEqual(['failed', 'stale', 'recovered']);
  });

  it('make a feed serve that has no configuration yet, and neither hurry nor delay its next attempt', async () => {
    const bench = new FeedBench([failure('NETWORK')], { initTimeoutMs: 100 });
    await bench.start();
    await bench.clock.advance(100);
    bench.feed.note(undefined);
    expect(bench.eventTypes).toEqual(['failed', 'recovered']);
    const before = bench.feed.describe()['nextAttemptInMs'];
    for (let i = 0; i < 20; i++) bench.feed.note(error);
    expect(bench.feed.describe()['nextAttemptInMs']).toBe(before);
    expect(bench.eventTypes.at(-1)).toBe('stale');
  });

  it('after the end are nobody’s business', async () => {
    const bench = new FeedBench([flags(1)]);
    await bench.start();
    bench.feed.stop();
    for (let i = 0; i < 5; i++) bench.feed.note(error);
    expect(bench.eventTypes).toEqual(['published']);
  });
});
