/** What a breaker lets through: by its states, and in any order of events. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker, type BreakerLimits, type Pass, type Verdict } from '../../../src/evaluator/breaker.ts';

const LIMITS: BreakerLimits = { failureThreshold: 3, openMs: 1_000, maxConcurrent: 4, maxPerSecond: 1_000 };

class Bench {
  nowMs = 5;
  readonly breaker: Breaker;

  constructor(limits: Partial<BreakerLimits> = {}) {
    this.breaker = new Breaker({ ...LIMITS, ...limits }, { monotonic: () => this.nowMs });
  }

  enter(): Pass {
    const pass = this.breaker.enter();
    if (typeof pass === 'string') throw new Error(`refused: ${pass}`);
    return pass;
  }

  go(verdict: Verdict): void {
    const pass = this.enter();
    pass.judge(verdict);
    pass.leave();
  }
}

describe('a breaker', () => {
  it('opens after failureThreshold failures in a row, and not before', () => {
    const bench = new Bench();
    for (let i = 0; i < 10; i++) {
      bench.go('failed');
      bench.go('failed');
      bench.go('succeeded');
    }
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'closed', opened: 0 });
    for (let i = 0; i < 3; i++) bench.go('failed');
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'open', opened: 1 });
    expect(bench.breaker.enter()).toBe('breaker');
  });

  it('lets one probe through after openMs; its success closes it, its failure opens it for as long again', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) bench.go('failed');
    bench.nowMs += 999;
    expect(bench.breaker.enter()).toBe('breaker');
    bench.nowMs += 1;
    const probe = bench.enter();
    expect(bench.breaker.enter()).toBe('breaker');
    probe.judge('failed');
    probe.leave();
    bench.nowMs += 999;
    expect(bench.breaker.enter()).toBe('breaker');
    bench.nowMs += 1;
    bench.go('succeeded');
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'closed', failuresInARow: 0 });
    bench.go('failed');
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'closed' });
  });

  it('takes the next request as the probe when one was abandoned', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) bench.go('failed');
    bench.nowMs += 1_000;
    bench.enter().leave();
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'open', inFlight: 0 });
    bench.go('succeeded');
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'closed' });
  });

  it('is not moved by what was begun before it opened', () => {
    const bench = new Bench();
    const late = bench.enter();
    for (let i = 0; i < 3; i++) bench.go('failed');
    late.judge('succeeded');
    expect(bench.breaker.describe()).toMatchObject({ breaker: 'open' });

    const later = new Bench();
    const old = [later.enter(), later.enter(), later.enter()];
    for (let i = 0; i < 3; i++) later.go('failed');
    later.nowMs += 1_000;
    later.go('succeeded');
    for (const pass of old) pass.judge('failed');
    expect(later.breaker.describe()).toMatchObject({ breaker: 'closed', failuresInARow: 0 });
  });

  it('counts a verdict and an end once', () => {
    const bench = new Bench();
    const pass = bench.enter();
    for (let i = 0; i < 5; i++) {
      pass.judge('failed');
      pass.leave();
    }
    expect(bench.breaker.describe()).toMatchObject({ failuresInARow: 1, inFlight: 0 });
  });

  it('keeps a request in flight until it has ended, whatever was said of it', () => {
    const bench = new Bench({ maxConcurrent: 1 });
    const pass = bench.enter();
    pass.judge('failed');
    expect(bench.breaker.enter()).toBe('concurrency');
    pass.leave();
    bench.enter();
  });

  it('lets nothing through while it was asked to hold off, and the longest wait counts', () => {
    const bench = new Bench();
    bench.breaker.holdOff(500);
    bench.breaker.holdOff(100);
    bench.nowMs += 499;
    expect(bench.breaker.enter()).toBe('retryAfter');
    bench.nowMs += 1;
    bench.enter();
  });
});

describe('in any order of requests, answers and waits, a breaker', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ type: 'enter' as const }) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('end' as const),
        which: fc.nat(20),
        verdict: fc.constantFrom<Verdict[]>('succeeded', 'failed', 'failed', 'abandoned'),
        leaves: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(700) }) },
  );
  const limits = fc.record({
    failureThreshold: fc.integer({ min: 1, max: 4 }),
    openMs: fc.integer({ min: 1, max: 2_000 }),
    maxConcurrent: fc.integer({ min: 1, max: 5 }),
    maxPerSecond: fc.integer({ min: 1, max: 6 }),
  });

  it('has never more than maxConcurrent in flight, never begins more than maxPerSecond in any second, probes one at a time and not before openMs', () => {
    let probes = 0;
    fc.assert(
      fc.property(limits, fc.array(step, { minLength: 20, maxLength: 200 }), (given, steps) => {
        const bench = new Bench(given);
        const flying: { pass: Pass; isProbe: boolean; isJudged: boolean }[] = [];
        const starts: number[] = [];
        let openedAtMs = 0;
        let opened = 0;
        for (const each of steps) {
          if (each.type === 'wait') bench.nowMs += each.ms;
          else if (each.type === 'end') {
            const one = flying[each.which % Math.max(1, flying.length)];
            one?.pass.judge(each.verdict);
            if (one !== undefined) one.isJudged = true;
            if (one !== undefined && each.leaves) {
              one.pass.leave();
              flying.splice(flying.indexOf(one), 1);
            }
          } else {
            const before = bench.breaker.describe().breaker;
            const pass = bench.breaker.enter();
            if (typeof pass === 'string') continue;
            expect(before).not.toBe('half-open');
            const isProbe = before === 'open';
            if (isProbe) {
              probes++;
              expect(bench.nowMs - openedAtMs).toBeGreaterThanOrEqual(given.openMs);
              expect(flying.some((one) => one.isProbe && !one.isJudged)).toBe(false);
            }
            flying.push({ pass, isProbe, isJudged: false });
            starts.push(bench.nowMs);
          }
          const state = bench.breaker.describe();
          if (state.opened > opened) openedAtMs = bench.nowMs;
          opened = state.opened;
          expect(state.inFlight).toBe(flying.length);
          expect(flying.length).toBeLessThanOrEqual(given.maxConcurrent);
          expect(state.breaker === 'half-open').toBe(flying.some((one) => one.isProbe && !one.isJudged));
        }
        for (const start of starts) {
          expect(starts.filter((at) => at >= start && at < start + 1_000).length).toBeLessThanOrEqual(
            given.maxPerSecond,
          );
        }
      }),
      { numRuns: 500 },
    );
    expect(probes).toBeGreaterThan(50);
  });
});
