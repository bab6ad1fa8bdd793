/** One list of promises for two relays: Edict's embedded one, and GO Feature Flag's own where it can be had. */

import { createHash } from 'node:crypto';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AbstractEvaluator,
  type EdictOptions,
  EdictProvider,
  InProcessEvaluator,
  RemoteEvaluator,
} from '../../src/index.ts';
import type { JsonObject, JsonValue } from '../../src/internal/json.ts';
import { embeddedRelay } from './support/embedded-relay.ts';
import { FLAGS, nameplate, STAFF } from './support/flags.ts';
import { get, openChangeStream, post, send } from './support/http.ts';
import { keyHeader, type RelaySetup, type RelayUnderTest } from './support/relay-under-test.ts';
import { stockRelay } from './support/stock-relay.ts';
import { until } from './support/until.ts';

const CONFIGURATION = '/v1/flag/configuration';
const BULK = '/ofrep/v1/evaluate/flags';
const COLLECTOR = '/v1/data/collector';
const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
/** As quick as the options allow: these tests wait for two processes. */
const EAGER = { pollIntervalMs: 100, maxBackoffMs: 1_000, authRetryIntervalMs: 1_000, logger: SILENT };

/** The evaluators that must say what the relay says. */
const MODES: readonly (readonly [mode: string, make: (options: EdictOptions) => AbstractEvaluator])[] = [
  ['in this process', (options) => new InProcessEvaluator(options)],
  ['that asks the relay', (options) => new RemoteEvaluator(options)],
];

// Visible in every report: a relay that was not there has passed nothing.
if (stockRelay.missing !== undefined) {
  it.skip(`${stockRelay.name} keeps every promise of this file (${stockRelay.missing})`);
}

const kinds = [embeddedRelay, stockRelay].filter(({ missing }) => missing === undefined);

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s (D-92)', (_name, kind) => {
  /** One relay for the tests of a group. */
  function use(setup: RelaySetup): { readonly url: string; readonly relay: RelayUnderTest } {
    let relay: RelayUnderTest | undefined;
    const started = (): RelayUnderTest => {
      if (relay === undefined) throw new Error('the relay did not start');
      return relay;
    };
    beforeAll(async () => {
      relay = await kind.start(setup);
    });
    afterAll(() => relay?.dispose());
    return {
      get url() {
        return started().url;
      },
      get relay() {
        return started();
      },
    };
  }

  describe('configuration', () => {
    const at = use({ flags: FLAGS });

    it('hands out all flags in the engine’s form, for an empty request too', async () => {
      for (const body of [{ flags: [] }, {}, '']) {
        const { status, headers, text, json } = await post(at.url, CONFIGURATION, body);
        expect(status).toBe(200);
        expect(headers['content-type']).toMatch(/^application\/json/);
        expect(headers['x-gofeatureflag-version']).toMatch(/./);
        expect(text.endsWith('}\n')).toBe(true);
        expect(text).toContain('\\u003cb\\u003e\\u0026amp;\\u003c/b\\u003e');
        expect(json()).toEqual({ flags: FLAGS });
      }
    });

    it('hands out the flags asked for, skips unknown ones, and knows no wildcard', async () => {
      const { json } = await post(at.url, CONFIGURATION, { flags: ['banner', 'nope', 'new-*'] });
      expect(json()).toEqual({ flags: { banner: FLAGS['banner'] } });
    });

    it('is {} with the known validator when a filter matches none', async () => {
      const { headers, text } = await post(at.url, CONFIGURATION, { flags: ['nope'] });
      expect(text).toBe('{}\n');
      expect(headers.etag).toBe('"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"');
    });

    it('validates by length and SHA-1 of the body, and dates it in a named zone', async () => {
      const { headers, bytes } = await post(at.url, CONFIGURATION, {});
      expect(headers.etag).toBe(`"${bytes.length}-${createHash('sha1').update(bytes).digest('hex')}"`);
      expect(headers['last-modified']).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC$/);
    });

    it.each(['', 'W/'])(
      'answers 304 to its validator with prefix "%s": empty, with the strong validator',
      async (prefix) => {
        const first = await post(at.url, CONFIGURATION, {});
        const again = await post(at.url, CONFIGURATION, {}, { 'if-none-match': `${prefix}${first.headers.etag}` });
        expect(again.status).toBe(304);
        expect(again.bytes.length).toBe(0);
        expect(again.headers.etag).toBe(first.headers.etag);
        expect(again.headers['last-modified']).toMatch(/ UTC$/);
      },
    );

    it.each([
      ['*', '*'],
      ['another', '"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"'],
      ['none', ''],
    ])('answers 200 to a validator it does not know: %s', async (_name, known) => {
      expect((await post(at.url, CONFIGURATION, {}, { 'if-none-match': known })).status).toBe(200);
    });

    it.each(['{"flags":', '{"flags":"banner"}', '{"flags":[1]}'])(
      'refuses the body %s in the handler’s shape',
      async (body) => {
        const { status, headers, json } = await post(at.url, CONFIGURATION, body);
        expect(status).toBe(400);
        expect(headers.etag).toBeUndefined();
        expect(json()).toEqual({
          errorCode: 'INVALID_REQUEST',
          errorDetails: expect.stringMatching(/^impossible to read request body: /),
        });
      },
    );

    it('refuses a body without media type', async () => {
      const { status, json } = await send(at.url, CONFIGURATION, { method: 'POST', headers: {}, body: '{}' });
      expect(status).toBe(400);
      expect(json()).toMatchObject({ errorCode: 'INVALID_REQUEST' });
    });

    it('answers an unknown path and a wrong method in the framework’s shape', async () => {
      const unknown = await get(at.url, '/v1/flag/unknown');
      expect([unknown.status, unknown.json()]).toEqual([404, { message: 'Not Found' }]);
      // Outside of the routes that ask for keys: under those the stock relay says 404 to a wrong method as well.
      const wrong = await post(at.url, '/health', {});
      expect([wrong.status, wrong.json()]).toEqual([405, { message: 'Method Not Allowed' }]);
    });

    it('tells the hashes of the set and of each flag on the change route', async () => {
      const { status, headers, json } = await get(at.url, '/v1/flag/change');
      expect(status).toBe(200);
      const { hash, flags } = json() as { hash: number; flags: Record<string, number> };
      expect(Number.isInteger(hash)).toBe(true);
      expect(Object.keys(flags).sort()).toEqual(Object.keys(FLAGS).sort());
      const again = await get(at.url, '/v1/flag/change', { 'if-none-match': String(headers.etag) });
      expect(again.status).toBe(304);
    });

    it('says that it lives', async () => {
      const { status, json } = await get(at.url, '/health');
      expect([status, json()]).toEqual([200, { initialized: true }]);
      expect((await get(at.url, '/info')).json()).toMatchObject({
        cacheRefresh: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
    });
  });

  describe('OFREP', () => {
    const at = use({ flags: FLAGS, enrichment: { env: 'production' } });
    const one = (key: string, context: JsonValue) => post(at.url, `${BULK}/${key}`, { context });

    it('puts the enrichment beside the flags, and before the context', async () => {
      expect((await post(at.url, CONFIGURATION, { flags: ['nope'] })).json()).toEqual({
        evaluationContextEnrichment: { env: 'production' },
      });
      const { json } = await one('region', { targetingKey: 'u', env: 'test' });
      expect(json()).toMatchObject({ value: 'prod', reason: 'TARGETING_MATCH' });
    });

    it('decides one flag, with the rule’s name and whether the answer may be kept', async () => {
      const matched = await one('new-checkout', STAFF);
      expect(matched.status).toBe(200);
      expect(matched.json()).toEqual({
        key: 'new-checkout',
        value: true,
        reason: 'TARGETING_MATCH',
        variant: 'on',
        metadata: { evaluatedRuleName: 'staff', gofeatureflag_cacheable: true },
      });
      expect((await one('new-checkout', {})).json()).toMatchObject({ value: false, reason: 'DEFAULT', variant: 'off' });
      expect((await one('limits', STAFF)).json()).toMatchObject({ value: { users: 1000, tags: [] }, variant: 'large' });
      expect((await one('in-steps', {})).json()).toEqual({
        key: 'in-steps',
        value: true,
        reason: 'STATIC',
        variant: 'on',
      });
    });

    it('reads a key that is encoded as Go encodes it', async () => {
      const { status, json } = await one('split:50', { targetingKey: 'user-1' });
      expect(status).toBe(200);
      expect(json()).toMatchObject({ key: 'split:50', reason: 'SPLIT' });
    });

    it('gives null for a flag that is switched off', async () => {
      const { status, json } = await one('switched-off', STAFF);
      expect(status).toBe(200);
      expect(json()).toMatchObject({ key: 'switched-off', value: null, reason: 'DISABLED', variant: 'SdkDefault' });
    });

    it.each([
      ['nope', 404, 'FLAG_NOT_FOUND', {}],
      ['split:50', 400, 'TARGETING_KEY_MISSING', {}],
      ['banner', 400, 'INVALID_CONTEXT', undefined],
      ['banner', 400, 'INVALID_CONTEXT', null],
      ['banner', 400, 'INVALID_CONTEXT', 'text'],
    ])('answers %s with %i %s to the context %j', async (key, status, errorCode, context) => {
      const answer = await post(at.url, `${BULK}/${key}`, { context });
      expect(answer.status).toBe(status);
      expect(answer.json()).toEqual({ key, errorCode, errorDetails: expect.any(String) });
    });

    it('decides all flags, sorted by key, those that failed among them', async () => {
      const { status, json } = await post(at.url, BULK, { context: { email: 'ann@example.com' } });
      expect(status).toBe(200);
      const { flags } = json() as { flags: JsonObject[] };
      expect(flags.map(({ key }) => key)).toEqual(Object.keys(FLAGS).sort());
      const of = (key: string) => flags.find((flag) => flag['key'] === key);
      expect(of('new-checkout')).toMatchObject({ value: true, reason: 'TARGETING_MATCH', variant: 'on' });
      expect(of('banner')).toMatchObject({ value: '<b>&amp;</b>', metadata: FLAGS['banner']?.['metadata'] });
      expect(of('split:50')).toMatchObject({ value: null, reason: 'ERROR', errorCode: 'TARGETING_KEY_MISSING' });
      // Its variant is "" in a bulk answer of the stock relay, and SdkDefault in one of ours.
      expect(of('switched-off')).toMatchObject({ value: null, reason: 'DISABLED' });
    });

    it('limits a bulk evaluation to the flags of the list, and validates it', async () => {
      const context = { ...STAFF, gofeatureflag: { flagList: ['region', 'banner', 'nope'] } };
      const first = await post(at.url, BULK, { context });
      const { flags } = first.json() as { flags: JsonObject[] };
      expect(flags.filter(({ reason }) => reason !== 'ERROR').map(({ key }) => key)).toEqual(['banner', 'region']);
      expect(first.headers.etag).toBe(
        `"${first.bytes.length}-${createHash('sha1').update(first.bytes).digest('hex')}"`,
      );
      const again = await post(at.url, BULK, { context }, { 'if-none-match': String(first.headers.etag) });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
      const other = await post(at.url, BULK, { context: {} }, { 'if-none-match': String(first.headers.etag) });
      expect(other.status).toBe(200);
    });

    it.each(MODES)('answers as the evaluator %s does', async (_mode, make) => {
      const evaluator = make({ endpoint: at.url, ...EAGER });
      await evaluator.initialize();
      try {
        for (let user = 0; user < 50; user++) {
          const email = user % 3 === 0 ? 'a@example.com' : 'b';
          const context = { targetingKey: `user-${user}`, email, seats: user * 10 };
          const { flags } = (await post(at.url, BULK, { context })).json() as { flags: JsonObject[] };
          for (const { key, value, reason, variant } of flags) {
            const resolution = await evaluator.evaluate(String(key), context);
            const expected = reason === 'DISABLED' ? { value: null, reason } : { value, reason, variant };
            expect(resolution, String(key)).toMatchObject(expected);
          }
        }
      } finally {
        await evaluator.close();
      }
    });
  });

  describe('usage events', () => {
    const at = use({ flags: FLAGS });
    const feature = (key: string, members: JsonObject = {}): JsonObject => ({
      kind: 'feature',
      contextKind: 'user',
      userKey: 'user-1',
      creationDate: 1_790_000_000,
      key,
      variation: 'on',
      value: true,
      default: false,
      version: '7',
      source: 'INPROCESS',
      ...members,
    });
    const exported = (key: string, user = 'user-1') =>
      until(`the event of ${key} is in the file`, async () =>
        (await at.relay.events()).find((event) => event['key'] === key && event['userKey'] === user),
      );

    it('are counted and land in the file with every field, the metadata of the batch with them', async () => {
      const tracking = {
        kind: 'tracking',
        contextKind: 'user',
        userKey: 'user-1',
        creationDate: 1_790_000_000,
        key: 'order-placed',
        evaluationContext: { targetingKey: 'user-1', plan: 'pro' },
        trackingEventDetails: { value: 29.9, currency: 'EUR' },
      };
      const meta = { provider: 'javascript', openfeature: true, service: 'shop' };
      const { status, json } = await post(at.url, COLLECTOR, { meta, events: [feature('fields'), tracking] });
      expect([status, json()]).toEqual([200, { ingestedContentCount: 2 }]);
      expect(await exported('fields')).toEqual({ ...feature('fields'), metadata: meta });
      expect(await exported('order-placed')).toEqual(tracking);
    });

    it('get the source of a cache when they name none, and seconds in place of milliseconds', async () => {
      const { source: _source, ...bare } = feature('bare', { creationDate: 1_790_000_000_123 });
      await post(at.url, COLLECTOR, { events: [bare] });
      expect(await exported('bare')).toMatchObject({ source: 'PROVIDER_CACHE', creationDate: 1_790_000_000 });
    });

    it('of a wrong type are counted and left out, alone', async () => {
      const events = [feature('wrong', { default: 'yes' }), feature('right')];
      expect((await post(at.url, COLLECTOR, { events })).json()).toEqual({ ingestedContentCount: 2 });
      await exported('right');
      expect((await at.relay.events()).some(({ key }) => key === 'wrong')).toBe(false);
    });

    it.each(['{"events":', '{}', '{"events":null}', '{"events":1}'])(
      'are refused when the body is %s',
      async (body) => {
        const { status, json } = await post(at.url, COLLECTOR, body);
        expect(status).toBe(400);
        expect(json()).toEqual({ message: expect.stringMatching(/^collectEvalData: invalid input data/) });
      },
    );

    it.each([
      ['inprocess', 'INPROCESS'],
      ['remote', 'SERVER'],
    ] as const)('of a provider in the mode %s are there once, from %s', async (evaluationType, source) => {
      const provider = new EdictProvider({ endpoint: at.url, evaluationType, ...EAGER });
      await OpenFeature.setProviderAndWait(`${kind.name} ${evaluationType}`, provider);
      const client = OpenFeature.getClient(`${kind.name} ${evaluationType}`);
      const user = `provider-${evaluationType}`;
      const placed = `placed-${evaluationType}`;
      try {
        expect(await client.getBooleanValue('new-checkout', false, { ...STAFF, targetingKey: user })).toBe(true);
        client.track(placed, { targetingKey: user }, { value: 7 });
        expect(await provider.flush()).toMatchObject({ pending: 0, dropped: 0 });
        expect(await exported(placed, user)).toMatchObject({ kind: 'tracking', trackingEventDetails: { value: 7 } });
        const mine = async () =>
          (await at.relay.events()).filter(({ userKey, kind: what }) => userKey === user && what === 'feature');
        await until('the evaluation is in the file', async () => (await mine()).length > 0 || undefined);
        expect(await mine()).toMatchObject([{ key: 'new-checkout', value: true, source, version: '7' }]);
      } finally {
        await provider.onClose();
      }
    });

    it('are recorded by the relay itself for single evaluations, and for no others', async () => {
      await post(at.url, BULK, { context: { targetingKey: 'bulk-user' } });
      await post(at.url, `${BULK}/quiet`, { context: { targetingKey: 'quiet-user' } });
      await post(at.url, `${BULK}/new-checkout`, { context: { ...STAFF, targetingKey: 'served-user' } });
      expect(await exported('new-checkout', 'served-user')).toMatchObject({
        kind: 'feature',
        contextKind: 'user',
        userKey: 'served-user',
        key: 'new-checkout',
        variation: 'on',
        value: true,
        default: false,
        version: '7',
        source: 'SERVER',
      });
      const users = (await at.relay.events()).map(({ userKey }) => userKey);
      expect(users).not.toContain('bulk-user');
      expect(users).not.toContain('quiet-user');
    });
  });

  describe('keys', () => {
    const at = use({ flags: FLAGS, keys: ['first-key'], adminKeys: ['admin-key'] });

    it.each<[string, Record<string, string>, string]>([
      ['no key', {}, 'missing key in request header'],
      ['a wrong bearer key', { authorization: 'Bearer wrong' }, 'invalid key'],
      ['no bearer scheme', { authorization: 'Basic first-key' }, 'invalid key in the request header'],
      ['a wrong X-API-Key', { 'x-api-key': 'wrong' }, 'code=401, message=Unauthorized'],
      [
        'a wrong X-API-Key beside a right bearer key',
        { 'x-api-key': 'wrong', authorization: 'Bearer first-key' },
        'code=401, message=Unauthorized',
      ],
    ])('are asked for: %s is answered 401 in words', async (_name, headers, message) => {
      for (const path of [CONFIGURATION, BULK, COLLECTOR]) {
        const { status, json } = await post(at.url, path, {}, headers);
        expect([status, json()]).toEqual([401, { message }]);
      }
    });

    it.each<[string, Record<string, string>]>([
      ['X-API-Key', { 'x-api-key': 'first-key' }],
      ['bearer', { authorization: 'Bearer first-key' }],
      ['bearer in another case', { authorization: 'bEARER first-key' }],
      ['an admin key', { 'x-api-key': 'admin-key' }],
    ])('open the relay: %s', async (_name, headers) => {
      expect((await post(at.url, CONFIGURATION, {}, headers)).status).toBe(200);
    });

    it('are not asked for by the routes of operations', async () => {
      for (const path of ['/health', '/info', '/metrics']) expect((await get(at.url, path)).status).toBe(200);
    });

    it('of an admin alone refresh the flags', async () => {
      const refused = await post(at.url, '/admin/v1/retriever/refresh', {}, keyHeader('first-key'));
      expect(refused.status).toBe(401);
      const done = await post(at.url, '/admin/v1/retriever/refresh', {}, keyHeader('admin-key'));
      expect([done.status, done.json()]).toEqual([200, { refreshed: true }]);
    });

    it('open a stream as a query parameter', async () => {
      const refused = await openChangeStream(at.url, '?apiKey=wrong');
      expect([refused.status, refused.refusal]).toEqual([401, { message: 'Unauthorized' }]);
      expect((await openChangeStream(at.url)).status).toBe(401);
      const stream = await openChangeStream(at.url, '?apiKey=first-key');
      expect(stream.status).toBe(200);
      stream.close();
    });

    it('rotate without a restart, and a client that asks for its key each time goes on', async () => {
      let key = 'first-key';
      const evaluator = new InProcessEvaluator({ endpoint: at.url, apiKey: () => key, ...EAGER });
      await evaluator.initialize();
      try {
        await at.relay.rotateKeys(['second-key', 'third-key']);
        await until('the client has seen that its key is refused', () => evaluator.state === 'stale');
        expect(evaluator.evaluate('new-checkout', STAFF, false).value).toBe(true);
        key = 'second-key';
        await until('the client is ready again', () => evaluator.state === 'ready');
        expect(await evaluator.refresh('the key is new')).toBe('unchanged');
        await at.relay.rotateKeys(['first-key']);
      } finally {
        await evaluator.close();
      }
    });
  });

  describe('a change of the flags', () => {
    const at = use({ flags: FLAGS });
    const { banner: _banner, ...kept } = FLAGS;
    const fresh = { variations: { x: 1, y: 2 }, defaultRule: { variation: 'x' } };
    const changed = { ...kept, fresh, quiet: { ...FLAGS['quiet'], defaultRule: { variation: 'off' } } };

    it('is told to streams, and reaches a provider and its clients', async () => {
      const stream = await openChangeStream(at.url);
      expect(stream.status).toBe(200);
      const provider = new EdictProvider({ endpoint: at.url, ...EAGER });
      await OpenFeature.setProviderAndWait(kind.name, provider);
      try {
        const client = OpenFeature.getClient(kind.name);
        expect(await client.getBooleanDetails('quiet', false)).toMatchObject({
          value: true,
          variant: 'on',
          reason: 'STATIC',
        });
        expect(await client.getNumberDetails('fresh', 7)).toMatchObject({ value: 7, errorCode: 'FLAG_NOT_FOUND' });
        const told = new Promise<unknown>((resolve) => {
          client.addHandler('PROVIDER_CONFIGURATION_CHANGED' as never, (details) => resolve(details));
        });
        const before = (await get(at.url, '/v1/flag/change')).json();

        await at.relay.changeFlags(changed);

        expect(await told).toMatchObject({ flagsChanged: ['banner', 'fresh', 'quiet'] });
        expect(await client.getBooleanValue('quiet', true)).toBe(false);
        expect(await client.getNumberValue('fresh', 7)).toBe(1);
        expect(await stream.change(0)).toEqual({
          added: { fresh },
          deleted: { banner: FLAGS['banner'] },
          updated: { quiet: { old_value: FLAGS['quiet'], new_value: changed.quiet } },
        });
        const after = (await get(at.url, '/v1/flag/change')).json() as typeof before;
        expect(after['hash']).not.toBe(before['hash']);
        const [was, is] = [before['flags'], after['flags']] as [JsonObject, JsonObject];
        expect(is['region']).toBe(was['region']);
        expect(is['quiet']).not.toBe(was['quiet']);
      } finally {
        stream.close();
        await OpenFeature.clearProviders();
      }
    });
  });

  describe.each(['inprocess', 'remote'] as const)('a change, in the mode %s', (evaluationType) => {
    const at = use({ flags: FLAGS });
    const { banner: _banner, ...kept } = FLAGS;

    it('arrives by the stream long before the next poll', async () => {
      const streaming = { streaming: 'sse', streamTriggerDelayMs: 0, pollIntervalMs: 600_000, logger: SILENT } as const;
      const evaluator =
        evaluationType === 'remote'
          ? new RemoteEvaluator({ endpoint: at.url, ...streaming })
          : new InProcessEvaluator({ endpoint: at.url, ...streaming });
      const told = new Promise<unknown>((resolve) => {
        evaluator.onChange((event) => event.type === 'changed' && resolve(event));
      });
      await evaluator.initialize();
      try {
        await until('the stream is open', async () => {
          const { stream } = evaluator.describe() as { stream?: { state?: string } };
          return stream?.state === 'up';
        });
        await at.relay.changeFlags(kept);
        expect(await told).toMatchObject({ flagsChanged: ['banner'] });
        expect(await evaluator.evaluate('banner', STAFF, 'gone')).toMatchObject({
          value: 'gone',
          errorCode: 'FLAG_NOT_FOUND',
        });
      } finally {
        await evaluator.close();
      }
    });
  });

  describe('flag sets', () => {
    const at = use({
      flagSets: [
        { name: 'shop', apiKeys: ['shop-key'], flags: nameplate('shop') },
        {
          name: 'blog',
          apiKeys: ['blog-key', 'blog-spare'],
          flags: { ...nameplate('blog'), extra: FLAGS['region'] as JsonObject },
        },
      ],
      keys: ['lonely-key'],
    });

    it.each(['shop', 'blog'])('show the flags of %s to its key alone', async (name) => {
      const headers = keyHeader(`${name}-key`);
      const { json } = await post(at.url, CONFIGURATION, {}, headers);
      const { flags } = json() as { flags: JsonObject };
      expect(flags['nameplate']).toEqual(nameplate(name)['nameplate']);
      expect(Object.keys(flags)).toEqual(name === 'shop' ? ['nameplate'] : ['extra', 'nameplate']);
      const single = await post(at.url, `${BULK}/nameplate`, { context: {} }, headers);
      expect(single.json()).toMatchObject({ value: name });
      const bulk = (await post(at.url, BULK, { context: {} }, headers)).json() as { flags: JsonObject[] };
      expect(bulk.flags.find(({ key }) => key === 'nameplate')).toMatchObject({ value: name });
      const unseen = await post(at.url, `${BULK}/extra`, { context: {} }, headers);
      expect(unseen.status).toBe(name === 'shop' ? 404 : 200);
    });

    it('answer 400 to a key that opens none of them, and 401 to no key or an unknown one', async () => {
      for (const [path, body] of [
        [CONFIGURATION, {}],
        [BULK, { context: {} }],
        [`${BULK}/nameplate`, { context: {} }],
        [COLLECTOR, { events: [] }],
      ] as const) {
        const lonely = await post(at.url, path, body, keyHeader('lonely-key'));
        expect([lonely.status, lonely.json()]).toEqual([
          400,
          { message: 'error while getting flagset: flagset not found for API key' },
        ]);
        expect((await post(at.url, path, body)).status).toBe(401);
        expect((await post(at.url, path, body, keyHeader('wrong'))).status).toBe(401);
      }
    });

    it('take events under a key of theirs', async () => {
      const event = {
        kind: 'feature',
        contextKind: 'user',
        userKey: 'u',
        creationDate: 1_790_000_000,
        key: 'nameplate',
        variation: 'name',
        value: 'blog',
        default: false,
      };
      expect((await post(at.url, COLLECTOR, { events: [event] }, keyHeader('blog-spare'))).status).toBe(200);
      const found = await until('the event is in the file', async () =>
        (await at.relay.events()).find(({ source, value }) => source === 'PROVIDER_CACHE' && value === 'blog'),
      );
      expect(found).toMatchObject(event);
    });

    it('tell a change to their own streams only', async () => {
      const [shop, blog] = await Promise.all([
        openChangeStream(at.url, '?apiKey=shop-key'),
        openChangeStream(at.url, '?apiKey=blog-key'),
      ]);
      const lonely = await openChangeStream(at.url, '?apiKey=lonely-key');
      expect([lonely.status, lonely.refusal]).toEqual([400, { message: 'no flag set associated to the API key' }]);
      try {
        await at.relay.changeFlags({ ...nameplate('shop'), more: FLAGS['quiet'] as JsonObject }, 'shop');
        expect(await shop.change(0)).toMatchObject({ added: { more: FLAGS['quiet'] }, deleted: {}, updated: {} });
        // Its own change comes first, so that of the other set did not come before it.
        await at.relay.changeFlags(nameplate('blog'), 'blog');
        expect(await blog.change(0)).toMatchObject({ added: {}, deleted: { extra: FLAGS['region'] } });
        expect(shop.count()).toBe(1);
      } finally {
        shop.close();
        blog.close();
      }
    });

    it('get other keys without a restart', async () => {
      await at.relay.rotateKeys(['shop-second'], 'shop');
      const { flags } = (await post(at.url, CONFIGURATION, {}, keyHeader('shop-second'))).json() as {
        flags: JsonObject;
      };
      expect(flags['nameplate']).toEqual(nameplate('shop')['nameplate']);
      expect((await post(at.url, CONFIGURATION, {}, keyHeader('blog-key'))).status).toBe(200);
    });

    it('feed a provider each', async () => {
      const names = ['shop', 'blog'];
      await Promise.all(
        names.map((name) => {
          const apiKey = name === 'shop' ? 'shop-second' : 'blog-key';
          return OpenFeature.setProviderAndWait(name, new EdictProvider({ endpoint: at.url, apiKey, ...EAGER }));
        }),
      );
      try {
        const values = await Promise.all(
          names.map((name) => OpenFeature.getClient(name).getStringValue('nameplate', '-')),
        );
        expect(values).toEqual(names);
      } finally {
        await OpenFeature.clearProviders();
      }
    });
  });

  describe('a restart in the middle of traffic', () => {
    const at = use({ flags: FLAGS });

    it('costs an evaluator no answer, and it finds what changed meanwhile', async () => {
      const evaluator = new InProcessEvaluator({ endpoint: at.url, ...EAGER });
      await evaluator.initialize();
      const wrong: unknown[] = [];
      let asked = 0;
      let wanted: ReadonlySet<unknown> = new Set([true]);
      const traffic = setInterval(() => {
        for (let user = 0; user < 100; user++) {
          const { value, errorCode } = evaluator.evaluate(
            'new-checkout',
            { ...STAFF, targetingKey: `u-${user}` },
            'none',
          );
          asked++;
          if (errorCode !== undefined || !wanted.has(value)) wrong.push({ value, errorCode });
        }
      }, 1);
      try {
        await at.relay.stop();
        await until('the client has noticed', () => evaluator.state === 'stale');
        const askedBefore = asked;
        await until('traffic goes on', () => asked > askedBefore + 1_000);
        expect(wrong).toEqual([]);

        const changed = new Promise<readonly string[]>((resolve) => {
          evaluator.onChange((event) => {
            if (event.type === 'changed') resolve(event.flagsChanged);
          });
        });
        wanted = new Set([true, false]);
        await at.relay.changeFlags({
          ...FLAGS,
          'new-checkout': FLAGS['quiet'] as JsonObject,
          banner: FLAGS['quiet'] as JsonObject,
        });
        await at.relay.start();

        expect(await changed).toEqual(['banner', 'new-checkout']);
        await until('the client is ready again', () => evaluator.state === 'ready');
        expect(evaluator.evaluate('banner', {}, false)).toMatchObject({ value: true, reason: 'STATIC' });
        expect(wrong).toEqual([]);
      } finally {
        clearInterval(traffic);
        await evaluator.close();
      }
    });

    it('with nothing changed keeps the validator: the next poll is answered 304', async () => {
      const before = await post(at.url, CONFIGURATION, {});
      await at.relay.stop();
      await at.relay.start();
      const after = await post(at.url, CONFIGURATION, {}, { 'if-none-match': String(before.headers.etag) });
      expect([after.status, after.headers.etag]).toEqual([304, before.headers.etag]);
    });
  });
});
