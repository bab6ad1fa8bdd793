/** What a policy has counted outlives its parameters and its module, where its manifest says so. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PolicyEngine } from '../../../src/policy-engine/index.ts';
import { type Ask, digestOf, FolderRig, moduleBytes, serve } from './support/folder-rig.ts';

const PROCESSING = '{ requestHeaders: process, responseHeaders: process }';
const manifest = (carry: string): string =>
  `inputs: { headers: all, body: true, api: true, metadata: { reads: ['ratelimit:state', 'ratelimit:keys'] } }
metadata: { reads: ['ratelimit:state', 'ratelimit:keys'], writes: ['ratelimit:state', 'ratelimit:keys'] }
state: { carry: ${carry} }
capabilities: { clock: true, crypto: [hash], kv: { namespaces: [limits], maxBytes: 1048576 } }
limits: { hostCalls: 1024 }`;

const limited = (limit: number): string =>
  `{ key: limit, use: advanced-ratelimit, params: { algorithm: fixed-window, quotas: [{ limits: [{ limit: ${limit}, duration: 24h }] }] } }`;
const routeWith = (limit: number): string =>
  `routes:\n  - key: 'GET|/**|*'\n    policies:\n      - ${limited(limit)}\n`;

/** The same policy in other bytes: a custom section that nobody reads. */
async function replaceModule(rig: FolderRig, carry: string): Promise<void> {
  const bytes = Buffer.concat([await moduleBytes('advanced-ratelimit'), Buffer.from([0, 3, 1, 0x78, 0x79])]);
  await writeFile(join(rig.path, 'advanced-ratelimit', 'module.wasm'), bytes);
  await writeFile(
    join(rig.path, 'advanced-ratelimit', 'policy.yaml'),
    `apiVersion: edict/v1\nname: advanced-ratelimit\nversion: v1.0.1\n` +
      `module: { file: module.wasm, sha256: '${digestOf(bytes)}' }\nprocessing: ${PROCESSING}\n${manifest(carry)}\n`,
  );
}

async function limiting(carry: string, text: string): Promise<{ rig: FolderRig; engine: PolicyEngine; ask: Ask }> {
  const rig = await FolderRig.create();
  await rig.add('advanced-ratelimit', PROCESSING, manifest(carry));
  await rig.configure(text);
  const engine = await rig.loaded();
  expect(engine.describe().lastLoad?.problems).toEqual([]);
  return { rig, engine, ask: await serve(engine) };
}

/** What is left after one more request; 0 when it was refused. */
async function left(ask: Ask, path = '/pets'): Promise<number> {
  const { status, headers } = await ask(path);
  expect([200, 429]).toContain(status);
  return status === 429 ? 0 : Number(headers['x-ratelimit-remaining']);
}

describe('a rate limit', () => {
  it('goes on over new parameters, a canary of what it was asked, and a new module (P-70)', async () => {
    const { rig, engine, ask } = await limiting('kv', routeWith(5));
    expect([await left(ask), await left(ask), await left(ask)]).toEqual([4, 3, 2]);
    await rig.configure(routeWith(6));
    expect((await engine.load(rig.path)).problems).toEqual([]);
    expect([await left(ask)]).toEqual([2]);
    await replaceModule(rig, 'kv');
    expect((await engine.load(rig.path)).problems).toEqual([]);
    expect(engine.describe().routes[0]?.positions[0]?.version).toBe('v1.0.1');
    expect([await left(ask), await left(ask)]).toEqual([1, 0]);
    expect((await ask('/pets')).status).toBe(429);
  });

  it('begins anew where its manifest carries nothing, and leaves nothing in the store', async () => {
    const { rig, engine, ask } = await limiting('none', routeWith(5));
    expect([await left(ask), await left(ask)]).toEqual([4, 3]);
    await rig.configure(routeWith(6));
    expect((await engine.load(rig.path)).problems).toEqual([]);
    expect([await left(ask)]).toEqual([5]);
  });

  it('of an API is one for all its routes; of an operation it is each its own (U-18)', async () => {
    const chains = `chains:\n  c: { LEVEL: [${limited(9)}] }\n`;
    const routes = ['pets', 'owners']
      .map(
        (name) =>
          `  - { key: 'GET|/${name}|*', name: ${name}, chain: c, api: { id: a1, name: store, version: v1.0.0 } }\n`,
      )
      .join('');
    for (const [level, expected] of [
      ['api', [8, 7, 6]],
      ['operation', [8, 8, 7]],
    ] as const) {
      const { ask } = await limiting('kv', `${chains.replace('LEVEL', level)}routes:\n${routes}`);
      expect([await left(ask, '/pets'), await left(ask, '/owners'), await left(ask, '/pets')]).toEqual(expected);
    }
  });
});
