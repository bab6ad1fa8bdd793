/** How often and for how long the relay is asked (relay-and-provider §4.4, D-52, RF-01, RF-02). */

import { describe, expect, it } from 'vitest';
import { settle } from '../relay/support/fake-clock.ts';
import { hung, remoteFailure } from './support/fake-line.ts';
import { FallbackBench, FLAGS, PRO } from './support/fallback-bench.ts';

describe('budgeted, the default', () => {
  it('adds at most budgetMs when the relay hangs, then gives the local error and aborts the request (RF-01)', async () => {
    const bench = await FallbackBench.started();
    bench.line.script = hung;
    let answer: unknown = 'none yet';
    void bench.broken().then((value) => {
      answer = value;
    });
    await bench.clock.advance(49);
    expect(answer).toBe('none yet');
    await bench.clock.advance(1);
    expect(answer).toBe('default');
    expect(bench.line.asked[0]?.limits.signal?.aborted).toBe(true);
    expect(bench.figures).toMatchObject({ timedOut: 1, failed: 0, failuresInARow: 1, inFlight: 0 });
    expect(bench.warnings[0]).toMatch(/TIMEOUT: no answer within 50 ms/);
  });

  it('takes budgetMs from the option', async () => {
    const bench = await FallbackBench.started({ fallback: { budgetMs: 7 } });
    bench.line.script = hung;
    const asked = bench.broken();
    await bench.clock.advance(7);
    expect(await asked).toBe('default');
  });

  it('opens after 5 failures in a row, lets nothing through for 30 s, then one probe at a time (D-52, RF-01)', async () => {
    const bench = await FallbackBench.started();
    const { line, clock, evaluator } = bench;
    line.script = () => remoteFailure();
    for (let i = 0; i < 5; i++) expect(await bench.broken()).toBe('default');
    expect(bench.figures).toMatchObject({ breaker: 'open', opened: 1, failed: 5 });
    // Refused at once, without a promise.
    expect(evaluator.evaluate('broken', PRO, 'default')).toMatchObject({ value: 'default', errorCode: 'PARSE_ERROR' });
    await clock.advance(29_999);
    expect(await bench.broken()).toBe('default');
    expect(line.asked).toHaveLength(5);

    await clock.advance(1);
    line.script = hung;
    const probe = bench.broken();
    expect(await bench.broken()).toBe('default');
    expect(line.asked).toHaveLength(6);
    expect(bench.figures).toMatchObject({ breaker: 'half-open' });
    await clock.advance(50);
    expect(await probe).toBe('default');
    expect(bench.figures).toMatchObject({ breaker: 'open', opened: 2, refused: { breaker: 3 } });

    await clock.advance(30_000);
    line.script = new FallbackBench().line.script;
    expect(await bench.broken()).toBe('remote');
    expect(bench.figures).toMatchObject({ breaker: 'closed', failuresInARow: 0 });
    expect(await bench.broken()).toBe('remote');
  });

  it('begins no more than 20 a second, and has no more than 8 in flight', async () => {
    const bench = await FallbackBench.started();
    for (let i = 0; i < 25; i++) await bench.broken();
    expect(bench.line.asked).toHaveLength(20);
    expect(bench.figures).toMatchObject({ answered: 20, refused: { rate: 5 } });
    await bench.clock.advance(1_000);
    bench.line.script = hung;
    const asked = Array.from({ length: 12 }, () => bench.broken());
    await settle();
    expect(bench.line.inFlight).toBe(8);
    expect(bench.figures).toMatchObject({ refused: { concurrency: 4 } });
    await bench.clock.advance(50);
    expect(await Promise.all(asked)).toEqual(new Array(12).fill('default'));
    expect(bench.line.inFlight).toBe(0);
  });

  it('does not ask while the feed fails for network reasons, and asks again when it answers (D-52)', async () => {
    let isUp = true;
    const fetch = async () => {
      if (!isUp) throw new Error('unreachable');
      return new Response(JSON.stringify({ flags: FLAGS }), { headers: { 'content-type': 'application/json' } });
    };
    const bench = await FallbackBench.started({
      endpoint: 'http://relay.test',
      bootstrap: undefined,
      fetch: fetch as typeof globalThis.fetch,
    });
    expect(bench.evaluator.local.feedIsUnreachable).toBe(false);
    expect(await bench.broken()).toBe('remote');
    isUp = false;
    await bench.evaluator.refresh('test');
    expect(bench.evaluator.local.feedIsUnreachable).toBe(true);
    expect(bench.evaluator.evaluate('broken', PRO, 'default')).toMatchObject({ value: 'default' });
    expect(bench.figures).toMatchObject({ answered: 1, refused: { feed: 1 } });
    isUp = true;
    await bench.evaluator.refresh('test');
    expect(await bench.broken()).toBe('remote');
  });

  it('asks while the feed fails for a reason that is not the network', async () => {
    let status = 200;
    const fetch = async () =>
      new Response(status === 200 ? JSON.stringify({ flags: FLAGS }) : '<html>', {
        headers: { 'content-type': 'application/json' },
      });
    const bench = await FallbackBench.started({
      endpoint: 'http://relay.test',
      bootstrap: undefined,
      fetch: fetch as typeof globalThis.fetch,
    });
    status = 0;
    expect(await bench.evaluator.refresh('test')).toBe('failed');
    expect(bench.evaluator.local.feedIsUnreachable).toBe(false);
    expect(await bench.broken()).toBe('remote');
  });

  it('keeps to the Retry-After of a 429 (D-29)', async () => {
    const bench = await FallbackBench.started();
    bench.line.script = () => remoteFailure('RATE_LIMITED', 10_000);
    await bench.broken();
    await bench.clock.advance(9_999);
    await bench.broken();
    expect(bench.line.asked).toHaveLength(1);
    expect(bench.figures).toMatchObject({ failed: 1, refused: { retryAfter: 1 } });
    await bench.clock.advance(1);
    await bench.broken();
    expect(bench.line.asked).toHaveLength(2);
  });

  it('warns once per flag and minute, and tells then how many there were (GOFF-FALLBACK-008)', async () => {
    const bench = await FallbackBench.started();
    for (let i = 0; i < 10; i++) await bench.broken();
    expect(bench.warnings).toEqual([
      expect.stringMatching(/flag "broken" cannot be decided here \(PARSE_ERROR, .*\); the relay decided it instead$/),
    ]);
    await bench.clock.advance(59_999);
    await bench.broken();
    expect(bench.warnings).toHaveLength(1);
    await bench.clock.advance(1);
    await bench.broken();
    expect(bench.warnings[1]).toMatch(/\(10 more since the last such line\)$/);
  });
});

describe('spec', () => {
  const spec = { fallback: 'spec' } as const;

  it('asks on every occurrence, however many fail, with timeoutMs (GOFF-FALLBACK-004, GOFF-FALLBACK-009)', async () => {
    const bench = await FallbackBench.started({ ...spec, timeoutMs: 4_321 });
    bench.line.script = () => remoteFailure();
    for (let i = 0; i < 60; i++) expect(await bench.broken()).toBe('default');
    expect(bench.line.asked).toHaveLength(60);
    expect(bench.line.asked.every(({ limits }) => limits.timeoutMs === 4_321)).toBe(true);
    expect(bench.figures).toMatchObject({ mode: 'spec', failed: 60, breaker: 'closed' });
  });

  it('warns each time (GOFF-FALLBACK-008)', async () => {
    const bench = await FallbackBench.started(spec);
    for (let i = 0; i < 5; i++) await bench.broken();
    expect(bench.warnings).toHaveLength(5);
  });

  it('ends with timeoutMs when the relay hangs', async () => {
    const bench = await FallbackBench.started({ ...spec, timeoutMs: 3_000 });
    bench.line.script = hung;
    const asked = bench.broken();
    await bench.clock.advance(3_000);
    expect(await asked).toBe('default');
    expect(bench.figures).toMatchObject({ timedOut: 1 });
  });
});

describe('off', () => {
  it('gives the local error, asks nobody and opens no line', async () => {
    const bench = await FallbackBench.started({ fallback: 'off' });
    expect(bench.evaluator.evaluate('broken', PRO, 'default')).toMatchObject({ errorCode: 'PARSE_ERROR' });
    expect(bench.evaluator.evaluateAll(PRO)).toHaveLength(5);
    expect(bench.line.opened).toBe(0);
  });
});

describe('the engine and the relay both down', () => {
  it('give the default with the right code for an hour, and no rejection goes unhandled (RF-02)', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    try {
      const bench = await FallbackBench.started();
      bench.traps.isOn = true;
      let asked = 0;
      bench.line.script = (question) => {
        asked++;
        if (asked % 3 === 0) return hung(question);
        if (asked % 3 === 1) return remoteFailure(asked % 2 === 0 ? 'NETWORK' : 'UNAVAILABLE');
        throw new Error('out of order');
      };
      const answers: Promise<unknown>[] = [];
      for (let second = 0; second < 3_600; second += 2) {
        for (const [flagKey, code] of [
          ['rule', 'GENERAL'],
          ['broken', 'PARSE_ERROR'],
        ] as const) {
          answers.push(
            Promise.resolve(bench.evaluator.evaluate(flagKey, PRO, 'default')).then((answer) =>
              expect(answer).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: code }),
            ),
          );
        }
        await bench.clock.advance(2_000);
      }
      expect(await Promise.all(answers)).toHaveLength(3_600);
      // One probe in about 30 s, not 3,600 questions; and 3 traps in 5 minutes, not 1,800.
      expect(bench.line.asked.length).toBeLessThan(150);
      expect(bench.evaluator.describe().traps).toBeLessThan(40);
      expect(bench.figures).toMatchObject({ answered: 0, inFlight: 0 });
    } finally {
      await settle();
      process.off('unhandledRejection', onRejection);
    }
    expect(rejections).toEqual([]);
  }, 60_000);
});
