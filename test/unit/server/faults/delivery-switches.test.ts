import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { TestRelay } from '../test-relay.ts';
import { SHOP, startTestRelay, until } from '../test-relay.ts';
import { CONFIGURATION, raw, unchunked } from './raw-client.ts';

const ROUTE = '/v1/flag/configuration';
const start = (): Promise<TestRelay> => startTestRelay(SHOP, { faults: true });

function contentLength(text: string): number {
  return Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
}

describe('held answers', () => {
  it('stall-headers takes the request and sends nothing; closing the relay ends it', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'stall-headers');
    const client = raw(relay.port, CONFIGURATION);
    await until(() => relay.faults.seen('configuration').length === 1);
    await relay.close();
    await client.end();
    expect(client.chunks).toEqual([]);
  });

  it('stall-body stops in the middle of the body; closing the relay ends it', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'stall-body');
    const client = raw(relay.port, CONFIGURATION);
    await until(() => client.body.length > 0);
    const length = contentLength(client.text);
    expect(client.body.length).toBe(Math.floor(length / 2));
    expect(client.ended).toBe('open');
    await relay.close();
    await client.end();
    expect(client.body.length).toBe(Math.floor(length / 2));
  });

  it('drip sends the body in pieces, whole in the end', async () => {
    const { relay, post } = await start();
    const whole = (await post(ROUTE)).bytes;
    relay.faults.set('configuration', 'drip:4000');
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('closed');
    expect(client.body).toEqual(whole);
    expect(client.chunks.length).toBeGreaterThan(2);
  });

  it('drip:1 sends the head at once, and is ended by closing the relay', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'drip:1');
    const client = raw(relay.port, CONFIGURATION);
    await until(() => client.text.includes('\r\n\r\n'));
    expect(client.body.length).toBeLessThan(2);
    await relay.close();
    await client.end();
    expect(client.body.length).toBeLessThan(contentLength(client.text));
  });

  it('a held answer does not hold the others', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', 'drip:1', { times: 1 });
    const client = raw(relay.port, CONFIGURATION);
    await until(() => client.text.includes('\r\n\r\n'));
    expect((await post(ROUTE)).status).toBe(200);
    expect(client.ended).toBe('open');
  });

  it('a route that a client knows by validator is spoilt all the same', async () => {
    const { relay, post } = await start();
    const etag = String((await post(ROUTE)).headers.etag);
    relay.faults.set('configuration', 'stall-body');
    const client = raw(relay.port, {
      ...CONFIGURATION,
      headers: { ...CONFIGURATION.headers, 'If-None-Match': etag },
    });
    await until(() => client.body.length > 0);
    expect(client.text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('cut answers', () => {
  it('reset-at resets the connection after exactly that many bytes, wherever they end', async () => {
    const { relay, post } = await start();
    const length = (await post(ROUTE)).bytes.length;
    for (const position of [0, 1, 12, 100, 400, 400 + length / 2]) {
      relay.faults.set('configuration', `reset-at:${Math.floor(position)}`);
      const client = raw(relay.port, CONFIGURATION);
      expect(await client.end()).toBe('ECONNRESET');
      expect(Buffer.concat(client.chunks)).toHaveLength(Math.floor(position));
    }
  });

  it('reset-at past the end is an answer that is whole, and then a reset', async () => {
    const { relay, post } = await start();
    const whole = await post(ROUTE);
    relay.faults.set('configuration', 'reset-at:100000');
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('ECONNRESET');
    expect(client.body).toEqual(whole.bytes);
    expect(client.text).toContain(`: ${whole.headers.etag}\r\n`);
    expect(client.text).toMatch(/\r\naccess-control-allow-origin: \*\r\n/i);
  });

  it('close-early ends in good order in the middle of the body', async () => {
    const { relay, post } = await start();
    const whole = (await post(ROUTE)).bytes;
    relay.faults.set('configuration', 'close-early');
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('closed');
    expect(contentLength(client.text)).toBe(whole.length);
    expect(client.body).toEqual(whole.subarray(0, Math.ceil(whole.length / 2)));
  });

  it('a request that is not read is no reason to reset', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'status:502+close-early');
    const client = raw(relay.port, { ...CONFIGURATION, body: `{"flags":[${' '.repeat(200_000)}]}` });
    expect(await client.end()).toBe('closed');
    expect(client.text).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
  });
});

describe('bodies past every limit', () => {
  it.each([2, 100, 1_000])('bomb:%i is 64 KiB that inflate to that many times as much', async (ratio) => {
    const { relay } = await start();
    relay.faults.set('configuration', `bomb:${ratio}`);
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('closed');
    expect(client.text).toMatch(/\r\nContent-Encoding: gzip\r\n/);
    expect(client.body).toHaveLength(65_536);
    const inflated = gunzipSync(client.body);
    expect(inflated).toHaveLength(65_536 * ratio);
    expect(inflated.every((byte) => byte === 0x20)).toBe(true);
  });

  it('huge pads the body to the size, without a Content-Length', async () => {
    const { relay, post } = await start();
    const own = (await post(ROUTE)).json();
    relay.faults.set('configuration', 'huge:200000');
    const client = raw(relay.port, CONFIGURATION);
    expect(await client.end()).toBe('closed');
    expect(contentLength(client.text)).toBeNaN();
    const text = unchunked(client.body);
    expect(Buffer.byteLength(text)).toBe(200_000);
    expect(JSON.parse(text)).toEqual(own);
  });

  it('huge ends when the client leaves, or does not read and the relay closes', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', 'huge:1073741824');
    const client = raw(relay.port, CONFIGURATION);
    await until(() => client.chunks.length > 0);
    client.leave();
    relay.faults.clear();
    expect((await post(ROUTE)).status).toBe(200);

    relay.faults.set('configuration', 'huge:1073741824');
    const second = raw(relay.port, CONFIGURATION);
    await until(() => second.chunks.length > 0);
    await relay.close();
    await second.end();
  });
});
