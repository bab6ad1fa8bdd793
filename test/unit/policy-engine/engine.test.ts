import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderRig, marking, moduleBytes, serve } from './support/folder-rig.ts';

const BOTH = '{ requestHeaders: process, responseHeaders: process }';
const SHOP = `
revision: r1
routes:
  - key: 'GET|/pets/{id}|*'
    name: pets
    tenant: shop
    policies:
      - use: mark
      - use: set-headers
        params:
          requestHeaders: [{ name: x-from-module, value: 'yes' }]
          responseHeaders: [{ name: x-answer, value: 'yes' }]
`;

describe('a folder', () => {
  it('is a chain of a native policy and a module in front of a service (P-37)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH);
    await rig.configure(SHOP);
    const engine = await rig.loaded({ policies: [marking('mark')] });
    const ask = await serve(engine);
    const { status, headers, body } = await ask('/pets/1');
    expect(status).toBe(200);
    expect(headers['x-answer']).toBe('yes');
    expect(JSON.parse(body)).toMatchObject({ 'x-mark': 'yes', 'x-from-module': 'yes' });
    expect((await ask('/elsewhere')).headers).not.toHaveProperty('x-answer');
    const { revision, routes, modules } = engine.describe();
    expect(revision).toBe('r1');
    expect(routes[0]?.positions.map(({ name, counts }) => [name, counts?.outcomes.changed])).toEqual([
      ['mark', 1],
      ['set-headers', 2],
    ]);
    expect(modules).toMatchObject([{ name: 'set-headers', tier: 'metered', tenants: { shop: { instances: 1 } } }]);
  });

  it('may name its policies by folder, and be in the list form of the reference engine (P-28)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH);
    const params = "{ requestHeaders: [{ name: x-m, value: '1' }], responseHeaders: [{ name: x-r, value: '1' }] }";
    await rig.configure(
      `- route_key: 'GET|/listed|*'\n  policies: [{ name: set-headers, version: v1, parameters: ${params} }]\n`,
    );
    const engine = await rig.loaded();
    const ask = await serve(engine);
    expect((await ask('/listed')).headers['x-r']).toBe('1');
    await rig.configure(
      `routes: [{ key: 'GET|/filed|*', policies: [{ use: 'file:./set-headers', params: ${params} }] }]\n`,
    );
    await engine.load(rig.path);
    expect((await ask('/filed')).headers['x-r']).toBe('1');
  });

  it('has a looping policy of one tenant stopped by fuel and then at rest, while another is served (P-53, V-22)', async () => {
    const rig = await FolderRig.create();
    await rig.add('loop-forever', '{ requestHeaders: process }', 'limits: { fuelPerHook: 200000 }');
    await rig.configure(`
routes:
  - { key: '*|/loop|*', tenant: noisy, policies: [{ key: loop, use: 'file:loop-forever' }] }
  - { key: '*|/good|*', tenant: calm, policies: [{ use: mark }] }
`);
    const engine = await rig.loaded({ policies: [marking('mark')] });
    const ask = await serve(engine);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await ask('/loop')).status);
    expect(statuses.slice(0, 5)).toEqual([500, 500, 500, 500, 500]);
    expect(statuses.slice(5)).toContain(503);
    expect(JSON.parse((await ask('/good')).body)).toMatchObject({ 'x-mark': 'yes' });
    const loop = engine.describe().routes.find(({ tenant }) => tenant === 'noisy')?.positions[0];
    // A trial now and then, where the machine is slow.
    expect(loop?.counts?.failures['FUEL_EXHAUSTED']).toBeLessThan(10);
  });
});

describe('a route whose policies cannot be had', () => {
  it.each([
    ['is not there', 'nothing', /there is no policy nothing/],
    ['has other bytes than its manifest says', 'tampered', /the manifest says sha256/],
    ['has a manifest with mistakes', 'mistaken', /version/],
  ])('is answered 503 when its policy %s; the others serve (P-64)', async (_, use, reason) => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH, '', 'tampered');
    const other = Buffer.concat([await moduleBytes('set-headers'), Buffer.from([0, 1, 0])]);
    await writeFile(join(rig.path, 'tampered', 'module.wasm'), other);
    await rig.add('set-headers', BOTH, '', 'mistaken');
    await writeFile(join(rig.path, 'mistaken', 'policy.yaml'), 'apiVersion: edict/v1\nname: mistaken\nversion: 1\n');
    const name = use === 'tampered' ? 'set-headers' : use;
    await rig.configure(`
routes:
  - { key: '*|/closed|*', policies: [{ use: ${name} }] }
  - { key: '*|/open|*', policies: [{ use: mark }] }
`);
    const engine = rig.engine({ policies: [marking('mark')] });
    const report = await engine.load(rig.path);
    expect([...report.routes]).toEqual([
      ['*|/closed|*', 'closed'],
      ['*|/open|*', 'active'],
    ]);
    expect(report.problems[0]).toMatchObject({ path: expect.stringMatching(/^\/routes\/0\/policies\/0/) });
    expect(report.problems[0]?.message).toMatch(reason);
    const ask = await serve(engine);
    expect((await ask('/closed')).status).toBe(503);
    expect((await ask('/open')).status).toBe(200);
  });

  it('keeps its last good revision when there is one', async () => {
    const rig = await FolderRig.create();
    await rig.configure("routes: [{ key: '*|/a|*', policies: [{ use: mark }] }]");
    const engine = await rig.loaded({ policies: [marking('mark')] });
    const ask = await serve(engine);
    await rig.configure("routes: [{ key: '*|/a|*', policies: [{ use: gone }] }]");
    expect((await engine.load(rig.path)).routes.get('*|/a|*')).toBe('kept');
    expect(JSON.parse((await ask('/a')).body)).toMatchObject({ 'x-mark': 'yes' });
  });
});

describe('an engine', () => {
  it('that has loaded nothing, or was closed, refuses every request', async () => {
    const rig = await FolderRig.create();
    const engine = rig.engine();
    const ask = await serve(engine);
    expect((await ask('/any')).status).toBe(503);
    await engine.load({ routes: [] });
    expect((await ask('/any')).status).toBe(200);
    await engine.close();
    expect((await ask('/any')).status).toBe(503);
  });

  it.each([
    ['no folder', '/does/not/exist', 'ENOENT'],
    ['no document', { routes: 'none' }, '/routes'],
    ['a key that nothing could match', { routes: [{ key: 'GET|pets|*' }] }, 'begins with /'],
  ])('that cannot load anything at first rejects: %s', async (_, source, reason) => {
    const rig = await FolderRig.create();
    const engine = rig.engine();
    await expect(engine.load(source)).rejects.toMatchObject({
      code: 'INVALID_POLICIES',
      message: expect.stringContaining(reason),
    });
    expect((await (await serve(engine))('/any')).status).toBe(503);
  });

  it('takes digests of trusted modules from its options alone', async () => {
    const rig = await FolderRig.create();
    const digest = await rig.add('set-headers', BOTH, 'minimumTier: trusted');
    await rig.configure(SHOP.replace('- use: mark', '').replace('\n      \n', '\n'));
    const metered = await rig.loaded();
    expect(metered.describe().modules).toMatchObject([{ tier: 'metered' }]);
    const trusting = await rig.loaded({ trustedModules: [digest] });
    expect(trusting.describe().modules).toMatchObject([{ tier: 'trusted' }]);
  });

  it('refuses a target that begins with two slashes: nobody can tell which route it is', async () => {
    const rig = await FolderRig.create();
    const engine = rig.engine({ policies: [marking('mark')] });
    await engine.load({ routes: [{ key: '*|/pets|*', policies: [{ use: 'mark' }] }] });
    const ask = await serve(engine);
    expect((await ask('//host/pets')).status).toBe(400);
    expect(JSON.parse((await ask('/x/%2e%2e/./p%65ts/')).body)).toMatchObject({ 'x-mark': 'yes' });
  });
});
