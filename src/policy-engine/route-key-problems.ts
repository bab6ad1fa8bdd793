/** Keys of routes that no request could be matched with, before anything of a configuration is built. */

import type { JsonValue } from '../internal/json.ts';
import { type ConfigProblem, problem } from '../policy/model/config-problem.ts';
import { routeKeys } from './positions.ts';
import { RouteTable } from './route-table.ts';

/** A route that no request could be matched with would be open, however well its chain is built. */
export function keyProblems(document: JsonValue): ConfigProblem[] {
  const keys = routeKeys(document);
  const unique = new Map(keys.map(({ key, path }) => [key, path]));
  const { faults } = new RouteTable([...unique.keys()].map((key) => [key, true]));
  return [...faults].map(([key, fault]) => problem(unique.get(key) ?? '', fault));
}
