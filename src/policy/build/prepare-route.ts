/** One route of a new revision: its instances held, its chain built, or everything that keeps it from serving. */

import type { JsonObject } from '../../internal/json.ts';
import type { Sha256 } from '../../internal/sha256.ts';
import type { Canary } from '../canary/canary.ts';
import { Chain } from '../chain/chain.ts';
import { type Position, positionOf } from '../chain/position.ts';
import { type RemoteEvaluatorPort, RemoteFallback } from '../chain/remote-fallback.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { PolicyInstance } from '../model/instance.ts';
import type { Scope } from '../model/instance-plan.ts';
import type { RolloutParts } from '../rollout/rollout-instance.ts';
import type { HeldRollout, RolloutTable } from '../rollout/rollout-table.ts';
import { grantsOf } from './grants.ts';
import {
  carriesKv,
  instanceKey,
  type PlannedSide,
  signatureOf,
  singletonKey,
  stateScopeOf,
} from './instance-identity.ts';
import type { Hold, InstanceTable } from './instance-table.ts';
import { makeInstance } from './make-instance.ts';
import { initOf, planSide } from './plan-position.ts';
import type { PolicySet } from './policy-set.ts';
import type { PositionPreparer, PreparedPosition } from './prepare-position.ts';
import { type PositionStatus, RouteVersion } from './route-version.ts';
import { LEVELS, type PositionSpec, type RolloutSpec, type RouteSpec } from './specification.ts';

export type PreparedRoute =
  | { readonly version: RouteVersion; readonly prepared: readonly PlannedPosition[] }
  | { readonly problems: readonly ConfigProblem[] };

/** What the routes of one configuration share while they are prepared. */
export interface RouteContext {
  readonly preparer: PositionPreparer;
  readonly table: InstanceTable;
  /** The first position of a singleton in the order of the document decides what it is made of. */
  readonly singletons: Map<string, PlannedPosition>;
  readonly canary: Canary;
  readonly rollouts: RolloutTable;
  readonly rollout: Pick<RolloutParts, 'ports' | 'onRolledBack'>;
  readonly remote: RemoteEvaluatorPort | undefined;
  /** What serves while the new configuration is prepared. */
  readonly previous: PolicySet;
}

/** A position that knows how its instances are shared. */
export interface PlannedPosition extends PreparedPosition, PlannedSide {
  readonly candidate: PlannedSide | undefined;
}

/** Settles which position makes each singleton. Called in the order of the document, before any instance is made. */
export function claimSingletons(route: RouteSpec, prepared: readonly PlannedPosition[], context: RouteContext): void {
  for (const one of prepared) {
    if (one.scope !== 'singleton') continue;
    const key = singletonKey(route, one);
    if (!context.singletons.has(key)) context.singletons.set(key, one);
  }
}

/** Everything that is wrong with the positions of a route, and those that are right. */
export async function preparePositions(
  route: RouteSpec,
  { preparer }: RouteContext,
): Promise<{ readonly prepared: readonly PlannedPosition[]; readonly problems: readonly ConfigProblem[] }> {
  const all = await Promise.all(route.positions.map((spec) => preparePosition(route, spec, preparer)));
  return {
    prepared: all.filter((one): one is PlannedPosition => !('problems' in one)),
    problems: all.flatMap((one) => ('problems' in one ? one.problems : [])),
  };
}

async function preparePosition(
  route: RouteSpec,
  spec: PositionSpec,
  preparer: PositionPreparer,
): Promise<PlannedPosition | { readonly problems: readonly ConfigProblem[] }> {
  const prepared = await preparer.prepare(spec);
  if ('problems' in prepared) return prepared;
  const planned = await planSide(route, spec, prepared);
  if (isPolicyFailure(planned)) return { problems: [problem(spec.path, `plan: ${planned.message}`, planned.code)] };
  const { candidate: other, ...rest } = prepared;
  const candidate = other === undefined ? undefined : await planSide(route, spec, other);
  if (candidate !== undefined && isPolicyFailure(candidate)) {
    return { problems: [problem(`${spec.path}/rollout`, `plan: ${candidate.message}`, candidate.code)] };
  }
  return { ...rest, ...planned, candidate };
}

/** Makes or finds the instances and builds the chain. Holds nothing when it gives problems. */
export async function buildRoute(
  route: RouteSpec,
  prepared: readonly PlannedPosition[],
  context: RouteContext,
): Promise<PreparedRoute> {
  const made = await Promise.all(prepared.map((one) => holdInstance(route, one, context)));
  const problems = made.flatMap((one, index) =>
    'kind' in one ? [problem((prepared[index] as PlannedPosition).spec.path, one.message, one.code)] : [],
  );
  const holds = made.filter((one): one is Held => !('kind' in one));
  if (problems.length > 0) {
    for (const hold of holds) hold.release();
    return { problems };
  }
  const positions = prepared.map((one, index) => {
    const { instance } = holds[index] as Held;
    return chainPosition(one, withRemote(route, one, instance, context.remote));
  });
  const level = (name: string): Position[] => positions.filter((_, index) => prepared[index]?.spec.level === name);
  const chain = new Chain(Object.fromEntries(LEVELS.map((name) => [name, level(name)])));
  const { key, name, tenant, api, source } = route;
  const statuses = prepared.map((one, index) => statusOf(one, holds[index] as Identity));
  const parts = { key, name, tenant, api, chain, positions: statuses, holds, source };
  return { version: new RouteVersion(parts), prepared };
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

/** What a position holds: one instance, or a rollout of two. */
type Held = Hold & Identity & Partial<Pick<HeldRollout, 'rollout' | 'active'>>;

async function holdInstance(
  route: RouteSpec,
  position: PlannedPosition,
  context: RouteContext,
): Promise<Held | PolicyFailure> {
  const { spec, scope, shareKey, candidate } = position;
  const maker = scope === 'singleton' ? (context.singletons.get(singletonKey(route, position)) ?? position) : position;
  const signature = signatureOf(route, spec, position, maker);
  const active = { ...maker, scope, shareKey };
  const hold =
    candidate === undefined || spec.rollout === undefined
      ? await holdSide(route, spec, active, signature, context)
      : await holdRollout(route, spec, spec.rollout, active, signature, candidate, context);
  return isPolicyFailure(hold) ? hold : { ...hold, signature, scope };
}

/** The candidate is known by what it would be without the rollout, so that it goes on as the active policy one day. */
async function holdRollout(
  route: RouteSpec,
  spec: PositionSpec,
  { settings }: RolloutSpec,
  active: PlannedSide,
  signature: Sha256,
  candidate: PlannedSide,
  context: RouteContext,
): Promise<HeldRollout | PolicyFailure> {
  const { name, version, capabilities } = candidate.entry.manifest;
  const other = signatureOf(route, spec, candidate, candidate);
  const key = JSON.stringify([route.tenant, route.key, spec.key, signature, other, settings as unknown as JsonObject]);
  const given = {
    identity: {
      tenant: route.tenant,
      route: route.key,
      position: spec.key,
      candidate: { name, version, digest: candidate.entry.digest },
    },
    settings,
    grants: { hopByHop: capabilities.hopByHop },
    ...context.rollout,
  };
  return context.rollouts.acquire(key, given, async () => {
    const one = await holdSide(route, spec, active, signature, context);
    if (isPolicyFailure(one)) return one;
    const two = await holdSide(route, spec, candidate, other, context);
    if (!isPolicyFailure(two)) return { active: one, candidate: two };
    one.release();
    return { ...two, message: `the candidate ${name} ${version}: ${two.message}` };
  });
}

async function holdSide(
  route: RouteSpec,
  spec: PositionSpec,
  side: PlannedSide,
  signature: Sha256,
  { table, canary, previous }: RouteContext,
): Promise<Hold | PolicyFailure> {
  const key = instanceKey(route, side, side, signature);
  const init = { ...initOf(route, spec, side), stateScope: stateScopeOf(route, spec, side, key) };
  const { factory, manifest } = side.entry;
  return table.acquire(key, {
    policyName: manifest.name,
    create: () => makeInstance({ side, init, former: previous.route(route.key)?.instanceAt(spec.key), canary }),
    ...(carriesKv(side) ? {} : { ended: () => factory.forgetState?.(init) }),
  });
}

function withRemote(
  route: RouteSpec,
  position: PlannedPosition,
  local: PolicyInstance,
  remote: RemoteEvaluatorPort | undefined,
): PolicyInstance {
  const { spec } = position;
  if (remote === undefined || spec.fallbackEvaluator === undefined) return local;
  const caller = { position: spec.key, init: initOf(route, spec, position) };
  return new RemoteFallback(local, { remote, caller, retryAfterEffects: spec.retryAfterEffects });
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
    grants: grantsOf(manifest),
  });
}

function statusOf({ spec, entry }: PreparedPosition, { signature, scope }: Identity): PositionStatus {
  const { name, version } = entry.manifest;
  const { key, level, enabled } = spec as PositionSpec;
  return { key, level, name, version, digest: entry.digest, enabled, scope, signature };
}
