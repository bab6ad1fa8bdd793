/** The policies of the shop: one in JavaScript, two modules, and the folder they are loaded from. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { definePolicy, PolicyEngine } from 'edict/policy';

const WASM = new URL('../../wasm/', import.meta.url);

/** The hooks each module has, as its manifest says. */
const MODULES = {
  'set-headers': { requestHeaders: 'process', responseHeaders: 'process' },
  'loop-forever': { requestHeaders: 'process' },
};

const peopleOnly = definePolicy({
  name: 'people-only',
  hooks: {
    onRequestHeaders: ({ request }) =>
      request.path.includes('user=crawler')
        ? { kind: 'immediate', status: 403, body: Buffer.from('{"error":"baskets are for people"}\n') }
        : undefined,
  },
});

/** Writes the folder of policies into `folder` and loads it: `{ engine, folder }`. */
export async function startPolicies(folder, logger) {
  const { policies } = JSON.parse(await readFile(new URL('manifest.json', WASM), 'utf8'));
  for (const [name, processing] of Object.entries(MODULES)) {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, `${name}.wasm`), await readFile(new URL(policies[name].file, WASM)));
    const module = { file: `${name}.wasm`, sha256: `sha256:${policies[name].sha256}` };
    const manifest = { apiVersion: 'edict/v1', name, version: 'v1.0.0', module, processing };
    await writeFile(join(folder, name, 'policy.yaml'), `${JSON.stringify(manifest, null, 2)}\n`);
  }
  await writeFile(join(folder, 'policies.yaml'), await readFile(new URL('policies.yaml', import.meta.url)));
  const engine = new PolicyEngine({ policies: [peopleOnly], logger });
  await engine.load(folder);
  return engine;
}

/** Requests that show what the chain does: the answer of each, and how long it took. */
export async function askThroughPolicies(url) {
  const answers = [];
  for (const path of [
    '/basket?user=ana',
    '/basket?user=crawler',
    '/partner/offers',
    '/partner/offers',
    '/basket?user=ben',
  ]) {
    const began = performance.now();
    const response = await fetch(`${url}${path}`);
    const body = await response.json();
    const millis = performance.now() - began;
    answers.push({ path, status: response.status, cache: response.headers.get('cache-control') ?? '-', body, millis });
  }
  return answers;
}

/** One row for each policy of a chain, from what the engine counted. */
export function policyRows(engine) {
  const { routes, modules } = engine.describe();
  return routes.flatMap(({ name: route, tenant, positions }) =>
    positions.map(({ name, counts }) => {
      const module = modules.find((one) => one.name === name);
      const { outcomes, failures, totalUs } = counts;
      const hooks = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      const ends = { ...outcomes, failed: 0, ...failures };
      const ended = Object.entries(ends).filter(([, count]) => count > 0);
      return {
        tenant,
        route,
        policy: name,
        runs: module === undefined ? 'native' : `WebAssembly, ${module.tier}`,
        hooks,
        ended: ended.map(([how, count]) => `${count} ${how}`).join(', '),
        stopped: Object.keys(failures).length > 0,
        micros: totalUs / hooks,
      };
    }),
  );
}
