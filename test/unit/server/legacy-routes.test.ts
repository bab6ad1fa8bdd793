import { describe, expect, it, onTestFinished } from 'vitest';
import { createRelay } from '../../../src/server/index.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { SHOP, SILENT, send, startTestRelay } from './test-relay.ts';

const ALL = '/v1/allflags';
const on = { variations: { on: true }, defaultRule: { variation: 'on' } };
const FLAGS = {
  checkout: { ...(SHOP.checkout as object), version: '7' } as typeof SHOP,
  off: { ...on, disable: true },
  broken: { variations: { on: true }, defaultRule: { percentage: { on: 100 } } },
  silent: { ...on, trackEvents: false },
  bucketed: { ...on, bucketingKey: 'teamId' },
};
const CONTEXT = { evaluationContext: { key: 'u-1', custom: { email: 'a@example.com' } } };

describe('POST /v1/feature/{key}/eval', () => {
  it('answers the flag’s value with everything about it', async () => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post('/v1/feature/checkout/eval', { ...CONTEXT, defaultValue: false });
    expect([answer.status, answer.text]).toEqual([
      200,
      '{"cacheable":true,"errorCode":"","failed":false,"metadata":{"owner":"payments"},"reason":"STATIC",' +
        '"trackEvents":true,"value":true,"variationType":"on","version":"7"}\n',
    ]);
  });

  it.each([
    ['unknown', { errorCode: 'FLAG_NOT_FOUND', failed: true, reason: 'ERROR', trackEvents: false, version: '' }],
    ['broken', { errorCode: 'FLAG_CONFIG', failed: true, reason: 'ERROR', errorDetails: expect.any(String) }],
    ['off', { errorCode: '', failed: false, reason: 'DISABLED' }],
  ])('answers 200 with the default value for %s', async (key, members) => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(`/v1/feature/${key}/eval`, { ...CONTEXT, defaultValue: { my: 'own' } });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ ...members, value: { my: 'own' }, variationType: 'SdkDefault' });
    if (key === 'unknown') expect(answer.json()).not.toHaveProperty('errorDetails');
  });

  it('takes no default value for null, and a percent-encoded key for what it means', async () => {
    const { post } = await startTestRelay({ ...SHOP });
    expect((await post('/v1/feature/nope/eval', CONTEXT)).json()).toMatchObject({ value: null });
    expect((await post('/v1/feature/shop%2Fprice:%E2%82%AC/eval', CONTEXT)).json()).toMatchObject({ value: 2.5 });
    expect((await post('/v1/feature/%zz/eval', CONTEXT)).status).toBe(400);
  });

  it('records the evaluation with the value that was served, and counts it', async () => {
    const { relay, post, get } = await startTestRelay(FLAGS);
    for (const key of ['checkout', 'off', 'unknown', 'silent']) {
      await post(`/v1/feature/${key}/eval`, { user: { key: 'u-1', anonymous: true }, defaultValue: 5 });
    }
    expect(relay.events().map(({ event }) => event)).toMatchObject([
      { key: 'checkout', value: true, userKey: 'u-1', contextKind: 'anonymousUser', source: 'SERVER' },
      { key: 'off', value: 5, default: false },
    ]);
    expect((await get('/metrics')).text).toContain('gofeatureflag_flag_evaluations_total{flag_name="checkout"} 1\n');
  });
});

describe('POST /v1/allflags', () => {
  it('answers the state of every flag, and whether all went well', async () => {
    const clock = new FakeClock();
    clock.wallMs = 1_790_000_000_999;
    const { post } = await startTestRelay(
      { checkout: FLAGS.checkout, off: FLAGS.off, silent: FLAGS.silent },
      { clock },
    );
    const answer = await post(ALL, CONTEXT);
    const timestamp = 1_790_000_000;
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        flags: {
          checkout: {
            value: true,
            timestamp,
            variationType: 'on',
            trackEvents: true,
            errorCode: '',
            reason: 'STATIC',
            metadata: { owner: 'payments' },
          },
          off: { value: null, timestamp, variationType: '', trackEvents: true, errorCode: '', reason: 'DISABLED' },
          silent: { value: true, timestamp, variationType: 'on', trackEvents: false, errorCode: '', reason: 'STATIC' },
        },
        valid: true,
      },
    ]);
  });

  it('is not valid when a flag failed, or had no value to give', async () => {
    const { post } = await startTestRelay({
      broken: FLAGS.broken,
      gone: { ...on, scheduledRollout: [{ date: '2020-01-01T00:00:00Z', defaultRule: { variation: 'nowhere' } }] },
    });
    expect((await post(ALL, CONTEXT)).json()).toMatchObject({
      flags: {
        broken: { value: null, variationType: '', errorCode: 'FLAG_CONFIG', errorDetails: expect.any(String) },
        gone: { value: null, variationType: 'SdkDefault', errorCode: 'TYPE_MISMATCH', reason: 'ERROR' },
      },
      valid: false,
    });
  });

  it('leaves flags out when there are none, and takes a flagList', async () => {
    const { post } = await startTestRelay(FLAGS);
    const asked = (flagList: string[]) => post(ALL, { evaluationContext: { custom: { gofeatureflag: { flagList } } } });
    expect((await asked(['nope'])).text).toBe('{"valid":true}\n');
    expect(Object.keys(((await asked(['off', 'nope'])).json() as { flags: object }).flags)).toEqual(['off']);
  });

  it('records no event, and counts as a bulk evaluation', async () => {
    const { relay, post, get } = await startTestRelay(FLAGS);
    await post(ALL, CONTEXT);
    expect(relay.events()).toEqual([]);
    expect((await get('/metrics')).text).toContain('gofeatureflag_all_flag_evaluations_total 1\n');
  });
});

describe.each([ALL, '/v1/feature/checkout/eval'])('%s', (path) => {
  it.each([[undefined], [{}], [[]], [{ evaluationContext: null, user: null }]])(
    'answers 400 to %o, which has neither context nor user',
    async (body) => {
      const { post } = await startTestRelay(FLAGS);
      const answer = await post(path, body);
      expect([answer.status, answer.text]).toEqual([
        400,
        '{"message":"assertRequest: impossible to find user in request"}\n',
      ]);
    },
  );

  it.each([
    ['{', 'the body is not valid JSON'],
    [{ evaluationContext: 'u-1' }, '"evaluationContext" is not an object'],
    [{ evaluationContext: { key: 1 } }, '"evaluationContext.key" is not a string'],
    [{ user: { custom: [] } }, '"user.custom" is not an object'],
    [{ user: { anonymous: 'yes' } }, '"user.anonymous" is not a boolean'],
  ])('answers 400 to %o', async (body, message) => {
    const { post } = await startTestRelay(FLAGS);
    const answer = await post(path, body);
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });

  it('asks for a key', async () => {
    const { post } = await startTestRelay(FLAGS, { apiKeys: ['key-1'] });
    expect((await post(path, CONTEXT)).status).toBe(401);
    expect((await post(path, CONTEXT, { 'x-api-key': 'key-1' })).status).toBe(200);
  });
});

describe('both forms of a user', () => {
  it('reach the evaluator as attributes, key and anonymous included', async () => {
    const rule = (query: string) => ({
      ...on,
      variations: { on: true, off: false },
      targeting: [{ query, variation: 'on' }],
      defaultRule: { variation: 'off' },
    });
    const flags = {
      byEmail: rule('email ew "@example.com"'),
      byKey: rule('targetingKey eq "u-1"'),
      byAnonymous: rule('anonymous eq true'),
    };
    const relay = await createRelay({ flags, port: 0, logger: SILENT });
    onTestFinished(() => relay.close());
    const values = async (body: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await send(relay.url + ALL, { method: 'POST', headers, body: JSON.stringify(body) });
      const states = (answer.json() as { flags: Record<string, { value: unknown }> }).flags;
      return Object.fromEntries(Object.entries(states).map(([key, { value }]) => [key, value]));
    };
    const custom = { email: 'a@example.com', targetingKey: 'ignored' };
    expect(await values({ evaluationContext: { key: 'u-1', custom } })).toEqual({
      byEmail: true,
      byKey: true,
      byAnonymous: false,
    });
    expect(await values({ user: { key: 'u-2', anonymous: true, custom } })).toEqual({
      byEmail: true,
      byKey: false,
      byAnonymous: true,
    });
  });
});
