/** What is taken in, what an event looks like, and what beginning and end of a life mean for it. */

import { describe, expect, it } from 'vitest';

import { resolveOptions } from '../../../src/options/resolve.ts';
import { UsageEvents } from '../../../src/usage/usage-events.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import {
  countsOf,
  eventsOf,
  isBalanced,
  keys,
  later,
  refused,
  ScriptedSink,
  taken,
  UsageBench,
  use,
} from './support/usage-bench.ts';

/** The first document posted. */
async function document(bench: UsageBench): Promise<string> {
  await bench.usage.flush();
  return bench.sink.posts[0]?.body ?? '';
}

describe('a feature event', () => {
  it('has the members of the contract, in its order and with its types (D-74, GOFF-COLL-002 to GOFF-COLL-012)', async () => {
    const bench = new UsageBench({ exporterMetadata: { service: 'shop', replicas: 3, canary: false } });
    bench.clock.wallMs = 1_790_000_000_999;
    bench.usage.feature(use('new-checkout', { version: '7', value: { list: [1, 'ü'] }, source: 'PROVIDER_CACHE' }));
    expect(await document(bench)).toBe(
      '{"meta":{"service":"shop","replicas":3,"canary":false,"provider":"javascript","openfeature":true},"events":[' +
        '{"kind":"feature","contextKind":"user","userKey":"user-1","creationDate":1790000000,"key":"new-checkout",' +
        '"variation":"on","value":{"list":[1,"ü"]},"default":false,"version":"7","source":"PROVIDER_CACHE"}]}',
    );
  });

  it('says anonymousUser only for boolean true, and who has no key (GOFF-COLL-005, GOFF-COLL-006)', async () => {
    const bench = new UsageBench();
    bench.usage.feature(use('a', { isAnonymous: true }));
    bench.usage.feature(use('b', { isAnonymous: 'true' as unknown as boolean, targetingKey: undefined }));
    bench.usage.feature(use('c', { targetingKey: '' }));
    bench.usage.feature(use('d', { targetingKey: 7 as unknown as string }));
    const events = eventsOf({ body: await document(bench) });
    expect(events.map(({ contextKind, userKey }) => [contextKind, userKey])).toEqual([
      ['anonymousUser', 'user-1'],
      ['user', 'undefined-targetingKey'],
      ['user', 'undefined-targetingKey'],
      ['user', 'undefined-targetingKey'],
    ]);
  });

  it('of a failed evaluation has default true and SdkDefault; version only as text (GOFF-COLL-004, GOFF-COLL-008, GOFF-COLL-009)', async () => {
    const bench = new UsageBench();
    bench.usage.feature(use('a', { isDefault: true, variation: '', value: 'mine', version: 7 as unknown as string }));
    const [event] = eventsOf({ body: await document(bench) });
    expect(event).toMatchObject({ default: true, variation: 'SdkDefault', value: 'mine' });
    expect(event).not.toHaveProperty('version');
  });

  it('has an integer date in seconds whatever the clock says (GOFF-COLL-007)', async () => {
    const bench = new UsageBench();
    for (const wallMs of [1_790_000_000_500, Number.NaN, Number.POSITIVE_INFINITY, -5, 1e15]) {
      bench.clock.wallMs = wallMs;
      bench.use('a');
    }
    bench.clock.wallMs = 0;
    const dates = eventsOf({ body: await document(bench) }).map(({ creationDate }) => creationDate);
    expect(dates).toEqual([1_790_000_000, 0, 9_999_999_999, 0, 9_999_999_999]);
  });

  it('carries names and values of any kind unharmed', async () => {
    const bench = new UsageBench();
    const names = ['__proto__', 'a"b\\c', 'line\nfeed', 'ünï—💥', '\u2028', '\ud800', ''];
    const values = [null, true, 0, -1.5, 'x', [], {}, [[{ a: null }]], 1e300];
    for (const name of names)
      bench.usage.feature(use(name, { targetingKey: `u${name}`, variation: name, version: name }));
    for (const value of values) bench.usage.feature(use('v', { value }));
    const events = eventsOf({ body: await document(bench) });
    expect(events.slice(0, names.length).map(({ key }) => key)).toEqual(names);
    expect(events.slice(0, names.length).map(({ version }) => version)).toEqual(names);
    expect(events.slice(names.length).map(({ value }) => value)).toEqual(values);
  });

  it('shows a value as it was at the evaluation, frozen or not', async () => {
    const bench = new UsageBench();
    const mutable = { n: 1 };
    const shallow = Object.freeze({ inner: { n: 1 } });
    const frozen = Object.freeze({ inner: Object.freeze([1]) });
    for (let i = 0; i < 2; i++) {
      for (const value of [mutable, shallow, frozen]) bench.usage.feature(use('a', { value: value as never }));
      mutable.n = 2;
      shallow.inner.n = 2;
    }
    const values = eventsOf({ body: await document(bench) }).map(({ value }) => value);
    expect(values).toEqual([{ n: 1 }, { inner: { n: 1 } }, frozen, { n: 2 }, { inner: { n: 2 } }, frozen]);
  });
});

describe('a tracking event', () => {
  it('has the members of the contract, in its order (GOFF-TRACK-004, GOFF-TRACK-005)', async () => {
    const bench = new UsageBench();
    bench.clock.wallMs = 1_790_000_000_000;
    bench.usage.track(
      'order-placed',
      { targetingKey: 'u-1', plan: 'pro', anonymous: true },
      { value: 29.9, currency: 'EUR' },
    );
    bench.usage.track('seen', undefined, undefined);
    expect(await document(bench)).toBe(
      '{"meta":{"provider":"javascript","openfeature":true},"events":[' +
        '{"kind":"tracking","contextKind":"anonymousUser","userKey":"u-1","creationDate":1790000000,"key":"order-placed",' +
        '"evaluationContext":{"targetingKey":"u-1","plan":"pro","anonymous":true},' +
        '"trackingEventDetails":{"value":29.9,"currency":"EUR"}},' +
        '{"kind":"tracking","contextKind":"user","userKey":"undefined-targetingKey","creationDate":1790000000,"key":"seen",' +
        '"evaluationContext":{},"trackingEventDetails":{}}]}',
    );
  });

  it('is dropped and counted when context or details cannot be written, and never throws (D-56)', async () => {
    const bench = new UsageBench();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    const getter = {
      get a() {
        throw new Error('no');
      },
    };
    for (const bad of [cycle, hostile, getter, [1], { big: 'x'.repeat(1_100_000) }]) {
      bench.usage.track('a', bad as never, {});
      bench.usage.track('a', {}, bad);
    }
    bench.usage.track(7 as unknown as string, {}, {});
    bench.usage.track('fine', { when: new Date(0), big: 10n, none: Number.NaN, map: new Map([['k', 1]]) }, {});
    bench.usage.feature(use('a', { value: cycle as never }));
    bench.usage.feature(undefined as never);
    expect(bench.counts).toMatchObject({ accepted: 14, pending: 1, dropped: { total: 13, invalid: 13 } });
    const [event] = eventsOf({ body: await document(bench) });
    expect(event?.['evaluationContext']).toEqual({ when: '1970-01-01T00:00:00.000Z', big: 10, map: { k: 1 } });
  });

  it('keeps nothing of the caller: what changes afterwards changes no event, and the context is not changed', async () => {
    const bench = new UsageBench({ privateAttributes: ['email'] });
    const context = { targetingKey: 'u', email: 'x@example.com', nested: { n: 1 } };
    bench.usage.track('a', context, context);
    context.nested.n = 2;
    const [event] = eventsOf({ body: await document(bench) });
    expect(event?.['evaluationContext']).toEqual({ targetingKey: 'u', nested: { n: 1 } });
    expect(context.email).toBe('x@example.com');
  });
});

describe('a life', () => {
  it('accepts nothing before start and after close, and counts what was offered (D-75, S-34)', async () => {
    const bench = new UsageBench({}, false);
    bench.use('a', 'b');
    expect(await bench.usage.flush()).toEqual({ sent: 0, pending: 0, dropped: 0 });
    bench.usage.start();
    bench.use('c');
    await bench.usage.close(1_000);
    bench.usage.track('d', {}, {});
    expect(bench.sink.keys).toEqual(['c']);
    expect(bench.counts).toMatchObject({ accepted: 1, sent: 1, notAccepted: { beforeStart: 2, afterClose: 1 } });
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('sends what waits when it is closed, and leaves no timer (D-76, GOFF-LIFE-004, GOFF-COLL-014)', async () => {
    const bench = new UsageBench();
    bench.use('a', 'b');
    expect(bench.usage.hasPending).toBe(true);
    expect(await bench.usage.close(2_000)).toEqual({ lost: 0 });
    expect(bench.usage.hasPending).toBe(false);
    expect(bench.sink.keys).toEqual(['a', 'b']);
    expect(bench.clock.pendingTimers).toBe(0);
    expect(bench.logger.lines).toEqual([]);
    expect(await bench.usage.close(2_000)).toEqual({ lost: 0 });
    expect(bench.sink.posts).toHaveLength(1);
  });

  it('ends at its deadline with a collector that hangs, and says in one line what was lost (D-76, S-36, UE-04, GOFF-LIFE-005)', async () => {
    const bench = new UsageBench({ maxBatchEvents: 2 });
    bench.sink.nowAnswer(later().answer);
    bench.use(...keys(1, 5));
    const closing = bench.usage.close(2_000);
    expect(bench.usage.close(2_000)).toBe(closing);
    await bench.clock.advance(1_999);
    expect(bench.counts.pending).toBe(5);
    await bench.clock.advance(1);
    expect(await closing).toEqual({ lost: 5 });
    expect(bench.logger.at('warn')).toEqual(['edict: closed with 5 usage events unsent; they are lost']);
    expect(bench.counts).toMatchObject({ accepted: 5, pending: 0, dropped: { total: 5, closed: 5 } });
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('ends at once with a collector that refuses', async () => {
    const bench = new UsageBench();
    bench.sink.nowAnswer(refused(0));
    bench.use('a');
    expect(await bench.usage.close(2_000)).toEqual({ lost: 1 });
  });

  it('closed during a flush sends the rest behind it (UE-04)', async () => {
    const bench = new UsageBench();
    const first = later();
    bench.sink.nowAnswer(first.answer, taken);
    bench.use('a');
    const flushing = bench.usage.flush();
    bench.use('b');
    const closing = bench.usage.close(2_000);
    await settle();
    first.give(taken);
    expect(await closing).toEqual({ lost: 0 });
    await flushing;
    expect(bench.sink.posts.map((post) => post.keys)).toEqual([['a'], ['b']]);
  });

  it('a late answer of an earlier life touches nothing of the next (UE-05)', async () => {
    const bench = new UsageBench();
    const late = later();
    bench.sink.nowAnswer(late.answer, taken);
    bench.use('old-1', 'old-2');
    const flushing = bench.usage.flush();
    await settle();
    const closing = bench.usage.close(0);
    // The next life begins while the last is still ending.
    bench.usage.start();
    bench.use('new');
    await bench.clock.advance(0);
    expect(await closing).toEqual({ lost: 2 });
    expect(bench.counts).toMatchObject({ accepted: 3, sent: 0, pending: 1, dropped: { closed: 2 } });
    late.give(taken);
    await flushing;
    await settle();
    expect(bench.counts).toMatchObject({ accepted: 3, sent: 0, pending: 1 });
    expect(await bench.usage.flush()).toEqual({ sent: 1, pending: 0, dropped: 0 });
    expect(bench.sink.posts.map((post) => post.keys)).toEqual([['old-1', 'old-2'], ['new']]);
    expect(bench.counts).toMatchObject({ accepted: 3, sent: 1, pending: 0, dropped: { total: 2 } });
  });

  it('begins afresh after a close, also after one in an outage (GOFF-LIFE-003, S-35)', async () => {
    const bench = new UsageBench({ flushIntervalMs: 0, maxPendingEvents: 2 });
    bench.sink.nowAnswer(refused(500));
    bench.use('a');
    await bench.usage.close(100);
    bench.sink.nowAnswer(taken);
    bench.usage.start();
    bench.usage.start();
    bench.use('b', 'c');
    await bench.clock.advance(0);
    expect(bench.sink.posts.map((post) => post.keys)).toEqual([['a'], ['b', 'c']]);
    expect(isBalanced(bench.counts)).toBe(true);
  });

  it('shows its last failure and success, those of the life at work', async () => {
    const bench = new UsageBench();
    bench.sink.nowAnswer(refused(503), taken);
    bench.use('a');
    await bench.usage.flush();
    const at = '2026-01-01T00:00:00.000Z';
    const lastError = { code: 'UNAVAILABLE', status: 503, at };
    expect(bench.usage.describe()).toMatchObject({
      state: 'started',
      consecutiveFailures: 1,
      lastError,
      lastSentAt: null,
    });
    await bench.usage.flush();
    expect(bench.usage.describe()).toMatchObject({ consecutiveFailures: 0, lastError, lastSentAt: at });
    await bench.usage.close(0);
    expect(bench.usage.describe()).toMatchObject({ state: 'closed', lastError });
    bench.usage.start();
    expect(bench.usage.describe()).toMatchObject({
      consecutiveFailures: 0,
      lastError: null,
      batches: { sent: 1, failed: 1 },
    });
  });

  it('without a place to send to, or switched off, takes nothing and starts no timer (GOFF-TRACK-003)', () => {
    const clock = new FakeClock();
    const bootstrap = { flags: {} };
    const offline = new UsageEvents(resolveOptions({ bootstrap, clock }));
    const off = new UsageEvents(resolveOptions({ endpoint: 'http://relay', disableDataCollection: true, clock }));
    for (const usage of [offline, off]) {
      usage.start();
      usage.feature(use('a'));
      usage.track('b', {}, {});
      expect(usage.describe()).toMatchObject({ state: 'off', accepted: 0, pending: 0 });
      expect(usage.hasPending).toBe(false);
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('has timers that never hold the process, but for a flush or a close that is awaited (D-77)', async () => {
    const clock = new UnrefClock();
    const sink = new ScriptedSink();
    const usage = new UsageEvents(
      resolveOptions({ endpoint: 'http://relay', clock, logger: new RecordingLogger() }),
      sink,
    );
    usage.start();
    usage.feature(use('a'));
    expect(clock.holding).toBe(0);
    const answer = later();
    sink.nowAnswer(answer.answer, taken);
    const flushing = usage.flush();
    await settle();
    expect(clock.holding).toBe(1);
    answer.give(taken);
    await flushing;
    expect(clock.holding).toBe(0);
    usage.feature(use('b'));
    const closing = usage.close(2_000);
    expect(clock.holding).toBe(1);
    await closing;
    expect(clock.holding).toBe(0);
  });

  it('survives a clock that cannot tell the time', () => {
    const clock = new FakeClock();
    clock.now = () => {
      throw new Error('no time');
    };
    const usage = new UsageEvents(resolveOptions({ endpoint: 'http://relay', clock }), new ScriptedSink());
    usage.start();
    usage.feature(use('a'));
    usage.track('b', {}, {});
    expect(countsOf(usage)).toMatchObject({ accepted: 2, pending: 0, dropped: { invalid: 2 } });
  });
});

describe('limits', () => {
  it('keeps twice maxPendingEvents; drop-oldest keeps the newest, drop-newest the oldest (UE-01, GOFF-COLL-019)', async () => {
    for (const [overflow, kept] of [
      ['drop-oldest', keys(5, 10)],
      ['drop-newest', keys(1, 6)],
    ] as const) {
      const bench = new UsageBench({ maxPendingEvents: 3, overflow });
      bench.use(...keys(1, 10));
      expect(bench.counts).toMatchObject({ accepted: 10, pending: 6, dropped: { total: 4, overflow: 4 } });
      await bench.usage.flush();
      expect(bench.sink.keys).toEqual(kept);
    }
  });

  it('keeps maxPendingBytes of JSON, and drops an event that is larger alone (UE-01)', async () => {
    const bench = new UsageBench({ maxPendingBytes: 1_024 });
    bench.use(...keys(1, 50), 'x'.repeat(1_024));
    const { pending, dropped } = bench.counts;
    const bytes = (bench.usage.describe() as { pendingBytes: number }).pendingBytes;
    expect(bytes).toBeLessThanOrEqual(1_024);
    expect(bytes).toBeGreaterThan(800);
    expect(dropped).toMatchObject({ bytes: 50 - pending, tooLarge: 1 });
    await bench.usage.flush();
    expect(bench.sink.keys).toEqual(keys(51 - pending, 50));
    expect(bench.sink.posts[0]?.body).toHaveLength(
      bytes + pending - 1 + '{"meta":{"provider":"javascript","openfeature":true},"events":[]}'.length,
    );
  });
});

/** Tells which timers would keep a process alive. */
class UnrefClock {
  readonly #timers = new Map<object, boolean>();

  now(): number {
    return 0;
  }

  monotonic(): number {
    return 0;
  }

  setTimeout(): object {
    const handle = { unref: () => this.#timers.set(handle, false) };
    this.#timers.set(handle, true);
    return handle;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as object);
  }

  get holding(): number {
    return [...this.#timers.values()].filter(Boolean).length;
  }
}
