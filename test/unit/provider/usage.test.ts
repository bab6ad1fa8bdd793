/** Usage events through the real SDK: who tells what to the collector, and when nobody does. */

import { afterEach, describe, expect, it } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { until } from './support/provider-bench.ts';
import { USER, UsageBench } from './support/usage-bench.ts';

const open: UsageBench[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function started(options: EdictOptions = {}): Promise<UsageBench> {
  const bench = await UsageBench.start(options);
  open.push(bench);
  return bench;
}

const nowSeconds = (bench: UsageBench): number => Math.floor(bench.clock.wallMs / 1_000);

describe('evaluations', () => {
  it('go to the collector with every field, and with the metadata of the service (D-74, GOFF-COLL-001, GOFF-COLL-002, GOFF-COLL-003)', async () => {
    const bench = await started({ exporterMetadata: { service: 'shop' } });
    await bench.client.getStringValue('on', 'default', USER);
    expect(bench.posts).toEqual([]);
    expect(await bench.provider.flush()).toEqual({ sent: 1, pending: 0, dropped: 0 });
    expect(JSON.parse(bench.posts[0]?.body ?? '')).toEqual({
      meta: { service: 'shop', provider: 'javascript', openfeature: true },
      events: [
        {
          kind: 'feature',
          contextKind: 'user',
          userKey: 'u-1',
          creationDate: nowSeconds(bench),
          key: 'on',
          variation: 'yes',
          value: 'Y',
          default: false,
          version: '7',
          source: 'INPROCESS',
        },
      ],
    });
  });

  it('that fail are told with the default and their flag (GOFF-COLL-004, GOFF-COLL-021)', async () => {
    const bench = await started({ fallback: 'off' });
    await bench.client.getStringValue('unknown', 'mine', USER);
    await bench.client.getStringValue('broken', 'mine', USER);
    await bench.provider.flush();
    const failed = { default: true, value: 'mine', variation: 'SdkDefault' };
    expect(bench.events).toMatchObject([
      { key: 'unknown', ...failed },
      { key: 'broken', ...failed },
    ]);
  });

  it('of a flag that says nothing of trackEvents are told, like those of trackEvents true (GOFF-COLL-020)', async () => {
    const bench = await started();
    for (const flagKey of ['on', 'loud']) await bench.client.getStringValue(flagKey, 'default', USER);
    await bench.provider.flush();
    expect(bench.events.map(({ key }) => key)).toEqual(['on', 'loud']);
  });

  it("of a flag with trackEvents false are nobody's business (GOFF-COLL-022, GOFF-HOOK-006)", async () => {
    const bench = await started();
    await bench.client.getStringValue('quiet', 'default', USER);
    expect(await bench.provider.flush()).toMatchObject({ sent: 0 });
    expect(bench.posts).toEqual([]);
  });

  it("that the relay answered in place of the engine are the relay's to record (GOFF-FALLBACK-006, GOFF-FALLBACK-007)", async () => {
    const bench = await started({ fallback: 'spec' });
    const details = await bench.client.getStringDetails('broken', 'default', USER);
    expect(details).toMatchObject({ value: 'remote', flagMetadata: { gofeatureflag_evaluated_remotely: true } });
    expect(await bench.provider.flush()).toMatchObject({ sent: 0 });
  });

  it('in remote mode are told only where the cache answered (D-06, GOFF-COLL-023, GOFF-CACHE-007)', async () => {
    const bench = await started({ evaluationType: 'remote', remoteCacheMaxEntries: 10 });
    await bench.client.getStringValue('on', 'default', USER);
    expect(await bench.provider.flush()).toMatchObject({ sent: 0 });
    expect(await bench.client.getStringDetails('on', 'default', USER)).toMatchObject({ reason: 'CACHED' });
    await bench.provider.flush();
    expect(bench.events).toMatchObject([{ key: 'on', source: 'PROVIDER_CACHE', version: '7' }]);
  });
});

describe('tracking', () => {
  it.each([['inprocess'], ['remote']] as const)(
    'works in the mode %s and posts to the collector (D-73, GOFF-TRACK-001, GOFF-TRACK-002, GOFF-TRACK-004, GOFF-TRACK-005)',
    async (evaluationType) => {
      const bench = await started({ evaluationType, privateAttributes: ['email'] });
      bench.client.track('order-placed', USER, { value: 29.9, currency: 'EUR' });
      await bench.provider.flush();
      expect(bench.events).toEqual([
        {
          kind: 'tracking',
          contextKind: 'user',
          userKey: 'u-1',
          creationDate: nowSeconds(bench),
          key: 'order-placed',
          evaluationContext: { targetingKey: 'u-1' },
          trackingEventDetails: { value: 29.9, currency: 'EUR' },
        },
      ]);
    },
  );

  it('honours the switch (GOFF-TRACK-003)', async () => {
    const bench = await started({ disableDataCollection: true });
    bench.client.track('order-placed', USER);
    await bench.client.getStringValue('on', 'default', USER);
    expect(await bench.provider.flush()).toEqual({ sent: 0, pending: 0, dropped: 0 });
    expect(bench.posts).toEqual([]);
    expect(bench.provider.hooks).toHaveLength(1);
    expect(bench.provider.diagnostics()).toMatchObject({ events: null });
  });
});

describe('the life of the events', () => {
  it('nothing is sent at the start; what waits is sent at the interval and at the close (GOFF-COLL-014, GOFF-COLL-015)', async () => {
    const bench = await started({ flushIntervalMs: 1_000 });
    expect(bench.posts).toEqual([]);
    await bench.client.getStringValue('on', 'default', USER);
    await bench.clock.advance(1_100);
    await until(() => bench.posts.length === 1);
    await bench.client.getStringValue('on', 'default', USER);
    await bench.provider.onClose();
    expect(bench.events).toHaveLength(2);
  });

  it('outside of a life nothing is kept (D-75)', async () => {
    const bench = await started();
    await bench.provider.onClose();
    bench.provider.track('late', USER);
    expect(bench.provider.diagnostics()).toMatchObject({ events: { pending: 0 } });
    await bench.provider.initialize();
    bench.provider.track('again', USER);
    await bench.provider.flush();
    expect(bench.events).toMatchObject([{ key: 'again' }]);
  });

  it('a collector that is down costs no evaluation and no close (S-36, D-83)', async () => {
    const bench = await started({ closeTimeoutMs: 500 });
    bench.collector = 503;
    await bench.client.getStringValue('on', 'default', USER);
    expect(await bench.provider.flush()).toMatchObject({ sent: 0, pending: 1 });
    expect(await bench.client.getStringValue('on', 'default', USER)).toBe('Y');
    const closed = bench.provider.onClose();
    await bench.clock.advance(600);
    await closed;
    expect(bench.provider.diagnostics()).toMatchObject({
      events: { accepted: 2, sent: 0, dropped: { total: 2 }, pending: 0 },
    });
  });

  it('hooks are registered once, the context hook first, also after another start (D-81, GOFF-HOOK-001, GOFF-HOOK-002)', async () => {
    const bench = await started();
    const [first, second] = bench.provider.hooks;
    await bench.provider.initialize();
    await bench.provider.onClose();
    await bench.provider.initialize();
    expect(bench.provider.hooks).toEqual([first, second]);
    expect(first).toHaveProperty('before');
    expect(second).toHaveProperty('after');
  });

  it('a reserved member that our hooks cannot read costs no evaluation (D-80)', async () => {
    const bench = await started();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const throwing = Object.defineProperty({}, 'flagList', {
      enumerable: true,
      get() {
        throw new Error('not now');
      },
    });
    for (const gofeatureflag of [proxy, throwing]) {
      const details = await bench.client.getStringDetails('on', 'default', { ...USER, gofeatureflag });
      expect(details).toMatchObject({ value: 'Y', reason: 'STATIC' });
    }
    expect(await bench.provider.flush()).toMatchObject({ sent: 2 });
  });

  it('diagnostics count them without their contents (GOFF-ERR-006)', async () => {
    const bench = await started();
    await bench.client.getStringValue('on', 'default', USER);
    expect(bench.provider.diagnostics()).toMatchObject({
      events: { accepted: 1, sent: 0, dropped: { total: 0 }, pending: 1 },
    });
    expect(JSON.stringify(bench.provider.diagnostics())).not.toContain('ana@example.com');
  });
});
