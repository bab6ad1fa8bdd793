import { describe, expect, it } from 'vitest';
import { FaultInjection } from '../../../../src/server/faults/fault-injection.ts';
import { HttpListener } from '../../../../src/server/http.ts';
import type { TestRelay } from '../test-relay.ts';
import { SHOP, SILENT, send, startTestRelay } from '../test-relay.ts';
import { CONFIGURATION, raw } from './raw-client.ts';

const ROUTE = '/v1/flag/configuration';
const start = (): Promise<TestRelay> => startTestRelay(SHOP, { faults: true });

describe('statuses', () => {
  it.each([201, 204, 206, 302, 304, 400, 403, 404, 429, 500, 503, 599])('status:%i', async (status) => {
    const { relay, post } = await start();
    relay.faults.set('configuration', `status:${status}`);
    const answer = await post(ROUTE);
    expect(answer.status).toBe(status);
    expect(answer.headers.etag).toBeUndefined();
    if (status === 503) expect(answer.text).toBe('{"message":"Service Unavailable"}\n');
    if (status === 204) expect(answer.text).toBe('');
  });

  it('redirect names the host and the path, without the query', async () => {
    const { relay } = await start();
    relay.faults.set('stream', 'redirect:other.example:8443');
    const answer = await send(`${relay.url}/stream/v1/sse/flag/change?apiKey=secret`, { method: 'GET' });
    expect(answer.status).toBe(307);
    expect(answer.headers.location).toBe('http://other.example:8443/stream/v1/sse/flag/change');
  });

  it('auth-flip answers as a relay does to a wrong key until it is told to stop', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', 'auth-flip');
    for (let i = 0; i < 2; i += 1) {
      const answer = await post(ROUTE);
      expect([answer.status, answer.text]).toEqual([401, '{"message":"invalid key"}\n']);
    }
    relay.faults.clear('configuration');
    expect((await post(ROUTE)).status).toBe(200);
  });
});

describe('304', () => {
  it('304-no-etag: to any validator, without one', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', '304-no-etag');
    const first = await post(ROUTE);
    expect([first.status, first.headers.etag !== undefined]).toEqual([200, true]);
    const second = await post(ROUTE, undefined, { 'if-none-match': '"of something else"' });
    expect([second.status, second.headers.etag, second.text]).toEqual([304, undefined, '']);
  });

  it('304-other-etag: to any validator, with a wrong one', async () => {
    const { relay, post } = await start();
    const etag = String((await post(ROUTE)).headers.etag);
    relay.faults.set('configuration', '304-other-etag');
    const answer = await post(ROUTE, undefined, { 'if-none-match': etag });
    expect(answer.status).toBe(304);
    expect(answer.headers.etag).toMatch(/^"\d+-[0-9a-f]{40}"$/);
    expect(answer.headers.etag).not.toBe(etag);
  });

  it('304-unasked: to a request without validator', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', '304-unasked');
    const answer = await post(ROUTE);
    expect([answer.status, answer.text]).toEqual([304, '']);
    expect((await post(ROUTE, undefined, { 'if-none-match': '"old"' })).status).toBe(200);
  });
});

describe('bodies', () => {
  it.each([
    ['html-200', 'text/html; charset=utf-8', /^<!doctype html>/],
    ['array-200', 'application/json', /^\[\]\n$/],
    ['flags-null', 'application/json', /^\{"flags":null\}\n$/],
    ['flags-array', 'application/json', /^\{"flags":\[\]\}\n$/],
    ['error-code-200', 'application/json', /^\{"errorCode":"RETRIEVING_FLAGS_ERROR"/],
    ['deep-json', 'application/json', /\[{10000}\]{10000}/],
  ])('%s comes with the validator of the content it hides, also to who has it', async (fault, type, body) => {
    const { relay, post } = await start();
    const etag = String((await post(ROUTE)).headers.etag);
    relay.faults.set('configuration', fault);
    for (const headers of [{}, { 'if-none-match': etag }]) {
      const answer = await post(ROUTE, undefined, headers);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({ 'content-type': type, etag });
      expect(answer.text).toMatch(body);
    }
  });

  it('cut-json is half of the text, whole as far as HTTP can tell', async () => {
    const { relay, post } = await start();
    const whole = (await post(ROUTE)).text;
    relay.faults.set('configuration', 'cut-json');
    const answer = await post(ROUTE);
    expect(answer.text).toBe(whole.slice(0, Math.ceil(whole.length / 2)));
    expect(() => answer.json()).toThrow(SyntaxError);
  });

  it('empty-object is a credible relay without flags: its own validator, and 304 to it', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', 'empty-object');
    const answer = await post(ROUTE);
    expect([answer.status, answer.text]).toEqual([200, '{}\n']);
    expect(answer.headers.etag).toBe('"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"');
    expect(answer.headers['x-gofeatureflag-version']).toBeDefined();
    expect((await post(ROUTE, undefined, { 'if-none-match': String(answer.headers.etag) })).status).toBe(304);
  });

  it('replica-flap serves two contents in turn, each with its validator', async () => {
    const { relay, post, get } = await start();
    const own = await post(ROUTE);
    relay.faults.set('configuration', 'replica-flap');
    const other = await post(ROUTE, undefined, { 'if-none-match': String(own.headers.etag) });
    expect(Object.keys((other.json() as { flags: object }).flags)).toContain('replica-flap');
    expect(other.headers.etag).not.toBe(own.headers.etag);
    const back = await post(ROUTE, undefined, { 'if-none-match': String(other.headers.etag) });
    expect([back.status, back.text]).toEqual([200, own.text]);
    const known = await post(ROUTE, undefined, { 'if-none-match': String(other.headers.etag) });
    expect(known.status).toBe(304);

    const hashes = (await get('/v1/flag/change')).json() as { hash: number };
    relay.faults.set('change', 'replica-flap');
    const otherHashes = (await get('/v1/flag/change')).json() as { hash: number; flags: object };
    expect(otherHashes.hash).not.toBe(hashes.hash);
    expect(otherHashes.flags).toHaveProperty('replica-flap', 1);
    relay.faults.set('bulk', 'replica-flap');
    const bulk = (await post('/ofrep/v1/evaluate/flags', { context: {} })).json() as { flags: { key: string }[] };
    expect(bulk.flags.map(({ key }) => key)).toContain('replica-flap');
  });

  it('are the same at the socket as in a client', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'flags-null');
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('closed');
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.text).toMatch(/\r\nContent-Length: 15\r\n/);
    expect(client.body.toString()).toBe('{"flags":null}\n');
  });
});

describe('the collector', () => {
  /** A listener with a collector of its own, which counts what it was told. */
  async function collector() {
    let batches = 0;
    const injection = new FaultInjection();
    const http = new HttpListener({
      routes: [
        {
          method: 'POST',
          path: '/v1/data/collector',
          handler: async ({ body }) => {
            await body.json();
            batches += 1;
            return { status: 200 };
          },
        },
      ],
      version: undefined,
      maxBodyBytes: 1_024,
      logger: SILENT,
      layer: (exchange) => injection.answer(exchange),
      onAnswered: () => {},
    });
    const { port } = await http.listen('127.0.0.1', 0);
    return {
      faults: injection.board,
      batches: () => batches,
      post: () =>
        send(`http://127.0.0.1:${port}/v1/data/collector`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"meta":{},"events":[]}',
        }),
      close: async () => {
        injection.close();
        await http.close(1_000);
      },
    };
  }

  it.each([
    ['collector-outage', 503, 0],
    ['collector-413', 413, 0],
    ['collector-accept-then-500', 500, 1],
    ['collector-slow:30', 200, 1],
    ['collector-slow:30+collector-outage', 503, 0],
    ['stall-headers', undefined, 1],
  ])('%s answers %s and has taken %i batches', async (fault, status, taken) => {
    const { faults, batches, post, close } = await collector();
    faults.set('collector', fault);
    const pending = post();
    if (status === undefined) {
      pending.catch(() => undefined);
      while (batches() < taken) await new Promise((resolve) => setTimeout(resolve, 5));
      await close();
      await expect(pending).rejects.toThrow('other side closed');
    } else {
      expect((await pending).status).toBe(status);
      await close();
    }
    expect(batches()).toBe(taken);
  });

  it('collector-slow answers when the time is over, not before', async () => {
    const { faults, post, close } = await collector();
    faults.set('collector', 'collector-slow:80');
    const startedAt = performance.now();
    await post();
    // A timer may fire a moment early, never this much.
    expect(performance.now() - startedAt).toBeGreaterThan(70);
    await close();
  });

  it('collector-slow lets the relay close at once', async () => {
    const { faults, batches, post, close } = await collector();
    faults.set('collector', 'collector-slow:300000');
    const pending = post();
    pending.catch(() => undefined);
    while (batches() < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await close();
    await expect(pending).rejects.toThrow();
  });
});
