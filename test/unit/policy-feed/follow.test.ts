import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { greeting, startPolicyRelay } from '../server/policies/support.ts';
import { startTestRelay, until } from '../server/test-relay.ts';
import { cacheFolder, engineRig, following, QUIET } from './support.ts';

describe('an engine that follows a relay', () => {
  it('serves what the relay has, takes changes up, and asks for news only', async () => {
    const relay = await startPolicyRelay(greeting('1'), { faults: true });
    const { mark, engine, follower } = await following(relay);
    expect(await mark()).toBe('200 1');
    expect(engine.describe().feed).toMatchObject({ state: 'current', origin: 'relay', missing: [] });
    expect(await follower.refresh()).toBe('unchanged');
    expect(relay.relay.faults.seen('policies')[1]?.ifNoneMatch).toMatch(/^"\d+-/);
    await relay.folder.configure(greeting('2'));
    await relay.relay.reload();
    expect(await follower.refresh()).toBe('changed');
    expect(await mark()).toBe('200 2');
    // The module is the same one: it came once.
    expect(follower.describe().downloads).toMatchObject({ downloads: 2, failed: 0 });
  });

  it('tells apart a relay without policies from one that is broken, and refuses every request', async () => {
    const { relay } = await startTestRelay({});
    const { engine, mark } = await engineRig();
    await expect(engine.follow({ ...QUIET, endpoint: relay.url })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(engine.describe().feed).toMatchObject({ state: 'no-policies', origin: 'none' });
    expect(await mark()).toBe('503');
    await expect(engine.follow({ endpoint: 'nowhere' })).rejects.toThrow('INVALID_OPTION');
    await expect(engine.follow({ bootstrap: {} })).rejects.toThrow('policies come from a relay');
  });

  it('serves the policies of before, as stale, when it starts while the relay is down (P-64, U-04)', async () => {
    const cacheDir = await cacheFolder();
    const relay = await startPolicyRelay();
    const first = await following(relay, { cacheDir });
    await first.engine.close();
    await relay.relay.close();
    const second = await following(relay, { cacheDir });
    expect(await second.mark()).toBe('200 1');
    expect(second.engine.describe().feed).toMatchObject({ state: 'stale', origin: 'cache' });
    const [folder] = await readdir(join(cacheDir, 'modules', 'sha256'));
    const [file] = await readdir(join(cacheDir, 'modules', 'sha256', folder as string));
    expect(file).toMatch(/^[0-9a-f]{64}\.wasm$/);
    expect((await stat(join(cacheDir, 'modules', 'sha256', folder as string, file as string))).mode & 0o777).toBe(
      0o600,
    );
  });

  it('has exactly the routes of the last document: one that is gone is gone, none is merged (U-06)', async () => {
    const relay = await startPolicyRelay(`${greeting('1')}  - key: 'GET|/more|*'\n    policies: []\n`);
    const { engine, ask, follower } = await following(relay);
    expect(engine.describe().routes.map(({ key }) => key)).toEqual(['GET|/pets|*', 'GET|/more|*']);
    await relay.folder.configure(greeting('2'));
    await relay.relay.reload();
    expect(await follower.refresh()).toBe('changed');
    expect(engine.describe().routes.map(({ key }) => key)).toEqual(['GET|/pets|*']);
    expect((await ask('/pets')).headers['x-m']).toBe('2');
  });

  it('follows one relay at a time, and none after a load or a close', async () => {
    const [one, two] = [await startPolicyRelay(greeting('1')), await startPolicyRelay(greeting('2'))];
    const { engine, mark, follower } = await following(one);
    const second = await engine.follow({ ...QUIET, endpoint: two.relay.url });
    expect(await mark()).toBe('200 2');
    expect([follower.describe().state, second.describe().state]).toEqual(['stopped', 'current']);
    expect(await follower.refresh()).toBe('failed');
    await engine.load({ routes: [{ key: 'GET|/pets|*' }] });
    expect([second.describe().state, engine.describe().feed]).toEqual(['stopped', undefined]);
    expect(await mark()).toBe('200 undefined');
    await engine.close();
    await expect(engine.follow({ ...QUIET, endpoint: two.relay.url })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('names the tenants that it wants, and tells the relay what became of their policies', async () => {
    const relay = await startPolicyRelay(
      `${greeting('1')}    tenant: shop\n  - { key: 'GET|/blog|*', tenant: blog }\n`,
    );
    const { engine } = await following(relay, { policies: ['shop'] });
    expect(engine.describe().routes.map(({ tenant }) => tenant)).toEqual(['shop']);
    await until(() => relay.events.some(({ type }) => type === 'policy-status'));
    expect(relay.events).toEqual([
      {
        type: 'policy-status',
        status: {
          revision: engine.describe().revision,
          outcome: 'active',
          routes: { active: 1, kept: 0, closed: 0 },
          problems: [],
          missing: [],
        },
      },
    ]);
  });
});
