/** The policies that come with Edict, by name, without the reader copying anything. */

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runSelfTest } from '../../../src/policy/canary/self-test.ts';
import { ResourceStores } from '../../../src/policy-host/resources.ts';
import { FolderRig, marking, serve } from './support/folder-rig.ts';
import { MODULES, NAMES, nativeTwin, shipped, wasmTwin } from './support/shipped-rig.ts';

describe('the self tests of the catalogue', () => {
  it('are there for every policy, and every policy is known by name (P-39)', async () => {
    const catalogue = shipped();
    expect([...catalogue.names].sort()).toEqual(NAMES);
    for (const name of NAMES) {
      const entry = await catalogue.find(name);
      expect(entry, name).toMatchObject({ manifest: { name } });
      expect((await nativeTwin(name)).manifest.selfTest.length, name).toBeGreaterThan(1);
    }
    expect(await catalogue.find('nothing')).toBeUndefined();
  });

  it.each(NAMES)('%s passes as native code (P-39)', async (name) => {
    const entry = await nativeTwin(name);
    for (const test of entry.manifest.selfTest) {
      expect(await runSelfTest(entry, test)).toMatchObject({ differences: [], passed: true });
    }
  });

  it.each(MODULES)('%s passes in WebAssembly (P-39, P-75)', async (name) => {
    const entry = await wasmTwin(name);
    for (const test of entry.manifest.selfTest) {
      expect(await runSelfTest(entry, test)).toMatchObject({ differences: [], passed: true });
    }
  });
});

describe('a chain that names a policy of the catalogue', () => {
  it('has it out of the box, in one direction where its parameters need one (P-39)', async () => {
    const rig = await FolderRig.create();
    const engine = rig.engine();
    const policies = [
      { use: 'set-headers@v1', params: { requestHeaders: [{ name: 'x-set', value: 'yes' }] } },
      { use: 'remove-headers', params: { requestHeaders: [{ name: 'x-gone' }] } },
    ];
    const report = await engine.load({ routes: [{ key: '*|/a|*', policies }] });
    expect(report.problems).toEqual([]);
    const ask = await serve(engine);
    const seen = JSON.parse((await ask('/a', { headers: { 'x-gone': '1' } })).body) as object;
    expect(seen).toMatchObject({ 'x-set': 'yes' });
    expect(seen).not.toHaveProperty('x-gone');
    const [route] = engine.describe().routes;
    // Planned with what the instance reported: the response hook that the manifest allows was never called.
    expect(route?.positions.map(({ counts }) => counts?.outcomes)).toMatchObject([{ changed: 1 }, { changed: 1 }]);
  });

  it('lists it with the schema of its parameters, beside those of folder and service (U-25, U-26)', async () => {
    const rig = await FolderRig.create();
    await rig.add('loop-forever', '{ requestHeaders: process }', 'parameters: { type: object, maxProperties: 0 }');
    await rig.configure(
      "routes: [{ key: '*|/a|*', policies: [{ use: dynamic-endpoint, params: { targetUpstream: b } }] }]",
    );
    const engine = await rig.loaded({ policies: [marking('mark')] });
    const { packages } = engine.describe();
    expect(packages.map(({ name, version, origin }) => `${origin} ${name} ${version}`)).toEqual([
      'service mark v1.0.0',
      'folder loop-forever v1.0.0',
      'catalogue dynamic-endpoint v1.0.0',
    ]);
    expect(packages[1]?.parameters).toEqual({ type: 'object', maxProperties: 0 });
    expect(packages[2]?.parameters).toMatchObject({ required: ['targetUpstream'] });
    for (const { digest } of packages) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('gets its own of that name instead, in every version, and never the catalogue’s where its own is refused', async () => {
    const rig = await FolderRig.create();
    const params = { requestHeaders: [{ name: 'x-set', value: 'yes' }] };
    const own = rig.engine({ policies: [marking('set-headers', 'own')] });
    await own.load({ routes: [{ key: '*|/a|*', policies: [{ use: 'set-headers', params }] }] });
    expect(JSON.parse((await (await serve(own))('/a')).body)).toMatchObject({ 'x-set-headers': 'own' });
    await expect(
      own.load({ routes: [{ key: '*|/b|*', policies: [{ use: 'set-headers@v2', params }] }] }),
    ).resolves.toMatchObject({ problems: [{ message: expect.stringContaining('no policy set-headers v2') }] });

    await rig.add('set-headers', '{ requestHeaders: nonsense }', '', 'set-headers');
    await rig.configure(
      `routes: [{ key: '*|/a|*', policies: [{ use: set-headers, params: ${JSON.stringify(params)} }] }]`,
    );
    const broken = await rig.engine().load(rig.path);
    expect(broken.routes.get('*|/a|*')).toBe('closed');
    expect(broken.problems).toMatchObject([{ message: expect.stringContaining('/processing/requestHeaders') }]);
  });

  it('has none where the catalogue is switched off', async () => {
    const rig = await FolderRig.create();
    const policies = [{ use: 'dynamic-endpoint', params: { targetUpstream: 'b' } }];
    const report = await rig.engine({ catalogue: false }).load({ routes: [{ key: '*|/a|*', policies }] });
    expect(report.problems).toMatchObject([{ code: 'POLICY_MISSING' }]);
  });

  it('may count by an expression: keys and costs in CEL (P-39)', async () => {
    const rig = await FolderRig.create();
    const quota = {
      name: 'by-agent',
      limits: [{ limit: 2, duration: '1h' }],
      keyExtraction: [{ type: 'cel', expression: "request.Headers['user-agent'][0] + tenant.id" }],
    };
    const engine = rig.engine();
    const report = await engine.load({
      routes: [{ key: '*|/a|*', policies: [{ use: 'advanced-ratelimit', params: { quotas: [quota] } }] }],
    });
    expect(report.problems).toEqual([]);
    const ask = await serve(engine);
    const statuses: number[] = [];
    for (const agent of ['one', 'one', 'one', 'two'])
      statuses.push((await ask('/a', { headers: { 'user-agent': agent } })).status);
    expect(statuses).toEqual([200, 200, 429, 200]);

    const cost = { enabled: true, sources: [{ type: 'request_cel', expression: 'size(request.Path)' }] };
    const other = rig.engine();
    await other.load({
      routes: [
        {
          key: '*|/**|*',
          policies: [
            {
              use: 'advanced-ratelimit',
              params: { quotas: [{ limits: [{ limit: 10, duration: '1h' }], costExtraction: cost }] },
            },
          ],
        },
      ],
    });
    const askOther = await serve(other);
    expect([(await askOther('/1234567')).status, (await askOther('/123')).status]).toEqual([200, 429]);

    const broken = { ...quota, keyExtraction: [{ type: 'cel', expression: 'request.Nothing' }] };
    const refused = await rig
      .engine()
      .load({ routes: [{ key: '*|/a|*', policies: [{ use: 'advanced-ratelimit', params: { quotas: [broken] } }] }] });
    expect(refused.problems).toMatchObject([{ code: 'PARAMS_INVALID' }]);
  });

  it('may ask for keys of the store that the service keeps', async () => {
    const rig = await FolderRig.create();
    const resources = new ResourceStores();
    const id = createHash('sha256').update('s3cret').digest('hex');
    resources.load('default', 'api-keys', { digest: '1', items: { [id]: { id: 'k1', subject: 'ana' } } });
    const engine = rig.engine({ host: { resources } });
    await engine.load({
      routes: [{ key: '*|/a|*', policies: [{ use: 'api-key-auth', params: { key: 'x-api-key', in: 'header' } }] }],
    });
    const ask = await serve(engine);
    expect((await ask('/a', { headers: { 'x-api-key': 's3cret' } })).status).toBe(200);
    expect((await ask('/a', { headers: { 'x-api-key': 'other' } })).status).toBe(401);
  });
});
