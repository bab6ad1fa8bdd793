/** What `describe()` shows of an engine. */

import type { PolicySets } from '../policy/build/policy-sets.ts';
import type { PositionStatus } from '../policy/build/route-version.ts';
import type { ConfigProblem } from '../policy/model/config-problem.ts';
import type { RolloutStatus } from '../policy/rollout/rollout-instance.ts';
import type { EngineCatalog } from './engine-catalog.ts';
import type { LoadReport } from './load-report.ts';
import type { ModuleStatus } from './module-status.ts';
import type { PositionCounts, RouteCounts } from './served-route.ts';

/** One route with its positions in the order of its levels. */
export interface RouteStatus {
  readonly key: string;
  readonly name: string;
  readonly tenant: string;
  /** Why every request is answered 503; undefined where the route serves. */
  readonly refusal: ConfigProblem | undefined;
  /** Exchanges that are under way. */
  readonly exchanges: number;
  readonly positions: readonly (PositionStatus & {
    readonly counts: PositionCounts | undefined;
    /** What is rolled out there beside it. */
    readonly rollout: RolloutStatus | undefined;
  })[];
}

/** The state of an engine at one moment. */
export interface EngineStatus {
  readonly state: 'not-ready' | 'ready' | 'closed';
  readonly revision: string;
  readonly generation: number;
  readonly routes: readonly RouteStatus[];
  readonly modules: readonly ModuleStatus[];
  /** Folders whose policy was refused, with the reason. */
  readonly refused: readonly { readonly folder: string; readonly code: string; readonly message: string }[];
  readonly instances: { readonly live: number; readonly referenced: number; readonly created: number };
  /** Of the last load, good or not. */
  readonly lastLoad: LoadReport | undefined;
}

export function statusOf(
  state: EngineStatus['state'],
  sets: PolicySets,
  catalog: EngineCatalog,
  counts: ReadonlyMap<string, RouteCounts>,
  lastLoad: LoadReport | undefined,
): EngineStatus {
  const { revision, generation, routes } = sets.current;
  return {
    state,
    revision,
    generation,
    routes: [...routes.values()].map((route) => {
      const { key, name, tenant, refusal, exchanges, positions } = route;
      return {
        key,
        name,
        tenant,
        refusal,
        exchanges,
        positions: positions.map((position) => ({
          ...position,
          counts: counts.get(key)?.of(position.key),
          rollout: route.rolloutAt(position.key),
        })),
      };
    }),
    modules: catalog.describe(),
    refused: catalog.refused.map(({ folder, failure: { code, message } }) => ({ folder, code, message })),
    instances: sets.instances,
    lastLoad,
  };
}
