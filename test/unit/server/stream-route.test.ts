import { connect } from 'node:net';
import { request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Authentication } from '../../../src/server/authentication.ts';
import { HttpListener } from '../../../src/server/http.ts';
import { ChangeStreams, streamRoute } from '../../../src/server/stream-route.ts';
import { SHOP, SILENT, startTestRelay, until } from './test-relay.ts';

const PATH = '/stream/v1/sse/flag/change';

interface OpenStream {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly received: { text: string; hasEnded: boolean };
  close(): void;
}

async function open(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const response = await request(url, { headers, reset: true });
  const received = { text: '', hasEnded: false };
  response.body.setEncoding('utf8');
  response.body.on('data', (chunk: string) => {
    received.text += chunk;
  });
  response.body.on('end', () => {
    received.hasEnded = true;
  });
  response.body.on('error', () => {});
  onTestFinished(() => void response.body.destroy());
  return { status: response.statusCode, headers: response.headers, received, close: () => response.body.destroy() };
}

describe('GET /stream/v1/sse/flag/change', () => {
  it('is silent on connect, then tells each change of the file in one frame with a growing id', async () => {
    const { relay, replace } = await startTestRelay({ a: SHOP.checkout ?? null, b: SHOP.banner ?? null });
    const { status, headers, received } = await open(relay.url + PATH);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    expect(headers['access-control-allow-origin']).toBe('*');

    await replace(JSON.stringify({ a: { ...(SHOP.checkout as object), disable: true }, c: SHOP.banner }));
    await until(() => received.text.includes('\n\n'));
    const checkout = '"defaultRule":{"variation":"on"}';
    const rest = '"metadata":{"owner":"payments"},"variations":{"off":false,"on":true}';
    const banner =
      '{"defaultRule":{"variation":"a"},"variations":{"a":"\\u003cb\\u003e\\u0026\\u003c/b\\u003e","b":"\\u2028"}}';
    expect(received.text).toBe(
      `id: 1\ndata: {"added":{"c":${banner}},"deleted":{"b":${banner}},"updated":{"a":{` +
        `"new_value":{${checkout},"disable":true,${rest}},"old_value":{${checkout},${rest}}}}}\n\n`,
    );

    await replace('{}');
    await until(() => received.text.split('\n\n').length === 3);
    expect(received.text).toMatch(/\n\nid: 2\ndata: \{"added":\{\},"deleted":\{"a":.*\},"updated":\{\}\}\n\n$/);
  });

  it('tells every open stream, and none of a rewrite that changes nothing', async () => {
    const { relay, write } = await startTestRelay(SHOP);
    const streams = await Promise.all([open(relay.url + PATH), open(relay.url + PATH)]);
    await write(`${JSON.stringify(SHOP, null, 2)}\n`);
    await relay.reload();
    await write('{}');
    await until(() => streams.every(({ received }) => received.text.includes('\n\n')));
    for (const { received } of streams) expect(received.text.match(/^id: /gm)).toHaveLength(1);
  });

  it('sends heartbeat comments', async () => {
    const { relay } = await startTestRelay({}, { heartbeatMs: 20 });
    const { received } = await open(relay.url + PATH);
    await until(() => received.text.split('\n\n').length > 2);
    expect(received.text).toMatch(/^(: heartbeat\n\n)+$/);
  });

  it('takes its key from the query alone', async () => {
    const { relay, get } = await startTestRelay({}, { apiKeys: ['k+1'] });
    for (const [query, headers] of [
      ['', {}],
      ['?apiKey=', {}],
      ['?apiKey=nope', {}],
      ['', { 'x-api-key': 'k+1' }],
    ] as const) {
      const answer = await get(PATH + query, headers);
      expect([answer.status, answer.text]).toEqual([401, '{"message":"Unauthorized"}\n']);
    }
    expect((await open(`${relay.url}${PATH}?apiKey=k%2B1`)).status).toBe(200);
  });

  it('takes an integer as Last-Event-ID and nothing else', async () => {
    const { relay, get } = await startTestRelay();
    expect((await open(relay.url + PATH, { 'last-event-id': '12' })).status).toBe(200);
    expect((await get(PATH, { 'last-event-id': 'abc' })).status).toBe(400);
  });

  it('answers 503 past the cap, and has room again when a stream is gone', async () => {
    const { relay, get } = await startTestRelay({}, { maxStreams: 2 });
    const first = await open(relay.url + PATH);
    await open(relay.url + PATH);
    const refused = await get(PATH);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('15');
    expect(refused.text).toBe('{"message":"too many streams"}\n');
    first.close();
    await until(async () => (await get('/metrics')).text.includes('gofeatureflag_stream_clients 1\n'));
    expect((await open(relay.url + PATH)).status).toBe(200);
  });

  it('drops a stream whose client takes nothing, and goes on with the others', async () => {
    const streams = new ChangeStreams({ maxStreams: 2, heartbeatMs: 10, idleMs: 50 });
    const http = new HttpListener({
      routes: [streamRoute({ streams, authentication: new Authentication({ only: 'default' }) })],
      version: undefined,
      maxBodyBytes: 1_024,
      logger: SILENT,
      onAnswered: () => {},
    });
    const { port } = await http.listen('127.0.0.1', 0);
    onTestFinished(async () => {
      streams.close();
      await http.close(1_000);
    });
    const stuck = connect(port, '127.0.0.1').pause();
    onTestFinished(() => void stuck.destroy());
    stuck.on('error', () => {});
    stuck.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const { received } = await open(`http://127.0.0.1:${port}${PATH}`);
    await until(() => streams.size === 2);

    const flag = { value: {}, text: JSON.stringify('x'.repeat(1_000_000)) };
    const change = { added: new Map([['big', flag]]), deleted: new Map(), updated: new Map() };
    await until(() => {
      streams.publish(change, 'default');
      return streams.size === 1;
    });
    const length = received.text.length;
    await until(() => received.text.length > length && received.text.endsWith(': heartbeat\n\n'));
  });

  it('ends open streams in good order when the relay closes', async () => {
    const { relay } = await startTestRelay();
    const { received } = await open(relay.url + PATH);
    await relay.close();
    await until(() => received.hasEnded);
  });
});
