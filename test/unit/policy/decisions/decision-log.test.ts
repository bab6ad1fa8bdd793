/** Decisions wait in bounds, go out beside the traffic, and are counted whatever happens. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';
import { facts, logOf, pending, ScriptedSink, subject } from './support/scripted-sink.ts';

interface Books {
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly pending: number;
}

const books = (log: ReturnType<typeof logOf>, tenant?: string): Books => log.describe(tenant) as unknown as Books;

describe('recording a decision', () => {
  it('writes and sends nothing on the path of the request, also with a sink that hangs (V-15, UE-05)', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    sink.answer = () => new Promise(() => undefined);
    let ids = 0;
    const log = logOf(clock, sink, { newId: () => `d-${++ids}` });
    for (let i = 0; i < 100; i++) log.record(subject(), facts(`r-${i}`));
    expect([ids, sink.received.length]).toEqual([0, 0]);
    await clock.advance(0);
    expect(ids).toBeGreaterThan(0);
    await clock.advance(5_000);
    expect(sink.received).toHaveLength(1);
    // The call has a deadline of its own; the batch waits for the next try.
    await clock.advance(5_000);
    expect(sink.signals[0]?.aborted).toBe(true);
    expect(books(log)).toMatchObject({ accepted: 100, sent: 0, pending: 100, dropped: { total: 0 } });
  });

  it('keeps 1,000 events and 1 MiB of a tenant, drops the oldest, and counts by reason (V-14)', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink);
    for (let i = 0; i < 1_500; i++) log.record(subject(), facts(`r-${i}`));
    expect(books(log)).toMatchObject({ pending: 1_000, dropped: { total: 500, overflow: 500 } });
    const headers = HeaderMap.from([['x-large', 'x'.repeat(10_000)]]);
    const request = { headers, path: '/', method: 'GET', authority: 'a', scheme: 'https' };
    for (let i = 0; i < 300; i++) log.record(subject('loud'), facts(`l-${i}`, { inputs: { request } }));
    const loud = books(log, 'loud');
    expect(loud.dropped['bytes']).toBeGreaterThan(150);
    expect(loud.accepted).toBe(300);
    expect(books(log, 'shop').dropped['bytes']).toBe(0);
    await clock.advance(100);
    await log.flush();
    expect(sink.received.filter(({ tenant }) => tenant === 'shop').flatMap(({ requestIds }) => requestIds)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => `r-${500 + i}`),
    );
    expect(log.pending()).toBe(0);
  });

  it('has room for the same number of events before and after the first upload (V-17)', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink, { limits: { maxEvents: 200 } });
    const fill = (): number => {
      const before = books(log).dropped['total'] as number;
      for (let i = 0; i < 200; i++) log.record(subject(), facts(`r-${i}`));
      return (books(log).dropped['total'] as number) - before;
    };
    log.record(subject(), facts('first'));
    await log.flush();
    for (let round = 0; round < 5; round++) {
      expect(fill()).toBe(0);
      await log.flush();
      expect(log.pending()).toBe(0);
    }
  });
});

describe('a sink that is replaced', () => {
  it('gives back what it holds; the new one gets it under the same id, and late answers count for nothing (V-16)', async () => {
    const clock = new FakeClock();
    const old = new ScriptedSink();
    const late = pending<{ kind: 'sent' }>();
    old.answer = () => late.promise;
    const log = logOf(clock, old);
    for (let i = 0; i < 10; i++) log.record(subject(), facts(`r-${i}`));
    await clock.advance(5_000);
    expect(old.received).toHaveLength(1);
    const next = new ScriptedSink();
    log.useSink(next);
    expect(old.signals[0]?.aborted).toBe(true);
    await clock.advance(0);
    expect(next.received.map(({ id }) => id)).toEqual([old.received[0]?.id]);
    late.resolve({ kind: 'sent' });
    await settle();
    expect(books(log)).toMatchObject({ accepted: 10, sent: 10, pending: 0 });
    expect(old.closes).toBe(1);
    // The writer that hung does not hold back what comes later.
    log.record(subject(), facts('r-10'));
    await clock.advance(5_000);
    expect(next.requestIds).toHaveLength(11);
  });
});

describe('a batch', () => {
  it('keeps its id over retries, is halved at 413, and is given up when it will never be taken', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink);
    for (let i = 0; i < 4; i++) log.record(subject(), facts(`r-${i}`));
    sink.answer = () => ({ kind: 'failed', message: 'status 503' });
    await clock.advance(5_000);
    sink.answer = ({ count }) => (count > 1 ? { kind: 'too-large' } : { kind: 'sent' });
    await clock.advance(60_000);
    expect(sink.received[1]?.id).toBe(sink.received[0]?.id);
    expect(sink.received.slice(2).map(({ requestIds }) => requestIds.length)).toEqual([2, 1, 1, 2, 1, 1]);
    expect(books(log)).toMatchObject({ sent: 4, pending: 0 });
    sink.answer = () => ({ kind: 'refused', message: 'status 400' });
    log.record(subject(), facts('r-4'));
    await clock.advance(5_000);
    expect(books(log)).toMatchObject({ sent: 4, dropped: { refused: 1 } });
  });

  it('that fails makes the pauses grow to a minute, one line in the log, and honours Retry-After', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const lines: string[] = [];
    const log = logOf(clock, sink, { warn: (line) => lines.push(line) });
    const times: number[] = [];
    sink.answer = () => {
      times.push(clock.monotonic());
      return { kind: 'failed', message: 'down' };
    };
    log.record(subject(), facts('r-0'));
    await clock.advance(400_000);
    expect(times.slice(1, 9).map((at, i) => at - (times[i] as number))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(lines).toHaveLength(1);
    sink.answer = () => ({ kind: 'failed', message: 'slow down', retryAfterMs: 300_000 });
    await clock.advance(60_000);
    const asked = sink.received.length;
    await clock.advance(230_000);
    expect(sink.received.length).toBe(asked);
    sink.answer = () => ({ kind: 'sent' });
    await clock.advance(130_000);
    expect(log.pending()).toBe(0);
    expect(lines).toHaveLength(2);
  });
});

describe('tenants in one log', () => {
  it('have a ring each: a loud one costs another no event and no turn', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink);
    for (let i = 0; i < 5_000; i++) log.record(subject('loud'), facts(`l-${i}`));
    log.record(subject('quiet'), facts('q-0'));
    await clock.advance(1);
    expect(books(log, 'quiet')).toMatchObject({ accepted: 1, sent: 1, dropped: { total: 0 } });
    expect(books(log, 'loud')).toMatchObject({ accepted: 5_000, dropped: { overflow: 4_000 } });
  });

  it('that are released leave their events sent or counted, and nothing in memory', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink);
    log.record(subject('a'), facts('a-0'));
    expect(await log.release('a', 5_000)).toEqual({ lost: 0 });
    expect(sink.requestIds).toEqual(['a-0']);
    sink.answer = () => new Promise(() => undefined);
    log.record(subject('b'), facts('b-0'));
    const released = log.release('b', 1_000);
    await clock.advance(1_000);
    expect(await released).toEqual({ lost: 1 });
    expect(log.describe()).toMatchObject({ accepted: 2, sent: 1, dropped: { closed: 1 }, pending: 0, tenants: 0 });
  });
});

describe('closing', () => {
  it('sends what waits, or counts it after the deadline; what comes later is counted too', async () => {
    const clock = new FakeClock();
    const sink = new ScriptedSink();
    const log = logOf(clock, sink);
    log.record(subject(), facts('r-0'));
    expect(await log.close(2_000)).toEqual({ lost: 0 });
    expect([sink.requestIds, sink.closes]).toEqual([['r-0'], 1]);
    log.record(subject(), facts('r-1'));
    expect(books(log)).toMatchObject({ accepted: 2, sent: 1, dropped: { closed: 1 }, pending: 0 });
    const hanging = new ScriptedSink();
    hanging.answer = () => new Promise(() => undefined);
    const other = logOf(clock, hanging);
    other.record(subject(), facts('r-0'));
    const closing = other.close(2_000);
    await clock.advance(2_000);
    expect(await closing).toEqual({ lost: 1 });
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('accepted = sent + dropped + pending', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('record' as const), tenant: fc.nat(2), size: fc.nat(900) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(7_000) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        kind: fc.constantFrom('sent', 'failed', 'too-large', 'refused', 'never', 'throw'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('sink' as const, 'flush' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), tenant: fc.nat(2) }) },
  );

  it('holds after every step of random walks, for each tenant and for all (P-81)', async () => {
    let sentOver = 0;
    let droppedOver = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        const clock = new FakeClock();
        let kind = 'sent';
        let sink = new ScriptedSink();
        const answer = (): never => {
          if (kind === 'throw') throw new Error('sink');
          if (kind === 'never') return new Promise(() => undefined) as never;
          return { kind, message: kind } as never;
        };
        sink.answer = answer;
        const log = logOf(clock, sink, { limits: { maxEvents: 6, maxBytes: 4_000, maxBatchEvents: 3 } });
        let recorded = 0;
        const check = (): void => {
          for (const tenant of [undefined, 't0', 't1', 't2']) {
            const { accepted, sent, dropped, pending: waiting } = books(log, tenant);
            if (accepted !== sent + (dropped['total'] as number) + waiting) {
              throw new Error(`${tenant}: ${accepted} accepted, ${sent} sent, ${waiting} pending`);
            }
          }
          if (books(log).accepted !== recorded) throw new Error('a decision was lost on its way in');
        };
        const releases: Promise<unknown>[] = [];
        for (const one of steps) {
          if (one.do === 'record') {
            const headers = HeaderMap.from([['x', 'x'.repeat(one.size)]]);
            const request = { headers, path: '/', method: 'GET', authority: 'a', scheme: 'https' };
            log.record(subject(`t${one.tenant}`), facts(`r-${recorded++}`, { inputs: { request } }));
          } else if (one.do === 'advance') await clock.advance(one.ms);
          else if (one.do === 'answer') kind = one.kind;
          else if (one.do === 'flush') void log.flush();
          else if (one.do === 'release') releases.push(log.release(`t${one.tenant}`, 1_000));
          else {
            sink = new ScriptedSink();
            sink.answer = answer;
            log.useSink(sink);
          }
          check();
        }
        kind = 'sent';
        await clock.advance(200_000);
        await Promise.all(releases);
        check();
        const end = books(log);
        if (end.pending !== 0) throw new Error(`${end.pending} still wait for a sink that is up`);
        sentOver += end.sent;
        droppedOver += end.dropped['total'] as number;
      }),
      { numRuns: 60 },
    );
    expect(Math.min(sentOver, droppedOver)).toBeGreaterThan(60);
  }, 60_000);
});
