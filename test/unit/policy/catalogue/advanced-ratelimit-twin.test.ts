/** advanced-ratelimit in TypeScript and in WebAssembly: the same answers, the same counters. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { advancedRatelimit } from '../../../../src/policy/catalogue/advanced-ratelimit.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { PolicyFactory, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { body, INFO, policyOf, shipped } from '../guest/support/guest-rig.ts';
import { inputOf, made } from './support/catalogue-rig.ts';
import { RateLimitRig } from './support/rate-limit-rig.ts';

const STATE = 'ratelimit:state';
const KEYS = 'ratelimit:keys';
const module = shipped('advanced-ratelimit');

function guest(rig: RateLimitRig): PolicyFactory {
  return policyOf(module, {
    inputs: { headers: 'all', body: true, api: true, metadata: [STATE, KEYS, 'app', 'n'] },
    granted: ['clock', 'kv', 'crypto'] as never,
    host: rig.host,
  });
}

const key = fc.constantFrom<JsonObject>(
  { type: 'header', key: 'X-User' },
  { type: 'metadata', key: 'app' },
  ...['ip', 'apiname', 'apiversion', 'routename'].map((type) => ({ type })),
  { type: 'constant', key: 'é' },
);
const badKey = fc.constantFrom<JsonObject>({ type: 'header' }, { type: 'nothing' }, { type: 'cel', expression: 'x' });
const source = fc
  .record({
    type: fc.constantFrom('header', 'metadata', 'body'),
    side: fc.constantFrom('request', 'response'),
    multiplier: fc.constantFrom(1, 0.5, 2),
  })
  .map(({ type, side, multiplier }): JsonObject => {
    const where = type === 'body' ? { jsonPath: '$.a[1].n' } : { key: type === 'header' ? 'x-cost' : 'n' };
    return { type: `${side}_${type}`, multiplier, ...where };
  });
const limit = fc.record(
  {
    limit: fc.constantFrom(1, 2, 3, 7, 0, 1.5),
    duration: fc.constantFrom('1s', '1m', '1h30m', '1.5s', '7ms', '.5h', '10', '1d', '1..5s'),
    burst: fc.constantFrom(1, 2, 5),
  },
  { requiredKeys: ['limit', 'duration'] },
);
const good = limit.filter(
  ({ limit: n, duration }) =>
    n >= 1 && n !== 1.5 && /^[0-9.]+(?:s|m|ms|h|h30m)$/.test(duration) && !duration.includes('..'),
);
const quota = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'ü'),
    limits: fc.oneof(
      { weight: 9, arbitrary: fc.array(good, { minLength: 1, maxLength: 2 }) },
      fc.array(limit, { maxLength: 2 }),
    ),
    keyExtraction: fc.array(fc.oneof({ weight: 20, arbitrary: key }, badKey), { maxLength: 2 }),
    costExtraction: fc.record({
      enabled: fc.boolean(),
      sources: fc.array(source, { minLength: 1, maxLength: 2 }),
      default: fc.constantFrom(0, 1, 1.5),
    }),
  },
  { requiredKeys: ['limits'] },
);
const params = fc
  .record(
    {
      quotas: fc.array(quota, { minLength: 1, maxLength: 2 }),
      algorithm: fc.constantFrom('gcra', 'fixed-window'),
      scope: fc.constantFrom('route', 'api', 'tenant'),
      shareKey: fc.constant('s'),
      headers: fc.record({ includeXRateLimit: fc.boolean(), includeIETF: fc.boolean() }),
      onRateLimitExceeded: fc.constant({ statusCode: 503, body: 'häh', bodyFormat: 'plain' }),
    },
    { requiredKeys: ['quotas'] },
  )
  .map((given) => JSON.parse(JSON.stringify(given)) as JsonObject);

const step = fc.record({
  waitMs: fc.constantFrom(0, 0, 1, 500, 1_000, 20_000, 3_600_000),
  user: fc.constantFrom(undefined, 'ann', 'é'.repeat(300)),
  cost: fc.constantFrom('1', '0', '2.5', '-1', 'x', '.5'),
  body: fc.constantFrom('{"a":[0,{"n":2}]}', '{"a":[0,{"n":"1"}]}', '{', '{"a":{"1":2}}'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One exchange: what each hook said, with the metadata carried from one to the next. */
function exchange(instance: PolicyInstance, { user, cost, body: text }: Step): unknown[] {
  const headers = [['x-cost', cost] as const, ...(user === undefined ? [] : [['x-user', user] as const])];
  let metadata: JsonObject = { app: 'app-1', n: 2 };
  const said: unknown[] = [];
  for (const phase of [Phase.requestHeaders, Phase.requestBody, Phase.responseHeaders, Phase.responseBody] as const) {
    const { requestHeaders, requestBody, responseHeaders, responseBody } = instance.modes;
    if ([requestHeaders, requestBody, responseHeaders, responseBody][phase - 1] === 'skip') continue;
    const more: Partial<HookInput> = { gathered: { ...NOTHING_GATHERED, metadata } };
    const input = inputOf({ headers, body: body(text) }, more, { headers: HeaderMap.from(headers), body: body(text) });
    const outcome = instance.call(phase, input);
    said.push(outcome);
    if (!('action' in outcome)) continue;
    metadata = { ...metadata, ...outcome.action.metadataPatch } as JsonObject;
    if (outcome.action.kind === 'immediate') break;
  }
  return said;
}

async function refusalOr(policy: PolicyFactory, given: JsonObject): Promise<PolicyInstance | string> {
  const instance = await policy.create({ info: INFO, params: given });
  if (!('kind' in instance)) return instance;
  return instance.message.replace(/^(?:the policy refused its parameters|[a-z-]+): /, '');
}

describe('advanced-ratelimit', () => {
  it('gives the same in TypeScript and in WebAssembly, for 1,000 random policies and exchanges (P-75)', async () => {
    let served = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(params, fc.array(step, { minLength: 4, maxLength: 8 }), async (given, steps) => {
        const rigs = [new RateLimitRig(), new RateLimitRig()] as const;
        const native = await refusalOr(advancedRatelimit(rigs[0].host), given);
        const wasm = await refusalOr(guest(rigs[1]), given);
        if (typeof native === 'string' || typeof wasm === 'string') {
          expect(wasm).toBe(native);
          return;
        }
        served++;
        expect(wasm.modes).toEqual(native.modes);
        for (const one of steps) {
          for (const rig of rigs) rig.nowMs += one.waitMs;
          const said = exchange(native, one);
          if (JSON.stringify(said).includes('"immediate"')) refused++;
          expect(exchange(wasm, one)).toEqual(said);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(served).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(300);
  }, 60_000);

  it.each(['gcra', 'fixed-window'])('continues with the counters of the other one: %s (P-70)', async (algorithm) => {
    const rig = new RateLimitRig();
    const given = { quotas: [{ limits: [{ limit: 4, duration: '1h' }] }], algorithm };
    const both = [await made(advancedRatelimit(rig.host), given), await made(guest(rig), given)];
    const kinds = [0, 1, 0, 1, 0, 1].map((which) => {
      const outcome = both[which]?.call(Phase.requestHeaders, inputOf());
      return outcome !== undefined && 'action' in outcome ? outcome.action.kind : 'failure';
    });
    expect(kinds).toEqual([...Array(4).fill('request-changes'), 'immediate', 'immediate']);
  });
});
