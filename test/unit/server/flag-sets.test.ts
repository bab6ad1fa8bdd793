import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DefaultRuleEvaluator, SHOP, startTestRelay, type TestRelay, temporaryFolder, until } from './test-relay.ts';

const CONFIGURATION = '/v1/flag/configuration';
const BULK = '/ofrep/v1/evaluate/flags';
const STREAM = '/stream/v1/sse/flag/change';
const SHOP_KEY = { 'x-api-key': 'shop-key' };
const BLOG_KEY = { authorization: 'Bearer blog-key' };
const NOT_BOUND = '{"message":"error while getting flagset: flagset not found for API key"}\n';

const on = { variations: { on: true, off: false }, defaultRule: { variation: 'on' } };

/** Two flag sets, a relay-wide key and an admin key that open neither. */
function start(): Promise<TestRelay> {
  return startTestRelay(undefined, {
    flagFiles: undefined as never,
    apiKeys: ['relay-key'],
    adminKeys: ['admin-key'],
    flagSets: [
      {
        name: 'shop',
        apiKeys: ['shop-key', 'shop-key-2'],
        flags: { checkout: SHOP.checkout ?? null, shared: on },
        evaluationContextEnrichment: { env: 'shop' },
      },
      { name: 'blog', apiKeys: ['blog-key'], flags: { banner: SHOP.banner ?? null, shared: { ...on, disable: true } } },
    ],
  });
}

describe('flag sets', () => {
  it('give each key its own flags and enrichment, on every route', async () => {
    const { post, get } = await start();
    expect((await post(CONFIGURATION, undefined, SHOP_KEY)).json()).toEqual({
      flags: { checkout: SHOP.checkout, shared: on },
      evaluationContextEnrichment: { env: 'shop' },
    });
    expect(Object.keys((await post(CONFIGURATION, undefined, BLOG_KEY)).json() as object)).toEqual(['flags']);
    const changes = await Promise.all([get('/v1/flag/change', SHOP_KEY), get('/v1/flag/change', BLOG_KEY)]);
    expect(changes.map(({ json }) => Object.keys((json() as { flags: object }).flags))).toEqual([
      ['checkout', 'shared'],
      ['banner', 'shared'],
    ]);
    expect((await post(`${BULK}/shared`, { context: {} }, SHOP_KEY)).json()).toMatchObject({ value: true });
    expect((await post(`${BULK}/shared`, { context: {} }, BLOG_KEY)).json()).toMatchObject({ reason: 'DISABLED' });
    expect((await post(`${BULK}/checkout`, { context: {} }, BLOG_KEY)).status).toBe(404);
    const bulk = (await post(BULK, { context: {} }, BLOG_KEY)).json() as { flags: { key: string }[] };
    expect(bulk.flags.map(({ key }) => key)).toEqual(['banner', 'shared']);
  });

  it.each([['relay-key'], ['admin-key']])(
    'answer 400 to the accepted key %s, which opens none of them',
    async (key) => {
      const { post, get } = await start();
      const headers = { 'x-api-key': key };
      const answers = await Promise.all([
        post(CONFIGURATION, undefined, headers),
        post(BULK, { context: {} }, headers),
        post(`${BULK}/shared`, { context: {} }, headers),
        get('/v1/flag/change', { authorization: `bearer ${key}` }),
      ]);
      for (const answer of answers) expect([answer.status, answer.text]).toEqual([400, NOT_BOUND]);
      const stream = await get(`${STREAM}?apiKey=${key}`);
      expect([stream.status, stream.text]).toEqual([400, '{"message":"no flag set associated to the API key"}\n']);
    },
  );

  it('answer 401 without a key and with an unknown one', async () => {
    const { post, get } = await start();
    expect((await post(CONFIGURATION)).text).toBe('{"message":"missing key in request header"}\n');
    expect((await post(CONFIGURATION, undefined, { 'x-api-key': 'nope' })).status).toBe(401);
    for (const query of ['', '?apiKey=nope']) {
      const answer = await get(STREAM + query);
      expect([answer.status, answer.text]).toEqual([401, '{"message":"Unauthorized"}\n']);
    }
  });

  it('tell a change on the streams of their own keys only', async () => {
    const { relay } = await start();
    const streams = await Promise.all(
      ['shop-key', 'blog-key'].map(async (key) => {
        const { body } = await request(`${relay.url}${STREAM}?apiKey=${key}`, { reset: true });
        const received = { text: '' };
        body.setEncoding('utf8').on('data', (chunk: string) => {
          received.text += chunk;
        });
        body.on('error', () => {});
        onTestFinished(() => void body.destroy());
        return received;
      }),
    );
    await relay.setFlags({ shared: on }, 'shop');
    await relay.setFlags({ post: on }, 'blog');
    await until(() => streams.every(({ text }) => text.includes('\n\n')));
    expect(streams[0]?.text).toContain('"deleted":{"checkout"');
    expect(streams[1]?.text).toContain('"added":{"post"');
    for (const { text } of streams) expect(text.match(/^data: /gm)).toHaveLength(1);
  });

  it('take new keys one flag set at a time, without a restart', async () => {
    const { relay, post } = await start();
    relay.setApiKeys(['shop-key-3'], 'shop');
    expect((await post(CONFIGURATION, undefined, SHOP_KEY)).status).toBe(401);
    expect((await post(CONFIGURATION, undefined, { 'x-api-key': 'shop-key-3' })).status).toBe(200);
    expect((await post(CONFIGURATION, undefined, BLOG_KEY)).status).toBe(200);
    expect(() => relay.setApiKeys(['blog-key'], 'shop')).toThrow('INVALID_OPTION: apiKeys: a key opens one flag set');
    expect(() => relay.setApiKeys(['x'], 'nope')).toThrow(
      'INVALID_OPTION: flagSet: the name of a flag set: shop, blog',
    );
    relay.setApiKeys([], 'shop');
    expect((await post(CONFIGURATION, undefined, { 'x-api-key': 'shop-key-3' })).status).toBe(401);
  });

  it('stay closed when the last key is gone: there is no flag set for everybody', async () => {
    const { relay, post } = await start();
    relay.setApiKeys([]);
    relay.setApiKeys([], 'shop');
    relay.setApiKeys([], 'blog');
    const answer = await post(CONFIGURATION);
    expect([answer.status, answer.text]).toEqual([
      400,
      '{"message":"error while getting flagset: no API key provided"}\n',
    ]);
    expect((await post(CONFIGURATION, undefined, SHOP_KEY)).text).toBe(NOT_BOUND);
  });

  it('are listed on /info with their times, and named in events and in failed sources', async () => {
    const file = join(await temporaryFolder(), 'one.json');
    await writeFile(file, JSON.stringify({ a: on }));
    const { relay, get, events } = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      flagSets: [
        { name: 'one', apiKeys: ['key-1'], flagFiles: [file] },
        { name: 'two', apiKeys: ['key-2'], flags: { b: on } },
      ],
    });
    const info = (await get('/info')).json() as { cacheRefresh: string; flagsets: Record<string, string> };
    expect(Object.keys(info.flagsets)).toEqual(['one', 'two']);
    expect(Object.values(info.flagsets)).toContain(info.cacheRefresh);
    await rm(file);
    await relay.reload();
    expect(events).toMatchObject([{ type: 'source-failed', flagSet: 'one', source: 'one.json' }]);
    expect((await get('/health?ready')).json()).toMatchObject({ sources: [{ name: 'one/one.json' }] });
    await relay.setFlags({ bad: { variations: 7 } as never }, 'two');
    expect(events.slice(1)).toMatchObject([
      { type: 'invalid-flag', flagSet: 'two', flagKey: 'bad' },
      { type: 'changed', flagSet: 'two', flagsChanged: ['b'] },
    ]);
    expect((await get('/info')).json()).toMatchObject({ invalidFlags: 1 });
  });

  it('do not start when one of them cannot, and leave nothing behind', async () => {
    const evaluators: DefaultRuleEvaluator[] = [];
    const options = {
      flagFiles: undefined as never,
      flagSets: [
        { name: 'one', apiKeys: ['key-1'], flagFiles: [join(await temporaryFolder(), 'missing.yaml')] },
        { name: 'two', apiKeys: ['key-2'], flags: { a: on } },
      ],
    };
    const starting = startTestRelay(undefined, options, async (document) => {
      await new Promise((resolve) => setImmediate(resolve));
      const evaluator = new DefaultRuleEvaluator(document);
      evaluators.push(evaluator);
      return evaluator;
    });
    await expect(starting).rejects.toThrow('INVALID_FLAG_FILE: missing.yaml');
    expect(evaluators.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  it('all end when the relay closes', async () => {
    const { relay, post } = await start();
    await relay.close();
    await expect(post(CONFIGURATION, undefined, SHOP_KEY)).rejects.toThrow();
  });
});

describe('admin keys', () => {
  it('do not switch authentication on, and are API keys where it is on', async () => {
    const open = await startTestRelay(SHOP, { adminKeys: ['admin-key'] });
    expect((await open.post(CONFIGURATION)).status).toBe(200);
    const closed = await startTestRelay(SHOP, { apiKeys: ['user-key'], adminKeys: ['admin-key'] });
    expect((await closed.post(CONFIGURATION, undefined, { 'x-api-key': 'admin-key' })).status).toBe(200);
    closed.relay.setAdminKeys([]);
    expect((await closed.post(CONFIGURATION, undefined, { 'x-api-key': 'admin-key' })).status).toBe(401);
    expect(() => closed.relay.setAdminKeys(['with space'])).toThrow('INVALID_OPTION');
  });
});

describe('flags in memory', () => {
  it('are served without any file, copied, and replaced by setFlags', async () => {
    const mine = { a: structuredClone(on) };
    const { relay, post, events } = await startTestRelay(undefined, { flagFiles: undefined as never, flags: mine });
    mine.a.variations.on = false;
    expect((await post(CONFIGURATION)).json()).toEqual({ flags: { a: on } });
    await relay.setFlags({ b: on });
    expect((await post(CONFIGURATION)).json()).toEqual({ flags: { b: on } });
    expect((await post(`${BULK}/b`, { context: {} })).json()).toMatchObject({ value: true });
    expect(events).toEqual([{ type: 'changed', flagsChanged: ['a', 'b'] }]);
    await relay.setFlags({});
    expect((await post(CONFIGURATION)).text).toBe('{}\n');
  });

  it('override the files’ flags of the same key and leave the others', async () => {
    const { relay, post } = await startTestRelay({ a: on, b: on });
    await relay.setFlags({ b: { ...on, disable: true } });
    expect((await post(CONFIGURATION)).json()).toEqual({ flags: { a: on, b: { ...on, disable: true } } });
  });

  it.each([[null], [[]], [{ a: Number.NaN }], ['{}']])('refuse %o', async (flags) => {
    const { relay } = await startTestRelay();
    await expect(relay.setFlags(flags as never)).rejects.toThrow('INVALID_OPTION: flags: ');
  });
});
