/** Who is sent, and what is kept from the wire. */

import { createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { resolveOptions } from '../../../src/options/resolve.ts';
import { fnv1a, UserKeys } from '../../../src/usage/user-keys.ts';
import { eventsOf, refused, taken, UsageBench, use } from './support/usage-bench.ts';

const SECRET = 'a secret of sixteen characters and more';
const hmac = (key: string): string => createHmac('sha256', SECRET).update(key).digest('hex');

describe('secrets planted in contexts', () => {
  it.each(['each', 'summary'] as const)(
    'are never on the wire, in the log or in diagnostics, in mode %s (UE-06, D-78)',
    async (eventMode) => {
      const bench = new UsageBench({
        eventMode,
        privateAttributes: ['email', 'address', '__proto__'],
        userKeySecret: SECRET,
      });
      bench.sink.nowAnswer(refused(500), taken);
      for (let i = 0; i < 200; i++) {
        const targetingKey = `PLANTED-key-${i}@example.com`;
        bench.usage.feature(use('flag', { targetingKey }));
        bench.usage.feature(use('gone', { targetingKey, isDefault: true, reason: 'ERROR' }));
        bench.usage.track(
          'bought',
          {
            targetingKey,
            email: `PLANTED-mail-${i}`,
            address: { street: `PLANTED-street-${i}` },
            ['__proto__']: 'PLANTED-proto',
            plan: 'pro',
          },
          { value: i },
        );
      }
      bench.usage.track('number-as-key', { targetingKey: 4_711_081_5 }, {});
      await bench.usage.flush();
      await bench.usage.flush();
      expect(bench.counts.pending).toBe(0);
      const wire = bench.sink.posts.map(({ body }) => body).join('\n');
      expect(wire).toContain(hmac('PLANTED-key-7@example.com'));
      expect(wire).toContain('"plan":"pro"');
      for (const text of [wire, bench.logger.text, JSON.stringify(bench.usage.describe())]) {
        expect(text).not.toContain('PLANTED');
        expect(text).not.toContain('47110815');
        expect(text).not.toContain(SECRET);
      }
    },
  );

  it('are hidden before an event is kept: the key in the context is the one of the event', async () => {
    const bench = new UsageBench({ userKeySecret: SECRET });
    bench.usage.track('a', { targetingKey: 'u-1' }, {});
    bench.usage.track('b', { targetingKey: '' }, {});
    await bench.usage.flush();
    const [a, b] = eventsOf(bench.sink.posts[0] ?? { body: '' });
    expect(a).toMatchObject({ userKey: hmac('u-1'), evaluationContext: { targetingKey: hmac('u-1') } });
    expect(b).toMatchObject({ userKey: 'undefined-targetingKey', evaluationContext: { targetingKey: '' } });
  });

  it('leave the targeting key out of contexts when it is private', async () => {
    const bench = new UsageBench({ privateAttributes: ['targetingKey'] });
    bench.usage.track('a', { targetingKey: 'u-1', plan: 'pro' }, {});
    await bench.usage.flush();
    expect(eventsOf(bench.sink.posts[0] ?? { body: '' })[0]?.['evaluationContext']).toEqual({ plan: 'pro' });
  });
});

describe('hashed keys', () => {
  it('are the HMAC in hex, whether seen before or not, for more users than are remembered', () => {
    const keys = new UserKeys({ userKeySecret: SECRET, eventSampleRate: 1 });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10_000; i += 499) expect(keys.shown(`user-${i}`)).toBe(hmac(`user-${i}`));
      for (let i = 0; i < 5_000; i++) keys.shown(`other-${i}`);
    }
    expect(keys.shown('ünïcode-💥')).toBe(hmac('ünïcode-💥'));
  });
});

describe('the sample', () => {
  const sampled = (rate: number, count: number): Set<string> => {
    const keys = new UserKeys({ userKeySecret: undefined, eventSampleRate: rate });
    return new Set(Array.from({ length: count }, (_, i) => `user-${i}`).filter((key) => keys.isSampled(key)));
  };

  it('has the share of users that was asked for, and a smaller sample is part of a larger one (D-78)', () => {
    const tenth = sampled(0.1, 100_000);
    const half = sampled(0.5, 100_000);
    expect(tenth.size / 100_000).toBeCloseTo(0.1, 2);
    expect(half.size / 100_000).toBeCloseTo(0.5, 2);
    expect([...tenth].every((key) => half.has(key))).toBe(true);
    expect([sampled(0, 1_000).size, sampled(1, 1_000).size]).toEqual([0, 1_000]);
  });

  it('keeps users whole, leaves tracking events alone, and counts what it leaves out (D-78)', async () => {
    const bench = new UsageBench({ eventSampleRate: 0.3, userKeySecret: SECRET });
    for (let i = 0; i < 3_000; i++) bench.usage.feature(use(`flag-${i % 10}`, { targetingKey: `user-${i % 100}` }));
    bench.usage.track('t', { targetingKey: 'user-0' }, {});
    const { accepted, notAccepted } = bench.counts;
    await bench.usage.flush();
    const perUser = new Map<string, number>();
    for (const { kind, userKey } of bench.sink.posts.flatMap(eventsOf)) {
      if (kind === 'feature') perUser.set(userKey as string, (perUser.get(userKey as string) ?? 0) + 1);
    }
    expect(new Set(perUser.values())).toEqual(new Set([30]));
    expect(accepted).toBe(perUser.size * 30 + 1);
    expect(notAccepted['sampledOut']).toBe(3_000 - perUser.size * 30);
    expect(bench.sink.keys).toContain('t');
  });

  it('does not thin out summaries', async () => {
    const bench = new UsageBench({ eventSampleRate: 0, eventMode: 'summary' });
    bench.use('a', 'b');
    expect(await bench.usage.flush()).toEqual({ sent: 2, pending: 0, dropped: 0 });
  });

  it('is decided by FNV-1a over the UTF-8 bytes', () => {
    // Published vectors of the 32-bit variant.
    expect(fnv1a('')).toBe(0x811c9dc5);
    expect(fnv1a('a')).toBe(0xe40c292c);
    expect(fnv1a('foobar')).toBe(0xbf9cf968);
    expect(fnv1a('ü')).toBe(reference('ü'));
    expect(fnv1a('💥'.repeat(500))).toBe(reference('💥'.repeat(500)));
  });
});

function reference(text: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
  return Number(hash);
}

it('refuses a secret too short to hide anything', () => {
  expect(() => resolveOptions({ endpoint: 'http://relay', userKeySecret: 'short' })).toThrow('INVALID_OPTION');
});
