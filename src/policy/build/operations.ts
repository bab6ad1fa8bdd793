/** Routes whose resolver reads the body: the routes that their operations lead to (spec/policies.md §3.9). */

import { isJsonObject, type JsonObject } from '../../internal/json.ts';
import { type ConfigProblem, pointer, problem } from '../model/config-problem.ts';
import type { ApiInfo } from '../model/inputs.ts';
import { BODY_RESOLVERS, type BodyResolver } from '../resolve/operation.ts';
import type { RouteSpec } from './specification.ts';

/** What both a route that was read and one that serves are. */
interface Route {
  readonly key: string;
  readonly tenant: string;
  readonly api: ApiInfo;
  readonly source: Readonly<JsonObject>;
}

/** Undefined: the route is chosen by its key alone. */
export function bodyResolverOf({ source: { resolver } }: Pick<Route, 'source'>): BodyResolver | undefined {
  return BODY_RESOLVERS.find((one) => one === resolver);
}

/** The key of the route of an operation. Without `operations` the chain of the route itself serves all of them. */
export function operationKey(route: Route, names: readonly string[]): string | undefined {
  const { operations } = route.source;
  if (!isJsonObject(operations)) return route.key;
  const name = names.find((one) => Object.hasOwn(operations, one));
  return name === undefined ? undefined : String(operations[name]);
}

/** Whether one route may lead to another: the same API of the same tenant on the same host. */
export function mayLeadTo(route: Route, target: Route): boolean {
  return route.tenant === target.tenant && route.api.id === target.api.id && vhostOf(route.key) === vhostOf(target.key);
}

/** Operations that lead nowhere, or out of their API. */
export function operationProblems(routes: readonly RouteSpec[]): Map<string, ConfigProblem> {
  const byKey = new Map(routes.map((route) => [route.key, route]));
  const problems = new Map<string, ConfigProblem>();
  for (const route of routes) {
    const { operations } = route.source;
    if (!isJsonObject(operations) || bodyResolverOf(route) === undefined) continue;
    for (const [name, key] of Object.entries(operations)) {
      const target = byKey.get(String(key));
      const fault =
        target === undefined
          ? `there is no route ${String(key)}`
          : mayLeadTo(route, target)
            ? undefined
            : `${target.key} is of another API, tenant or vhost`;
      if (fault !== undefined) problems.set(route.key, problem(pointer(`${route.path}/operations`, name), fault));
    }
  }
  return problems;
}

function vhostOf(key: string): string {
  const vhost = (key.split('|')[2] ?? '').toLowerCase();
  return vhost === '*' ? '' : vhost;
}
