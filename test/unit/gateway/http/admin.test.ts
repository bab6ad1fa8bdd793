import type { IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AdminEngine, type PolicyAdminOptions, policyAdmin } from '../../../../src/gateway/http/admin.ts';
import { refusedAccess } from '../../../../src/gateway/http/admin-access.ts';
import { definePolicy, PolicyEngine } from '../../../../src/policy-engine/index.ts';
import { FolderRig } from '../../policy-engine/support/folder-rig.ts';
import { HttpRig } from './support/http-rig.ts';

const TOKEN = 'a token of some length';
const SECRET = 'hunter2/secret';

async function served(engine: AdminEngine, options: PolicyAdminOptions = {}): Promise<HttpRig> {
  const rig = await HttpRig.start(policyAdmin(engine, options));
  onTestFinished(() => rig.close());
  return rig;
}

const ask = async (rig: HttpRig, path: string, method = 'GET', headers = {}) => {
  const reply = await rig.send({ method, path, headers });
  return { status: reply.status, headers: reply.headers, body: JSON.parse(reply.body) as Record<string, unknown> };
};

/** An engine as it may be offered by whoever has tenants. */
const offering = (more: Partial<AdminEngine> = {}): AdminEngine => ({
  describe: () => ({ state: 'ready' }),
  readiness: () => ({ isReady: false, mode: 'required', waitingFor: { shop: 'LOADING' } }),
  tenants: () => [
    { tenant: 'shop', isServing: true, state: 'READY' },
    { tenant: 'other', isServing: false, state: 'LOADING' },
  ],
  rollback: async (tenant, revision) =>
    tenant === 'shop'
      ? { outcome: 'active', revision: revision ?? 'r0' }
      : { outcome: 'refused', code: 'POLICY_MISSING' },
  ...more,
});

describe('health and readiness', () => {
  it('answer probes without a token and without details, in the mode of the engine (P-36, V-06)', async () => {
    const rig = await served(offering(), { token: TOKEN });
    expect(await ask(rig, '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const ready = await ask(rig, '/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toEqual({ ready: false });
    const serving = await served(offering({ readiness: () => ({ isReady: true }) }));
    expect((await ask(serving, '/ready')).status).toBe(200);
  });

  it('are told for each tenant too (P-36, V-10)', async () => {
    const rig = await served(offering());
    const seen = await Promise.all(
      ['shop', 'other', 'absent'].map(async (name) => (await ask(rig, `/ready/${name}`)).status),
    );
    expect(seen).toEqual([200, 503, 503]);
  });

  it('follow the state of an engine that has no modes (P-36)', async () => {
    const engine = new PolicyEngine({ watch: false });
    onTestFinished(() => engine.close());
    const rig = await served({ describe: () => engine.describe() });
    expect((await ask(rig, '/ready')).status).toBe(503);
    await engine.load({ routes: [] });
    expect((await ask(rig, '/ready')).status).toBe(200);
    await engine.close();
    expect((await ask(rig, '/ready')).status).toBe(503);
  });
});

describe('access', () => {
  it('needs the token, wherever a request comes from (P-36)', async () => {
    const rig = await served(offering(), { token: TOKEN });
    expect(await ask(rig, '/status')).toMatchObject({ status: 401 });
    for (const wrong of ['Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, 'Bearer ']) {
      expect((await ask(rig, '/status', 'GET', { authorization: wrong })).status).toBe(401);
    }
    expect((await ask(rig, '/tenants/shop/rollback', 'POST')).status).toBe(401);
    expect((await ask(rig, '/status', 'GET', { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect(() => policyAdmin(offering(), { token: '' })).toThrow(TypeError);
  });

  it('without a token is for this machine alone, and for no page in a browser on it (P-36)', async () => {
    const rig = await served(offering());
    expect((await ask(rig, '/status')).status).toBe(200);
    expect((await ask(rig, '/status', 'GET', { host: 'evil.example' })).status).toBe(403);
    expect((await ask(rig, '/refresh', 'POST', { origin: 'http://evil.example' })).status).toBe(403);
    const from = (remoteAddress: string | undefined): IncomingMessage =>
      ({ socket: { remoteAddress }, headers: { host: 'localhost:9090' } }) as IncomingMessage;
    expect(
      ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'].map((address) => refusedAccess(from(address), undefined)),
    ).toEqual([undefined, undefined, undefined, undefined]);
    expect(
      ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', undefined].map((address) =>
        refusedAccess(from(address), undefined),
      ),
    ).toEqual([403, 403, 403, 403]);
  });

  it('to what is not there is 404, by another method 405, and never cached (P-36)', async () => {
    const rig = await served(offering());
    expect(await ask(rig, '/other')).toMatchObject({ status: 404 });
    expect(await ask(rig, '//health')).toMatchObject({ status: 404 });
    expect(await ask(rig, '/status', 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    expect((await ask(rig, '/status')).headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
  });
});

describe('an engine', () => {
  it('with tenants takes one back to a revision; a refusal is a conflict (P-36)', async () => {
    const rig = await served(offering());
    expect(await ask(rig, '/tenants/shop/rollback?revision=r7', 'POST')).toMatchObject({
      status: 200,
      body: { revision: 'r7' },
    });
    expect(await ask(rig, '/tenants/nobody/rollback', 'POST')).toMatchObject({
      status: 409,
      body: { code: 'POLICY_MISSING' },
    });
    expect((await ask(rig, '/status')).body).toMatchObject({ tenants: [{ tenant: 'shop' }, { tenant: 'other' }] });
  });

  it('that does not offer something says so, and one that throws gives nothing away (P-36)', async () => {
    const rig = await served({
      describe: () => ({ state: 'ready' }),
      refresh: async () => {
        throw new Error('inside');
      },
    });
    for (const [path, method] of [
      ['/policies', 'GET'],
      ['/policies/a/test', 'POST'],
      ['/tenants/a/rollback', 'POST'],
      ['/ready/a', 'GET'],
    ] as const) {
      expect((await ask(rig, path, method)).status).toBe(501);
    }
    expect(await ask(rig, '/refresh', 'POST')).toMatchObject({ status: 500, body: { error: 'Internal error' } });
  });

  it('shows its status, its packages with schemas, and tests them (P-36, U-25)', async () => {
    const rig = await FolderRig.create();
    await rig.add(
      'set-headers',
      '{ requestHeaders: process, responseHeaders: process }',
      'parameters: { type: object, properties: { requestHeaders: { type: array } } }\n' +
        "selfTest: [{ phase: requestHeaders, input: { params: { requestHeaders: [{ name: x-a, value: '1' }] } }, expect: { kind: request-changes } }]",
    );
    await rig.configure(
      "routes: [{ key: 'GET|/a|*', policies: [{ use: set-headers, params: { requestHeaders: [] } }, { use: gone }] }]\n",
    );
    const engine = await rig.loaded({
      policies: [definePolicy({ name: 'native', hooks: { onRequestHeaders: () => undefined } })],
    });
    const admin = await served(engine);
    expect((await ask(admin, '/status')).body).toMatchObject({
      state: 'ready',
      lastLoad: {
        problems: [{ path: '/routes/0/policies/1', code: 'POLICY_MISSING' }],
        routes: { 'GET|/a|*': 'closed' },
      },
    });
    expect((await ask(admin, '/policies')).body).toMatchObject({
      policies: [
        { name: 'native', abi: 'native' },
        { name: 'set-headers', version: 'v1.0.0', parameters: { type: 'object' }, selfTests: 1 },
      ],
    });
    expect(await ask(admin, '/policies/set-headers/test', 'POST')).toMatchObject({
      status: 200,
      body: { passed: true },
    });
    expect((await ask(admin, '/policies/absent/test', 'POST')).status).toBe(404);
  });

  it('reads its folder again when it is told to; a refused folder is a conflict (P-36)', async () => {
    const rig = await FolderRig.create();
    await rig.configure('revision: r1\nroutes: []\n');
    const engine = await rig.loaded();
    const admin = await served(engine);
    await rig.configure('revision: r2\nroutes: []\n');
    expect(await ask(admin, '/refresh', 'POST')).toMatchObject({ status: 200, body: { revision: 'r2' } });
    await rig.configure('routes: 7\n');
    expect(await ask(admin, '/refresh', 'POST')).toMatchObject({ status: 409, body: { outcome: 'refused' } });
    expect(engine.describe().revision).toBe('r2');
  });

  it('shows its configuration only where that was allowed, and no secret in it (P-36, P-26)', async () => {
    const engine = new PolicyEngine({
      policies: [definePolicy({ name: 'native', hooks: { onRequestHeaders: () => undefined } })],
      watch: false,
      secret: () => SECRET,
    });
    onTestFinished(() => engine.close());
    await engine.load({
      revision: 'r1',
      routes: [
        {
          key: 'GET|/a|*',
          policies: [
            { use: 'native', params: { token: '{{ secret "t" }}', copied: `Bearer ${SECRET}`, plain: 'shown' } },
          ],
        },
      ],
    });
    expect((await ask(await served(engine), '/config_dump')).status).toBe(404);
    const { body } = await ask(await served(engine, { configDump: true }), '/config_dump');
    expect(body).toMatchObject({ revision: 'r1', generation: 1 });
    const text = JSON.stringify(body);
    expect(text).toContain('shown');
    expect(text).toContain('Bearer [redacted]');
    expect(text).not.toContain('hunter2');
  });
});
