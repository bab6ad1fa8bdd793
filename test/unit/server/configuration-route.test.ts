import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Authentication } from '../../../src/server/authentication.ts';
import { configurationRoute } from '../../../src/server/configuration-route.ts';
import { HttpListener } from '../../../src/server/http.ts';
import { RelayMetrics } from '../../../src/server/metrics.ts';
import { SHOP, SILENT, send, startTestRelay } from './test-relay.ts';

const PATH = '/v1/flag/configuration';

describe('POST /v1/flag/configuration', () => {
  it('hands out all flags in sorted, escaped JSON with a line feed', async () => {
    const { post } = await startTestRelay({ b: SHOP.banner ?? null, a: SHOP.checkout ?? null });
    const { status, headers, text } = await post(PATH, { flags: [] });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(text).toBe(
      '{"flags":{' +
        '"a":{"defaultRule":{"variation":"on"},"metadata":{"owner":"payments"},"variations":{"off":false,"on":true}},' +
        '"b":{"defaultRule":{"variation":"a"},"variations":{"a":"\\u003cb\\u003e\\u0026\\u003c/b\\u003e","b":"\\u2028"}}' +
        '}}\n',
    );
  });

  it.each([undefined, {}, { flags: null }, { flags: [] }, 'null', { flags: [], flagPrefix: null, more: 'x' }])(
    'takes %o as a request for all flags',
    async (body) => {
      const { post } = await startTestRelay(SHOP);
      const answer = (await post(PATH, body)).json() as { flags: object };
      expect(Object.keys(answer.flags).sort()).toEqual(Object.keys(SHOP).sort());
    },
  );

  it('hands out only the flags asked for, and skips unknown ones without a word', async () => {
    const { post } = await startTestRelay(SHOP);
    const answer = (await post(PATH, { flags: ['banner', 'nope', 'banner', 'check*', 'toString'] })).json();
    expect(answer).toEqual({ flags: { banner: SHOP.banner } });
  });

  it('hands out only the flags whose key begins with flagPrefix, alone and within a list', async () => {
    const { post } = await startTestRelay(SHOP);
    const keys = async (body: object) => Object.keys(((await post(PATH, body)).json() as { flags: object }).flags);
    expect(await keys({ flagPrefix: 'shop/' })).toEqual(['shop/price:€']);
    expect(await keys({ flags: ['banner', 'checkout'], flagPrefix: 'ba' })).toEqual(['banner']);
    expect(await keys({ flagPrefix: '' })).toHaveLength(4);
    expect((await post(PATH, { flagPrefix: 'none.' })).text).toBe('{}\n');
  });

  it('is {} with the known validator for zero flags and for a filter that matches none', async () => {
    const empty = await (await startTestRelay({})).post(PATH);
    expect(empty.text).toBe('{}\n');
    expect(empty.headers.etag).toBe('"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"');
    const filtered = await (await startTestRelay(SHOP)).post(PATH, { flags: ['nope'] });
    expect(filtered.text).toBe('{}\n');
  });

  it('adds the enrichment, alone when there is no flag', async () => {
    const enrichment = { env: 'production', nested: { z: 1, a: 2 } };
    const { post } = await startTestRelay(SHOP, { evaluationContextEnrichment: enrichment });
    const text = '{"evaluationContextEnrichment":{"env":"production","nested":{"a":2,"z":1}}';
    expect((await post(PATH, { flags: ['nope'] })).text).toBe(`${text}}\n`);
    expect((await post(PATH)).text.startsWith(`${text},"flags":{`)).toBe(true);
  });

  it('validates by length and SHA-1 of the body', async () => {
    const { post } = await startTestRelay(SHOP);
    const { headers, bytes } = await post(PATH);
    expect(headers.etag).toBe(`"${bytes.length}-${createHash('sha1').update(bytes).digest('hex')}"`);
  });

  it.each(['', 'W/'])(
    'answers 304 to its validator with prefix "%s": empty, strong tag, Last-Modified',
    async (prefix) => {
      const { post } = await startTestRelay(SHOP);
      const first = await post(PATH);
      const again = await post(PATH, undefined, { 'if-none-match': `${prefix}${first.headers.etag}` });
      expect(again.status).toBe(304);
      expect(again.bytes.length).toBe(0);
      expect(again.headers.etag).toBe(first.headers.etag);
      expect(again.headers['last-modified']).toBe(first.headers['last-modified']);
    },
  );

  it.each(['*', '"other"'])('answers 200 to If-None-Match %s', async (known) => {
    const { post } = await startTestRelay(SHOP);
    expect((await post(PATH, undefined, { 'if-none-match': known })).status).toBe(200);
  });

  it('gives the filtered answer a validator of its own', async () => {
    const { post } = await startTestRelay(SHOP);
    const all = await post(PATH);
    const one = await post(PATH, { flags: ['banner'] }, { 'if-none-match': String(all.headers.etag) });
    expect(one.status).toBe(200);
    expect(one.headers.etag).not.toBe(all.headers.etag);
  });

  it('names the zone of Last-Modified: UTC by default, another when asked', async () => {
    const utc = await (await startTestRelay()).post(PATH);
    expect(utc.headers['last-modified']).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC$/);
    const brazil = await (await startTestRelay({}, { timeZone: 'America/Sao_Paulo' })).post(PATH);
    expect(brazil.headers['last-modified']).toMatch(/ -03$/);
  });

  it.each([
    ['{"flags":', 'the body is not valid JSON'],
    ['[]', 'the body is not an object'],
    ['{"flags":"a"}', '"flags" is not an array of strings'],
    ['{"flags":[1]}', '"flags" is not an array of strings'],
    ['{"flagPrefix":1}', '"flagPrefix" is not a string'],
  ])('refuses the body %s in the handler’s error shape, without validator', async (body, reason) => {
    const { post } = await startTestRelay(SHOP);
    const { status, headers, json } = await post(PATH, body);
    expect(status).toBe(400);
    expect(json()).toEqual({
      errorCode: 'INVALID_REQUEST',
      errorDetails: `impossible to read request body: ${reason}`,
    });
    expect(headers.etag).toBeUndefined();
  });

  it('refuses a body whose media type is not JSON', async () => {
    const { post } = await startTestRelay(SHOP);
    for (const type of ['text/plain', '']) {
      const answer = await post(PATH, '{}', { 'content-type': type });
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ errorCode: 'INVALID_REQUEST' });
    }
    expect((await post(PATH, '{}', { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200);
  });

  it('answers 500 in the handler’s error shape while there are no flags to give', async () => {
    const store = {
      get current(): never {
        throw new Error('no flags yet');
      },
      loadedAt: new Date(),
    };
    const route = configurationRoute({
      authentication: new Authentication({ only: { store } }),
      metrics: new RelayMetrics({ streams: () => 0, invalidFlags: () => 0 }),
      timeZone: 'UTC',
    });
    const http = new HttpListener({
      routes: [route],
      version: undefined,
      maxBodyBytes: 1_024,
      logger: SILENT,
      onAnswered: () => {},
    });
    const { port } = await http.listen('127.0.0.1', 0);
    try {
      const answer = await send(`http://127.0.0.1:${port}${PATH}`, { method: 'POST' });
      expect(answer.status).toBe(500);
      expect(answer.json()).toEqual({
        errorCode: 'RETRIEVING_FLAGS_ERROR',
        errorDetails: 'impossible to retrieve flag configuration: no flags yet',
      });
      expect(answer.headers['x-gofeatureflag-version']).toBeUndefined();
    } finally {
      await http.close(1_000);
    }
  });
});
