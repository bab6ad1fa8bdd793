/** The policies of the shop: one in its own JavaScript, two modules, a component, and the folder they are loaded from. */

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { definePolicy, PolicyEngine } from 'edict/policy';

const WASM = new URL('../../wasm/', import.meta.url);

/** What the manifest of each module says of it. */
const MODULES = {
  'set-headers': { processing: { requestHeaders: 'process', responseHeaders: 'process' } },
  'loop-forever': { processing: { requestHeaders: 'process' } },
};

/** The component in JavaScript is built on the first start, so it may come later. Its engine needs room and time to begin. */
const COMPONENT = 'language';
const COMPONENT_FACTS = {
  abi: 'edict:policy@0.1.0',
  processing: { responseHeaders: 'process' },
  inputs: { headers: ['accept-language'] },
  limits: { memoryPages: 1024, fuelPerHook: 50_000_000, fuelInit: 2_000_000_000 },
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

/** Writes the folder of policies into `folder` and loads it. `component` is the file of the component, if it is built. */
export async function startPolicies(folder, logger, component) {
  const { policies } = JSON.parse(await readFile(new URL('manifest.json', WASM), 'utf8'));
  for (const [name, facts] of Object.entries(MODULES)) {
    await addPolicy(folder, name, facts, new URL(policies[name].file, WASM));
  }
  const text = await readFile(new URL('policies.yaml', import.meta.url), 'utf8');
  if (component === undefined) await writeFile(join(folder, 'policies.yaml'), withoutComponent(text));
  else await addComponent(folder, component);
  const engine = new PolicyEngine({ policies: [peopleOnly], logger });
  await engine.load(folder);
  return engine;
}

/** Puts the component into a folder that may be in use: the policy first, then the file that names it. */
export async function addComponent(folder, file) {
  await addPolicy(folder, COMPONENT, COMPONENT_FACTS, file);
  await writeFile(join(folder, 'policies.yaml'), await readFile(new URL('policies.yaml', import.meta.url)));
}

async function addPolicy(folder, name, facts, file) {
  const bytes = await readFile(file);
  const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, `${name}.wasm`), bytes);
  const manifest = {
    apiVersion: 'edict/v1',
    name,
    version: 'v1.0.0',
    module: { file: `${name}.wasm`, sha256 },
    ...facts,
  };
  await writeFile(join(folder, name, 'policy.yaml'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A position of a policy that is not there would close its route. */
function withoutComponent(text) {
  return text.replace(/^ *# JavaScript, as a WebAssembly component.*\n *- use: language\n.*\n/m, '');
}

const BASKETS = ['/basket?user=ana', '/basket?user=crawler', '/basket?user=ben'];

/** Five hooks that never end are the partner's; then it rests, and the sixth request is answered without asking the policy. */
const PARTNER = Array.from({ length: 6 }, () => '/partner/offers');

/** Requests that show what the chain does: the answer of each, and how long it took. `partner`: ask for its offers too. */
export async function askThroughPolicies(url, { partner = false } = {}) {
  const answers = [];
  for (const path of partner ? [...PARTNER, ...BASKETS] : BASKETS) {
    const began = performance.now();
    const response = await fetch(`${url}${path}`, { headers: { 'accept-language': 'fr, nl;q=0.8, en;q=0.5' } });
    const body = await response.json();
    const millis = performance.now() - began;
    const [cache, language] = ['cache-control', 'content-language'].map((name) => response.headers.get(name) ?? '-');
    answers.push({ path, status: response.status, cache, language, body, millis });
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
