import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderRig, marking, nextReport, serve } from './support/folder-rig.ts';

const ROUTE = (use: string, more = ''): string => `routes: [{ key: '*|/a|*', policies: [{ use: ${use}${more} }] }]`;
const BOTH = '{ requestHeaders: process, responseHeaders: process }';
const HEADERS = (value: string): string =>
  `, params: { requestHeaders: [{ name: x-m, value: '${value}' }], responseHeaders: [{ name: x-m, value: '${value}' }] }`;

describe('a watched folder', () => {
  it('is loaded again when its file changes; a broken file keeps what serves, until it is whole again', async () => {
    const rig = await FolderRig.create();
    await rig.configure(ROUTE('one'));
    const engine = await rig.loaded({ watch: true, policies: [marking('one'), marking('two')] });
    const ask = await serve(engine);
    const seen = async () =>
      Object.keys(JSON.parse((await ask('/a')).body) as object).filter((name) => /^x-/.test(name));
    expect(await seen()).toEqual(['x-one']);

    const second = nextReport(engine);
    await rig.configure(ROUTE('two'));
    expect(await second).toMatchObject({ outcome: 'active' });
    expect(await seen()).toEqual(['x-two']);

    const broken = nextReport(engine);
    await rig.configure('routes: [');
    expect(await broken).toMatchObject({ outcome: 'refused' });
    expect(await seen()).toEqual(['x-two']);
    expect(engine.describe().lastLoad).toMatchObject({ outcome: 'refused' });

    const repaired = nextReport(engine);
    await writeFile(join(rig.path, 'new.yaml'), ROUTE('one'));
    await rename(join(rig.path, 'new.yaml'), join(rig.path, 'policies.yaml'));
    expect(await repaired).toMatchObject({ outcome: 'active' });
    expect(await seen()).toEqual(['x-one']);
  });

  it('tells of a policy that comes, goes, and is another one, and makes no instance anew that is the same (P-29)', async () => {
    const rig = await FolderRig.create();
    await rig.configure(ROUTE('set-headers', HEADERS('1')));
    const engine = rig.engine({ watch: true, catalogue: false });
    expect((await engine.load(rig.path)).routes.get('*|/a|*')).toBe('closed');
    const ask = await serve(engine);
    expect((await ask('/a')).status).toBe(503);

    const came = nextReport(engine);
    await rig.add('set-headers', BOTH);
    // A folder is made file by file, so a first look may find half of it.
    if ((await came).routes.get('*|/a|*') !== 'active') await nextReport(engine);
    expect((await ask('/a')).headers['x-m']).toBe('1');
    const { created } = engine.describe().instances;

    const same = nextReport(engine);
    await rig.configure(`${ROUTE('set-headers', HEADERS('1'))} # the same`);
    await same;
    expect(engine.describe().instances).toMatchObject({ created, live: 1 });

    const changed = nextReport(engine);
    await rig.configure(ROUTE('set-headers', HEADERS('2')));
    await changed;
    expect((await ask('/a')).headers['x-m']).toBe('2');
    expect(engine.describe().instances).toMatchObject({ created: created + 1, live: 1 });
  });
});

describe('a module', () => {
  it('that a route uses goes on serving when its folder is deleted, and the status names the route (U-07)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH);
    await rig.configure(ROUTE('set-headers', HEADERS('1')));
    const engine = rig.engine({ catalogue: false });
    await engine.load(rig.path);
    const ask = await serve(engine);
    const module = engine.describe().packages.find(({ name }) => name === 'set-headers')?.digest;
    await rm(join(rig.path, 'set-headers'), { recursive: true });
    expect((await engine.load(rig.path)).routes.get('*|/a|*')).toBe('kept');
    expect((await ask('/a')).headers['x-m']).toBe('1');
    const { routes, lastLoad } = engine.describe();
    const users = routes.filter(({ positions }) => positions.some(({ digest }) => digest === module));
    expect(users.map(({ key }) => key)).toEqual(['*|/a|*']);
    expect(lastLoad?.problems).toMatchObject([{ path: '/routes/0/policies/0', code: 'POLICY_MISSING' }]);
  });

  it('that is a link out of its folder is not read', async () => {
    const rig = await FolderRig.create();
    const other = await FolderRig.create();
    await other.add('set-headers', BOTH);
    await rig.add('set-headers', BOTH);
    const module = join(rig.path, 'set-headers', 'module.wasm');
    await rename(module, `${module}.away`);
    await symlink(join(other.path, 'set-headers', 'module.wasm'), module);
    await rig.configure(ROUTE('set-headers', HEADERS('1')));
    const engine = rig.engine();
    await engine.load(rig.path);
    expect(engine.describe().refused).toMatchObject([{ message: expect.stringContaining('not in the folder') }]);
    expect((await (await serve(engine))('/a')).status).toBe(503);
  });

  it('whose manifest asks for a worker runs in one, and a loop there ends at its deadline (P-52)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH, 'minimumTier: isolated');
    const limits = 'limits: { deadlineMs: 30, fuelPerHook: 2147483647 }';
    await rig.add('loop-forever', '{ requestHeaders: process }', `minimumTier: isolated\n${limits}`);
    await rig.configure(`
routes:
  - { key: '*|/a|*', tenant: calm, policies: [{ use: set-headers${HEADERS('1')} }] }
  - { key: '*|/loop|*', tenant: noisy, policies: [{ key: loop, use: loop-forever }] }
`);
    const engine = await rig.loaded();
    const ask = await serve(engine);
    expect((await ask('/a')).headers['x-m']).toBe('1');
    expect((await ask('/loop')).status).toBe(500);
    expect((await ask('/a')).headers['x-m']).toBe('1');
    const { modules, routes } = engine.describe();
    expect(modules.map(({ tier }) => tier)).toEqual(['isolated', 'isolated']);
    expect(Object.keys(routes[1]?.positions[0]?.counts?.failures ?? {})).toEqual(['DEADLINE_EXCEEDED']);
  });

  it('may be a component, as a compiler for Rust makes it (P-37)', async () => {
    const rig = await FolderRig.create();
    const component = new URL('../../../examples/policies/rust/four-hooks.component.wasm', import.meta.url);
    const processing =
      '{ requestHeaders: process, requestBody: buffer, responseHeaders: process, responseBody: buffer }';
    await rig.add('four-hooks', processing, "abi: 'edict:policy@0.1.0'\ninputs: { body: true }", 'rust', component);
    await rig.configure(ROUTE('four-hooks'));
    const engine = await rig.loaded();
    expect(engine.describe().lastLoad?.problems).toEqual([]);
    const { status, body } = await (await serve(engine))('/a', { headers: { 'user-agent': 'curl' } });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: expect.stringMatching(/^\[seen\] \{.*"x-seen-agent":"curl"/),
    });
  });

  it('leaves nothing behind when its engine is closed', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH);
    await rig.configure(ROUTE('set-headers', HEADERS('1')));
    const engine = await rig.loaded();
    const ask = await serve(engine);
    await ask('/a');
    await engine.close();
    expect(engine.describe()).toMatchObject({ state: 'closed', instances: { live: 0, referenced: 0 } });
  });
});
