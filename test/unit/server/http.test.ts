import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HttpListener } from '../../../src/server/http.ts';
import { SHOP, SILENT, send, startTestRelay, until } from './test-relay.ts';

/** Sends bytes as they are, and collects what comes back until the other side closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  return received;
}

describe('the listener', () => {
  it('answers an unknown path with 404 and a wrong method with 405, in the framework’s words', async () => {
    const { get, post, relay } = await startTestRelay({}, { apiKeys: ['k'] });
    for (const path of ['/', '/v1', '/v1/flag/configuration/', '/V1/flag/change', '/%761/flag/change', '/nope?x=1']) {
      const answer = await get(path);
      expect([answer.status, answer.text]).toEqual([404, '{"message":"Not Found"}\n']);
    }
    const wrong = [
      await get('/v1/flag/configuration'),
      await post('/v1/flag/change'),
      await get('/ofrep/v1/evaluate/flags/a'),
    ];
    for (const answer of wrong) {
      expect([answer.status, answer.text]).toEqual([405, '{"message":"Method Not Allowed"}\n']);
    }
    expect(wrong.map(({ headers }) => headers.allow)).toEqual(['OPTIONS, POST', 'OPTIONS, GET', 'OPTIONS, POST']);
    expect((await send(`${relay.url}/health`, { method: 'HEAD' })).status).toBe(405);
  });

  it('compares the path as sent: neither dot segments nor escapes lead to another route', async () => {
    const { relay } = await startTestRelay(SHOP);
    const body = '{"context":{}}';
    const evaluate = (path: string): Promise<string> =>
      raw(
        relay.port,
        `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
    expect(await evaluate('/ofrep/v1/evaluate/flags/..')).toContain('"errorCode":"FLAG_NOT_FOUND"');
    expect(await evaluate('/ofrep/v1/evaluate/flags/%2e%2e')).toContain('"key":".."');
    expect(await evaluate('http://relay.example/ofrep/v1/evaluate/flags/checkout?x=/y')).toContain('"value":true');
  });

  it('carries the version and allows every origin on every answer', async () => {
    const { get, post } = await startTestRelay({}, { version: '1.55.0', apiKeys: ['k'] });
    for (const answer of [await get('/health'), await get('/nope'), await post('/v1/flag/configuration')]) {
      expect(answer.headers['x-gofeatureflag-version']).toBe('1.55.0');
      expect(answer.headers['access-control-allow-origin']).toBe('*');
    }
  });

  it('names its own version by default and none when told so', async () => {
    expect((await (await startTestRelay()).get('/health')).headers['x-gofeatureflag-version']).toMatch(/^edict-\d+\./);
    const silent = await startTestRelay({}, { version: false });
    expect((await silent.get('/health')).headers['x-gofeatureflag-version']).toBeUndefined();
  });

  it('answers a preflight request for any path', async () => {
    const { relay } = await startTestRelay({}, { apiKeys: ['k'] });
    const answer = await send(`${relay.url}/v1/flag/configuration`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-api-key,content-type',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-methods']).toContain('POST');
    expect(answer.headers['access-control-allow-headers']).toBe('x-api-key,content-type');
  });

  it('compresses when the client asks for it, with the validator of the plain body', async () => {
    const flags = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`flag-${at}`, SHOP.checkout ?? null]));
    const { post } = await startTestRelay(flags);
    const plain = await post('/v1/flag/configuration');
    expect(plain.headers['content-encoding']).toBeUndefined();
    const gzip = await post('/v1/flag/configuration', undefined, { 'accept-encoding': 'gzip' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip.bytes)).toEqual(plain.bytes);
    const brotli = await post('/v1/flag/configuration', undefined, { 'accept-encoding': 'gzip, br' });
    expect(brotli.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(brotli.bytes)).toEqual(plain.bytes);
    for (const answer of [plain, gzip, brotli]) {
      expect(answer.headers.etag).toBe(plain.headers.etag);
      expect(answer.headers.vary).toBe('Accept-Encoding');
      expect(answer.headers['content-length']).toBe(String(answer.bytes.length));
    }
  });

  it('does not understand a compressed request', async () => {
    const { post } = await startTestRelay(SHOP);
    const answer = await post('/v1/flag/configuration', '\u001f\u008b\b', { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(400);
  });

  it('takes a body up to the cap and answers 413 past it, with or without a declared length', async () => {
    const { post, relay } = await startTestRelay(SHOP, { maxBodyBytes: 2_048 });
    const path = '/v1/flag/configuration';
    const padded = (bytes: number): string => `{}${' '.repeat(bytes - 2)}`;
    expect((await post(path, padded(2_048))).status).toBe(200);
    for (const bytes of [2_049, 8_000]) {
      const answer = await post(path, padded(bytes));
      expect([answer.status, answer.text]).toEqual([413, '{"message":"Request Entity Too Large"}\n']);
      expect(answer.headers.connection).toBe('close');
    }
    const chunked = await send(relay.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Readable.from(
        (function* () {
          for (let chunk = 0; chunk < 5; chunk += 1) yield Buffer.from(padded(1_000));
        })(),
      ),
    });
    expect(chunked.status).toBe(413);
    const declared = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n`;
    expect(await raw(relay.port, declared)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('caps bodies at 8 MiB by default', async () => {
    const { post } = await startTestRelay();
    const cap = 8 * 1024 * 1024;
    expect((await post('/v1/flag/configuration', `{}${' '.repeat(cap - 2)}`)).status).toBe(200);
    expect((await post('/v1/flag/configuration', `{}${' '.repeat(cap - 1)}`)).status).toBe(413);
  });

  it('goes on serving after a client that left in the middle of its body', async () => {
    const { relay, post } = await startTestRelay(SHOP);
    const socket = connect(relay.port, '127.0.0.1');
    const head = 'POST /v1/flag/configuration HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    await new Promise<void>((resolve) => socket.write(`${head}Content-Length: 100\r\n\r\n{`, () => resolve()));
    socket.resetAndDestroy();
    expect((await post('/v1/flag/configuration')).status).toBe(200);
  });

  it('answers 500 without saying why when a route fails, and tells the log', async () => {
    const log: string[] = [];
    const http = new HttpListener({
      routes: [
        {
          method: 'GET',
          path: '/fails',
          handler: () => {
            throw new Error('secret reason');
          },
        },
      ],
      version: undefined,
      maxBodyBytes: 1_024,
      logger: { error: (message) => log.push(message) },
      onAnswered: () => {},
    });
    const { port } = await http.listen('127.0.0.1', 0);
    try {
      const answer = await send(`http://127.0.0.1:${port}/fails`, { method: 'GET' });
      expect([answer.status, answer.text]).toEqual([500, '{"message":"Internal Server Error"}\n']);
      expect(log.join()).toContain('GET /fails: Error: secret reason');
    } finally {
      await http.close(1_000);
    }
  });
});

describe('closing the listener', () => {
  function slowListener(): { http: HttpListener; started: Promise<void>; finish: () => void } {
    let finish = (): void => {};
    let start = (): void => {};
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const http = new HttpListener({
      routes: [
        {
          method: 'GET',
          path: '/slow',
          handler: () =>
            new Promise((resolve) => {
              finish = () => resolve({ status: 204 });
              start();
            }),
        },
      ],
      version: undefined,
      maxBodyBytes: 1_024,
      logger: SILENT,
      onAnswered: () => {},
    });
    return { http, started, finish: () => finish() };
  }

  it('lets an answer under way finish, and takes no new connection meanwhile', async () => {
    const { http, started, finish } = slowListener();
    const { port } = await http.listen('127.0.0.1', 0);
    const answer = raw(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await started;
    const closed = http.close(60_000);
    await expect(send(`http://127.0.0.1:${port}/slow`, { method: 'GET' })).rejects.toThrow('ECONNREFUSED');
    finish();
    expect(await answer).toMatch(/^HTTP\/1\.1 204 /);
    await closed;
  });

  it('cuts what has not finished when the time is over', async () => {
    const { http, started } = slowListener();
    const { port } = await http.listen('127.0.0.1', 0);
    const answer = raw(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await started;
    await http.close(30);
    expect(await answer).toBe('');
  });

  it('closes idle kept-alive connections at once', async () => {
    const { relay } = await startTestRelay();
    const socket = connect(relay.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => received.includes('initialized'));
    const ended = once(socket, 'close');
    await relay.close();
    await ended;
  });
});
