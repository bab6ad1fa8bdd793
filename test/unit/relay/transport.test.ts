import zlib from 'node:zlib';

import { MockAgent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import type { EdictError } from '../../../src/errors.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import type { Answer } from '../../../src/relay/transport.ts';
import { Transport } from '../../../src/relay/transport.ts';
import { FakeClock } from './support/fake-clock.ts';
import type { Handler } from './support/scripted-relay.ts';
import { deadPort, inTurn, json, reply, ScriptedRelay } from './support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function relayWith(handler: Handler): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(handler);
  open.push(relay);
  return relay;
}

function transportTo(address: string, options: EdictOptions = {}): Transport {
  const resolved = resolveOptions({ ...options, endpoint: address });
  const transport = new Transport({ ...resolved, endpoint: resolved.endpoint?.[0] ?? '' });
  open.push(transport);
  return transport;
}

function post(transport: Transport, body = '{}'): Promise<Answer> {
  return transport.send({ method: 'POST', route: '/v1/route', headers: async () => [['x-test', 'yes']], body });
}

/** What a refused request was refused with. */
async function failureOf(work: Promise<unknown>): Promise<EdictError> {
  const error = await work.then(
    () => undefined,
    (caught: EdictError) => caught,
  );
  expect(error).toBeDefined();
  return error as EdictError;
}

describe('one POST', () => {
  it('sends method, path prefix, headers and body, and gives status, headers and body back', async () => {
    const relay = await relayWith(json('{"a":1}', { 'x-request-id': 'r-1' }));
    const answer = await post(transportTo(`${relay.url}/prefix/`), '{"flags":[]}');
    expect(relay.requests[0]).toMatchObject({
      method: 'POST',
      path: '/prefix/v1/route',
      body: '{"flags":[]}',
      headers: { 'x-test': 'yes' },
    });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-request-id': 'r-1' } });
    expect(Buffer.from(answer.bytes).toString()).toBe('{"a":1}');
  });

  it('uses one connection again', async () => {
    const relay = await relayWith(inTurn(json('{}'), reply(304, ''), reply(503, 'no'), json('{}')));
    const transport = transportTo(relay.url);
    for (let i = 0; i < 4; i++) await post(transport);
    expect(relay.openConnections).toBe(1);
  });

  it.each([
    ['gzip', zlib.gzipSync],
    ['br', zlib.brotliCompressSync],
  ] as const)('inflates %s', async (coding, compress) => {
    const relay = await relayWith(json('', { 'content-encoding': coding }));
    relay.handler = reply(200, compress('{"a":1}'), { 'content-encoding': coding });
    expect(Buffer.from((await post(transportTo(relay.url))).bytes).toString()).toBe('{"a":1}');
  });

  it('goes through the dispatcher of the caller, and leaves it open', async () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    const intercept = { path: '/base/v1/route', method: 'POST', headers: { 'x-test': 'yes' } };
    agent.get('http://relay.example').intercept(intercept).reply(200, '{"mock":true}').times(2);
    const transport = transportTo('http://relay.example/base', { dispatcher: agent });
    expect(Buffer.from((await post(transport)).bytes).toString()).toBe('{"mock":true}');
    await transport.close();
    const second = transportTo('http://relay.example/base', { dispatcher: agent });
    expect((await post(second)).status).toBe(200);
    await agent.close();
  });
});

describe('deadlines (D-28)', () => {
  it('stops a relay that never sends headers', async () => {
    const relay = await relayWith(() => undefined);
    const error = await failureOf(post(transportTo(relay.url, { timeoutMs: 50 })));
    expect(error).toMatchObject({ code: 'TIMEOUT', text: expect.stringContaining('timeoutMs (50 ms)') });
  });

  it('stops a body that stands still', async () => {
    const relay = await relayWith(({ response }) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"flags"');
    });
    const error = await failureOf(post(transportTo(relay.url, { stallTimeoutMs: 50 })));
    expect(error).toMatchObject({ code: 'TIMEOUT', text: expect.stringContaining('stallTimeoutMs (50 ms)') });
  });

  it('stops a body that drips: the deadline covers the last byte', async () => {
    const relay = await relayWith(({ response }) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const error = await failureOf(post(transportTo(relay.url, { timeoutMs: 300 })));
    expect(error).toMatchObject({ code: 'TIMEOUT', text: expect.stringContaining('timeoutMs (300 ms)') });
  });

  it('covers the function that gives the credentials', async () => {
    const relay = await relayWith(json('{}'));
    const transport = transportTo(relay.url, { timeoutMs: 50 });
    const never = new Promise<never>(() => undefined);
    const error = await failureOf(transport.send({ method: 'POST', route: '/', headers: () => never, body: '' }));
    expect(error.code).toBe('TIMEOUT');
    expect(relay.requests).toHaveLength(0);
  });

  it('takes a fresh connection after a timeout', async () => {
    const clock = new FakeClock();
    const relay = await relayWith(inTurn(() => undefined, json('{}')));
    const transport = transportTo(relay.url, { clock });
    const hung = failureOf(post(transport));
    while (relay.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(10_000);
    expect((await hung).code).toBe('TIMEOUT');
    expect((await post(transport)).status).toBe(200);
    expect(clock.pendingTimers).toBe(0);
  });

  it('an error status counts even when its text never ends', async () => {
    const relay = await relayWith(({ response }) => {
      response.writeHead(503, { 'retry-after': '7' });
      response.write('{"message":');
    });
    const answer = await post(transportTo(relay.url, { stallTimeoutMs: 50 }));
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
  });
});

describe('limits', () => {
  it('refuses a body by its Content-Length before reading it, and names the option', async () => {
    const relay = await relayWith(({ response }) => {
      response.writeHead(200, { 'content-length': '1048576' });
      response.write('x');
    });
    const error = await failureOf(post(transportTo(relay.url, { maxWireBytes: 2_048 })));
    expect(error).toMatchObject({ code: 'BODY_TOO_LARGE', text: expect.stringContaining('maxWireBytes') });
  });

  it('stops a body without a length at the limit', async () => {
    const relay = await relayWith(({ response }) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(1_000)), 1);
      response.on('close', () => clearInterval(timer));
    });
    const error = await failureOf(post(transportTo(relay.url, { maxWireBytes: 10_000 })));
    expect(error.code).toBe('BODY_TOO_LARGE');
  });

  it('takes a response header of 64 KiB', async () => {
    const relay = await relayWith(json('{}', { etag: `"${'e'.repeat(65_536)}"` }));
    expect((await post(transportTo(relay.url))).status).toBe(200);
  });
});

describe('failures of the connection', () => {
  it('a refused connection is NETWORK and keeps its cause', async () => {
    const error = await failureOf(post(transportTo(`http://127.0.0.1:${await deadPort()}`)));
    expect(error).toMatchObject({ code: 'NETWORK', cause: expect.any(Error) });
    expect(error.text).toContain('ECONNREFUSED');
  });

  it.each([0, 1, 15, 16, 17, 100, 1_000, 5_000, 9_998, 9_999])(
    'a reset after %i bytes of the body is NETWORK',
    async (at) => {
      const relay = await relayWith(({ response, socket }) => {
        response.writeHead(200, { 'content-length': '10000' });
        response.flushHeaders();
        response.write('x'.repeat(at), () => socket.resetAndDestroy());
      });
      expect((await failureOf(post(transportTo(relay.url)))).code).toBe('NETWORK');
    },
  );

  it('a redirect is an answer, and is not followed', async () => {
    const target = await relayWith(json('{}'));
    const relay = await relayWith(reply(302, 'moved', { location: `${target.url}/elsewhere` }));
    expect((await post(transportTo(relay.url))).status).toBe(302);
    expect(target.requests).toHaveLength(0);
  });
});

describe('closing', () => {
  it('aborts what is in flight and ends every connection', async () => {
    const relay = await relayWith(() => undefined);
    const transport = transportTo(relay.url);
    const pending = failureOf(post(transport));
    while (relay.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await transport.close();
    expect((await pending).code).toBe('CLOSED');
    while (relay.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  });

  it('is idempotent, and refuses what comes after', async () => {
    const transport = transportTo('http://127.0.0.1:9');
    await Promise.all([transport.close(), transport.close()]);
    expect((await failureOf(post(transport))).code).toBe('CLOSED');
  });
});
