/** Counts instead of events: which are kept apart, what a flush sends of them, and that none is lost. */

import { describe, expect, it } from 'vitest';

import { type SummaryCount, splitSummaryEvent, summaryEvents } from '../../../src/usage/summary-event.ts';
import { OTHER_KEY, UsageSummary } from '../../../src/usage/usage-summary.ts';
import { eventsOf, isBalanced, refused, taken, UsageBench, use } from './support/usage-bench.ts';

interface Details {
  readonly from: number;
  readonly to: number;
  readonly counts: SummaryCount[];
}

const detailsOf = (event: Record<string, unknown> | undefined): Details => event?.['trackingEventDetails'] as Details;

/** Totals by flag key. */
function totals(counts: readonly SummaryCount[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { key, count } of counts) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

const count = (flagKey: string, more: Partial<{ variation: string; reason: string; isDefault: boolean }> = {}) => ({
  flagKey,
  variation: 'on',
  reason: 'STATIC',
  isDefault: false,
  ...more,
});

describe('eventMode summary', () => {
  it('sends one tracking event per flush, with counts per flag, variation, reason and minute (D-78)', async () => {
    const bench = new UsageBench({ eventMode: 'summary', flushIntervalMs: 300_000 });
    bench.clock.wallMs = 1_790_000_000_000 + 37_000;
    bench.use('a', 'a', 'b');
    bench.usage.feature(use('a', { variation: 'off', reason: 'SPLIT', targetingKey: 'user-2' }));
    bench.usage.feature(use('gone', { variation: '', reason: 'ERROR', isDefault: true }));
    await bench.clock.advance(60_000);
    bench.use('a');
    expect(bench.counts).toMatchObject({ accepted: 6, pending: 6 });
    expect(await bench.usage.flush()).toEqual({ sent: 6, pending: 0, dropped: 0 });
    expect(bench.sink.posts).toHaveLength(1);
    const from = 1_790_000_037;
    const minute = from - (from % 60);
    const expected = {
      kind: 'tracking',
      contextKind: 'user',
      userKey: 'undefined-targetingKey',
      creationDate: from + 60,
      key: 'edict.evaluation-summary',
      evaluationContext: {},
      trackingEventDetails: {
        from,
        to: from + 60,
        counts: [
          { key: 'a', variation: 'on', reason: 'STATIC', minute, count: 2 },
          { key: 'a', variation: 'off', reason: 'SPLIT', minute, count: 1 },
          { key: 'a', variation: 'on', reason: 'STATIC', minute: minute + 60, count: 1 },
          { key: 'b', variation: 'on', reason: 'STATIC', minute, count: 1 },
          { key: 'gone', variation: 'SdkDefault', reason: 'ERROR', minute, count: 1 },
        ],
      },
    };
    expect(bench.sink.posts[0]?.body).toBe(
      JSON.stringify({ meta: { provider: 'javascript', openfeature: true }, events: [expected] }),
    );
    await bench.clock.advance(600_000);
    expect(bench.sink.posts).toHaveLength(1);
  });

  it('keeps tracking events as they are, beside the counts, and no user key', async () => {
    const bench = new UsageBench({ eventMode: 'summary' });
    bench.use('a');
    bench.usage.track('order', { targetingKey: 'user-9' }, { value: 1 });
    expect(await bench.usage.flush()).toEqual({ sent: 2, pending: 0, dropped: 0 });
    expect(bench.sink.keys.sort()).toEqual(['edict.evaluation-summary', 'order']);
    expect(JSON.stringify(bench.sink.posts)).not.toContain('user-1');
  });

  it('loses no total in an outage that drops tracking events, and sends what was counted meanwhile (UE-02)', async () => {
    const bench = new UsageBench({ eventMode: 'summary', maxPendingEvents: 10, maxPendingBytes: 4_096 });
    bench.sink.nowAnswer(refused(503));
    for (let minute = 0; minute < 240; minute++) {
      for (let i = 0; i < 20; i++) bench.use(`f${i % 4}`);
      bench.usage.track(`t${minute}`, { targetingKey: 'u' }, { text: 'x'.repeat(100) });
      await bench.clock.advance(60_000);
      expect(isBalanced(bench.counts)).toBe(true);
    }
    const { bytes } = { bytes: (bench.usage.describe() as { pendingBytes: number }).pendingBytes };
    expect(bytes).toBeLessThanOrEqual(4_096);
    bench.sink.nowAnswer(taken);
    const before = bench.sink.posts.length;
    await bench.clock.advance(120_000);
    expect(bench.counts.pending).toBe(0);
    const summaries = bench.sink.posts
      .slice(before)
      .flatMap(eventsOf)
      .filter(({ key }) => key === 'edict.evaluation-summary');
    expect(totals(summaries.flatMap((event) => detailsOf(event).counts))).toEqual({
      f0: 1200,
      f1: 1200,
      f2: 1200,
      f3: 1200,
    });
    const dropped = bench.counts.dropped['total'] as number;
    expect(dropped).toBeGreaterThan(100);
    expect(bench.counts.sent).toBe(4_800 + 240 - dropped);
    expect(bench.logger.at('warn')).toHaveLength(2);
  });

  it('counts that a collector refuses with 413 are halved, whole to the last', async () => {
    const bench = new UsageBench({ eventMode: 'summary' });
    const post = bench.sink.post.bind(bench.sink);
    const accepted: SummaryCount[] = [];
    bench.sink.post = async (batch) => {
      await post(batch);
      const { counts } = detailsOf(eventsOf(batch)[0]);
      if (counts.length > 3 || counts.some(({ key }) => key === 'huge')) return refused(413);
      accepted.push(...counts);
      return taken;
    };
    for (let i = 0; i < 50; i++) bench.use(`f${i % 10}`);
    bench.use('huge', 'huge');
    expect(await bench.usage.flush()).toEqual({ sent: 50, pending: 0, dropped: 2 });
    expect(totals(accepted)).toEqual(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i}`, 5])));
    expect(bench.counts.dropped['tooLarge']).toBe(2);
  });

  it('counts are lost, and counted as such, when closing runs out of time', async () => {
    const bench = new UsageBench({ eventMode: 'summary' });
    bench.sink.nowAnswer(refused(0));
    bench.use('a', 'a', 'a');
    bench.usage.track('t', {}, {});
    await bench.usage.flush();
    bench.use('a');
    expect(await bench.usage.close(1_000)).toEqual({ lost: 5 });
    expect(bench.counts).toMatchObject({ accepted: 5, pending: 0, dropped: { total: 5, closed: 5 } });
  });
});

describe('the counts', () => {
  it('of 1,000 keys that only fail are kept apart, the rest under one entry, for each flush anew (D-78, GOFF-COLL-021)', () => {
    const summary = new UsageSummary(10_000_000);
    for (let i = 0; i < 5_000; i++) summary.add(count(`unknown-${i}`, { isDefault: true, reason: 'ERROR' }), 60);
    for (let i = 0; i < 2_000; i++) summary.add(count(`known-${i}`), 60);
    summary.add(count('unknown-7', { isDefault: true, reason: 'ERROR' }), 60);
    expect(summary.total).toBe(7_001);
    const sums = totals(summary.take().counts);
    expect(Object.keys(sums)).toHaveLength(3_001);
    expect(sums).toMatchObject({ 'unknown-7': 2, 'unknown-999': 1, 'known-1999': 1, [OTHER_KEY]: 4_000 });
    summary.add(count('unknown-3000', { isDefault: true, reason: 'ERROR' }), 60);
    expect(totals(summary.take().counts)).toEqual({ 'unknown-3000': 1 });
  });

  it('of a flag that also succeeds take no place of the failing ones', () => {
    const summary = new UsageSummary(10_000_000);
    for (let i = 0; i < 1_000; i++) summary.add(count(`f${i}`, { isDefault: true }), 60);
    summary.add(count('f0'), 60);
    summary.add(count('late', { isDefault: true }), 60);
    summary.add(count('too-late', { isDefault: true }), 60);
    expect(totals(summary.take().counts)).toMatchObject({ f0: 2, late: 1, [OTHER_KEY]: 1 });
  });

  it('stay within their bytes: minutes are merged first, and totals per flag stay whole', () => {
    const summary = new UsageSummary(20_000);
    for (let minute = 0; minute < 10_000; minute++) {
      for (const key of ['a', 'b', 'ü']) summary.add(count(key), minute * 60);
      expect(summary.bytes).toBeLessThanOrEqual(20_000);
    }
    const { counts, period } = summary.take();
    expect(totals(counts)).toEqual({ a: 10_000, b: 10_000, ü: 10_000 });
    expect(counts.length).toBeGreaterThan(30);
    expect(period).toEqual({ from: 0, to: 9_999 * 60 });
    expect(Buffer.byteLength(JSON.stringify(counts))).toBeLessThanOrEqual(20_000);
  });

  it('that fit nowhere are counted together', () => {
    const summary = new UsageSummary(1_000);
    for (let i = 0; i < 500; i++) summary.add(count(`flag-${i}`), 60);
    const { counts } = summary.take();
    expect(counts.reduce((sum, entry) => sum + entry.count, 0)).toBe(500);
    expect(counts.at(-1)).toMatchObject({ key: OTHER_KEY, reason: 'OTHER' });
    expect(counts.length).toBeLessThan(12);
  });

  it('survive a clock that goes back', () => {
    const summary = new UsageSummary(100_000);
    for (const seconds of [6_000, 60, 6_000, 60]) summary.add(count('a'), seconds);
    const { counts, period } = summary.take();
    expect(totals(counts)).toEqual({ a: 4 });
    expect(period).toEqual({ from: 60, to: 6_000 });
  });

  it('are cut into events that fit a POST', () => {
    const counts = Array.from({ length: 100 }, (_, i) => ({
      key: `flag-${i}`,
      variation: 'on',
      reason: 'STATIC',
      minute: 60,
      count: i,
    }));
    const events = summaryEvents(counts, { from: 1, to: 2 }, 3, 2_000);
    expect(events.length).toBeGreaterThan(3);
    for (const { text } of events) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2_000);
    expect(events.flatMap(({ text }) => detailsOf(JSON.parse(text)).counts)).toEqual(counts);
    expect(events.reduce((sum, { weight }) => sum + weight, 0)).toBe(4_950);
  });

  it('halve with all members, down to one that cannot be halved', () => {
    const counts = [1, 2, 3].map((n) => ({ key: `ü"${n}`, variation: 'v', reason: 'R', minute: 60, count: n }));
    const [event] = summaryEvents(counts, { from: 1, to: 2 }, 3, 10_000);
    const halves = splitSummaryEvent(event?.text ?? '');
    expect(halves.map(({ weight }) => weight)).toEqual([1, 5]);
    expect(halves.flatMap(({ text }) => detailsOf(JSON.parse(text)).counts)).toEqual(counts);
    expect(JSON.parse(halves[0]?.text ?? '')).toMatchObject({
      creationDate: 3,
      trackingEventDetails: { from: 1, to: 2 },
    });
    expect(splitSummaryEvent(halves[0]?.text ?? '')).toEqual([]);
  });
});
