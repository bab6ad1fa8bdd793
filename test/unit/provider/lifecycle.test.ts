/** States and events of the provider as the SDK and its users see them (relay-and-provider §5). */

import { OpenFeature } from '@openfeature/server-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { settle } from '../relay/support/fake-clock.ts';
import { type Handler, inTurn, json, reply } from '../relay/support/scripted-relay.ts';
import { configuration, down, ProviderBench, serving, until } from './support/provider-bench.ts';

const MINUTE_MS = 60_000;
const open: ProviderBench[] = [];

afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
  await OpenFeature.clearProviders();
  OpenFeature.clearHandlers();
});

async function benchWith(handler: Handler, options: EdictOptions = {}): Promise<ProviderBench> {
  const bench = await ProviderBench.create(handler, options);
  open.push(bench);
  return bench;
}

const unauthorized = reply(401, '{"message":"invalid key"}', { 'content-type': 'application/json' });

describe('READY', () => {
  it('is heard exactly once, with no change event for the first load (GOFF-EVT-001, GOFF-EVT-003)', async () => {
    const bench = await benchWith(serving('on'));
    expect(await bench.start()).toBeUndefined();
    await bench.advance(1_000, () => true);
    expect(bench.types).toEqual(['READY']);
    expect(bench.heard[0]?.details).toMatchObject({ providerName: 'edict', domain: bench.domain });
    expect(bench.status).toBe('READY');
    expect(await bench.value()).toBe('on');
  });

  it('is heard once also when a bootstrap configuration was there before the relay’s', async () => {
    const bootstrap = JSON.parse(configuration('off')) as object;
    const bench = await benchWith(serving('on'), { bootstrap });
    await bench.start();
    await bench.advance(1_000, () => true);
    expect(bench.types).toEqual(['READY']);
    expect(await bench.value()).toBe('on');
  });

  it('of one provider in several domains costs one start, and each domain hears of changes', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    const others = Array.from({ length: 12 }, (_, i) => `${bench.domain}-${i}`);
    const warnings: unknown[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning.name);
    process.on('warning', onWarning);
    for (const domain of others) await OpenFeature.setProviderAndWait(domain, bench.provider);
    const changes: string[] = [];
    for (const domain of others) {
      const client = OpenFeature.getClient(domain);
      client.addHandler('PROVIDER_CONFIGURATION_CHANGED' as never, () => void changes.push(domain));
      expect(await client.getStringValue('flag', 'default')).toBe('on');
    }
    expect(bench.relay.requests).toHaveLength(1);
    bench.relay.handler = serving('off');
    await bench.refresh();
    expect(changes).toEqual(others);
    await settle();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

describe('a relay that fails and comes back', () => {
  it('takes the provider from READY to STALE to ERROR to READY, each heard once, serving all the time (GOFF-EVT-005, GOFF-EVT-006)', async () => {
    const bench = await benchWith(serving('on'), { errorAfterStaleMs: 10 * MINUTE_MS });
    await bench.start();
    bench.relay.handler = down;
    for (let i = 0; i < 2; i++) expect(await bench.refresh()).toBe('failed');
    expect(bench.types).toEqual(['READY']);
    expect(await bench.refresh()).toBe('failed');
    expect(bench.types).toEqual(['READY', 'STALE']);
    expect(bench.status).toBe('STALE');
    expect(bench.heard[1]?.details.message).toContain('NETWORK');
    expect(await bench.value()).toBe('on');

    await bench.advance(10 * MINUTE_MS, () => bench.status === 'ERROR');
    expect(bench.types).toEqual(['READY', 'STALE', 'ERROR']);
    expect(bench.heard[2]?.details).toMatchObject({
      errorCode: 'GENERAL',
      message: expect.stringContaining('NETWORK'),
    });
    expect(await bench.value()).toBe('on');

    bench.relay.handler = serving('on');
    await bench.refresh();
    expect(bench.types).toEqual(['READY', 'STALE', 'ERROR', 'READY']);
    expect(bench.status).toBe('READY');
  });

  it('is READY before CONFIGURATION_CHANGED when it comes back with other content', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = down;
    for (let i = 0; i < 3; i++) expect(await bench.refresh()).toBe('failed');
    bench.relay.handler = serving('off');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.types).toEqual(['READY', 'STALE', 'READY', 'CONFIGURATION_CHANGED']);
  });

  it('with refused credentials is STALE at once, logged once as an error (S-05)', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = unauthorized;
    for (let i = 0; i < 3; i++) await bench.refresh();
    expect(bench.types).toEqual(['READY', 'STALE']);
    expect(bench.heard[1]?.details.message).toContain('UNAUTHORIZED');
    expect(bench.logger.at('error')).toHaveLength(1);
    expect(bench.logger.at('warn')).toEqual([]);
    expect(await bench.value()).toBe('on');
  });
});

describe('CONFIGURATION_CHANGED', () => {
  it('names the flags that were added, removed or changed, sorted (GOFF-EVT-001, GOFF-EVT-002)', async () => {
    const variations = { v: 1 };
    const plain = { variations, defaultRule: { variation: 'v' } };
    const bench = await benchWith(json(configuration('on', { gone: plain, same: plain })));
    await bench.start();
    bench.relay.handler = json(configuration('off', { same: plain, new: plain }));
    await bench.refresh();
    expect(bench.heard.at(-1)).toMatchObject({
      type: 'CONFIGURATION_CHANGED',
      details: { flagsChanged: ['flag', 'gone', 'new'], providerName: 'edict', domain: bench.domain },
    });
    expect(await bench.value()).toBe('off');
  });

  it('is not heard for the same content, under whatever validator (GOFF-EVT-004)', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = json(configuration('on'), { etag: '"another"' });
    expect(await bench.refresh()).toBe('unchanged');
    bench.relay.handler = reply(304, '');
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.types).toEqual(['READY']);
  });

  it('is heard by the poll, without anybody asking', async () => {
    const bench = await benchWith(serving('on'), { pollIntervalMs: MINUTE_MS });
    await bench.start();
    bench.relay.handler = serving('off');
    await bench.advance(MINUTE_MS, () => bench.types.length === 2);
    expect(bench.types).toEqual(['READY', 'CONFIGURATION_CHANGED']);
  });

  it('reaches all handlers when one of them throws, and the next refresh all the same', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.provider.events.addHandler('PROVIDER_CONFIGURATION_CHANGED' as never, () => {
      throw new Error('handler of the application');
    });
    for (const variation of ['off', 'other']) {
      bench.relay.handler = serving(variation);
      await bench.refresh();
    }
    expect(bench.types).toEqual(['READY', 'CONFIGURATION_CHANGED', 'CONFIGURATION_CHANGED']);
    expect(bench.logger.at('error').join()).toContain('handler of the application');
  });
});

describe('a start without the relay', () => {
  it('strict: rejects with PROVIDER_NOT_READY after initTimeoutMs, goes on, and READY follows (S-01, D-60, GOFF-EVT-008, GOFF-LIFE-001, GOFF-LIFE-006)', async () => {
    const bench = await benchWith(down, { initTimeoutMs: 3_000 });
    const starting = bench.start();
    await until(() => bench.failedPolls > 0);
    await bench.clock.advance(3_000);
    const error = await starting;
    expect(error).toMatchObject({ code: 'PROVIDER_NOT_READY', message: expect.stringContaining('NETWORK') });
    expect(error?.cause).toBeInstanceOf(EdictError);
    expect(bench.types).toEqual(['ERROR']);
    expect(bench.status).toBe('ERROR');
    expect(await bench.client.getStringDetails('flag', 'default')).toMatchObject({
      value: 'default',
      errorCode: 'PROVIDER_NOT_READY',
      errorMessage: expect.stringContaining('NOT_STARTED'),
    });
    bench.relay.handler = serving('on');
    await bench.advance(2 * MINUTE_MS, () => bench.types.length === 2);
    expect(bench.types).toEqual(['ERROR', 'READY']);
    expect(await bench.value()).toBe('on');
  });

  it('lenient: resolves, then ERROR is heard, and READY follows without a change event (S-01)', async () => {
    const bench = await benchWith(down, { initTimeoutMs: 3_000, startup: 'lenient' });
    const starting = bench.start();
    await until(() => bench.failedPolls > 0);
    await bench.clock.advance(3_000);
    expect(await starting).toBeUndefined();
    await bench.advance(1, () => bench.types.length === 2);
    expect(bench.types).toEqual(['READY', 'ERROR']);
    expect(bench.heard[1]?.details).toMatchObject({ errorCode: 'PROVIDER_NOT_READY' });
    expect(await bench.value()).toBe('default');
    bench.relay.handler = serving('on');
    await bench.advance(2 * MINUTE_MS, () => bench.types.length === 3);
    expect(bench.types).toEqual(['READY', 'ERROR', 'READY']);
    expect(await bench.value()).toBe('on');
  });

  it.each(['strict', 'lenient'] as const)(
    '%s: 401 is FATAL at once; a good key later makes it READY (S-03, S-41, GOFF-EVT-007)',
    async (startup) => {
      const needsKey: Handler = (exchange) =>
        (exchange.request.headers['x-api-key'] === 'good-key' ? serving('on') : unauthorized)(exchange);
      let apiKey = 'old-key';
      const bench = await benchWith(needsKey, { startup, apiKey: () => apiKey, authRetryIntervalMs: 5 * MINUTE_MS });
      expect(await bench.start()).toMatchObject({
        code: 'PROVIDER_FATAL',
        message: expect.stringMatching(/^UNAUTHORIZED: /),
        cause: { code: 'UNAUTHORIZED', status: 401 },
      });
      expect(bench.status).toBe('FATAL');
      expect(await bench.client.getStringDetails('flag', 'default')).toMatchObject({ errorCode: 'PROVIDER_FATAL' });
      apiKey = 'good-key';
      await bench.advance(6 * MINUTE_MS, () => bench.types.length === 2);
      expect(bench.types).toEqual(['ERROR', 'READY']);
      expect(bench.status).toBe('READY');
      expect(await bench.value()).toBe('on');
      expect(bench.logger.text + JSON.stringify(bench.provider.diagnostics())).not.toMatch(/(old|good)-key/);
    },
  );

  it('with a bootstrap configuration serves it as STALE, then READY and the change (S-02, S-04)', async () => {
    const bootstrap = JSON.parse(configuration('off')) as object;
    const bench = await benchWith(unauthorized, { bootstrap });
    expect(await bench.start()).toBeUndefined();
    await bench.advance(1, () => bench.types.length === 2);
    expect(bench.types).toEqual(['READY', 'STALE']);
    expect(bench.heard[1]?.details.message).toMatch(/bootstrap.*UNAUTHORIZED.*401/s);
    expect(await bench.value()).toBe('off');
    bench.relay.handler = serving('on');
    await bench.refresh();
    expect(bench.types).toEqual(['READY', 'STALE', 'READY', 'CONFIGURATION_CHANGED']);
  });

  it('whose relay answers just after the start ended is READY, and never STALE behind it', async () => {
    const bootstrap = JSON.parse(configuration('on')) as object;
    const bench = await benchWith(inTurn(down, serving('on')), { bootstrap });
    const starting = bench.start();
    await until(() => bench.relay.requests.length > 0);
    await starting;
    await bench.refresh();
    await bench.advance(1_000, () => true);
    expect(bench.types).toEqual(['READY']);
    expect(bench.status).toBe('READY');
  });

  it('with a module that does not match its pin is FATAL before any request (S-29)', async () => {
    const bench = await benchWith(serving('on'), { wasmSha256: '0'.repeat(64) });
    expect(await bench.start()).toMatchObject({ code: 'PROVIDER_FATAL', cause: { code: 'MODULE_REJECTED' } });
    expect(bench.status).toBe('FATAL');
    expect(bench.relay.requests).toEqual([]);
    expect(bench.clock.pendingTimers).toBe(0);
  });
});

describe('initialize', () => {
  it('twice at the same time is one start (S-30, GOFF-LIFE-002)', async () => {
    const bench = await benchWith(serving('on'));
    await Promise.all([bench.provider.initialize(), bench.provider.initialize()]);
    expect(bench.relay.requests).toHaveLength(1);
  });

  it('when ready is one refresh, which may fail (S-31)', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = down;
    await bench.provider.initialize();
    expect(bench.relay.requests).toHaveLength(2);
    const { pendingTimers } = bench.clock;
    bench.relay.handler = serving('off');
    await bench.provider.initialize();
    await settle();
    expect(bench.clock.pendingTimers).toBe(pendingTimers);
    expect(bench.types).toEqual(['READY', 'CONFIGURATION_CHANGED']);
  });

  it('after a failed start asks again, and resolves when the relay has answered', async () => {
    const bench = await benchWith(unauthorized);
    expect(await bench.start()).toMatchObject({ code: 'PROVIDER_FATAL' });
    await expect(bench.provider.initialize()).rejects.toMatchObject({ code: 'PROVIDER_FATAL' });
    bench.relay.handler = serving('on');
    await bench.provider.initialize();
    await settle();
    expect(bench.types).toEqual(['ERROR', 'READY']);
  });

  it('after close begins afresh, and a later close works (S-35, GOFF-LIFE-003)', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    await bench.provider.onClose();
    expect(await bench.provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({ value: 'default' });
    bench.relay.handler = serving('off');
    await bench.provider.initialize();
    expect(await bench.provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({ value: 'off' });
    await bench.provider.onClose();
    expect(bench.clock.pendingTimers).toBe(0);
    expect(bench.relay.requests).toHaveLength(2);
  });
});

describe('onClose', () => {
  it('answers PROVIDER_NOT_READY afterwards, says CLOSED, and leaves no timer or connection (S-34, D-61, GOFF-LIFE-004)', async () => {
    const bench = await benchWith(serving('on'));
    expect(await bench.provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({
      errorCode: 'PROVIDER_NOT_READY',
      errorMessage: expect.stringMatching(/^NOT_STARTED: /),
    });
    await bench.start();
    await bench.provider.onClose();
    expect(await bench.provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({
      value: 'default',
      errorCode: 'PROVIDER_NOT_READY',
      errorMessage: expect.stringMatching(/^CLOSED: /),
    });
    expect(await bench.provider.refresh()).toBe('failed');
    expect(bench.clock.pendingTimers).toBe(0);
    await until(() => bench.relay.openConnections === 0);
  });

  it('during the start aborts it: PROVIDER_NOT_READY, nothing left running (S-32)', async () => {
    const bench = await benchWith(() => undefined);
    const starting = bench.start();
    await until(() => bench.relay.requests.length === 1);
    await bench.provider.onClose();
    expect(await starting).toMatchObject({ code: 'PROVIDER_NOT_READY', cause: { code: 'CLOSED' } });
    expect(bench.clock.pendingTimers).toBe(0);
    await until(() => bench.relay.openConnections === 0);
  });

  it('twice is once, and without a start is nothing (S-33)', async () => {
    const bench = await benchWith(serving('on'));
    await bench.provider.onClose();
    await bench.start();
    await Promise.all([bench.provider.onClose(), bench.provider.onClose()]);
    await bench.provider.onClose();
  });

  it('tells nothing of what happened before it once it was called', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = serving('off');
    const refreshing = bench.provider.refresh();
    await bench.provider.onClose();
    await refreshing;
    await settle();
    expect(bench.types).toEqual(['READY']);
  });
});

describe('refreshIfStale', () => {
  it('asks only when the relay has not confirmed the configuration lately (S-39)', async () => {
    const bench = await benchWith(serving('on'), { pollIntervalMs: 0 });
    await bench.start();
    expect(await bench.provider.refreshIfStale(1_000)).toBe('fresh');
    await bench.clock.advance(999);
    expect(await bench.provider.refreshIfStale(1_000)).toBe('fresh');
    await bench.clock.advance(2);
    expect(await bench.provider.refreshIfStale(1_000)).toBe('unchanged');
    expect(await bench.provider.refreshIfStale(1_000)).toBe('fresh');
    expect(bench.relay.requests).toHaveLength(2);
  });

  it('notices a suspension that only the wall clock saw', async () => {
    const bench = await benchWith(serving('on'), { pollIntervalMs: 0 });
    await bench.start();
    bench.clock.wallMs += 86_400_000;
    expect(await bench.provider.refreshIfStale(60_000)).toBe('unchanged');
    bench.clock.wallMs -= 2 * 86_400_000;
    expect(await bench.provider.refreshIfStale(60_000)).toBe('fresh');
  });
});
