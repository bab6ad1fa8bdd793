/** A process that never closes its provider ends by itself (S-37, D-77). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { deadPort, type Handler, json, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { configuration, serving } from './support/provider-bench.ts';

const relays: ScriptedRelay[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

async function relayWith(handler: Handler): Promise<string> {
  const relay = await ScriptedRelay.start(handler);
  relays.push(relay);
  return relay.url;
}

/** Rejects when the process does not end by itself; the limit is far above what any of them takes. */
async function runChild(scenario: string, endpoint: string): Promise<unknown> {
  const child = fileURLToPath(new URL('fixtures/provider-child.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, scenario, endpoint], { timeout: 15_000 });
  return JSON.parse(stdout);
}

describe('a process that ends with events waiting', () => {
  it('sends them before it is gone, without a close (S-37)', async () => {
    const relay = await ScriptedRelay.start(serving('on'));
    relays.push(relay);
    expect(await runChild('events', relay.url)).toEqual({ code: null, value: 'on' });
    const posts = relay.requests.filter(({ path }) => path === '/v1/data/collector');
    expect(posts.map(({ body }) => JSON.parse(body).events)).toMatchObject([[{ key: 'flag', value: 'on' }]]);
  });

  it('does not send them when flushOnExit is off, and ends at once when nobody takes them (S-37)', async () => {
    const relay = await ScriptedRelay.start(serving('on'));
    relays.push(relay);
    expect(await runChild('no-flush', relay.url)).toEqual({ code: null, value: 'on' });
    expect(relay.requests.filter(({ path }) => path === '/v1/data/collector')).toEqual([]);
    relay.handler = (exchange) => {
      if (exchange.request.path === '/v1/data/collector') return;
      serving('on')(exchange);
    };
    expect(await runChild('hung-flush', relay.url)).toEqual({ code: null, value: 'on' });
    expect(relay.requests.filter(({ path }) => path === '/v1/data/collector')).toHaveLength(1);
  });
});

describe('a process with an open provider ends by itself', () => {
  it('while it polls a healthy relay over a kept connection', async () => {
    expect(await runChild('ready', await relayWith(serving('on')))).toEqual({ code: null, value: 'on' });
  });

  it('while the relay is down and the start has failed', async () => {
    const endpoint = `http://127.0.0.1:${await deadPort()}`;
    expect(await runChild('not-ready', endpoint)).toEqual({ code: 'PROVIDER_NOT_READY', value: 'default' });
  });

  it('while it serves a bootstrap configuration and looks for the relay', async () => {
    const endpoint = `http://127.0.0.1:${await deadPort()}`;
    expect(await runChild('stale', endpoint)).toEqual({ code: null, value: 'bootstrap', state: 'stale' });
  });

  it('with 3,000 flags, which a worker compiled', async () => {
    const flag = { variations: { v: 'x'.repeat(50) }, defaultRule: { variation: 'v' } };
    const flags = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`flag-${i}`, flag]));
    const endpoint = await relayWith(json(configuration('on', flags)));
    expect(await runChild('large', endpoint)).toEqual({ code: null, flags: 3_001 });
  });
});
