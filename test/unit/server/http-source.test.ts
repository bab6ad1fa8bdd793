import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HttpSourceOptions } from '../../../src/server/http-source.ts';
import { HttpSource } from '../../../src/server/http-source.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { SHOP, startTestRelay, until } from './test-relay.ts';

type Reply = (response: ServerResponse, headers: IncomingHttpHeaders) => void;

/** A server whose answer the test changes as it goes. */
async function startServer(reply: Reply) {
  const state = { reply, requests: [] as IncomingHttpHeaders[], url: '' };
  const server = createServer((request, response) => {
    state.requests.push(request.headers);
    state.reply(response, request.headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret/flags.json?token=x`;
  return state;
}

const json =
  (text: string, etag?: string): Reply =>
  (response, headers) => {
    if (etag !== undefined) response.setHeader('etag', etag);
    if (etag !== undefined && headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.end(text);
  };

async function open(server: { url: string }, options: Partial<HttpSourceOptions> = {}) {
  const clock = new FakeClock();
  const source = new HttpSource({
    url: server.url,
    headers: {},
    pollIntervalMs: 60_000,
    timeoutMs: 10_000,
    clock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => source.close());
  await source.read();
  return { source, clock };
}

const keysOf = (source: HttpSource): string[] => [...(source.content?.flags.keys() ?? [])];

describe('HttpSource', () => {
  it('reads flags, sends its headers, and is named without path and query', async () => {
    const server = await startServer(json('{"a":{}}'));
    const { source } = await open(server, { headers: { authorization: 'Bearer x' } });
    expect(keysOf(source)).toEqual(['a']);
    expect(source.failure).toBeUndefined();
    expect(server.requests[0]?.authorization).toBe('Bearer x');
    expect(source.name).toBe(`${new URL(server.url).host}/flags.json`);
  });

  it('reads YAML where the path does not say JSON, and what the format says before that', async () => {
    const server = await startServer(json('a: {disable: true}\n'));
    const yaml = await open({ url: server.url.replace('.json', '') });
    expect(keysOf(yaml.source)).toEqual(['a']);
    const wrong = await open(server);
    expect(wrong.source.content).toBeUndefined();
    expect(keysOf((await open(server, { format: 'yaml' })).source)).toEqual(['a']);
  });

  it('asks again on its interval with the validator, and tells its listener', async () => {
    const server = await startServer(json('{"a":{}}', '"1"'));
    const { source, clock } = await open(server);
    let told = 0;
    await source.watch(() => {
      told += 1;
    });
    const before = source.content;
    await clock.advance(60_000);
    await until(() => told === 1);
    expect(server.requests.map((headers) => headers['if-none-match'])).toEqual([undefined, '"1"']);
    expect(source.content).toBe(before);
    server.reply = json('{"b":{}}', '"2"');
    await clock.advance(60_000);
    await until(() => told === 2);
    expect(keysOf(source)).toEqual(['b']);
  });

  it.each<[string, Reply, RegExp]>([
    ['500', (response) => response.writeHead(500).end('{}'), /status 500/],
    ['a redirect', (response) => response.writeHead(302, { location: '/' }).end(), /status 302/],
    ['an unasked 304', (response) => response.writeHead(304).end(), /status 304/],
    ['broken JSON', json('{"a":', '"bad"'), /./],
    ['HTML', json('<html>'), /./],
    ['an empty body', json(''), /./],
    ['a cut connection', (response) => response.destroy(), /no answer \(ECONNRESET\)/],
    [
      'a cut body',
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"a":{}}');
        setImmediate(() => response.destroy());
      },
      /no answer/,
    ],
  ])('keeps the last good flags through %s, and says why', async (_case, reply, message) => {
    const server = await startServer(json('{"a":{}}'));
    const { source } = await open(server);
    server.reply = reply;
    await source.read();
    expect(keysOf(source)).toEqual(['a']);
    expect(source.failure?.message).toMatch(message);
    expect(source.failure?.message).not.toContain('secret');
    server.reply = json('{"a":{}}');
    await source.read();
    expect(server.requests.at(-1)).not.toHaveProperty('if-none-match');
    expect(source.failure).toBeUndefined();
  });

  it('gives up a request at its deadline', async () => {
    const server = await startServer(() => {});
    const clock = new FakeClock();
    const source = new HttpSource({
      url: server.url,
      headers: {},
      pollIntervalMs: 60_000,
      timeoutMs: 10_000,
      clock,
      random: () => 0.5,
    });
    const reading = source.read();
    await until(() => server.requests.length === 1);
    await clock.advance(10_000);
    await reading;
    expect(source.failure?.message).toBe('no answer within 10000 ms');
  });

  it('asks sooner after a failure, with growing delays, and tells a lasting failure once', async () => {
    const server = await startServer((response) => response.writeHead(503).end());
    let scheduled = 0;
    const random = (): number => {
      scheduled += 1;
      return 0.5;
    };
    const { source, clock } = await open(server, { random });
    let told = 0;
    await source.watch(() => {
      told += 1;
    });
    await clock.advance(625);
    await until(() => server.requests.length === 2 && scheduled === 2);
    await clock.advance(1_125);
    await until(() => server.requests.length === 3);
    expect(told).toBe(0);
  });

  it('ends a request under way when it closes, and leaves no timer', async () => {
    const server = await startServer(json('{}'));
    const { source, clock } = await open(server);
    await source.watch(() => {});
    server.reply = () => {};
    await clock.advance(60_000);
    await until(() => server.requests.length === 2);
    await source.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a relay over a URL', () => {
  it('serves its flags, merged after those of files, and follows its changes', async () => {
    const server = await startServer(json(JSON.stringify({ banner: SHOP.checkout, extra: SHOP.banner })));
    const { relay, post } = await startTestRelay(SHOP, { flagUrls: [server.url] });
    const flags = async () => ((await post('/v1/flag/configuration')).json() as { flags: object }).flags;
    expect(await flags()).toEqual({ ...SHOP, banner: SHOP.checkout, extra: SHOP.banner });
    server.reply = json('{}');
    await relay.reload();
    expect(await flags()).toEqual(SHOP);
  });

  it('does not start when the URL does not answer', async () => {
    const server = await startServer((response) => response.writeHead(404).end());
    await expect(startTestRelay(SHOP, { flagUrls: [{ url: server.url }] })).rejects.toThrow(
      /INVALID_FLAG_FILE: .*\/flags\.json: the answer has status 404/,
    );
  });
});
