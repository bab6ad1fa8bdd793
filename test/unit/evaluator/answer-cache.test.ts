import { describe, expect, it } from 'vitest';
import { AnswerCache } from '../../../src/evaluator/answer-cache.ts';
import type { Resolution } from '../../../src/evaluator/resolution.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';

function resolution(members: Partial<Resolution> = {}): Resolution {
  return {
    flagKey: 'flag',
    value: 'v',
    variant: 'on',
    reason: 'STATIC',
    errorCode: undefined,
    errorMessage: undefined,
    engineCode: undefined,
    metadata: {},
    ruleIndex: undefined,
    ruleName: undefined,
    version: '',
    trackEvents: true,
    cacheable: true,
    ...members,
  };
}

function make(options: { maxEntries?: number; ttlMs?: number; clock?: FakeClock } = {}) {
  const clock = options.clock ?? new FakeClock();
  const cache = new AnswerCache({ maxEntries: 3, ttlMs: 60_000, ...options, clock });
  const keep = (flagKey: string, json = '{}', members: Partial<Resolution> = {}) =>
    cache.put(flagKey, json, resolution({ flagKey, ...members }), cache.generation);
  return { cache, clock, keep };
}

describe('a kept answer', () => {
  it('is the resolution with the reason CACHED, for its flag and context only (D-08, GOFF-CACHE-004)', () => {
    const { cache, keep } = make();
    keep('flag', '{"a":1}');
    expect(cache.get('flag', '{"a":1}')).toEqual(resolution({ reason: 'CACHED' }));
    expect(Object.isFrozen(cache.get('flag', '{"a":1}'))).toBe(true);
    expect(cache.get('flag', '{"a":2}')).toBeUndefined();
    expect(cache.get('galf', '{"a":1}')).toBeUndefined();
  });

  it('is never mistaken for that of a flag whose key holds quotes and braces', () => {
    const { cache, keep } = make();
    keep('a"{', '}');
    expect(cache.get('a', '"{}')).toBeUndefined();
  });

  it('serves for ttlMs, and never after (GOFF-CACHE-006)', async () => {
    const { cache, clock, keep } = make({ ttlMs: 1_000 });
    keep('flag');
    await clock.advance(1_000);
    expect(cache.get('flag', '{}')).toBeDefined();
    await clock.advance(1);
    expect(cache.get('flag', '{}')).toBeUndefined();
  });

  it('expires also when the clock began at zero, and does not mind the wall clock (GOFF-CACHE-006)', async () => {
    const clock = new FakeClock();
    const zero = new FakeClock();
    zero.monotonic = () => clock.monotonic() - 1_000;
    const { cache, keep } = make({ ttlMs: 1_000, clock: zero });
    keep('flag');
    zero.wallMs += 86_400_000;
    expect(cache.get('flag', '{}')).toBeDefined();
    await clock.advance(1_001);
    expect(cache.get('flag', '{}')).toBeUndefined();
  });

  it('with ttlMs -1 serves until the purge; with 0 never (GOFF-CACHE-002)', async () => {
    const { cache, clock, keep } = make({ ttlMs: -1 });
    keep('flag');
    await clock.advance(10 * 86_400_000);
    expect(cache.get('flag', '{}')).toBeDefined();
    cache.purge();
    expect(cache.get('flag', '{}')).toBeUndefined();
    const off = make({ ttlMs: 0 });
    off.keep('flag');
    expect(off.cache.get('flag', '{}')).toBeUndefined();
  });

  it('goes when it was used least recently and there are too many (GOFF-CACHE-001, GOFF-CACHE-006)', () => {
    const { cache, keep } = make();
    for (const key of ['a', 'b', 'c']) keep(key);
    cache.get('a', '{}');
    keep('d');
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key, '{}') !== undefined)).toEqual([true, false, true, true]);
  });

  it('is bounded in bytes, alone and together', () => {
    const { cache, keep } = make({ maxEntries: 1_000_000 });
    keep('large', '{}', { value: 'x'.repeat(1_048_576) });
    expect(cache.get('large', '{}')).toBeUndefined();
    for (let i = 0; i < 200; i++) keep(`flag-${i}`, '{}', { value: 'x'.repeat(200_000) });
    const { entries, bytes } = cache.describe();
    expect(entries).toBeGreaterThan(50);
    expect(bytes).toBeLessThanOrEqual(33_554_432);
  });
});

describe('what is not kept', () => {
  it.each<[string, Partial<Resolution>]>([
    ['an answer that is not marked (GOFF-CACHE-005)', { cacheable: false }],
    ['an answer without a value: DISABLED must stay DISABLED (D-54)', { value: null, reason: 'DISABLED' }],
    ['an error', { errorCode: 'GENERAL', value: 1 }],
  ])('%s', (_, members) => {
    const { cache, keep } = make();
    keep('flag', '{}', members);
    expect(cache.get('flag', '{}')).toBeUndefined();
  });

  it('an answer that was asked for before the configuration changed (D-08)', () => {
    const { cache } = make();
    const { generation } = cache;
    cache.purge();
    cache.put('flag', '{}', resolution(), generation);
    expect(cache.get('flag', '{}')).toBeUndefined();
  });
});

it('the counters tell entries, hits and misses', () => {
  const { cache, keep } = make();
  keep('flag');
  cache.get('flag', '{}');
  cache.get('other', '{}');
  expect(cache.describe()).toMatchObject({ entries: 1, hits: 1, misses: 1, purges: 0 });
});
