/** Policies of the catalogue twice, in TypeScript and in WebAssembly: the same answers to anything. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { cors } from '../../../../src/policy/catalogue/cors.ts';
import { dynamicEndpoint } from '../../../../src/policy/catalogue/dynamic-endpoint.ts';
import { removeHeaders } from '../../../../src/policy/catalogue/remove-headers.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { PolicyFactory } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { hookInput, INFO, policyOf, shipped } from '../guest/support/guest-rig.ts';
import { inputOf } from './support/catalogue-rig.ts';

const RUNS = { numRuns: 1_000 };

/** What a policy says of parameters, then of inputs. */
async function answers(policy: PolicyFactory, params: JsonObject, inputs: readonly HookInput[]): Promise<unknown> {
  const made = await policy.create({ info: INFO, params });
  if ('kind' in made) {
    return [made.code, made.message.replace(/^(?:the policy refused its parameters|[a-z-]+): /, '')];
  }
  const outcomes = inputs.flatMap((input) => [
    made.call(Phase.requestHeaders, input),
    made.call(Phase.responseHeaders, input),
  ]);
  const { modes } = made;
  await made.destroy();
  return { modes, outcomes };
}

const plain = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<JsonObject> =>
  arbitrary.map((given) => JSON.parse(JSON.stringify(given)) as JsonObject);

describe('remove-headers', () => {
  const guest = policyOf(shipped('remove-headers'));
  const entry = fc.oneof(
    { weight: 9, arbitrary: fc.record({ name: fc.constantFrom('X-A', 'x-b', 'Set-Cookie') }) },
    { weight: 1, arbitrary: fc.record({ name: fc.string({ maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.constantFrom({}, { name: 7 }) },
  );
  const list = fc.oneof(fc.array(entry, { maxLength: 4 }), fc.constantFrom(undefined, 'x', null));

  it('gives the same in TypeScript and in WebAssembly, for 1,000 random parameters (P-75)', async () => {
    const params = plain(fc.record({ requestHeaders: list, responseHeaders: list }));
    await fc.assert(
      fc.asyncProperty(params, async (given) => {
        expect(await answers(guest, given, [hookInput()])).toEqual(await answers(removeHeaders, given, [hookInput()]));
      }),
      RUNS,
    );
  });
});

describe('dynamic-endpoint', () => {
  const guest = policyOf(shipped('dynamic-endpoint'));

  it('gives the same in TypeScript and in WebAssembly, for 1,000 random names (P-75)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(7)), async (targetUpstream) => {
        const params = { targetUpstream };
        expect(await answers(guest, params, [hookInput()])).toEqual(
          await answers(dynamicEndpoint, params, [hookInput()]),
        );
      }),
      RUNS,
    );
  });
});

describe('cors', () => {
  const guest = policyOf(shipped('cors'), {
    inputs: { headers: 'all', downstream: true, metadata: ['cors_headers', 'cors_strip'] },
  });
  const origin = fc.constantFrom(
    ...['https://a.example', 'HTTPS://A.example', 'https://b.a.example', 'https://.a.example', 'http://a.example:80'],
    ...['null', 'https://[::1]:8080', 'x', 'https://é.a.example', 'https://b.c.a.example', ''],
  );
  const allowed = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom('https://a.example', 'https://*.A.example', 'null', 'https://[::1]:8080'),
    },
    { weight: 1, arbitrary: fc.constantFrom('*') },
  );
  const names = fc.oneof(
    { weight: 8, arbitrary: fc.subarray(['X-A', 'x-b', 'content-type', '*'], { minLength: 1 }) },
    { weight: 1, arbitrary: fc.constantFrom(['a b'], [7], [], 'x') },
  );
  const params = plain(
    fc.record(
      {
        allowedOrigins: fc.array(allowed, { maxLength: 3 }),
        allowedMethods: fc.constantFrom(['GET', 'PUT'], ['*'], ['POST']),
        allowedHeaders: names,
        exposedHeaders: names,
        allowCredentials: fc.boolean(),
        maxAge: fc.constantFrom(0, 5, 86_400, -1, 1.5),
        forwardPreflight: fc.boolean(),
      },
      { requiredKeys: ['allowedOrigins'] },
    ),
  );
  const header = fc.oneof(
    fc.tuple(fc.constant('origin'), origin),
    fc.tuple(fc.constant('access-control-request-method'), fc.constantFrom('GET', 'PUT', 'put', 'PATCH')),
    fc.tuple(fc.constant('access-control-request-headers'), fc.constantFrom('x-a', 'X-B, x-a', 'x-c', ' , ')),
  );
  const headers = fc.array(header, { maxLength: 5 });
  const metadata = fc.constantFrom<JsonObject>(
    {},
    {},
    { cors_strip: true },
    { cors_headers: { 'access-control-allow-origin': 'https://é.example', 'access-control-expose-headers': 'x' } },
    { cors_headers: { 'access-control-allow-credentials': 7, other: 'x' } },
    { cors_headers: 'x', cors_strip: 'x' },
  );
  const input = fc
    .record({
      headers,
      first: fc.option(headers, { nil: undefined }),
      method: fc.constantFrom('OPTIONS', 'GET'),
      vary: fc.constantFrom([], ['accept'], ['accept, ORIGIN'], ['accept', ' * ']),
      metadata,
    })
    .map(({ headers: pairs, first, method, vary, metadata: given }): HookInput => {
      const made = inputOf(
        { headers: pairs, method },
        { gathered: { ...NOTHING_GATHERED, metadata: given } },
        {
          headers: HeaderMap.from(vary.map((value) => ['vary', value] as const)),
        },
      );
      if (first === undefined) return made;
      return { ...made, downstream: { ...made.request, headers: HeaderMap.from(first) } };
    });

  it('gives the same in TypeScript and in WebAssembly, for 1,000 random policies and messages (P-75)', async () => {
    let served = 0;
    await fc.assert(
      fc.asyncProperty(params, fc.array(input, { minLength: 3, maxLength: 3 }), async (given, inputs) => {
        const native = await answers(cors, given, inputs);
        if (!Array.isArray(native)) served++;
        expect(await answers(guest, given, inputs)).toEqual(native);
      }),
      RUNS,
    );
    expect(served).toBeGreaterThan(300);
  });

  it('refuses patterns in WebAssembly, where there is no engine for them', async () => {
    expect(await answers(guest, { allowedOrigins: ['https://a', 'https://pr-[0-9]+\\.a'] }, [])).toEqual([
      'PARAMS_INVALID',
      '/allowedOrigins/1: is neither an origin nor all below one',
    ]);
  });
});
