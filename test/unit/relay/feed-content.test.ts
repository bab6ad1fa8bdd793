import { describe, expect, it } from 'vitest';

import { FeedBench, failure, flags, garbage, unchanged } from './support/feed-bench.ts';

const RELAY_ETAG = '"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"';

describe('content and validator move together', () => {
  it('sends no validator first, then the one that came with the configuration in use', async () => {
    const bench = new FeedBench([flags(1, { validator: 'W/"x"' }), unchanged]);
    await bench.start();
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.validators).toEqual([undefined, 'W/"x"', 'W/"x"']);
  });

  it('keeps configuration and validator when the answer is no configuration (S-11, D-23, GOFF-IP-008)', async () => {
    const bench = new FeedBench([flags(1, { validator: '"good"' }), garbage(), garbage()]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('failed');
    expect(await bench.feed.refresh()).toBe('failed');
    expect(bench.validators).toEqual([undefined, '"good"', '"good"']);
    expect(bench.published).toHaveLength(1);
    expect(bench.feed.describe()).toMatchObject({ polls: { failedByCode: { INVALID_BODY: 2 } } });
  });

  it('does not keep the validator of a configuration that could not be published (CF-02, D-24)', async () => {
    const bench = new FeedBench([flags(1, { validator: '"a"' }), flags(2, { validator: '"b"' })]);
    await bench.start();
    bench.published.push = () => {
      throw new Error('the guest refused it');
    };
    expect(await bench.feed.refresh()).toBe('failed');
    expect(bench.feed.describe().validator).toBe('"a"');
  });

  it('same content with a new validator: stored, not compiled again, nobody told (S-17)', async () => {
    const bench = new FeedBench([flags(1, { validator: '"a"' }), flags(1, { validator: '"b"' })]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('unchanged');
    expect(bench.compiles).toBe(1);
    expect(bench.eventTypes).toEqual(['published']);
    expect(bench.feed.describe().validator).toBe('"b"');
  });

  it('other content with the same validator is applied (S-18)', async () => {
    const bench = new FeedBench([flags(1, { validator: '"a"' }), flags(2, { validator: '"a"' })]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('changed');
    expect(bench.events.at(-1)).toMatchObject({ type: 'published', first: false });
  });

  it('a 200 without validator clears the stored one', async () => {
    const bench = new FeedBench([flags(1, { validator: '"a"' }), flags(1), flags(2)]);
    await bench.start();
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.validators).toEqual([undefined, '"a"', undefined]);
  });

  it('a 304 writes nothing, not even Last-Modified (S-14, D-22)', async () => {
    const bench = new FeedBench([
      flags(1, { validator: '"a"', lastModified: 'Thu, 01 Jan 2026 00:00:00 CEST' }),
      unchanged,
    ]);
    await bench.start();
    const before = bench.feed.describe();
    await bench.feed.refresh();
    const { digest, validator, lastModified } = bench.feed.describe();
    expect({ digest, validator, lastModified }).toEqual({
      digest: before.digest,
      validator: before.validator,
      lastModified: 'Thu, 01 Jan 2026 00:00:00 CEST',
    });
  });

  it('an older Last-Modified decides nothing (S-19)', async () => {
    const bench = new FeedBench([
      flags(1, { lastModified: 'Thu, 01 Jan 2026 00:00:00 UTC' }),
      flags(2, { lastModified: 'Wed, 01 Jan 2025 00:00:00 UTC' }),
    ]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('changed');
  });

  it('counts replicas that answer in turn, and warns above three flips in ten minutes (S-20)', async () => {
    const bench = new FeedBench([flags(1), flags(2), flags(1), flags(2), flags(1), flags(2), flags(1)]);
    await bench.start();
    for (let i = 0; i < 4; i++) await bench.feed.refresh();
    expect(bench.feed.describe().configFlips).toBe(3);
    expect(bench.logger.text).not.toContain('back and forth');
    await bench.feed.refresh();
    await bench.feed.refresh();
    expect(bench.feed.describe().configFlips).toBe(5);
    expect(bench.logger.at('warn').filter((line) => line.includes('back and forth'))).toHaveLength(1);
    expect(bench.published).toHaveLength(7);
  });
});

describe('zero flags (D-25)', () => {
  it('guarded: taken at the first load with one warning that names the filter (S-12)', async () => {
    const bench = new FeedBench([flags(0)], { flagList: ['a', 'b'], flagPrefix: 'shop.' });
    expect(await bench.start()).toBe('loaded');
    expect(bench.logger.at('warn')).toHaveLength(1);
    expect(bench.logger.text).toContain('flagList (2 keys)');
    expect(bench.logger.text).toContain("flagPrefix 'shop.'");
  });

  it('guarded: held once while flags are in use, looked at again within 10 s, then applied (S-13, GOFF-IP-009)', async () => {
    const bench = new FeedBench([flags(2, { validator: '"a"' }), flags(0, { validator: RELAY_ETAG })]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('held');
    expect(bench.published).toHaveLength(1);
    expect(bench.eventTypes).toEqual(['published', 'held']);
    expect(bench.feed.describe()).toMatchObject({
      validator: '"a"',
      consecutiveFailures: 0,
      polls: { held: 1, failed: 0, changed: 1 },
    });
    await bench.clock.advance(10_000);
    expect(bench.published.at(-1)?.content).toBe('flags:0:a');
    expect(bench.validators).toEqual([undefined, '"a"', '"a"']);
    expect(bench.logger.at('warn')).toHaveLength(1);
  });

  it('the second look comes sooner when polls do', async () => {
    const bench = new FeedBench([flags(2), flags(0)], { pollIntervalMs: 500, random: () => 0 });
    await bench.start();
    await bench.feed.refresh();
    expect(bench.feed.describe().nextAttemptInMs).toBe(500);
  });

  it.each([
    ['a failure', failure('NETWORK')],
    ['a 304', unchanged],
    ['the same flags', flags(2)],
    ['other flags', flags(3)],
    ['garbage', garbage()],
  ])('guarded: %s between two empty answers begins the count afresh', async (_, between) => {
    const bench = new FeedBench([flags(2), flags(0), between, flags(0), flags(0)]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('held');
    await bench.feed.refresh();
    expect(await bench.feed.refresh()).toBe('held');
    expect(await bench.feed.refresh()).toBe('changed');
  });

  it.each([
    ['without version header and without a validator of the relay', { relayVersion: undefined, validator: '"abc"' }],
    ['with another media type', { jsonMediaType: false }],
    ['with an error member', { content: 'suspicious' }],
  ])('guarded: an empty answer %s is refused, also at the first load', async (_, doubtful) => {
    const { relayVersion, ...rest } = flags(0, doubtful as Parameters<typeof flags>[1]);
    const answer = relayVersion === undefined ? rest : { ...rest, relayVersion };
    const bench = new FeedBench([flags(2), answer]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('failed');
    const first = new FeedBench([answer]);
    await first.start();
    expect(first.published).toEqual([]);
    expect(first.feed.describe()).toMatchObject({ lastError: { code: 'EMPTY_REFUSED' } });
  });

  it('guarded: a weakened validator of the relay is as credible as the version header', async () => {
    const { relayVersion: _, ...answer } = flags(0, { validator: `W/${RELAY_ETAG}` });
    const bench = new FeedBench([answer]);
    expect(await bench.start()).toBe('loaded');
  });

  it('guarded: an enrichment that changes while there are no flags anyway is applied at once, without a warning', async () => {
    const bench = new FeedBench([flags(0), flags(0, { content: 'enriched' })]);
    await bench.start();
    expect(await bench.feed.refresh()).toBe('changed');
    expect(bench.logger.at('warn')).toHaveLength(1);
  });

  it('accept: applied at once', async () => {
    const { relayVersion: _, ...answer } = flags(0, { jsonMediaType: false });
    const bench = new FeedBench([flags(2), answer], { emptyConfiguration: 'accept' });
    await bench.start();
    expect(await bench.feed.refresh()).toBe('changed');
  });

  it('reject: a failed refresh, at the first load too (GOFF-IP-009)', async () => {
    const bench = new FeedBench([flags(0), flags(2), flags(0)], { emptyConfiguration: 'reject' });
    await bench.start();
    await bench.clock.advance(1_000);
    expect(bench.published).toHaveLength(1);
    expect(await bench.feed.refresh()).toBe('failed');
    expect(bench.feed.describe()).toMatchObject({ polls: { failedByCode: { EMPTY_REFUSED: 2 } } });
  });

  it('looks again after a held answer even when polling is off', async () => {
    const bench = new FeedBench([flags(2), flags(0)], { pollIntervalMs: 0 });
    await bench.start();
    await bench.feed.refresh();
    await bench.clock.advance(10_000);
    expect(bench.published).toHaveLength(2);
  });
});
