import { beforeAll, describe, expect, it } from 'vitest';
import { truncateToU32 } from '../../../../src/flags/compile/rollout-code.ts';
import { KernelRig } from '../../wasm/support/kernel-rig.ts';
import { fnv1a, layOut, type ReferenceRollout, referenceProgress } from '../../wasm/support/reference-rollout.ts';

let rig: KernelRig;
beforeAll(() => {
  rig = new KernelRig();
});

const IMPOSSIBLE = 'impossible to find the variation';

function split(percentage: object) {
  return { variations: { A: 1, B: 2, C: 3 }, defaultRule: { percentage } };
}

/** A user of flag "flag" whose hash leaves `rest` by `modulus`. */
function userAt(modulus: number, rest: number): string {
  for (let i = 0; i < modulus * 40; i++) if (fnv1a(`flaguser-${i}`) % modulus === rest) return `user-${i}`;
  throw new Error(`no user for ${rest} of ${modulus}`);
}

/** What the buckets of a percentage object serve, asked of the guest. */
function served(percentage: Record<string, number>, modulus: number, buckets: readonly number[]): string[] {
  rig.load({ flag: split(percentage) });
  return buckets.map((bucket) => {
    const { variation, details } = rig.raw('flag', { targetingKey: userAt(modulus, bucket) });
    return details || variation;
  });
}

describe('truncateToU32', () => {
  it.each([
    [0, 0],
    [0.999, 0],
    [1.999, 1],
    [99_999.99, 99_999],
    [4_294_967_295.9, 4_294_967_295],
    [4_294_967_296, 0],
    [4_294_967_297.5, 1],
    [2 ** 40 + 5, 5],
    [-0.5, 0],
    [-1, 4_294_967_295],
    [-1.9, 4_294_967_295],
    [-1_000, 4_294_966_296],
    [-4_294_967_297, 4_294_967_295],
    [2 ** 62, 0],
    [2 ** 63, 0],
    [-(2 ** 63), 0],
    [1e300, 0],
    [Number.POSITIVE_INFINITY, 0],
    [Number.NEGATIVE_INFINITY, 0],
    [Number.NaN, 0],
  ])('of %d is %d, as on amd64', (value, expected) => {
    expect(truncateToU32(value)).toBe(expected);
  });
});

describe('percentages', () => {
  it('lay buckets out in descending order of names, each end exclusive', () => {
    expect(served({ A: 30, B: 70 }, 100_000, [0, 69_999, 70_000, 99_999])).toEqual(['B', 'B', 'A', 'A']);
  });

  it('leave the last bucket of {A:0.1,B:32.3} without a variation', () => {
    expect(served({ A: 0.1, B: 32.3 }, 32_400, [0, 32_298, 32_299, 32_300, 32_398, 32_399])).toEqual(
      [0, 32_298, 32_299, 32_300, 32_398, 32_399].map((h) => layOut({ A: 0.1, B: 32.3 }).nameAt(h) ?? IMPOSSIBLE),
    );
    expect(served({ A: 0.1, B: 32.3 }, 32_400, [32_399])).toEqual([IMPOSSIBLE]);
  });

  it('serve every bucket of {A:0.1,B:0.7}, whose last end lies one behind its modulus', () => {
    expect(served({ A: 0.1, B: 0.7 }, 799, [0, 699, 700, 798])).toEqual(['B', 'B', 'A', 'A']);
    const all = served(
      { A: 0.1, B: 0.7 },
      799,
      Array.from({ length: 799 }, (_, i) => i),
    );
    expect(all.filter((name) => name === 'A')).toHaveLength(99);
    expect(all.filter((name) => name === 'B')).toHaveLength(700);
  });

  it('need no sum of 100: {A:1,B:1} is half and half', () => {
    expect(served({ A: 1, B: 1 }, 2_000, [0, 999, 1_000, 1_999])).toEqual(['B', 'B', 'A', 'A']);
  });

  it('that come to less than a thousandth, or to nothing, find no variation', () => {
    for (const percentage of [{ A: 0.0004 }, { A: 0 }, { A: 0, B: 0 }, { A: null }]) {
      expect(rig.serve(split(percentage), { targetingKey: 'u' })).toBe(IMPOSSIBLE);
    }
  });

  it('below zero wrap as on amd64: that variation swallows what is left', () => {
    expect(served({ A: 2, B: -1 }, 1_000, [0, 500, 999])).toEqual(['B', 'B', 'B']);
    expect(served({ A: -1, B: 2 }, 1_000, [0, 500, 999])).toEqual(['B', 'B', 'B']);
    expect(rig.serve(split({ A: -1, B: 1 }), { targetingKey: 'u' })).toBe('B');
  });

  it('are ordered by UTF-8 bytes, not by UTF-16 units', () => {
    const percentage = { '\uff61': 50, '😀': 50, ä: 0, z: 0 };
    rig.load({ flag: split(percentage) });
    expect(rig.raw('flag', { targetingKey: userAt(100_000, 0) }).variation).toBe('😀');
    expect(rig.raw('flag', { targetingKey: userAt(100_000, 50_000) }).variation).toBe('\uff61');
  });

  it('may name a variation that does not exist: its value is null', () => {
    rig.load({ flag: split({ nowhere: 50, '__proto__ ': 50 }) });
    expect(rig.raw('flag', { targetingKey: 'u' })).toMatchObject({ value: null, code: '', reason: 'SPLIT' });
  });

  it.each([
    [{ A: 100 }, 'STATIC'],
    [{ A: 100, B: 0 }, 'STATIC'],
    [{ A: 100, B: 100 }, 'STATIC'],
    [{ A: 99.999, B: 0.001 }, 'SPLIT'],
    [{ A: 50 }, 'SPLIT'],
  ])('%j make the reason %s', (percentage, reason) => {
    rig.load({ flag: split(percentage) });
    expect(rig.raw('flag', { targetingKey: 'u' }).reason).toBe(reason);
  });

  it('that are present but empty let the variation stand', () => {
    expect(rig.serve({ variations: { A: 1 }, defaultRule: { variation: 'A', percentage: {} } })).toBe('A');
  });
});

describe('progressive rollouts', () => {
  const rollout = (initial: object, end: object) => ({
    initial: { variation: 'A', date: '2025-01-01T00:00:00Z', ...initial },
    end: { variation: 'B', date: '2025-01-11T00:00:00Z', ...end },
  });
  const START = Date.parse('2025-01-01T00:00:00Z');
  const DAY = 86_400_000;
  const flag = (progressiveRollout: object) => ({ variations: { A: 1, B: 2 }, defaultRule: { progressiveRollout } });

  it.each<[string, ReferenceRollout]>([
    ['from nothing to everybody', rollout({}, {})],
    ['from 10 to 90', rollout({ percentage: 10 }, { percentage: 90 })],
    ['to 0, which means 100', rollout({ percentage: 50 }, { percentage: 0 })],
    ['to more than 100, which means 100', rollout({}, { percentage: 250 })],
    ['downwards', rollout({ percentage: 90 }, { percentage: 10 })],
    ['from above 100', rollout({ percentage: 150 }, { percentage: 50 })],
    ['from below nothing', rollout({ percentage: -20 }, { percentage: 60 })],
    ['by thirds', rollout({ percentage: 33.333 }, { percentage: 66.667 })],
    ['within a second', rollout({ date: '2025-01-01T00:00:00.100Z' }, { date: '2025-01-01T00:00:00.900Z' })],
    ['over a border of seconds', rollout({ date: '2025-01-01T00:00:00.900Z' }, { date: '2025-01-01T00:00:01.100Z' })],
    ['before 1970', rollout({ date: '1969-12-31T23:59:59.500Z' }, { date: '1970-01-01T00:00:10Z' })],
  ])('move %s as the specification computes', (_, progressiveRollout) => {
    rig.load({ flag: flag(progressiveRollout) });
    const from = Date.parse(progressiveRollout.initial.date);
    const to = Date.parse(progressiveRollout.end.date);
    const times = [from - 1, from, from + 1, (from + to) / 2, to - 1, to, to + 1, from + (to - from) / 3, START + 500];
    for (const time of times.map(Math.round)) {
      for (let user = 0; user < 60; user++) {
        const key = `u${user}`;
        const expected = referenceProgress('flag', key, progressiveRollout, time);
        if (rig.raw('flag', { targetingKey: key }, time).variation !== expected)
          expect.fail(`${key} at ${time}: not ${expected}`);
      }
    }
  });

  it('serve the initial variation to everybody before they begin, and have the reason SPLIT', () => {
    rig.load({ flag: flag(rollout({ percentage: 100 }, {})) });
    expect(rig.raw('flag', { targetingKey: 'u' }, START - 1)).toMatchObject({
      variation: 'A',
      reason: 'SPLIT',
      cacheable: false,
    });
    expect(rig.raw('flag', { targetingKey: 'u' }, START)).toMatchObject({ variation: 'B', reason: 'SPLIT' });
  });

  it('compare with nanoseconds and count in whole seconds', () => {
    const late = rollout({ date: '2025-01-01T00:00:00.000000001Z' }, {});
    const at = (currentDateTime: string) => ({ targetingKey: 'u', gofeatureflag: { currentDateTime } });
    rig.load({ flag: flag({ ...late, initial: { ...late.initial, percentage: 100 } }) });
    expect(rig.raw('flag', at('2025-01-01T00:00:00Z')).variation).toBe('A');
    expect(rig.raw('flag', at('2025-01-01T00:00:00.000000001Z')).variation).toBe('B');
  });

  it.each([
    ['no initial', { end: rollout({}, {}).end }],
    ['no end', { initial: rollout({}, {}).initial }],
    ['no date', rollout({ date: null }, {})],
    ['no variation', rollout({}, { variation: null })],
    ['dates in the wrong order', rollout({}, { date: '2024-12-31T00:00:00Z' })],
    ['one instant twice, in two zones', rollout({}, { date: '2025-01-01T01:00:00+01:00' })],
    ['nothing', {}],
  ])('with %s lack parameters', (_, progressiveRollout) => {
    expect(rig.serve(flag(progressiveRollout), { targetingKey: 'u' }, START + DAY)).toBe(
      'error in the progressive rollout, missing params',
    );
  });

  it('take an empty variation name for a name', () => {
    expect(rig.serve(flag(rollout({ variation: '' }, {})), { targetingKey: 'u' }, START - DAY)).toBe('');
  });

  it('stand before percentage and variation', () => {
    const rule = { progressiveRollout: rollout({}, {}), percentage: { A: 100 }, variation: 'A' };
    const both = { variations: { A: 1, B: 2 }, defaultRule: rule };
    expect(rig.serve(both, { targetingKey: 'u' }, START + 20 * DAY)).toBe('B');
  });
});
