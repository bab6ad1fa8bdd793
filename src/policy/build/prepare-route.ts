/** One route of a new revision: its instances held, its chain built, or everything that keeps it from serving. */

import { canonicalJson } from '../../internal/canonical-json.ts';
import type { JsonObject } from '../../internal/json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import { Chain } from '../chain/chain.ts';
import { type Position, positionOf } from '../chain/position.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { InstanceInit, PolicyInstance } from '../model/instance.ts';
import type { Scope } from '../model/instance-plan.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { CatalogEntry } from './catalog.ts';
import type { Hold, InstanceTable } from './instance-table.ts';
import { PerRequestInstance } from './per-request.ts';
import type { PositionPreparer, PreparedPosition } from './prepare-position.ts';
import { majorOf } from './reference.ts';
import { type PositionStatus, RouteVersion } from './route-version.ts';
import { LEVELS, type PositionSpec, type RouteSpec } from './specification.ts';

export type PreparedRoute =
  | { readonly version: RouteVersion; readonly prepared: readonly PreparedPosition[] }
  | { readonly problems: readonly ConfigProblem[] };

/** What the routes of one configuration share while they are prepared. */
export interface RouteContext {
  readonly preparer: PositionPreparer;
  readonly table: InstanceTable;
  /** The first position of a singleton in the order of the document decides what it is made of. */
  readonly singletons: Map<string, PreparedPosition>;
}

/** Settles which position makes each singleton. Called in the order of the document, before any instance is made. */
export function claimSingletons(route: RouteSpec, prepared: readonly PreparedPosition[], context: RouteContext): void {
  for (const one of prepared) {
    if (scopeOf(one) !== 'singleton') continue;
    const key = singletonKey(route, one);
    if (!context.singletons.has(key)) context.singletons.set(key, one);
  }
}

/** Everything that is wrong with the positions of a route, and those that are right. */
export async function preparePositions(
  route: RouteSpec,
  { preparer }: RouteContext,
): Promise<{ readonly prepared: readonly PreparedPosition[]; readonly problems: readonly ConfigProblem[] }> {
  const all = await Promise.all(route.positions.map((spec) => preparer.prepare(spec)));
  return {
    prepared: all.filter((one): one is PreparedPosition => !('problems' in one)),
    problems: all.flatMap((one) => ('problems' in one ? one.problems : [])),
  };
}

/** Makes or finds the instances and builds the chain. Holds nothing when it gives problems. */
export async function buildRoute(
  route: RouteSpec,
  prepared: readonly PreparedPosition[],
  context: RouteContext,
): Promise<PreparedRoute> {
  const made = await Promise.all(prepared.map((one) => holdInstance(route, one, context)));
  const problems = made.flatMap((one, index) =>
    'kind' in one ? [problem((prepared[index] as PreparedPosition).spec.path, one.message, one.code)] : [],
  );
  const holds = made.filter((one): one is Hold & Identity => !('kind' in one));
  if (problems.length > 0) {
    for (const hold of holds) hold.release();
    return { problems };
  }
  const positions = prepared.map((one, index) => chainPosition(one, (holds[index] as Hold).instance));
  const level = (name: string): Position[] => positions.filter((_, index) => prepared[index]?.spec.level === name);
  const chain = new Chain(Object.fromEntries(LEVELS.map((name) => [name, level(name)])));
  const { key, name, tenant, api, source } = route;
  const statuses = prepared.map((one, index) => statusOf(one, holds[index] as Identity));
  return { version: new RouteVersion({ key, name, tenant, api, chain, positions: statuses, holds, source }), prepared };
}

/** A new route that could not be built: it answers 503, so that nobody gets past the policies it was declared with. */
export function closedRoute(
  route: Pick<RouteSpec, 'key' | 'name' | 'tenant' | 'api' | 'source'>,
  reason: ConfigProblem,
): RouteVersion {
  const position = positionOf({
    key: 'refused',
    policy: { name: 'edict', version: 'v0.0.0' },
    instance: policyFailure(reason.code, `${reason.path}: ${reason.message}`),
    failureStatus: 503,
  });
  const { key, name, tenant, api, source } = route;
  const chain = new Chain({ system: [position] });
  return new RouteVersion({ key, name, tenant, api, chain, positions: [], holds: [], source, refusal: reason });
}

interface Identity {
  readonly signature: Sha256;
  readonly scope: Scope;
}

async function holdInstance(
  route: RouteSpec,
  position: PreparedPosition,
  { table, singletons }: RouteContext,
): Promise<(Hold & Identity) | PolicyFailure> {
  const scope = scopeOf(position);
  const maker = scope === 'singleton' ? (singletons.get(singletonKey(route, position)) ?? position) : position;
  const signature = signatureOf(route, position, maker, scope);
  const key = instanceKey(route, position, maker, scope, signature);
  const hold = await table.acquire(key, () => create(route, maker, scope));
  return 'kind' in hold ? hold : { ...hold, signature, scope };
}

function scopeOf({ spec, entry }: PreparedPosition): Scope {
  return spec.scope ?? entry.manifest.scope;
}

function singletonKey({ tenant }: RouteSpec, { spec, entry: { manifest } }: PreparedPosition): string {
  return JSON.stringify([tenant, manifest.name, majorOf(manifest.version), spec.shareKey]);
}

/** Equal signatures: the instance and its state survive (spec/policies.md §4.9). */
function signatureOf(route: RouteSpec, { spec }: PreparedPosition, maker: PreparedPosition, scope: Scope): Sha256 {
  const { entry, resolved } = maker;
  return sha256(
    canonicalJson({
      route: route.key,
      tenant: route.tenant,
      position: spec.key,
      name: entry.manifest.name,
      version: entry.manifest.version,
      digest: entry.digest,
      params: resolved.digest,
      scope,
      shareKey: spec.shareKey,
      condition: spec.condition ?? null,
    }),
  );
}

/** What an instance is found by; nothing is ever shared between tenants. */
function instanceKey(
  { tenant }: RouteSpec,
  { spec }: PreparedPosition,
  { entry, resolved }: PreparedPosition,
  scope: Scope,
  signature: Sha256,
): string {
  const { name, version } = entry.manifest;
  switch (scope) {
    case 'shared-by-params':
      return JSON.stringify([scope, tenant, name, version, entry.digest, resolved.digest, spec.shareKey]);
    case 'singleton':
      return JSON.stringify([scope, tenant, name, majorOf(version), entry.digest, resolved.digest, spec.shareKey]);
    default:
      return JSON.stringify([scope, tenant, signature]);
  }
}

async function create(
  route: RouteSpec,
  { spec, entry, resolved }: PreparedPosition,
  scope: Scope,
): Promise<PolicyInstance | PolicyFailure> {
  const { manifest, factory } = entry;
  const init: InstanceInit = {
    info: {
      name: manifest.name,
      version: manifest.version,
      routeName: route.name,
      attachedTo: spec.level === 'operation' ? 'route' : 'api',
      tenant: route.tenant,
      api: route.api,
    },
    params: resolved.params as JsonObject,
    ...(scope === 'per-route' ? { stateScope: route.key } : {}),
  };
  const made = await factory
    .create(init)
    .catch((caught: unknown) => policyFailure('INTERNAL', `create threw: ${(caught as Error).message}`));
  if ('kind' in made) return made;
  const faults = modeDifferences(entry, made.modes);
  if (faults.length > 0) {
    void made.destroy();
    return policyFailure('INIT_FAILED', faults.join('; '));
  }
  return scope === 'per-request' ? new PerRequestInstance(factory, init, made) : made;
}

/** What init reports must be what the manifest says: chains are planned by it. */
function modeDifferences({ manifest: { processing } }: CatalogEntry, modes: ProcessingModes): string[] {
  return (Object.keys(processing) as (keyof ProcessingModes)[])
    .filter((side) => modes[side] !== processing[side])
    .map((side) => `${side}: the manifest says ${processing[side]}, init says ${modes[side]}`);
}

function chainPosition({ spec, entry, condition }: PreparedPosition, instance: PolicyInstance): Position {
  const { manifest } = entry;
  // What runs after the outcome is settled must not change it by failing, unless it was asked to.
  const isAfter = spec.level === 'onFault' || spec.level === 'finally';
  return positionOf({
    key: spec.key,
    policy: { name: manifest.name, version: manifest.version },
    instance,
    enabled: spec.enabled,
    late: spec.late,
    condition,
    sticky: spec.sticky,
    failureMode: spec.failureMode ?? (isAfter ? 'open' : manifest.failureMode),
    failureStatus: spec.failureStatus,
    acceptsTruncated: spec.acceptsTruncated ?? manifest.acceptsTruncated,
    grants: { hopByHop: manifest.capabilities.hopByHop },
  });
}

function statusOf({ spec, entry }: PreparedPosition, { signature, scope }: Identity): PositionStatus {
  const { name, version } = entry.manifest;
  const { key, level, enabled } = spec as PositionSpec;
  return { key, level, name, version, digest: entry.digest, enabled, scope, signature };
}
