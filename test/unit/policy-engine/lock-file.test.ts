/** `edict-policies.lock`: what serves is what was locked, or nothing. */

import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockEntry, readLock, writeLock } from '../../../src/policy-engine/lock-file.ts';
import { readPackages } from '../../../src/policy-engine/policy-folder.ts';
import { FolderRig, serve } from './support/folder-rig.ts';

const BOTH = '{ requestHeaders: process, responseHeaders: process }';
const PARAMS = "params: { requestHeaders: [{ name: x-m, value: '1' }], responseHeaders: [{ name: x-m, value: '1' }] }";
const ROUTE = (use: string): string => `routes: [{ key: '*|/a|*', policies: [{ use: '${use}', ${PARAMS} }] }]`;

async function lockedRig(): Promise<FolderRig> {
  const rig = await FolderRig.create();
  await rig.add('set-headers', BOTH);
  await lock(rig);
  return rig;
}

async function lock(rig: FolderRig): Promise<void> {
  await writeLock(rig.path, [...(await readPackages(rig.path)).packages.values()].map(lockEntry));
}

/** The outcome of the one route, and the first problem. */
async function loaded(rig: FolderRig, use: string): Promise<[string | undefined, string]> {
  await rig.configure(ROUTE(use));
  const { routes, problems } = await rig.engine().load(rig.path);
  return [routes.get('*|/a|*'), problems.map(({ code, message }) => `${code} ${message}`).join('; ')];
}

describe('a folder with a lock', () => {
  it('serves what it holds, by name, by major version and by folder; a full version is no reference (P-27)', async () => {
    const rig = await lockedRig();
    for (const use of ['set-headers', 'set-headers@v1', 'file:set-headers']) {
      expect(await loaded(rig, use), use).toEqual(['active', '']);
    }
    const [outcome, reason] = await loaded(rig, 'set-headers@v1.0.0');
    expect(outcome).toBe('closed');
    expect(reason).toContain('name the major version, the lock pins the rest');
    expect(await loaded(rig, 'set-headers@v2')).toMatchObject(['closed', expect.stringContaining('POLICY_MISSING')]);
  });

  it('takes the locked version of a major one, whatever else lies in the folder (P-27)', async () => {
    const rig = await lockedRig();
    await rig.add('set-headers', BOTH, '', 'newer');
    const file = join(rig.path, 'newer', 'policy.yaml');
    await writeFile(
      file,
      `apiVersion: edict/v1\nname: set-headers\nversion: v1.9.0\nmodule: { file: module.wasm, sha256: '${await digest(rig)}' }\nprocessing: ${BOTH}\n`,
    );
    await rig.configure(ROUTE('set-headers@v1'));
    const engine = await rig.loaded();
    expect(engine.describe().routes[0]?.positions).toMatchObject([{ version: 'v1.0.0' }]);
    expect(engine.describe().refused).toMatchObject([{ folder: 'newer', code: 'POLICY_MISSING' }]);
    await lock(rig);
    expect((await rig.loaded()).describe().routes[0]?.positions).toMatchObject([{ version: 'v1.9.0' }]);
  });

  it('refuses what has other bytes or another manifest than it holds, and what it does not hold', async () => {
    const rig = await lockedRig();
    await appendFile(join(rig.path, 'set-headers', 'policy.yaml'), 'limits: { fuelPerHook: 3000000 }\n');
    expect(await loaded(rig, 'set-headers')).toMatchObject(['closed', expect.stringContaining('DIGEST_MISMATCH')]);
    expect(await loaded(rig, 'file:set-headers')).toMatchObject(['closed', expect.stringContaining('DIGEST_MISMATCH')]);
    await writeLock(rig.path, []);
    expect(await loaded(rig, 'set-headers')).toMatchObject(['closed', expect.stringContaining('does not hold')]);
  });

  it('does not let the catalogue stand in for a policy that it holds and that is gone', async () => {
    const rig = await lockedRig();
    await rm(join(rig.path, 'set-headers'), { recursive: true });
    expect(await loaded(rig, 'set-headers')).toMatchObject(['closed', expect.stringContaining('the folder has none')]);
  });

  it('keeps what serves when it cannot be read', async () => {
    const rig = await lockedRig();
    await rig.configure(ROUTE('set-headers'));
    const engine = await rig.loaded();
    await writeFile(join(rig.path, 'edict-policies.lock'), '{');
    expect(await engine.load(rig.path)).toMatchObject({ outcome: 'refused' });
    expect((await (await serve(engine))('/a')).headers['x-m']).toBe('1');
    await expect(readLock(rig.path)).rejects.toThrow('no JSON');
  });
});

async function digest(rig: FolderRig): Promise<string> {
  const [one] = (await readPackages(rig.path)).packages.values();
  return one?.moduleDigest ?? '';
}
