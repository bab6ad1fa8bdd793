/** The routes of all tenants, and from one configuration to the next: each tenant goes over when its own revision does. */

import type { RequestView } from '../policy/model/views.ts';
import { RouteTable } from './route-table.ts';
import type { RouteCounts } from './served-route.ts';

/** Where a request leads: to a tenant, and there to a route. */
export interface ServedRoute {
  readonly key: string;
  readonly tenant: string;
  readonly counts: RouteCounts;
}

/**
 * ```
 *   settled ──begin──▶ going over: a request is judged by the new table where its tenant has gone over,
 *      ▲                           by the old one where that has not
 *      └────────settle─────────────┘
 * ```
 *
 * INVARIANT: a request that either table knows is never taken for one that nobody declared a route for.
 */
export class ServedRoutes {
  #table = new RouteTable<ServedRoute>([]);
  #former: RouteTable<ServedRoute> | undefined;
  readonly #over = new Set<string>();
  #byKey = new Map<string, ServedRoute>();

  find({ method, path, authority }: RequestView): ServedRoute | undefined {
    const route = this.#table.find(method, path, authority);
    if (this.#former === undefined || (route !== undefined && this.#over.has(route.tenant))) return route;
    const former = this.#former.find(method, path, authority);
    return former === undefined || this.#over.has(former.tenant) ? route : former;
  }

  /** The route of a key, whichever request would lead there. */
  get(key: string): ServedRoute | undefined {
    return this.#byKey.get(key);
  }

  /** Routes that are to be; tenants go over one by one. */
  begin(routes: readonly ServedRoute[]): void {
    this.#byKey = new Map(routes.map((route) => [route.key, route]));
    this.#former = this.#table;
    this.#table = tableOf(routes);
    this.#over.clear();
  }

  goesOver(tenant: string): void {
    this.#over.add(tenant);
  }

  settle(routes: readonly ServedRoute[]): void {
    this.#byKey = new Map(routes.map((route) => [route.key, route]));
    this.#table = tableOf(routes);
    this.#former = undefined;
  }
}

function tableOf(routes: readonly ServedRoute[]): RouteTable<ServedRoute> {
  return new RouteTable(routes.map((route) => [route.key, route]));
}
