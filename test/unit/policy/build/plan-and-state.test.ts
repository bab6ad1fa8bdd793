/** What a policy itself says about its instances, and what one leaves to the next. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { sha256 } from '../../../../src/internal/sha256.ts';
import type { CatalogEntry } from '../../../../src/policy/build/catalog.ts';
import { PolicySets } from '../../../../src/policy/build/policy-sets.ts';
import { manifestOf } from '../../../../src/policy/manifest/parse-manifest.ts';
import { type PolicyFailure, policyFailure } from '../../../../src/policy/model/failure.ts';
import type { InstanceInit, PolicyFactory, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import type { InstancePlan, Scope } from '../../../../src/policy/model/instance-plan.ts';
import { documentOf } from '../support/build-rig.ts';
import { instanceOf } from '../support/exchange-rig.ts';

const CARRIED: JsonObject = { state: { carry: 'kv' }, capabilities: { kv: { namespaces: ['n'] } } };
const TENANTS = ['shop', 'bank'];

/** Three routes for each of two tenants, each with both parameter sets. */
function world(more: JsonObject = {}): JsonObject {
  const positions: JsonValue[] = [1, 2].map((tag) => ({ key: `k${tag}`, use: 'p', params: { tag }, ...more }));
  const routes = TENANTS.flatMap((tenant) => ['a', 'b', 'c'].map((name) => `${tenant}:${name}`));
  return documentOf(Object.fromEntries(routes.map((route) => [route, positions])));
}

type Plan = (init: InstanceInit) => InstancePlan | PolicyFailure | undefined;

function setsOf(
  plan: Plan | undefined,
  manifest: JsonObject = {},
  more: Partial<PolicyInstance> = {},
): { sets: PolicySets; made: InstanceInit[]; asked: { count: number }; forgotten: InstanceInit[] } {
  const read = manifestOf({
    apiVersion: 'edict/v1',
    name: 'p',
    version: 'v1.0.0',
    abi: 'native',
    processing: { requestHeaders: 'process' },
    ...manifest,
  });
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  const made: InstanceInit[] = [];
  const forgotten: InstanceInit[] = [];
  const asked = { count: 0 };
  const factory: PolicyFactory = {
    name: 'p',
    version: 'v1.0.0',
    create: async (init) => {
      made.push(init);
      return { ...instanceOf({ requestHeaders: () => undefined }), ...more };
    },
    forgetState: (init) => void forgotten.push(init),
    ...(plan === undefined
      ? {}
      : {
          plan: (init) => {
            asked.count++;
            return plan(init);
          },
        }),
  };
  const entry: CatalogEntry = { factory, manifest: read.manifest, digest: sha256('p') };
  return { sets: new PolicySets({ catalog: { find: () => entry } }), made, asked, forgotten };
}

describe('P-32, U-18: what a policy plans for 3 routes, 2 tenants and 2 parameter sets', () => {
  const tag = ({ params }: InstanceInit): string => String(params.tag);
  const table: [scope: Scope, shareKey: Plan, made: number][] = [
    ['per-route', () => ({ scope: 'per-route', shareKey: '' }), 12],
    ['shared-by-params', () => ({ scope: 'shared-by-params', shareKey: '' }), 4],
    ['singleton', () => ({ scope: 'singleton', shareKey: '' }), 2],
    ['per-request', () => ({ scope: 'per-request', shareKey: '' }), 12],
    ['singleton', (init) => ({ scope: 'singleton', shareKey: tag(init) }), 4],
    ['singleton', ({ info }) => ({ scope: 'singleton', shareKey: info.routeName }), 6],
    ['shared-by-params', ({ info }) => ({ scope: 'shared-by-params', shareKey: info.routeName }), 12],
  ];
  it.each(table)('%s (%#): %s makes %i', async (scope, plan, made) => {
    const rig = setsOf(plan);
    const { problems } = await rig.sets.activate(world());
    expect(problems).toEqual([]);
    expect(rig.made).toHaveLength(made);
    expect(rig.made.filter(({ info }) => info.tenant === 'shop')).toHaveLength(made / 2);
    expect(rig.sets.current.route('shop:a')?.positions[0]?.scope).toBe(scope);
    // The same configuration again asks nothing and makes nothing (P-29, U-16).
    const { count } = rig.asked;
    expect((await rig.sets.activate({ ...world(), revision: 'r2' })).counts).toMatchObject({ REUSED: 12, REBUILT: 0 });
    expect([rig.made.length, rig.asked.count]).toEqual([made, count]);
  });

  it('yields to what the document says; a policy that leaves it open has the scope of its manifest', async () => {
    const asked = setsOf(() => ({ scope: 'per-route', shareKey: '' }));
    await asked.sets.activate(world({ scope: 'singleton' }));
    expect(asked.made).toHaveLength(2);
    const open = setsOf(() => undefined, { scope: 'shared-by-params' });
    await open.sets.activate(world());
    expect(open.made).toHaveLength(4);
  });

  it('that fails rejects the route with its path, and is asked again', async () => {
    let isBroken = true;
    const rig = setsOf(() => (isBroken ? policyFailure('TRAP', 'x') : undefined));
    const { problems } = await rig.sets.activate(documentOf({ 'shop:a': [{ use: 'p' }] }));
    expect(problems).toEqual([{ path: '/chains/chain-shop:a/api/0', code: 'TRAP', message: 'plan: x' }]);
    isBroken = false;
    expect((await rig.sets.activate(documentOf({ 'shop:a': [{ use: 'p' }] }))).problems).toEqual([]);
  });
});

describe('P-70: state', () => {
  const scopeWith = async (more: JsonObject, manifest: JsonObject): Promise<string | undefined> => {
    const rig = setsOf(undefined, manifest);
    const { problems } = await rig.sets.activate(documentOf({ 'shop:a': [{ key: 'k', use: 'p', ...more }] }));
    expect(problems).toEqual([]);
    return rig.made[0]?.stateScope;
  };

  it('has the same name under other parameters where it is carried, and another one where it is not', async () => {
    const carried: JsonObject = CARRIED;
    for (const scope of ['per-route', 'singleton', 'per-request']) {
      const names = await Promise.all([1, 2].map((tag) => scopeWith({ scope, params: { tag } }, carried)));
      expect(names[0]).toBe(names[1]);
      const apart = await Promise.all([1, 2].map((tag) => scopeWith({ scope, params: { tag } }, {})));
      expect(apart[0]).not.toBe(apart[1]);
    }
    const shared = async (more: JsonObject): Promise<readonly (string | undefined)[]> =>
      Promise.all([1, 2].map((tag) => scopeWith({ scope: 'shared-by-params', params: { tag }, ...more }, carried)));
    const [one, two] = await shared({});
    expect(one).not.toBe(two);
    const [three, four] = await shared({ stateKey: 's' });
    expect(three).toBe(four);
    expect(await scopeWith({ key: 'renamed', stateKey: 'k' }, carried)).toBe(await scopeWith({}, carried));
    expect(await scopeWith({ shareKey: 'x' }, carried)).not.toBe(await scopeWith({}, carried));
  });

  it('that is not carried is dropped with its instance', async () => {
    const rig = setsOf(undefined);
    await rig.sets.activate(documentOf({ 'shop:a': [{ use: 'p', params: { tag: 1 } }] }));
    await rig.sets.activate(documentOf({ 'shop:a': [{ use: 'p', params: { tag: 2 } }] }));
    expect(rig.forgotten).toEqual([rig.made[0]]);
    const carried = setsOf(undefined, CARRIED);
    await carried.sets.activate(documentOf({ 'shop:a': [{ use: 'p' }] }));
    carried.sets.close();
    expect(carried.forgotten).toEqual([]);
  });

  it.each([
    ['takes', true, 'none'],
    ['may refuse', false, 'none'],
    ['fails on', policyFailure('TRAP', 'x'), 'INIT_FAILED'],
  ] as const)('that was exported is offered to the successor, which %s it', async (_, taken, code) => {
    const offered: string[] = [];
    const rig = setsOf(
      undefined,
      { state: { carry: 'export' } },
      {
        exportState: () => new Uint8Array(Buffer.from('seen 7')),
        importState: async (state) => {
          offered.push(Buffer.from(state).toString());
          return taken;
        },
      },
    );
    await rig.sets.activate(documentOf({ 'shop:a': [{ key: 'k', use: 'p', params: { tag: 1 } }] }));
    expect(offered).toEqual([]);
    const report = await rig.sets.activate(documentOf({ 'shop:a': [{ key: 'k', use: 'p', params: { tag: 2 } }] }));
    expect(offered).toEqual(['seen 7']);
    expect(report.problems[0]?.code ?? 'none').toBe(code);
    expect(report.routes.get('shop:a')).toBe(code === 'none' ? 'active' : 'kept');
  });
});
