import { describe, expect, it } from 'vitest';
import { SHOP, startTestRelay } from './test-relay.ts';

const BULK = '/ofrep/v1/evaluate/flags';
const FLAGS = {
  ...SHOP,
  window: { variations: { on: true }, defaultRule: { variation: 'on' }, experimentation: {} },
  off: { variations: { on: true }, defaultRule: { variation: 'on' }, disable: true },
  bucketed: { variations: { on: true }, defaultRule: { variation: 'on' }, bucketingKey: 'teamId' },
  broken: { variations: { on: true }, defaultRule: { percentage: { on: 100 } } },
  gone: {
    variations: { on: true },
    defaultRule: { variation: 'on' },
    scheduledRollout: [{ date: '2020-01-01T00:00:00Z', defaultRule: { variation: 'nowhere' } }],
  },
};

describe('POST /ofrep/v1/evaluate/flags/{key}', () => {
  it('answers value, reason, variant and metadata, and says when the answer is cacheable', async () => {
    const { post } = await startTestRelay(FLAGS);
    const { status, text, headers } = await post(`${BULK}/checkout`, { context: { targetingKey: 'u-1' } });
    expect(status).toBe(200);
    expect(text).toBe(
      '{"key":"checkout","metadata":{"gofeatureflag_cacheable":true,"owner":"payments"},' +
        '"reason":"STATIC","value":true,"variant":"on"}\n',
    );
    expect(headers.etag).toBeUndefined();
  });

  it('leaves the metadata out when there is none and the answer may change with the clock', async () => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(`${BULK}/window`, { context: {} });
    expect(answer.json()).toEqual({ key: 'window', reason: 'STATIC', value: true, variant: 'on' });
  });

  it('answers null with reason DISABLED and variant SdkDefault for a disabled flag', async () => {
    const { post } = await startTestRelay(FLAGS);
    expect((await post(`${BULK}/off`, { context: {} })).json()).toMatchObject({
      key: 'off',
      reason: 'DISABLED',
      value: null,
      variant: 'SdkDefault',
    });
  });

  it('answers 200 with value null when the variation has no value', async () => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(`${BULK}/gone`, { context: {} });
    expect([answer.status, answer.json()]).toMatchObject([200, { value: null, reason: 'STATIC', variant: 'nowhere' }]);
  });

  it.each([
    ['bucketed', 400, 'TARGETING_KEY_MISSING', 'Error: Empty targeting key'],
    ['broken', 400, 'FLAG_CONFIG', 'no default targeting for the flag'],
    ['nope', 404, 'FLAG_NOT_FOUND', "Flag with key 'nope' not found"],
    ['constructor', 404, 'FLAG_NOT_FOUND', "Flag with key 'constructor' not found"],
  ])('answers %s with %i %s', async (key, status, errorCode, errorDetails) => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(`${BULK}/${key}`, { context: {} });
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual({ errorCode, errorDetails, key });
  });

  it.each(['shop%2Fprice%3A%E2%82%AC', 'shop%2fprice:%e2%82%ac', '%73hop%2Fprice%3A%E2%82%AC'])(
    'finds the flag whichever characters the client encoded: %s',
    async (segment) => {
      const { post } = await startTestRelay(FLAGS);
      expect((await post(`${BULK}/${segment}`, { context: {} })).json()).toMatchObject({
        key: 'shop/price:€',
        value: 2.5,
      });
    },
  );

  it.each(['%', '%zz', '%E2%82'])('answers 400 to the malformed encoding %s', async (segment) => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(`${BULK}/${segment}`, { context: {} });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ errorCode: 'GENERAL', key: segment });
  });

  it.each([undefined, {}, [], { context: null }, { context: 'u-1' }, { context: [] }, '{"context":'])(
    'answers 400 INVALID_CONTEXT to %o',
    async (body) => {
      const { post } = await startTestRelay(FLAGS);
      const answer = await post(`${BULK}/checkout`, body);
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({
        errorCode: 'INVALID_CONTEXT',
        errorDetails: expect.stringMatching(/evaluation context|valid JSON/),
        key: 'checkout',
      });
    },
  );

  it('is another route’s error, without errorCode, for a path with more segments', async () => {
    const { post } = await startTestRelay(FLAGS);
    for (const path of [`${BULK}/a/b`, `${BULK}/`, '/ofrep/v1/configuration']) {
      const answer = await post(path, { context: {} });
      expect([answer.status, answer.text]).toEqual([404, '{"message":"Not Found"}\n']);
    }
  });
});

describe('POST /ofrep/v1/evaluate/flags', () => {
  it('answers every flag, sorted by key, a failed one with value null and reason ERROR', async () => {
    const { post } = await startTestRelay({ b: SHOP.checkout ?? null, broken: FLAGS.broken, a: FLAGS.off });
    expect((await post(BULK, { context: {} })).json()).toEqual({
      flags: [
        { key: 'a', reason: 'DISABLED', value: null, variant: 'SdkDefault' },
        { key: 'b', metadata: { owner: 'payments' }, reason: 'STATIC', value: true, variant: 'on' },
        {
          errorCode: 'FLAG_CONFIG',
          errorDetails: 'no default targeting for the flag',
          key: 'broken',
          reason: 'ERROR',
          value: null,
          variant: 'SdkDefault',
        },
      ],
    });
  });

  it('is limited by gofeatureflag.flagList, where unknown and repeated keys count for nothing', async () => {
    const { post } = await startTestRelay(FLAGS);
    const flagList = ['off', 'checkout', 'nope', 'off', 7, 'toString'];
    const { flags } = (await post(BULK, { context: { gofeatureflag: { flagList } } })).json() as {
      flags: { key: string }[];
    };
    expect(flags.map(({ key }) => key)).toEqual(['checkout', 'off']);
  });

  it.each([[], {}, null, 'checkout', [1]])('answers all flags when the flagList is %o', async (flagList) => {
    const { post } = await startTestRelay(FLAGS);
    const { flags } = (await post(BULK, { context: { gofeatureflag: { flagList } } })).json() as { flags: object[] };
    expect(flags.length).toBe(Object.keys(FLAGS).length);
  });

  it('answers no flag when the list names only unknown ones', async () => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(BULK, { context: { gofeatureflag: { flagList: ['nope'] } } });
    expect(answer.text).toBe('{"flags":[]}\n');
  });

  it('is conditional', async () => {
    const { post } = await startTestRelay(FLAGS);
    const first = await post(BULK, { context: {} });
    expect(first.headers.etag).toMatch(/^"\d+-[0-9a-f]{40}"$/);
    const again = await post(BULK, { context: {} }, { 'if-none-match': String(first.headers.etag) });
    expect([again.status, again.bytes.length, again.headers.etag]).toEqual([304, 0, first.headers.etag]);
  });

  it('answers 400 INVALID_CONTEXT, without key and validator, when there is no context', async () => {
    const { post } = await startTestRelay(FLAGS);
    const { status, json, headers } = await post(BULK, {});
    expect(status).toBe(400);
    expect(json()).toEqual({ errorCode: 'INVALID_CONTEXT', errorDetails: 'the request has no evaluation context' });
    expect(headers.etag).toBeUndefined();
  });
});
