/** The collector over HTTP: the request, the addresses, the answers; then events end to end against one that is no friend. */

import { afterEach, describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { CollectorClient } from '../../../src/usage/collector-client.ts';
import { UsageEvents } from '../../../src/usage/usage-events.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { deadPort, inTurn, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { countsOf, isBalanced, keys, use } from './support/usage-bench.ts';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const ingested = json('{"ingestedContentCount":1}');
const batch = { id: '9f0c2f0a-0000-4000-8000-000000000000', body: '{"meta":{},"events":[1]}' };
const { signal } = new AbortController();

async function scripted(handler: Handler = ingested): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(handler);
  open.push(relay);
  return relay;
}

function clientOf(options: EdictOptions): CollectorClient {
  const client = new CollectorClient(resolveOptions({ logger: new RecordingLogger(), ...options }));
  open.push(client);
  return client;
}

describe('a batch', () => {
  it('is one POST to the collector route, with credentials, headers of the caller and its id (GOFF-COLL-001, GOFF-AUTH-002)', async () => {
    const relay = await scripted();
    const purposes: string[] = [];
    const headers = (purpose: string): Record<string, string> => {
      purposes.push(purpose);
      return { 'x-team': 'shop' };
    };
    const client = clientOf({ endpoint: `${relay.url}/base/`, apiKey: 'key-1234', headers });
    expect(await client.post(batch, signal)).toEqual({ kind: 'sent' });
    expect(relay.requests).toHaveLength(1);
    const [request] = relay.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/base/v1/data/collector', body: batch.body });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-api-key': 'key-1234',
      'x-team': 'shop',
      'edict-batch-id': batch.id,
    });
    expect(purposes).toEqual(['collector']);
  });

  it('goes to dataCollectorBaseUrl instead of the endpoint, with the same credentials (GOFF-CFG-006, GOFF-CFG-007, D-73)', async () => {
    const [relay, collector] = [await scripted(), await scripted()];
    const client = clientOf({
      endpoint: relay.url,
      dataCollectorBaseUrl: `${collector.url}/events/`,
      apiKey: 'key-1234',
      authScheme: 'bearer',
    });
    expect(await client.post(batch, signal)).toEqual({ kind: 'sent' });
    expect(relay.requests).toHaveLength(0);
    expect(collector.requests[0]?.path).toBe('/events/v1/data/collector');
    expect(collector.requests[0]?.headers['authorization']).toBe('Bearer key-1234');
  });

  it('is sent also where there is a collector but no relay', async () => {
    const collector = await scripted();
    const client = clientOf({ bootstrap: { flags: {} }, dataCollectorBaseUrl: collector.url });
    expect(await client.post(batch, signal)).toEqual({ kind: 'sent' });
  });
});

describe('an answer', () => {
  it.each([200, 201, 202, 204])('%i is taken', async (status) => {
    const relay = await scripted(reply(status, ''));
    expect(await clientOf({ endpoint: relay.url }).post(batch, signal)).toEqual({ kind: 'sent' });
  });

  it.each([
    [400, 'BAD_REQUEST'],
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [413, 'UNEXPECTED_STATUS'],
    [429, 'RATE_LIMITED'],
    [503, 'UNAVAILABLE'],
    [302, 'REDIRECT_REFUSED'],
  ])('%i is a failure with its status', async (status, code) => {
    const relay = await scripted(reply(status, '{"message":"no"}', { location: 'http://elsewhere.test/' }));
    const result = await clientOf({ endpoint: relay.url }).post(batch, signal);
    expect(result).toMatchObject({ kind: 'failed', error: { code, status } });
  });

  it('Retry-After is read in both forms (D-29)', async () => {
    const relay = await scripted(reply(429, '', { 'retry-after': '7' }));
    expect(await clientOf({ endpoint: relay.url }).post(batch, signal)).toMatchObject({ retryAfterMs: 7_000 });
    relay.handler = reply(503, '', { 'retry-after': new Date(Date.now() + 20_000).toUTCString() });
    const result = await clientOf({ endpoint: relay.url }).post(batch, signal);
    expect((result as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(10_000);
  });

  it('200 with a body too large to read is taken: sending again would count twice', async () => {
    const relay = await scripted(reply(200, 'x'.repeat(5_000)));
    expect(await clientOf({ endpoint: relay.url, maxWireBytes: 1_024 }).post(batch, signal)).toEqual({ kind: 'sent' });
  });

  it('none at all is a failure: refused, reset, silent, given up', async () => {
    const client = clientOf({ endpoint: `http://127.0.0.1:${await deadPort()}` });
    expect(await client.post(batch, signal)).toMatchObject({ kind: 'failed', error: { code: 'NETWORK' } });
    const relay = await scripted(({ socket }) => socket.destroy());
    expect(await clientOf({ endpoint: relay.url }).post(batch, signal)).toMatchObject({ error: { code: 'NETWORK' } });
    relay.handler = () => undefined;
    const silent = clientOf({ endpoint: relay.url, timeoutMs: 50 });
    expect(await silent.post(batch, signal)).toMatchObject({ error: { code: 'TIMEOUT' } });
    const abort = new AbortController();
    const given = clientOf({ endpoint: relay.url }).post(batch, abort.signal);
    abort.abort();
    expect(await given).toMatchObject({ kind: 'failed', error: { code: 'CLOSED' } });
  });

  it('a credential it quotes is not in the error', async () => {
    const relay = await scripted(reply(401, '{"message":"invalid key key-1234"}'));
    const result = await clientOf({ endpoint: relay.url, apiKey: 'key-1234' }).post(batch, signal);
    expect(JSON.stringify(result)).not.toContain('key-1234');
  });
});

describe('events over HTTP', () => {
  it('arrive as a relay expects them, after a 401 that fresh credentials heal (S-41)', async () => {
    const relay = await scripted(inTurn(reply(401, ''), ingested));
    let calls = 0;
    const options = resolveOptions({
      endpoint: relay.url,
      apiKey: () => `key-${++calls}`,
      logger: new RecordingLogger(),
    });
    const usage = new UsageEvents(options);
    open.push({ close: () => usage.close(0) });
    usage.start();
    usage.feature(use('new-checkout'));
    usage.track('order', { targetingKey: 'u' }, { value: 1 });
    expect(await usage.flush()).toEqual({ sent: 2, pending: 0, dropped: 0 });
    expect(relay.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['key-1', 'key-2']);
    expect(JSON.parse(relay.requests[1]?.body ?? '')).toMatchObject({
      events: [{ kind: 'feature' }, { kind: 'tracking' }],
    });
  });

  it('are delivered or counted by a close while the collector hangs, within the deadline, leaving no connection (S-36, UE-04)', async () => {
    const relay = await scripted(() => undefined);
    const usage = new UsageEvents(resolveOptions({ endpoint: relay.url, logger: new RecordingLogger() }));
    usage.start();
    for (const key of keys(1, 10)) usage.feature(use(key));
    expect(await usage.close(100)).toEqual({ lost: 10 });
    expect(isBalanced(countsOf(usage))).toBe(true);
    for (let i = 0; i < 100 && relay.openConnections > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(relay.openConnections).toBe(0);
  });

  it('are not compressed: a relay does not understand it', async () => {
    const relay = await scripted();
    await clientOf({ endpoint: relay.url }).post(
      { ...batch, body: JSON.stringify({ pad: 'x'.repeat(100_000) }) },
      signal,
    );
    expect(relay.requests[0]?.headers).not.toHaveProperty('content-encoding');
  });
});
