/** The parameters that the operator's configuration gives a policy, by the schema of its `systemParameters`. */

import { hasOwn, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type ConfigProblem, pointer, problem } from '../model/config-problem.ts';
import { type ConfigResolver, resolveReferences } from './config-references.ts';

/** Under which names a schema says where its value comes from; the first is Edict's own. */
export const DEFAULT_MARKERS = ['x-edict-default-config', 'wso2/defaultValue', 'x-wso2-policy-default-config'] as const;

/** Whether a schema refers to the configuration at all. */
export function needsConfig(schema: Readonly<JsonObject>): boolean {
  return Object.values(propertiesOf(schema)).some(
    (one) => isJsonObject(one) && (markerOf(one) !== undefined || needsConfig(one)),
  );
}

export interface SystemParams {
  readonly params: JsonObject;
  readonly problems: readonly ConfigProblem[];
}

/**
 * A value the configuration does not have takes the default of the schema; without one it is an error where the parameter
 * is required and nothing in `given` stands in for it, and is left out otherwise.
 */
export function systemParams(
  schema: Readonly<JsonObject>,
  resolve: ConfigResolver | undefined,
  given: Readonly<JsonObject>,
  path: string,
): SystemParams {
  const params: JsonObject = {};
  const problems: ConfigProblem[] = [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    if (!isJsonObject(property)) continue;
    const place = pointer(path, name);
    const value = sourced(property, resolve, given[name], place);
    problems.push(...value.problems);
    if (value.value !== undefined) define(params, name, value.value);
    else if (value.missing !== undefined && required.includes(name) && !hasOwn(given, name)) {
      problems.push(problem(place, `is required, and the configuration does not have it: ${value.missing}`));
    }
  }
  return { params, problems };
}

interface Found {
  readonly value?: JsonValue;
  readonly missing?: string;
  readonly problems: readonly ConfigProblem[];
}

function sourced(
  property: JsonObject,
  resolve: ConfigResolver | undefined,
  given: JsonValue | undefined,
  path: string,
): Found {
  const marker = markerOf(property);
  const fallback = property.default === undefined ? {} : { value: structuredClone(property.default) };
  if (marker !== undefined && resolve !== undefined) {
    const resolved = resolveReferences(marker, resolve);
    if ('value' in resolved) return { value: resolved.value, problems: [] };
    if ('wrong' in resolved) return { problems: [problem(path, `the reference cannot be used: ${resolved.wrong}`)] };
    return { ...fallback, missing: resolved.missing, problems: [] };
  }
  if ('value' in fallback || !isJsonObject(property.properties)) return { ...fallback, problems: [] };
  const inner = systemParams(property, resolve, isJsonObject(given) ? given : {}, path);
  return Object.keys(inner.params).length === 0
    ? { problems: inner.problems }
    : { value: inner.params, problems: inner.problems };
}

function propertiesOf(schema: Readonly<JsonObject>): JsonObject {
  return isJsonObject(schema.properties) ? schema.properties : {};
}

function markerOf(property: JsonObject): JsonValue | undefined {
  const name = DEFAULT_MARKERS.find((one) => property[one] !== undefined);
  return name === undefined ? undefined : property[name];
}

/** Also for a parameter named `__proto__`. */
function define(params: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(params, name, { value, enumerable: true, writable: true, configurable: true });
}
