import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import { StreamClient } from '../../../src/relay/stream-client.ts';
import { RecordingLogger } from './support/recording-logger.ts';
import type { Handler } from './support/scripted-relay.ts';
import { deadPort, reply, ScriptedRelay } from './support/scripted-relay.ts';

const streaming: Handler = ({ response }) => {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
};

let relay: ScriptedRelay;
const clients: StreamClient[] = [];
beforeEach(async () => {
  relay = await ScriptedRelay.start(streaming);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await relay.close();
});

const logger = new RecordingLogger();
const { signal } = new AbortController();

function clientOf(options: EdictOptions = {}): StreamClient {
  const resolved = resolveOptions({ endpoint: relay.url, logger, ...options });
  const client = new StreamClient(new RelayConnection({ ...resolved, endpoint: resolved.endpoint ?? [] }));
  clients.push(client);
  return client;
}

describe('opening the change stream (§1.5)', () => {
  it.each<[string, EdictOptions]>([
    ['undici', {}],
    ['the fetch of the caller', { fetch: globalThis.fetch }],
  ])('through %s gives a body that goes on, and closing ends it', async (_, options) => {
    const client = clientOf({ apiKey: 'a key/1', headers: { 'X-Tenant': 'blue' }, ...options });
    const result = await client.open(signal);
    if (result.kind !== 'open') throw new Error(result.kind);
    expect(relay.requests[0]).toMatchObject({
      method: 'GET',
      path: '/stream/v1/sse/flag/change?apiKey=a%20key%2F1',
      headers: { accept: 'text/event-stream', 'x-tenant': 'blue' },
    });
    const closed = new Promise((resolve) => result.body.once('close', resolve));
    result.body.on('error', () => undefined);
    result.body.resume();
    await client.close();
    await closed;
    while (relay.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  it.each<[string, EdictOptions]>([
    ['a text', { apiKey: 'the-key' }],
    ['a function', { apiKey: async () => 'the-key' }],
    ['a bearer', { apiKey: 'the-key', authScheme: 'bearer' }],
  ])('the key, %s, is in the query alone; and there is no Last-Event-ID (D-38)', async (_, options) => {
    await clientOf(options).open(signal);
    const [request] = relay.requests;
    expect(request?.path).toBe('/stream/v1/sse/flag/change?apiKey=the-key');
    expect(JSON.stringify(request?.headers)).not.toContain('the-key');
    expect(request?.headers).not.toHaveProperty('last-event-id');
    expect(request?.headers).not.toHaveProperty('if-none-match');
  });

  it('without a key there is no query, and a path prefix is kept', async () => {
    await clientOf({ endpoint: `${relay.url}/prefix/` }).open(signal);
    expect(relay.requests[0]?.path).toBe('/prefix/stream/v1/sse/flag/change');
  });

  it.each([204, 404])('a %d says that there is none', async (status) => {
    relay.handler = reply(status, '');
    expect(await clientOf().open(signal)).toEqual({ kind: 'absent', status });
  });

  it.each([
    [400, 'BAD_REQUEST', 'auth'],
    [401, 'UNAUTHORIZED', 'auth'],
    [403, 'FORBIDDEN', 'auth'],
    [302, 'REDIRECT_REFUSED', 'backoff'],
    [500, 'UNAVAILABLE', 'backoff'],
    [503, 'UNAVAILABLE', 'backoff'],
  ] as const)('a %d is a failure %s', async (status, code, pace) => {
    relay.handler = reply(status, '{"message":"no"}', { 'retry-after': '7', location: 'http://elsewhere/?apiKey=x' });
    const result = await clientOf().open(signal);
    expect(result).toMatchObject({ kind: 'failed', pace, error: { code, status } });
    expect('retryAfterMs' in result).toBe(status >= 500);
    if (result.kind === 'failed') expect(result.error.message).not.toContain('apiKey=');
  });

  it.each([
    ['HTML', { 'content-type': 'text/html' }],
    ['something without a type', {}],
    ['a compressed stream', { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }],
  ] as const)('%s is no stream', async (_, headers) => {
    relay.handler = reply(200, 'data: x\n\n', headers);
    expect(await clientOf().open(signal)).toMatchObject({ kind: 'failed', error: { code: 'INVALID_BODY' } });
  });

  it('a relay that is down is a failure, without its URL', async () => {
    const result = await clientOf({ endpoint: `http://127.0.0.1:${await deadPort()}`, apiKey: 'the-key' }).open(signal);
    expect(result).toMatchObject({ kind: 'failed', error: { code: 'NETWORK' } });
    if (result.kind === 'failed') expect(result.error.message).not.toMatch(/stream\/v1|the-key/);
  });

  it('headers that never come are a timeout, and an abort ends the wait', async () => {
    relay.handler = () => undefined;
    expect(await clientOf({ timeoutMs: 50 }).open(signal)).toMatchObject({ error: { code: 'TIMEOUT' } });
    const abort = new AbortController();
    const opening = clientOf().open(abort.signal);
    abort.abort();
    expect(await opening).toMatchObject({ error: { code: 'CLOSED' } });
  });
});
