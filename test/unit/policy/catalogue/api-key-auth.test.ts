import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { advancedRatelimit } from '../../../../src/policy/catalogue/advanced-ratelimit.ts';
import { API_KEYS, apiKeyAuth } from '../../../../src/policy/catalogue/api-key-auth.ts';
import type { HeaderPair } from '../../../../src/policy/model/headers.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { apiKeyId, ResourceStores } from '../../../../src/policy-host/resources.ts';
import { hostOf } from '../../policy-host/support/host-rig.ts';
import { INFO } from '../guest/support/guest-rig.ts';
import { ExchangeRig, position, request } from '../support/exchange-rig.ts';
import { actionOf, inputOf, made, refusal } from './support/catalogue-rig.ts';
import { RateLimitRig } from './support/rate-limit-rig.ts';

const NOW = 1_700_000_000_000;
const stores = new ResourceStores();
stores.load(INFO.tenant, API_KEYS, {
  digest: 'one',
  items: {
    [apiKeyId('good')]: { id: 'k1', applicationId: 'app-1', subject: 'ann', scopes: ['read', 7] },
    [apiKeyId('bare')]: {},
    [apiKeyId('revoked')]: { status: 'revoked' },
    [apiKeyId('old')]: { expiresAt: NOW },
    [apiKeyId('fresh')]: { expiresAt: NOW + 1 },
    [apiKeyId('elsewhere')]: { apis: ['other'] },
  },
});
stores.load('somebody-else', API_KEYS, { digest: 'two', items: { [apiKeyId('theirs')]: {} } });
const host = hostOf(
  { clock: true, crypto: ['hash'], resources: true },
  {
    resources: stores,
    time: { now: () => NOW, monotonic: () => 0 },
  },
);
const policy = apiKeyAuth(host);

async function ask(params: JsonObject, headers: readonly HeaderPair[], path = '/p'): Promise<unknown> {
  return actionOf(await made(policy, params), inputOf({ headers, path }));
}

const inHeader = { key: 'X-Api-Key', in: 'header' };
const inQuery = { key: 'api key', in: 'query' };

describe('api-key-auth', () => {
  it('lets a known key in, says who it is, and takes the key out (P-14)', async () => {
    expect(await ask(inHeader, [['x-api-key', 'good']])).toEqual({
      kind: 'request-changes',
      auth: {
        authenticated: true,
        authorized: true,
        authType: 'apikey',
        subject: 'ann',
        credentialId: 'k1',
        scopes: ['read'],
        properties: { applicationId: 'app-1' },
      },
      metadataPatch: { 'auth.success': true, 'auth.method': 'apikey', 'x-wso2-application-id': 'app-1' },
      headers: { remove: ['x-api-key'] },
    });
    expect(await ask(inQuery, [], '/p?a=1&api%20key=bare')).toEqual({
      kind: 'request-changes',
      auth: { authenticated: true, authorized: true, authType: 'apikey' },
      metadataPatch: { 'auth.success': true, 'auth.method': 'apikey' },
      queryRemove: ['api key'],
    });
  });

  it('leaves the key in when told to', async () => {
    const action = await ask({ ...inHeader, forwardKey: true }, [['x-api-key', 'good']]);
    expect(action).not.toHaveProperty('headers');
  });

  it('reads behind a prefix in any case, and not without it', async () => {
    const params = { ...inHeader, 'value-prefix': 'ApiKey ' };
    expect(await ask(params, [['x-api-key', 'apikey good']])).toMatchObject({ kind: 'request-changes' });
    expect(await ask(params, [['x-api-key', 'good']])).toMatchObject({ status: 401 });
  });

  it.each<[string, readonly HeaderPair[], number, number]>([
    ['no key', [], 401, 900_902],
    ['an empty key', [['x-api-key', ' ']], 401, 900_902],
    [
      'two keys',
      [
        ['x-api-key', 'good'],
        ['x-api-key', 'bare'],
      ],
      401,
      900_902,
    ],
    ['an unknown key', [['x-api-key', 'Good']], 401, 900_901],
    ['the id of a key', [['x-api-key', apiKeyId('good')]], 401, 900_901],
    ['a revoked key', [['x-api-key', 'revoked']], 401, 900_901],
    ['an expired key', [['x-api-key', 'old']], 401, 900_903],
    ['a key of another tenant', [['x-api-key', 'theirs']], 401, 900_901],
    ['a key for other APIs', [['x-api-key', 'elsewhere']], 403, 900_908],
  ])('refuses %s as a fault, with the same body for all', async (_name, headers, status, code) => {
    const action = (await ask(inHeader, headers)) as { body: Uint8Array };
    expect(action).toMatchObject({
      kind: 'immediate',
      status,
      fault: { code },
      metadataPatch: { 'auth.success': false },
    });
    expect(Buffer.from(action.body).toString()).toBe(
      '{"error":"Unauthorized","message":"A valid API key is required"}',
    );
  });

  it('lets a key in to the last millisecond, and sees a changed store at once (P-40)', async () => {
    expect(await ask(inHeader, [['x-api-key', 'fresh']])).toMatchObject({ kind: 'request-changes' });
    const own = new ResourceStores();
    const changing = apiKeyAuth(hostOf({ clock: true, crypto: ['hash'], resources: true }, { resources: own }));
    const instance = await made(changing, inHeader);
    const input = inputOf({ headers: [['x-api-key', 'new']] });
    expect(await actionOf(instance, input)).toMatchObject({ kind: 'immediate' });
    own.load(INFO.tenant, API_KEYS, { digest: 'a', items: { [apiKeyId('new')]: {} } });
    expect(await actionOf(instance, input)).toMatchObject({ kind: 'request-changes' });
  });

  it('tells the application to a rate limit behind it (P-46)', async () => {
    const rig = new RateLimitRig();
    const limit = await made(advancedRatelimit(rig.host), {
      quotas: [
        { limits: [{ limit: 1, duration: '1h' }], keyExtraction: [{ type: 'metadata', key: 'x-wso2-application-id' }] },
      ],
    });
    const auth = await made(policy, inHeader);
    const chain = [
      { ...position('auth', {}), instance: auth },
      { ...position('limit', {}), instance: limit },
    ];
    const kinds: string[] = [];
    for (const key of ['good', 'good', 'bare']) {
      const rigged = new ExchangeRig(chain, request({ method: 'GET', headers: [['x-api-key', key]] }), 9e15);
      kinds.push((await rigged.exchange.requestHeaders('none')).kind);
    }
    expect(kinds).toEqual(['forward', 'respond', 'forward']);
  });

  it('fails, and lets nobody in, where the host cannot look up keys', async () => {
    const instance = await made(apiKeyAuth(hostOf({ crypto: ['hash'] })), inHeader);
    const outcome = instance.call(Phase.requestHeaders, inputOf({ headers: [['x-api-key', 'good']] }));
    expect(outcome).toMatchObject({ kind: 'failure' });
  });

  it('refuses parameters that name no place', async () => {
    expect(await refusal(policy, { in: 'header' })).toBe('PARAMS_INVALID: /key: is missing');
    expect(await refusal(policy, { key: 'a', in: 'cookie' })).toBe('PARAMS_INVALID: /in: is header or query');
    expect(await refusal(policy, { key: 'a b', in: 'header' })).toBe('PARAMS_INVALID: /key: is no header name');
  });
});
