import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { advancedRatelimit } from '../../../../src/policy/catalogue/advanced-ratelimit.ts';
import { durationOf } from '../../../../src/policy/catalogue/rate-limit-params.ts';
import type { ImmediateResponse } from '../../../../src/policy/model/actions.ts';
import type { HookInput, PolicyInfo } from '../../../../src/policy/model/inputs.ts';
import type { PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { body, EXCHANGE } from '../guest/support/guest-rig.ts';
import { ExchangeRig, position, request, response } from '../support/exchange-rig.ts';
import { actionOf, inputOf, made, refusal } from './support/catalogue-rig.ts';
import { RateLimitRig } from './support/rate-limit-rig.ts';

const quota = (limit: number, duration: string, more: JsonObject = {}): JsonObject => ({
  limits: [{ limit, duration }],
  ...more,
});

const byUser: JsonObject = { keyExtraction: [{ type: 'header', key: 'X-User' }] };
const user = (name: string): HookInput => inputOf({ headers: [['x-user', name]] });

/** `ok` or the status, for as many calls. */
async function said(instance: PolicyInstance, times: number, input = inputOf()): Promise<string> {
  let text = '';
  for (let i = 0; i < times; i++) {
    const action = (await actionOf(instance, input)) as { kind: string; status?: number };
    text += action.kind === 'immediate' ? 'x' : '.';
  }
  return text;
}

const limited = (rig: RateLimitRig, params: JsonObject, info: Partial<PolicyInfo> = {}): Promise<PolicyInstance> =>
  made(advancedRatelimit(rig.host), params, info);

describe('advanced-ratelimit: gcra', () => {
  it('lets a burst through, then one request for each share of the window', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [quota(6, '1m')] });
    expect(await said(instance, 8)).toBe('......xx');
    rig.nowMs += 9_999;
    expect(await said(instance, 1)).toBe('x');
    rig.nowMs += 1;
    expect(await said(instance, 2)).toBe('.x');
    rig.nowMs += 60_000;
    expect(await said(instance, 7)).toBe('......x');
  });

  it('takes the burst for itself where one is given', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [{ limits: [{ limit: 60, duration: '1m', burst: 2 }] }] });
    expect(await said(instance, 3)).toBe('..x');
    rig.nowMs += 1_000;
    expect(await said(instance, 2)).toBe('.x');
  });

  it('is not refused for what binary fractions leave over', async () => {
    const rig = new RateLimitRig();
    expect(await said(await limited(rig, { quotas: [quota(3, '1s')] }), 4)).toBe('...x');
    expect(await said(await limited(rig, { quotas: [quota(7, '1s', { name: 'b' })] }), 8)).toBe('.......x');
  });

  it('tells when to come back, and is a fault', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [quota(2, '1m', { name: 'per-minute' })] });
    await said(instance, 2);
    const refused = (await actionOf(instance, inputOf())) as ImmediateResponse;
    expect({ ...refused, body: Buffer.from(refused.body ?? []).toString() }).toEqual({
      kind: 'immediate',
      status: 429,
      headers: [
        ['content-type', 'application/json'],
        ['retry-after', '30'],
        ['x-ratelimit-quota', 'per-minute'],
        ['x-ratelimit-limit', '2'],
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', String(1_700_000_060)],
        ['ratelimit-policy', '2;w=60'],
        ['ratelimit-limit', '2'],
        ['ratelimit-remaining', '0'],
        ['ratelimit-reset', '60'],
      ],
      body: '{"error":"Too Many Requests","message":"Rate limit exceeded. Please try again later."}',
      fault: {
        code: 900_800,
        type: 'RATE_LIMIT_EXCEEDED',
        message: 'Rate limit exceeded',
        description: 'per-minute allows 2 in 60 s',
      },
    });
  });

  it('survives a clock that was set back', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [quota(2, '1m')] });
    await said(instance, 2);
    rig.nowMs -= 86_400_000;
    rig.nowMs += 120_000;
    expect(await said(instance, 1)).toBe('x');
    rig.nowMs += 120_000;
    expect(await said(instance, 1)).toBe('x');
  });
});

describe('advanced-ratelimit: fixed-window', () => {
  it('counts anew in each window', async () => {
    const rig = new RateLimitRig();
    rig.nowMs = 1_700_000_040_000 - 1_000;
    const instance = await limited(rig, { quotas: [quota(2, '1m')], algorithm: 'fixed-window' });
    expect(await said(instance, 3)).toBe('..x');
    const refused = (await actionOf(instance, inputOf())) as ImmediateResponse;
    expect(refused.headers).toContainEqual(['retry-after', '1']);
    rig.nowMs += 1_000;
    expect(await said(instance, 3)).toBe('..x');
  });
});

describe('advanced-ratelimit: quotas and keys', () => {
  it('keeps one bucket for each key, and one for those without', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [quota(1, '1h', byUser)] });
    expect(await said(instance, 2, user('ann'))).toBe('.x');
    expect(await said(instance, 2, user('bob'))).toBe('.x');
    expect(await said(instance, 2, user('-'))).toBe('.x');
    expect(await said(instance, 2, inputOf({ headers: [] }))).toBe('.x');
    expect(await said(instance, 2, user('u'.repeat(9_000)))).toBe('.x');
    expect(await said(instance, 2, user(`${'u'.repeat(8_999)}v`))).toBe('.x');
  });

  it.each<[string, JsonObject, Partial<HookInput>, Partial<HookInput>]>([
    [
      'ip',
      { type: 'ip' },
      { exchange: { ...EXCHANGE, clientIp: '1.1.1.1' } },
      { exchange: { ...EXCHANGE, clientIp: '1.1.1.2' } },
    ],
    ['routename', { type: 'routename' }, {}, { exchange: { ...EXCHANGE, routeName: 'other' } }],
    [
      'metadata',
      { type: 'metadata', key: 'app' },
      { gathered: { ...NOTHING_GATHERED, metadata: { app: 'a' } } },
      { gathered: { ...NOTHING_GATHERED, metadata: { app: 'b' } } },
    ],
  ])('tells callers apart by %s', async (_name, part, one, other) => {
    const instance = await limited(new RateLimitRig(), { keyExtraction: [part], quotas: [quota(1, '1h')] });
    expect(await said(instance, 2, inputOf({}, one))).toBe('.x');
    expect(await said(instance, 2, inputOf({}, other))).toBe('.x');
  });

  it('reads keys in CEL through its port, and refuses them without', async () => {
    const rig = new RateLimitRig();
    const params: JsonObject = {
      quotas: [quota(1, '1h', { keyExtraction: [{ type: 'cel', expression: 'request.Method' }] })],
    };
    const policy = advancedRatelimit(rig.host, () => ({ evaluate: ({ request: { method } }) => method }));
    const instance = await made(policy, params);
    expect(await said(instance, 2, inputOf({ method: 'GET' }))).toBe('.x');
    expect(await said(instance, 1, inputOf({ method: 'PUT' }))).toBe('.');
    expect(await refusal(advancedRatelimit(rig.host), params)).toMatch(/needs CEL/);
  });

  it('charges a request that one quota refuses to none of them (U-19)', async () => {
    const rig = new RateLimitRig();
    const params = { quotas: [quota(3, '1h', { name: 'all' }), quota(1, '1h', { name: 'mine', ...byUser })] };
    const instance = await limited(rig, params);
    expect(await said(instance, 5, user('ann'))).toBe('.xxxx');
    expect(await said(instance, 1, user('bob'))).toBe('.');
    expect(await said(instance, 1, user('cid'))).toBe('.');
    expect(await said(instance, 1, user('dan'))).toBe('x');
  });

  it('holds every limit of a quota, and speaks of the one that makes wait longest', async () => {
    const rig = new RateLimitRig();
    const limits = [
      { limit: 2, duration: '1s' },
      { limit: 3, duration: '1h' },
    ];
    const instance = await limited(rig, { quotas: [{ limits }] });
    expect(await said(instance, 3)).toBe('..x');
    rig.nowMs += 1_000;
    expect(await said(instance, 2)).toBe('.x');
    const refused = (await actionOf(instance, inputOf())) as ImmediateResponse;
    expect(refused.headers).toContainEqual(['retry-after', '1199']);
  });
});

describe('advanced-ratelimit: costs', () => {
  const costs = (type: string, more: JsonObject): JsonObject => ({
    costExtraction: { enabled: true, sources: [{ type, ...more }], default: 3 },
  });

  it('charges what a header says, times its multiplier, and the default where it says nothing', async () => {
    const rig = new RateLimitRig();
    const source = costs('request_header', { key: 'x-cost', multiplier: 0.5 });
    const instance = await limited(rig, { quotas: [quota(10, '1h', source)] });
    const costing = (cost: string): HookInput => inputOf({ headers: [['x-cost', cost]] });
    expect(await said(instance, 1, costing('10'))).toBe('.');
    expect(await said(instance, 1, costing('-5'))).toBe('.');
    expect(await said(instance, 1, costing('6'))).toBe('x');
    expect(await said(instance, 1, costing('4'))).toBe('.');
    expect(await said(instance, 1, costing('0'))).toBe('x');
  });

  it('reads the cost of a request from its body before any quota is charged', async () => {
    const rig = new RateLimitRig();
    const params = {
      quotas: [quota(9, '1h', costs('request_body', { jsonPath: '$.items[1].n' })), quota(100, '1h', { name: 'b' })],
    };
    const instance = await limited(rig, params);
    expect(instance.modes).toMatchObject({ requestHeaders: 'skip', requestBody: 'buffer' });
    const input = inputOf({ body: body('{"items":[1,{"n":5}]}') });
    expect(await actionOf(instance, input, Phase.requestBody)).toMatchObject({ kind: 'request-changes' });
    expect(await actionOf(instance, input, Phase.requestBody)).toMatchObject({ kind: 'immediate' });
    const broken = inputOf({ body: body('{') });
    expect(await actionOf(instance, broken, Phase.requestBody)).toMatchObject({ kind: 'request-changes' });
  });

  it('charges tokens after the response, and refuses when they are used up (U-19)', async () => {
    const rig = new RateLimitRig();
    const tokens = {
      costExtraction: {
        enabled: true,
        sources: [
          { type: 'response_body', jsonPath: '$.usage.prompt_tokens', multiplier: 2 },
          { type: 'response_body', jsonPath: '$.usage.completion_tokens' },
        ],
        default: 0,
      },
    };
    const instance = await limited(rig, { quotas: [quota(100, '100s', { ...byUser, ...tokens })] });
    const here = { ...position('limit', {}), instance };
    const ask = async (answer: string, name = 'ann'): Promise<number> => {
      const chain = new ExchangeRig([here], request({ method: 'GET', headers: [['x-user', name]] }), 9e15);
      const step = await chain.exchange.requestHeaders('none');
      if (step.kind === 'respond') return step.response.status;
      await chain.exchange.responseHeaders(response(), 'buffer');
      return (await chain.exchange.responseBody(body(answer))).response.status;
    };
    expect(await ask('{"usage":{"prompt_tokens":10,"completion_tokens":70}}')).toBe(200);
    expect(await ask('{"usage":{"prompt_tokens":20,"completion_tokens":0}}')).toBe(200);
    expect(await ask('no matter')).toBe(429);
    expect(await ask('no matter', 'bob')).toBe(200);
    rig.nowMs += 30_000;
    expect(await ask('no matter')).toBe(429);
    rig.nowMs += 1_000;
    expect(await ask('{"usage":{}}')).toBe(200);
  });

  it('charges the key of the request, also when a later policy changed the header', async () => {
    const rig = new RateLimitRig();
    const source = costs('response_header', { key: 'x-cost' });
    const instance = await limited(rig, { quotas: [quota(10, '1h', { ...byUser, ...source })] });
    const renames = position('rename', {
      requestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-user', 'other']] } }),
    });
    const chain = new ExchangeRig(
      [{ ...position('limit', {}), instance }, renames],
      request({ method: 'GET', headers: [['x-user', 'ann']] }),
      9e15,
    );
    await chain.exchange.requestHeaders('none');
    await chain.exchange.responseHeaders(response({ headers: [['x-cost', '10']] }), 'none');
    expect(await said(instance, 1, user('ann'))).toBe('x');
    expect(await said(instance, 1, user('other'))).toBe('.');
  });
});

describe('advanced-ratelimit: state', () => {
  it('puts the quota with least left on the response', async () => {
    const rig = new RateLimitRig();
    const instance = await limited(rig, { quotas: [quota(60, '1m'), quota(5, '1h')] });
    const chain = new ExchangeRig([{ ...position('limit', {}), instance }], request({ method: 'GET' }), 9e15);
    await chain.exchange.requestHeaders('none');
    const { headers } = (await chain.exchange.responseHeaders(response({ headers: [] }), 'none')).response;
    expect([...headers.pairs()]).toEqual([
      ['x-ratelimit-limit', '5'],
      ['x-ratelimit-remaining', '4'],
      ['x-ratelimit-reset', String(1_700_000_720)],
      ['ratelimit-policy', '5;w=3600'],
      ['ratelimit-limit', '5'],
      ['ratelimit-remaining', '4'],
      ['ratelimit-reset', '720'],
    ]);
  });

  it('is one for all routes of an API it is attached to, and one for each route otherwise (U-18)', async () => {
    const rig = new RateLimitRig();
    const params = { quotas: [quota(1, '1h')] };
    const [one, two] = [{ routeName: 'one' }, { routeName: 'two' }];
    expect(await said(await limited(rig, params, one), 1)).toBe('.');
    expect(await said(await limited(rig, params, two), 1)).toBe('.');
    expect(await said(await limited(rig, params, { ...one, attachedTo: 'api' }), 1)).toBe('.');
    expect(await said(await limited(rig, params, { ...two, attachedTo: 'api' }), 1)).toBe('x');
    const shared = { ...params, shareKey: 'checkout' };
    expect(await said(await limited(rig, shared, one), 1)).toBe('.');
    expect(await said(await limited(rig, shared, two), 1)).toBe('x');
  });

  it('continues over new instances and new parameters (P-70)', async () => {
    const rig = new RateLimitRig();
    expect(await said(await limited(rig, { quotas: [quota(10, '10m')] }), 5)).toBe('.....');
    const next = { quotas: [quota(10, '10m'), quota(100, '1h', { name: 'new' })] };
    expect(await said(await limited(rig, next), 6)).toBe('.....x');
    expect(await said(await limited(rig, { quotas: [quota(20, '10m')] }), 1)).toBe('x');
  });

  it('never spends a unit twice, whoever comes in between (P-69)', async () => {
    for (const algorithm of ['gcra', 'fixed-window']) {
      const rig = new RateLimitRig();
      const params = { quotas: [quota(2, '1h'), quota(9, '1h', { name: 'b' })], algorithm };
      const other = await limited(rig, params);
      const others: string[] = [];
      const host = rig.interrupted(() => {
        for (let i = 0; i < 2; i++)
          others.push(other.call(Phase.requestHeaders, inputOf()) instanceof Promise ? '?' : '.');
      });
      const instance = await made(advancedRatelimit(host), params);
      expect(await said(instance, 1)).toBe('x');
      expect(others).toHaveLength(2);
      // What the loser had charged is given back: seven of nine are left.
      const rest = await limited(rig, { quotas: [quota(9, '1h', { name: 'b' })], algorithm });
      expect(await said(rest, 8)).toBe('.......x');
    }
  });

  it('fails where the store does not answer, so that the position decides what that means', async () => {
    const rig = new RateLimitRig();
    const { host } = rig;
    const broken = new Proxy(host, {
      get: (target, name) =>
        name === 'kvGet' ? () => ({ fault: 'unavailable' }) : Reflect.get(target, name, target)?.bind?.(target),
    });
    const instance = await made(advancedRatelimit(broken), { quotas: [quota(1, '1h')] });
    expect(instance.call(Phase.requestHeaders, inputOf())).toMatchObject({ kind: 'failure' });
  });
});

describe('advanced-ratelimit: refusals', () => {
  const rig = new RateLimitRig();

  it.each<[JsonObject, string]>([
    [{}, '/quotas: lists no quota'],
    [{ quotas: [{}] }, '/quotas/0/limits: lists no limit'],
    [{ quotas: [quota(0, '1m')] }, '/quotas/0/limits/0/limit: is no number from 1 to 1000000000'],
    [
      { quotas: [quota(1, '1 m')] },
      '/quotas/0/limits/0/duration: is no duration from 1ms to 744h, such as 1m or 1h30m',
    ],
    [{ quotas: [quota(1, '1m', { name: 'a' }), quota(1, '1m', { name: 'a' })] }, '/quotas/1/name: is there already'],
    [{ quotas: [quota(1, '1m')], algorithm: 'leaky' }, '/algorithm: is gcra or fixed-window'],
    [
      { quotas: [quota(1, '1m', { keyExtraction: [{ type: 'header' }] })] },
      '/quotas/0/keyExtraction/0/key: is missing',
    ],
    [
      {
        quotas: [
          quota(1, '1m', { costExtraction: { enabled: true, sources: [{ type: 'response_body', jsonPath: '$..x' }] } }),
        ],
      },
      '/quotas/0/costExtraction/sources/0/jsonPath: is no path such as $.usage.total_tokens',
    ],
  ])('refuses %j when it is deployed', async (params, reason) => {
    expect(await refusal(advancedRatelimit(rig.host), params)).toBe(`PARAMS_INVALID: ${reason}`);
  });

  it('reads durations as Go writes them', () => {
    expect(['1s', '1h30m', '1.5h', '250ms', '.5s'].map(durationOf)).toEqual([1_000, 5_400_000, 5_400_000, 250, 500]);
    expect(['', '1', '-1s', '1d', 's'].map(durationOf)).toEqual(Array(5).fill(Number.NaN));
  });
});
