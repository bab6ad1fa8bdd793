/** What `describe()` shows of an engine. */

import type { PositionStatus } from '../policy/build/route-version.ts';
import type { ConfigProblem } from '../policy/model/config-problem.ts';
import type { RolloutStatus } from '../policy/rollout/rollout-instance.ts';
import type { PolicyFeedStatus } from '../policy-feed/feed-status.ts';
import type { EngineCatalog } from './engine-catalog.ts';
import type { EngineTenants } from './engine-tenants.ts';
import type { LoadReport } from './load-report.ts';
import type { ModuleStatus } from './module-status.ts';
import type { PackageStatus } from './package-status.ts';
import type { PositionCounts } from './served-route.ts';

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
  /** Every policy that chains can name, with its digest and the schemas of its parameters. */
  readonly packages: readonly PackageStatus[];
  /** Folders whose policy was refused, with the reason. */
  readonly refused: readonly { readonly folder: string; readonly code: string; readonly message: string }[];
  readonly instances: { readonly live: number; readonly referenced: number; readonly created: number };
  /** Of the relay that is followed; undefined while none is. */
  readonly feed?: PolicyFeedStatus | undefined;
  /** Of the last load, good or not. */
  readonly lastLoad: LoadReport | undefined;
}

export function statusOf(
  state: EngineStatus['state'],
  revision: string,
  tenants: EngineTenants,
  catalog: EngineCatalog,
  lastLoad: LoadReport | undefined,
): EngineStatus {
  return {
    state,
    revision,
    generation: tenants.generation,
    routes: tenants.keys.flatMap((tenant) => routesOf(tenant, tenants)),
    modules: catalog.describe(),
    packages: catalog.packages(),
    refused: catalog.refused.map(({ folder, failure: { code, message } }) => ({ folder, code, message })),
    instances: tenants.instances,
    lastLoad,
  };
}

function routesOf(tenant: string, tenants: EngineTenants): RouteStatus[] {
  const revision = tenants.revision(tenant);
  const keys = new Set([...(tenants.part(tenant)?.routeKeys ?? []), ...(revision?.routes.keys() ?? [])]);
  return [...keys].map((key) => {
    const version = revision?.route(key);
    const counts = tenants.counts(key);
    const { name = key, exchanges = 0, positions = [] } = version ?? {};
    return {
      key,
      name,
      tenant,
      // Without a revision nothing of the tenant serves; the first mistake says why.
      refusal: version === undefined ? tenants.outcome(tenant)?.problems[0] : version.refusal,
      exchanges,
      positions: positions.map((position) => ({
        ...position,
        counts: counts?.of(position.key),
        rollout: version?.rolloutAt(position.key),
      })),
    };
  });
}
