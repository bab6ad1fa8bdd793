/** jwt-auth with the verifier of the host: tokens that are really signed, key sets from a script or a server on loopback. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { jwtAuth } from '../../../../src/policy/catalogue/jwt-auth.ts';
import type { HeaderPair } from '../../../../src/policy/model/headers.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { HttpCalls } from '../../../../src/policy-host/http/http-calls.ts';
import type { HttpRule } from '../../../../src/policy-host/http/http-rules.ts';
import { fetchJwks } from '../../../../src/policy-host/jwt/fetch-jwks.ts';
import { JoseVerifier } from '../../../../src/policy-host/jwt/jose-verifier.ts';
import { type FetchJwks, JwksCache } from '../../../../src/policy-host/jwt/jwks-cache.ts';
import { actionOf, inputOf, made, refusal } from '../../policy/catalogue/support/catalogue-rig.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';

const ISSUER = 'https://idp.example';
const URI = 'https://idp.example/jwks.json';

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: Record<string, unknown>;
  readonly alg: string;
}

const keys: Record<string, Key> = {};

async function keyOf(kid: string, alg: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, alg, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

beforeAll(async () => {
  keys.one = await keyOf('one', 'ES256');
  keys.two = await keyOf('two', 'RS256');
  keys.stranger = await keyOf('one', 'ES256');
});

const clock = new FakeClock();

function token(
  claims: JsonObject,
  { by = 'one', kid, expires = 600 }: { by?: string; kid?: string; expires?: number } = {},
): Promise<string> {
  const { privateKey, alg } = keys[by] as Key;
  return new SignJWT({ iss: ISSUER, sub: 'ann', ...claims })
    .setProtectedHeader({ alg, kid: kid ?? by })
    .setExpirationTime(Math.floor(clock.now() / 1_000) + expires)
    .sign(privateKey);
}

/** A manager whose key set is what `served` names; `fail` makes as many fetches fail. */
class Manager {
  served = ['one'];
  fail = 0;
  fetches = 0;
  readonly clock = clock;
  readonly fetch: FetchJwks = async () => {
    this.fetches++;
    if (this.fail-- > 0) throw new Error('away');
    return Buffer.from(JSON.stringify({ keys: this.served.map((name) => keys[name]?.jwk) }));
  };
  readonly cache = new JwksCache((...args) => this.fetch(...args), clock);
  readonly policy = jwtAuth(new JoseVerifier(this.cache, clock));
}

const managed: JsonObject = { keyManagers: [{ name: 'idp', issuer: ISSUER, jwks: { remote: { uri: URI } } }] };

async function ask(manager: Manager, params: JsonObject, headers: readonly HeaderPair[]): Promise<unknown> {
  return actionOf(await made(manager.policy, { ...managed, ...params }), inputOf({ headers }));
}

const bearer = (text: string): HeaderPair[] => [['authorization', `Bearer ${text}`]];

describe('jwt-auth', () => {
  it('lets a good token in, and writes what it says into the auth layer (P-14)', async () => {
    const claims = {
      aud: ['shop'],
      scope: 'read write',
      azp: 'client-1',
      jti: 't-1',
      org: { id: 7 },
      role: ['a', 'b'],
    };
    const params = {
      audiences: ['other', 'shop'],
      requiredScopes: ['read'],
      requiredClaims: { 'org.id': '7', role: 'b' },
      claimMappings: { 'org.id': 'X-Org', role: 'x-role', email: 'x-email' },
    };
    expect(await ask(new Manager(), params, bearer(await token(claims)))).toEqual({
      kind: 'request-changes',
      auth: {
        authenticated: true,
        authorized: true,
        authType: 'jwt',
        subject: 'ann',
        issuer: ISSUER,
        audience: ['shop'],
        scopes: ['read', 'write'],
        credentialId: 'client-1',
        tokenId: 't-1',
        properties: { 'org.id': '7', role: '["a","b"]' },
        typedProperties: { 'org.id': 7, role: ['a', 'b'] },
      },
      metadataPatch: { 'auth.success': true, 'auth.method': 'jwt' },
      headers: {
        set: [
          ['x-org', '7'],
          ['x-role', 'a,b'],
        ],
        remove: ['x-email'],
      },
    });
  });

  it.each<[string, () => Promise<HeaderPair[]>, JsonObject, number]>([
    ['no token', async () => [], {}, 900_902],
    ['another scheme', async () => [['authorization', 'Basic YTpi']], {}, 900_902],
    ['two tokens', async () => [...bearer(await token({})), ...bearer(await token({}))], {}, 900_902],
    ['nonsense', async () => bearer('a.b.c'), {}, 900_901],
    ['a foreign key with a known id', async () => bearer(await token({}, { by: 'stranger', kid: 'one' })), {}, 900_901],
    ['another issuer', async () => bearer(await token({ iss: 'https://evil.example' })), {}, 900_901],
    ['an expired token', async () => bearer(await token({}, { expires: -31 })), {}, 900_903],
    [
      'a token of tomorrow',
      async () => bearer(await token({ nbf: Math.floor(clock.now() / 1_000) + 60 })),
      {},
      900_901,
    ],
    ['another audience', async () => bearer(await token({ aud: 'x' })), { audiences: ['shop'] }, 900_901],
    ['a missing scope', async () => bearer(await token({ scp: ['read'] })), { requiredScopes: ['write'] }, 900_908],
    ['another claim', async () => bearer(await token({ role: 'a' })), { requiredClaims: { role: 'b' } }, 900_901],
    [
      'an algorithm that is not allowed',
      async () => bearer(await token({})),
      { allowedAlgorithms: ['RS256'] },
      900_901,
    ],
  ])('refuses %s with the same body, as a fault', async (_name, headers, params, code) => {
    const action = (await ask(new Manager(), params, await headers())) as { body: Uint8Array };
    expect(action).toMatchObject({ kind: 'immediate', status: 401, fault: { code } });
    expect(Buffer.from(action.body).toString()).toBe('{"error":"Unauthorized","message":"A valid token is required"}');
  });

  it('refuses tokens without a signature, and those signed with a public key as a secret', async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = part({ iss: ISSUER, sub: 'ann', exp: clock.now() });
    expect(await ask(new Manager(), {}, bearer(`${part({ alg: 'none' })}.${body}.`))).toMatchObject({ status: 401 });
    const secret = new TextEncoder().encode(JSON.stringify(keys.two?.jwk));
    const forged = await new SignJWT({ iss: ISSUER }).setProtectedHeader({ alg: 'HS256', kid: 'two' }).sign(secret);
    expect(await ask(new Manager(), {}, bearer(forged))).toMatchObject({ status: 401 });
    expect(await refusal(new Manager().policy, { ...managed, allowedAlgorithms: ['HS256'] })).toMatch(
      /allowedAlgorithms\/0/,
    );
  });

  it('forgives clocks that differ by the leeway', async () => {
    expect(await ask(new Manager(), {}, bearer(await token({}, { expires: -29 })))).toMatchObject({
      kind: 'request-changes',
    });
    const strict = await ask(new Manager(), { leeway: '0s' }, bearer(await token({}, { expires: -1 })));
    expect(strict).toMatchObject({ fault: { code: 900_903 } });
  });

  it('answers as it is told to', async () => {
    const params = { onFailureStatusCode: 403, errorMessageFormat: 'plain', errorMessage: 'go away' };
    const action = (await ask(new Manager(), params, [])) as { body: Uint8Array };
    expect(action).toMatchObject({ status: 403, headers: [['content-type', 'text/plain']] });
    expect(Buffer.from(action.body).toString()).toBe('go away');
    const limited = await ask(new Manager(), { requiredScopes: ['x'] }, bearer(await token({})));
    expect(limited).toMatchObject({
      headers: [['www-authenticate', 'Bearer error="insufficient_scope"'], expect.anything()],
    });
  });
});

describe('jwt-auth: keys', () => {
  it('fetches a key set once, for as many tokens as come at the same time', async () => {
    const manager = new Manager();
    const instance = await made(manager.policy, managed);
    const input = inputOf({ headers: bearer(await token({})) });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => instance.call(Phase.requestHeaders, input)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['action']));
    expect(manager.fetches).toBe(1);
  });

  it('fetches again when the time is over, and uses the old keys meanwhile', async () => {
    const manager = new Manager();
    const headers = bearer(await token({}, { expires: 1e6 }));
    await ask(manager, { jwksCacheTtl: '1m' }, headers);
    await clock.advance(60_000);
    manager.fail = 99;
    expect(await ask(manager, { jwksCacheTtl: '1m', jwksFetchRetryCount: 0 }, headers)).toMatchObject({
      kind: 'request-changes',
    });
    await settle();
    expect(manager.fetches).toBe(2);
  });

  it('finds a new key of the manager, and does not ask for made-up ones again and again', async () => {
    const manager = new Manager();
    await ask(manager, {}, bearer(await token({})));
    manager.served = ['one', 'two'];
    await clock.advance(10_000);
    const rotated = await ask(manager, {}, bearer(await token({}, { by: 'two', expires: 1e6 })));
    expect(rotated).toMatchObject({ kind: 'request-changes' });
    expect(manager.fetches).toBe(2);
    const madeUp = bearer(await token({}, { by: 'stranger', kid: 'made-up' }));
    for (let i = 0; i < 5; i++) expect(await ask(manager, {}, madeUp)).toMatchObject({ status: 401 });
    expect(manager.fetches).toBe(2);
  });

  it('tries again as often as it is told to', async () => {
    const manager = new Manager();
    manager.fail = 2;
    const answer = ask(manager, { jwksFetchRetryCount: 2, jwksFetchRetryInterval: '2s' }, bearer(await token({})));
    for (let i = 0; i < 2; i++) {
      await settle();
      await settle();
      await clock.advance(2_000);
    }
    expect(await answer).toMatchObject({ kind: 'request-changes' });
    expect(manager.fetches).toBe(3);
  });

  it('fails, and lets nobody in, while there are no keys', async () => {
    const manager = new Manager();
    manager.fail = 99;
    const instance = await made(manager.policy, { ...managed, jwksFetchRetryCount: 0 });
    const outcome = await instance.call(Phase.requestHeaders, inputOf({ headers: bearer(await token({})) }));
    expect(outcome).toMatchObject({ kind: 'failure', message: expect.stringContaining('away') });
  });

  it('uses keys that are given in place of an address, and asks the issuers of the route alone', async () => {
    const local = { name: 'local', jwks: { local: { keys: [keys.two?.jwk as never] } } };
    const manager = new Manager();
    const params = { keyManagers: [...(managed.keyManagers as []), local] };
    const headers = bearer(await token({}, { by: 'two', expires: 1e6 }));
    expect(await ask(manager, { ...params, issuers: ['local'] }, headers)).toMatchObject({ kind: 'request-changes' });
    expect(await ask(manager, { ...params, issuers: ['idp'] }, headers)).toMatchObject({ status: 401 });
    expect(await refusal(manager.policy, { ...params, issuers: ['none'] })).toBe(
      'PARAMS_INVALID: /issuers/0: is no key manager',
    );
  });

  it('fetches through the allow-list of the host and nowhere else (P-72)', async () => {
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [keys.one?.jwk] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const http = new HttpCalls();
    const rule: HttpRule = {
      scheme: 'http',
      host: '127.0.0.1',
      port,
      pathPrefix: '/jwks',
      methods: ['GET'],
      privateAddresses: true,
      redirects: false,
    };
    const verified = async (rules: readonly HttpRule[], path: string): Promise<string> => {
      const cache = new JwksCache(fetchJwks(http, [rules]));
      const policy = jwtAuth(new JoseVerifier(cache, clock));
      const uri = `http://127.0.0.1:${port}${path}`;
      const params = { keyManagers: [{ name: 'idp', jwks: { remote: { uri } } }], jwksFetchRetryCount: 0 };
      const instance = await made(policy, params);
      const outcome = await instance.call(Phase.requestHeaders, inputOf({ headers: bearer(await token({})) }));
      return outcome.kind === 'failure' ? outcome.message : outcome.kind;
    };
    try {
      expect(await verified([rule], '/jwks')).toBe('action');
      expect(await verified([rule], '/other')).toContain('denied');
      expect(await verified([{ ...rule, privateAddresses: false }], '/jwks')).toContain('denied');
    } finally {
      await http.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
