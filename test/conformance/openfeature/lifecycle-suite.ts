/** What the SDK makes of the provider's life: statuses and events, with one SDK, in every mode (relay-and-provider §5.1). */

import { afterEach, describe, expect, it } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { LifecycleBench } from './lifecycle-bench.ts';
import { MODES } from './modes.ts';
import type { Sdk } from './sdk.ts';

const MINUTE_MS = 60_000;

export function runLifecycleSuite(sdk: Sdk): void {
  const named = MODES.map((mode) => [mode.name, mode] as const);
  describe.each(named)(`on server-sdk ${sdk.version} over core ${sdk.coreVersion}, %s`, (_, mode) => {
    let bench: LifecycleBench;
    const open = async (options?: EdictOptions): Promise<LifecycleBench> => {
      bench = await LifecycleBench.open(sdk, mode, options);
      return bench;
    };
    afterEach(() => bench.close());

    it('a start that succeeds is exactly one READY, for the client and for the API (2.4.1, 5.3.1)', async () => {
      await open();
      expect(bench.status).toBe('NOT_READY');
      expect(await bench.start()).toBeUndefined();
      await bench.clock.advance(5_000);
      expect(bench.types).toEqual(['READY']);
      expect(bench.heardByApi).toEqual(['READY']);
      expect(bench.heard[0]?.details).toMatchObject({ providerName: 'edict', domain: bench.domain });
      expect(bench.status).toBe('READY');
      expect(await bench.value()).toBe('on');
    });

    it('a start that fails is exactly one ERROR, and one READY when the relay is there (2.4.2.1, 5.3.2)', async () => {
      await open({ initTimeoutMs: 3_000 });
      await bench.relayDown();
      let outcome: unknown = 'pending';
      const starting = bench.start().then((code) => {
        outcome = code;
      });
      await bench.advanceUntil(() => outcome !== 'pending');
      await starting;
      expect(outcome).toBe('PROVIDER_NOT_READY');
      expect(bench.types).toEqual(['ERROR']);
      expect(bench.heardByApi).toEqual(['ERROR']);
      expect(bench.status).toBe('ERROR');

      await bench.relayUp();
      await bench.refresh();
      expect(bench.types).toEqual(['ERROR', 'READY']);
      expect(bench.heardByApi).toEqual(['ERROR', 'READY']);
      expect(await bench.value()).toBe('on');
    });

    it('refused credentials at the start are exactly one ERROR, the status FATAL, and one READY when they are taken', async () => {
      await open();
      bench.refuse(true);
      expect(await bench.start()).toBe('PROVIDER_FATAL');
      expect(bench.types).toEqual(['ERROR']);
      // The SDK makes this event, with the message of what `initialize` rejected with and without its code.
      expect(bench.heard[0]?.details?.message).toContain('401');
      expect(bench.status).toBe('FATAL');
      expect(await bench.client.getStringDetails('flag', 'default')).toMatchObject({
        value: 'default',
        errorCode: 'PROVIDER_FATAL',
      });

      bench.refuse(false);
      await bench.refresh();
      expect(bench.types).toEqual(['ERROR', 'READY']);
      expect(bench.status).toBe('READY');
      expect(await bench.value()).toBe('on');
    });

    it('READY, STALE, ERROR, READY: each once, each at its time, the last good flags served where they are here', async () => {
      await open({ errorAfterStaleMs: 10 * MINUTE_MS, authRetryIntervalMs: 60 * MINUTE_MS });
      await bench.start();
      bench.refuse(true);
      expect(await bench.refresh()).toBe('failed');
      expect(bench.types).toEqual(['READY', 'STALE']);
      expect(bench.status).toBe('STALE');
      expect(bench.heard[1]?.details?.message).toContain('401');
      const served = mode.name === 'in-process' ? 'on' : 'default';
      expect(await bench.value()).toBe(served);

      await bench.clock.advance(10 * MINUTE_MS - 1);
      expect(bench.types).toEqual(['READY', 'STALE']);
      await bench.clock.advance(1);
      expect(bench.types).toEqual(['READY', 'STALE', 'ERROR']);
      expect(bench.status).toBe('ERROR');
      expect(bench.heard[2]?.details).toMatchObject({
        errorCode: 'GENERAL',
        message: expect.stringContaining('401'),
      });
      expect(await bench.value()).toBe(served);

      bench.refuse(false);
      await bench.refresh();
      expect(bench.types).toEqual(['READY', 'STALE', 'ERROR', 'READY']);
      expect(bench.heardByApi).toEqual(bench.types);
      expect(bench.status).toBe('READY');
      expect(await bench.value()).toBe('on');
    });

    it('STALE comes after as many failures as staleAfterFailures says, not before', async () => {
      await open({ staleAfterFailures: 3 });
      await bench.start();
      await bench.relayDown();
      for (const expected of ['READY', 'READY', 'STALE', 'STALE']) {
        await bench.refresh();
        expect(bench.status).toBe(expected);
      }
      expect(bench.types).toEqual(['READY', 'STALE']);
    });

    it('other content is CONFIGURATION_CHANGED with the keys that changed, and the status stays (GOFF-META-003)', async () => {
      await open();
      await bench.start();
      await bench.serve('off');
      expect(await bench.refresh()).toBe('changed');
      expect(bench.types).toEqual(['READY', 'CONFIGURATION_CHANGED']);
      expect(bench.heardByApi).toEqual(bench.types);
      expect(bench.heard[1]?.details).toMatchObject({ providerName: 'edict', flagsChanged: ['flag'] });
      expect(bench.status).toBe('READY');
      expect(await bench.value()).toBe('off');
    });

    it('a handler that is added late runs at once, whatever the status is (5.3.3)', async () => {
      await open({ errorAfterStaleMs: MINUTE_MS, authRetryIntervalMs: 60 * MINUTE_MS });
      const { ProviderEvents } = sdk.exports;
      const late = (type: (typeof ProviderEvents)[keyof typeof ProviderEvents]): number => {
        let calls = 0;
        bench.client.addHandler(type, () => void calls++);
        return calls;
      };
      await bench.start();
      expect(late(ProviderEvents.Ready)).toBe(1);
      expect(late(ProviderEvents.Stale)).toBe(0);
      bench.refuse(true);
      await bench.refresh();
      expect(late(ProviderEvents.Stale)).toBe(1);
      await bench.clock.advance(MINUTE_MS);
      expect(late(ProviderEvents.Error)).toBe(1);
      expect(late(ProviderEvents.Ready)).toBe(0);
    });

    it('a handler that throws keeps no other from running (5.2.5), and clients of other providers hear nothing (5.1.3)', async () => {
      await open();
      const { OpenFeature, ProviderEvents } = sdk.exports;
      const others: string[] = [];
      const stranger = OpenFeature.getClient(`${bench.domain}-stranger`);
      for (const type of [ProviderEvents.ConfigurationChanged, ProviderEvents.Stale]) {
        stranger.addHandler(type, () => void others.push(type));
      }
      await bench.start();
      bench.client.addHandler(ProviderEvents.ConfigurationChanged, () => {
        throw new Error('handler of the application');
      });
      let calls = 0;
      bench.client.addHandler(ProviderEvents.ConfigurationChanged, () => void calls++);
      await bench.serve('off');
      await bench.refresh();
      expect(calls).toBe(1);
      expect(others).toEqual([]);
    });

    it('handlers see the new status, stay when the provider is replaced, and can be removed (5.3.5, 5.2.6, 5.2.7)', async () => {
      await open();
      const { OpenFeature, ProviderEvents } = sdk.exports;
      const seen: string[] = [];
      const handler = (): void => void seen.push(bench.status);
      await bench.start();
      bench.client.addHandler(ProviderEvents.Stale, handler);
      bench.refuse(true);
      await bench.refresh();
      expect(seen).toEqual(['STALE']);
      bench.refuse(false);
      const other = await LifecycleBench.open(sdk, mode);
      try {
        await OpenFeature.setProviderAndWait(bench.domain, other.provider);
        other.refuse(true);
        await other.refresh();
        expect(seen).toEqual(['STALE', 'STALE']);
        other.refuse(false);
        await other.refresh();
        bench.client.removeHandler(ProviderEvents.Stale, handler);
        other.refuse(true);
        await other.refresh();
        expect(bench.status).toBe('STALE');
        expect(seen).toHaveLength(2);
      } finally {
        await other.close();
      }
    });

    it('bound to several domains it is started once, and closed when the last binding goes (2.5.1)', async () => {
      await open();
      const { OpenFeature } = sdk.exports;
      const second = `${bench.domain}-second`;
      await bench.start();
      const { pendingTimers } = bench.clock;
      await OpenFeature.setProviderAndWait(second, bench.provider);
      expect(bench.clock.pendingTimers).toBe(pendingTimers);
      const nobody = { metadata: { name: 'nobody' } } as typeof bench.provider & object;
      await OpenFeature.setProviderAndWait(bench.domain, nobody);
      expect(bench.provider.evaluator.state).toBe('ready');
      expect(await OpenFeature.getClient(second).getStringValue('flag', 'default')).toBe('on');
      await OpenFeature.setProviderAndWait(second, nobody);
      await bench.advanceUntil(() => bench.provider.evaluator.state === 'not-ready');
      expect(bench.clock.pendingTimers).toBe(0);
    });

    it('closing the API closes it, twice as well as once, and it can be started again (1.6.1, 2.5.2, 2.5.3)', async () => {
      await open();
      const { OpenFeature } = sdk.exports;
      await bench.start();
      await OpenFeature.close();
      await OpenFeature.close();
      expect(bench.provider.evaluator.state).toBe('not-ready');
      expect(bench.clock.pendingTimers).toBe(0);
      expect(await bench.provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({
        value: 'default',
        errorCode: 'PROVIDER_NOT_READY',
      });
      await OpenFeature.clearProviders();
      expect(await bench.start()).toBeUndefined();
      expect(await bench.value()).toBe('on');
    });

    it('tracking returns nothing at once and throws nothing, in whatever state (2.7.1, 6.1.4)', async () => {
      await open();
      const track = (): unknown =>
        bench.client.track('order-placed', { targetingKey: 'user-1' }, { value: 29.9, currency: 'EUR' });
      expect(track()).toBeUndefined();
      await bench.start();
      expect(track()).toBeUndefined();
      await bench.provider.onClose();
      expect(track()).toBeUndefined();
    });
  });
}
