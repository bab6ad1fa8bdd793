/** Positions of a configuration as they are written, in either form of it: what this engine adds to them is put into the rest's words. */

import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { LEVELS } from '../policy/build/specification.ts';
import { type ConfigProblem, pointer, problem } from '../policy/model/config-problem.ts';
import { isTenantKey } from '../policy/tenants/tenant-state.ts';

type MapPosition = (position: JsonObject, path: string) => JsonObject;

/** A copy with every position mapped. What has not the shape of a configuration stays as it is and is reported later. */
export function mapPositions(document: JsonValue, map: MapPosition): JsonValue {
  const list = (value: JsonValue | undefined, path: string): JsonValue | undefined =>
    Array.isArray(value) ? value.map((one, i) => (isJsonObject(one) ? map(one, pointer(path, i)) : one)) : value;
  const members = (value: JsonValue, path: string, names: readonly string[]): JsonValue => {
    if (!isJsonObject(value)) return value;
    const copy = { ...value };
    for (const name of names) {
      const mapped = list(value[name], pointer(path, name));
      if (mapped !== undefined) copy[name] = mapped;
    }
    return copy;
  };
  const routes = (value: JsonValue[], path: string): JsonValue[] =>
    value.map((route, i) => members(route, pointer(path, i), ['policies']));
  if (Array.isArray(document)) return routes(document, '');
  if (!isJsonObject(document)) return document;
  const copy = { ...document };
  if (Array.isArray(document.routes)) copy.routes = routes(document.routes, '/routes');
  if (isJsonObject(document.chains)) {
    copy.chains = Object.fromEntries(
      Object.entries(document.chains).map(([name, chain]) => [name, members(chain, pointer('/chains', name), LEVELS)]),
    );
  }
  return copy;
}

/** A route as it is declared, readable or not. */
export interface DeclaredRoute {
  readonly key: string;
  readonly tenant: string;
  readonly path: string;
}

/** The key of every route, with its tenant and its place. */
export function routeKeys(document: JsonValue): readonly DeclaredRoute[] {
  const isList = Array.isArray(document);
  const routes = isList ? document : isJsonObject(document) ? document.routes : undefined;
  if (!Array.isArray(routes)) return [];
  const name = isList ? 'route_key' : 'key';
  return routes.flatMap((route, i) => {
    if (!isJsonObject(route)) return [];
    const { [name]: key, tenant } = route;
    if (typeof key !== 'string') return [];
    const owner = !isList && typeof tenant === 'string' && isTenantKey(tenant) ? tenant : 'default';
    return [{ key, tenant: owner, path: `${isList ? '' : '/routes'}/${i}/${name}` }];
  });
}

/**
 * `flag: key`, or `flag: { key, default }`: the position runs where the boolean flag is true for the exchange. Its percentage
 * is the flag's, by targeting key. A flag that cannot be decided has the default, which is true: a policy that is not known to
 * be off runs.
 */
export function withFlagGates(
  document: JsonValue,
  hasFlags: boolean,
): { readonly document: JsonValue; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const mapped = mapPositions(document, (position, path) => {
    const { flag, ...rest } = position;
    if (flag === undefined) return position;
    const { key, default: otherwise = true } = isJsonObject(flag) ? flag : { key: flag };
    if (typeof key !== 'string' || key === '' || typeof otherwise !== 'boolean') {
      problems.push(problem(`${path}/flag`, 'must be the key of a flag, or { key, default } with a boolean default'));
      return position;
    }
    if (!hasFlags) {
      problems.push(problem(`${path}/flag`, 'needs flags: give the engine an evaluator'));
      return position;
    }
    const gate = `flags.boolean(${JSON.stringify(key)}, ${otherwise})`;
    const name = position.condition === undefined ? 'executionCondition' : 'condition';
    const own = position[name];
    const condition = typeof own === 'string' && own.trim() !== '' ? `(${own}\n) && ${gate}` : gate;
    return { ...rest, [name]: condition };
  });
  return { document: mapped, problems };
}
