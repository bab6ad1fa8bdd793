import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { sendThroughFetch } from '../../../src/relay/through-fetch.ts';
import { json, reply, ScriptedRelay } from './support/scripted-relay.ts';

let relay: ScriptedRelay;
beforeEach(async () => {
  relay = await ScriptedRelay.start(json('{"a":1}', { etag: '"tag"' }));
});
afterEach(() => relay.close());

const { signal } = new AbortController();
const request = { method: 'POST', headers: [['x-test', 'yes']] as const, body: '{}' } as const;

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a request through the fetch of the caller', () => {
  it('carries method, headers and body, and gives status, headers and body back', async () => {
    const answer = await sendThroughFetch(fetch, `${relay.url}/route`, request, signal);
    expect(relay.requests[0]).toMatchObject({
      method: 'POST',
      path: '/route',
      body: '{}',
      headers: { 'x-test': 'yes' },
    });
    expect(answer).toMatchObject({ statusCode: 200, headers: { etag: '"tag"' } });
    expect(await textOf(answer.body)).toBe('{"a":1}');
  });

  it('leaves compression to it: what it accepts is its own, what it inflated has no coding any more', async () => {
    let sent: [string, string][] = [];
    const inflating: typeof fetch = async (_, init) => {
      sent = init?.headers as [string, string][];
      return new Response('inflated', { headers: { 'content-encoding': 'gzip', 'content-length': '5', etag: '"x"' } });
    };
    const headers = [
      ['accept-encoding', 'gzip, br'],
      ['x-test', 'yes'],
    ] as const;
    const answer = await sendThroughFetch(inflating, relay.url, { ...request, headers }, signal);
    expect(sent).toEqual([['x-test', 'yes']]);
    expect(answer.headers).toEqual({ 'content-type': 'text/plain;charset=UTF-8', etag: '"x"' });
    expect(await textOf(answer.body)).toBe('inflated');
  });

  it('never follows a redirect', async () => {
    relay.handler = reply(307, '', { location: 'http://127.0.0.1:9/elsewhere' });
    const answer = await sendThroughFetch(fetch, relay.url, request, signal);
    expect([answer.statusCode, answer.headers.location]).toEqual([307, 'http://127.0.0.1:9/elsewhere']);
  });

  it('may have an answer without a body, and send none', async () => {
    relay.handler = reply(304, '');
    const answer = await sendThroughFetch(fetch, relay.url, { method: 'GET', headers: [], body: undefined }, signal);
    expect([answer.statusCode, await textOf(answer.body)]).toEqual([304, '']);
  });

  it('ends when it is aborted, also in the middle of the body', async () => {
    relay.handler = ({ response }) => {
      response.writeHead(200);
      response.write('begun');
    };
    const abort = new AbortController();
    const answer = await sendThroughFetch(fetch, relay.url, request, abort.signal);
    const reading = textOf(answer.body).catch((caught: Error) => caught.name);
    abort.abort();
    expect(await reading).toBe('AbortError');
  });

  it('rejects with whatever it rejects with', async () => {
    const broken: typeof fetch = async () => {
      throw new TypeError('fetch failed');
    };
    await expect(sendThroughFetch(broken, relay.url, request, signal)).rejects.toThrow('fetch failed');
  });
});
