/**
 * Edict inside the SDK's multi-provider (S-42), with an in-memory provider behind it.
 *
 * `MultiProvider` and its strategies are exports of server-sdk from 1.20.0 on; 1.19 has none, so this runs on the newest only.
 */

import {
  type Client,
  FirstMatchStrategy,
  FirstSuccessfulStrategy,
  InMemoryProvider,
  MultiProvider,
  OpenFeature,
} from '@openfeature/server-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { LifecycleBench } from './lifecycle-bench.ts';
import { MODES } from './modes.ts';
import { newestSdk } from './sdk.ts';

const serving = (value: string) => ({ variants: { v: value }, defaultVariant: 'v', disabled: false });

/** Edict has `flag` as well, and `other` as a number. `asked` gets the keys that it is asked for. */
function memory(asked: string[]): InMemoryProvider {
  const provider = new InMemoryProvider({
    flag: serving('of memory'),
    other: serving('of memory'),
    'only in memory': serving('of memory'),
  });
  const resolve = provider.resolveStringEvaluation.bind(provider);
  provider.resolveStringEvaluation = (key, ...rest) => {
    asked.push(key);
    return resolve(key, ...rest);
  };
  return provider;
}

describe.each(MODES.map((mode) => [mode.name, mode] as const))('in a multi-provider, %s (S-42)', (_, mode) => {
  let bench: LifecycleBench;
  let asked: string[];
  afterEach(() => bench.close());

  async function open(strategy = new FirstMatchStrategy()): Promise<Client> {
    bench = await LifecycleBench.open(newestSdk(), mode);
    asked = [];
    const providers = [{ provider: bench.provider }, { provider: memory(asked) }];
    const multi = new MultiProvider(providers, strategy, new RecordingLogger());
    await OpenFeature.setProviderAndWait(bench.domain, multi);
    return bench.client;
  }

  it('a flag that Edict has is Edict’s, details and all', async () => {
    const client = await open();
    expect(await client.getStringDetails('flag', 'default')).toMatchObject({
      value: 'on',
      variant: 'on',
      reason: 'STATIC',
    });
    expect(asked).toEqual([]);
  });

  it('a flag that Edict does not know is the next provider’s', async () => {
    const client = await open();
    expect(await client.getStringValue('only in memory', 'default')).toBe('of memory');
  });

  it('a flag that nobody knows is the default, and an error that the SDK makes of both', async () => {
    const client = await open();
    const details = await client.getStringDetails('of nobody', 'default');
    expect(details).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: 'GENERAL' });
    expect(asked).toEqual(['of nobody']);
  });

  it('any other error is an error, and no reason to ask the next', async () => {
    const client = await open();
    const details = await client.getStringDetails('other', 'default');
    // One of the errors with its text; the multi-provider has GENERAL for every code.
    expect(details).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: 'GENERAL' });
    expect(details.errorMessage).toContain('edict');
    expect(asked).toEqual([]);
  });

  it('unless the strategy asks on until one succeeds', async () => {
    const client = await open(new FirstSuccessfulStrategy());
    expect(await client.getStringValue('other', 'default')).toBe('of memory');
    expect(await client.getStringValue('flag', 'default')).toBe('on');
  });

  it('its status and events are passed on: STALE while the relay refuses, READY afterwards', async () => {
    const client = await open();
    expect(client.providerStatus).toBe('READY');
    bench.refuse(true);
    await bench.refresh();
    expect(client.providerStatus).toBe('STALE');
    // A relay that refuses cannot say that it has no such flag, so remote mode has nothing to hand on.
    const expected = mode.name === 'remote' ? 'default' : 'of memory';
    expect(await client.getStringValue('only in memory', 'default')).toBe(expected);
    bench.refuse(false);
    await bench.refresh();
    expect(client.providerStatus).toBe('READY');
    expect(bench.types).toEqual(['READY', 'STALE', 'READY']);
  });

  it('two of them in one share no state: a relay that is down leaves the other’s flags alone', async () => {
    bench = await LifecycleBench.open(newestSdk(), mode);
    const second = await LifecycleBench.open(newestSdk(), mode);
    try {
      await second.serve('off');
      const providers = [{ provider: bench.provider }, { provider: second.provider }];
      await OpenFeature.setProviderAndWait(bench.domain, new MultiProvider(providers));
      await bench.relayDown();
      for (let i = 0; i < 3; i++) await bench.refresh();
      expect(bench.provider.evaluator.state).toBe('stale');
      expect(second.provider.evaluator.state).toBe('ready');
      expect(await second.refresh()).toBe('unchanged');
      const direct = await second.provider.resolveStringEvaluation('flag', 'default', {});
      expect(direct).toMatchObject({ value: 'off' });
    } finally {
      await second.close();
    }
  });
});
