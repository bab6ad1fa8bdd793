import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { cors } from '../../../../src/policy/catalogue/cors.ts';
import { HeaderMap, type HeaderPair } from '../../../../src/policy/model/headers.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED, type ResponseView } from '../../../../src/policy/model/views.ts';
import { ExchangeRig, position, request, response } from '../support/exchange-rig.ts';
import { actionOf, inputOf, made, refusal } from './support/catalogue-rig.ts';

const SHOP = 'https://shop.example';
const VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

const preflight = (origin: string, method = 'PUT', headers = ''): HeaderPair[] => [
  ['origin', origin],
  ['access-control-request-method', method],
  ...(headers === '' ? [] : [['access-control-request-headers', headers] as const]),
];

async function answer(params: JsonObject, headers: readonly HeaderPair[], method = 'OPTIONS') {
  return actionOf(await made(cors, params), inputOf({ method, headers }));
}

/** Both directions of an exchange with one response header of the upstream's own. */
async function exchange(
  params: JsonObject,
  headers: HeaderPair[],
  { at = 'operation', deny = false, method = 'GET' } = {},
): Promise<ResponseView> {
  const here = { ...position('cors', {}), instance: await made(cors, params) };
  const denies = position('deny', {
    requestHeaders: () => (deny ? { kind: 'immediate', status: 401 } : undefined),
  });
  const rig = new ExchangeRig(
    at === 'finally' ? { operation: [denies], finally: [here] } : { operation: [here, denies] },
    request({ method, headers }),
  );
  const step = await rig.exchange.requestHeaders('none');
  if (step.kind === 'respond') return step.response;
  const given = response({ headers: [['access-control-allow-origin', 'https://upstream.example']] });
  return (await rig.exchange.responseHeaders(given, 'none')).response;
}

describe('cors: preflights', () => {
  it('answers one that matches, and it goes no further', async () => {
    const params = { allowedOrigins: [SHOP], allowedMethods: ['GET', 'PUT'], allowedHeaders: ['X-A', 'x-b'] };
    expect(await answer(params, preflight(SHOP, 'PUT', 'x-a,  X-B'))).toEqual({
      kind: 'immediate',
      status: 204,
      headers: [
        ['access-control-allow-origin', SHOP],
        ['access-control-allow-methods', 'GET, PUT'],
        ['access-control-allow-headers', 'X-A, x-b'],
        ['access-control-max-age', '3600'],
        ['vary', VARY],
      ],
    });
  });

  it('repeats what was asked for where everything is allowed', async () => {
    const params = { allowedOrigins: [SHOP], allowedMethods: ['*'], allowedHeaders: ['*'], allowCredentials: true };
    expect(await answer({ ...params, maxAge: 0 }, preflight(SHOP, 'PATCH', 'x-any'))).toMatchObject({
      headers: [
        ['access-control-allow-origin', SHOP],
        ['access-control-allow-methods', 'PATCH'],
        ['access-control-allow-headers', 'x-any'],
        ['access-control-allow-credentials', 'true'],
        ['access-control-max-age', '0'],
        ['vary', VARY],
      ],
    });
  });

  it.each([
    ['another origin', preflight('https://evil.example')],
    ['another method', preflight(SHOP, 'PATCH')],
    ['a method in another case', preflight(SHOP, 'put')],
    ['another header', preflight(SHOP, 'PUT', 'x-a, x-secret')],
  ])('answers %s without allowing anything, or forwards it when told to', async (_name, headers) => {
    const params = { allowedOrigins: [SHOP], allowedHeaders: ['x-a'] };
    const nothing = { kind: 'immediate', status: 204, headers: [['vary', VARY]] };
    expect(await answer(params, headers)).toEqual(nothing);
    expect(await answer({ ...params, forwardPreflight: true }, headers)).toBeUndefined();
  });

  it('leaves OPTIONS alone that asks for no method, and requests without an origin', async () => {
    expect(await answer({ allowedOrigins: [SHOP] }, [['access-control-request-method', 'PUT']])).toBeUndefined();
    expect(await answer({ allowedOrigins: [SHOP] }, [['origin', SHOP]])).toMatchObject({ kind: 'request-changes' });
  });
});

describe('cors: origins', () => {
  it.each([
    [SHOP, SHOP, true],
    [SHOP, 'https://SHOP.example', true],
    [SHOP, 'https://shopXexample', false],
    [SHOP, `${SHOP}:8443`, false],
    [SHOP, 'null', false],
    ['null', 'null', true],
    ['https://*.shop.example', 'https://a.b.shop.example', true],
    ['https://*.shop.example', SHOP, false],
    ['https://*.shop.example', 'https://evil.example/.shop.example', false],
    ['https://*.shop.example', 'http://a.shop.example', false],
    ['https://pr-[0-9]+\\.preview\\.example', 'https://pr-12.preview.example', true],
    ['https://pr-[0-9]+\\.preview\\.example', 'https://pr-12.preview.example.evil', false],
    ['https://pr-[0-9]+\\.preview\\.example', 'x https://pr-12.preview.example', false],
  ])('%j allows %j: %s', async (allowed, origin, isAllowed) => {
    const action = await answer({ allowedOrigins: ['https://other.example', allowed] }, [['origin', origin]], 'GET');
    expect(action).toEqual({
      kind: 'request-changes',
      metadataPatch: isAllowed ? { cors_headers: { 'access-control-allow-origin': origin } } : { cors_strip: true },
    });
  });
});

describe('cors: responses', () => {
  const params = { allowedOrigins: [SHOP], exposedHeaders: ['x-a', 'x-b'], allowCredentials: true };

  it('replaces what the upstream says, for origins that are listed', async () => {
    const { headers } = await exchange(params, [['origin', SHOP]]);
    expect([...headers.pairs()]).toEqual([
      ['access-control-allow-origin', SHOP],
      ['access-control-allow-credentials', 'true'],
      ['access-control-expose-headers', 'x-a, x-b'],
      ['vary', 'Origin'],
    ]);
  });

  it('takes it away for those that are not, and says nothing to who is no browser', async () => {
    expect([...(await exchange(params, [['origin', 'https://evil.example']])).headers.pairs()]).toEqual([
      ['vary', 'Origin'],
    ]);
    expect([...(await exchange(params, [])).headers.pairs()]).toEqual([
      ['access-control-allow-origin', 'https://upstream.example'],
      ['vary', 'Origin'],
    ]);
  });

  it('does not vary by origin where all get the same answer', async () => {
    const { headers } = await exchange({ allowedOrigins: ['*'] }, [['origin', SHOP]]);
    expect([...headers.pairs()]).toEqual([['access-control-allow-origin', '*']]);
  });

  it('does not say twice that it varies', async () => {
    const headers = HeaderMap.from([['vary', 'accept, ORIGIN']]);
    const action = await actionOf(
      await made(cors, params),
      inputOf({ headers: [] }, { gathered: NOTHING_GATHERED }, { headers }),
      Phase.responseHeaders,
    );
    expect(action).toBeUndefined();
  });

  it('lets browsers read the answers of other policies from a finally position (P-50)', async () => {
    const denied = await exchange(params, [['origin', SHOP]], { at: 'finally', deny: true });
    expect(denied.status).toBe(401);
    expect(denied.headers.get('access-control-allow-origin')).toEqual([SHOP]);
    const stranger = await exchange(params, [['origin', 'https://evil.example']], { at: 'finally', deny: true });
    expect(stranger.headers.has('access-control-allow-origin')).toBe(false);
  });
});

describe('cors: refusals', () => {
  it.each<[JsonObject, string]>([
    [{ allowedOrigins: [] }, '/allowedOrigins: lists no origin'],
    [
      { allowedOrigins: ['*'], allowCredentials: true },
      '/allowCredentials: cannot be true where every origin is allowed',
    ],
    [{ allowedOrigins: [SHOP], maxAge: -1 }, '/maxAge: is not from 0 to 86400'],
    [{ allowedOrigins: [SHOP], exposedHeaders: ['a\r\nb'] }, '/exposedHeaders/0: is no name'],
    [{ allowedOrigins: [SHOP, 7] }, '/allowedOrigins/1: is no text'],
  ])('refuses %j when it is deployed', async (params, reason) => {
    expect(await refusal(cors, params)).toBe(`PARAMS_INVALID: ${reason}`);
  });

  it('refuses a bad pattern when it is deployed', async () => {
    expect(await refusal(cors, { allowedOrigins: ['https://('] })).toMatch(
      /^PARAMS_INVALID: \/allowedOrigins\/0: is no pattern/,
    );
  });
});
