/** The list of routes that the reference engine reads from a file; it loads unchanged (spec/policies.md §9.3). */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type ConfigProblem, isAtOrBelow, pointer, problem } from '../model/config-problem.ts';
import { compileSchema, type SchemaValidator } from '../params/json-schema.ts';
import { type Numbered, readPosition } from './read-position.ts';
import { isExact, majorOf, parseReference, type Wanted } from './reference.ts';
import { apiOf, type PositionSpec, pathOf, type RouteSpec, type Specification } from './specification.ts';

/** Unknown fields are kept and ignored here too. */
const LIST_SCHEMA: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    required: ['route_key'],
    properties: {
      route_key: { type: 'string', minLength: 1 },
      policies: {
        type: ['array', 'null'],
        items: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', minLength: 1 },
            version: { type: ['string', 'null'] },
            enabled: { type: 'boolean' },
            executionCondition: { type: ['string', 'null'] },
            parameters: { type: ['object', 'null'] },
          },
        },
      },
    },
  },
};

let compiled: SchemaValidator | undefined;

/**
 * All policies of an entry are of the operation level: the file was merged before it was written. Versions may be full
 * ones here; a lock then has to agree.
 */
export function readReferenceFile(list: readonly JsonValue[]): Specification {
  compiled ??= compileSchema(LIST_SCHEMA) as SchemaValidator;
  const problems: ConfigProblem[] = [...compiled.check(list as JsonValue[], '')];
  const routes: RouteSpec[] = [];
  const rejected = new Map<string, ConfigProblem>();
  const seen = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const path = pointer('', index);
    const key = isJsonObject(entry) ? entry.route_key : undefined;
    if (!isJsonObject(entry) || typeof key !== 'string') continue;
    if (seen.has(key)) {
      problems.push(problem(`${path}/route_key`, 'another route has this key'));
      continue;
    }
    seen.add(key);
    const isSound = !problems.some((one) => isAtOrBelow(one.path, path));
    const positions = isSound ? positionsOf(entry, path, problems) : [];
    const fault = problems.find((one) => isAtOrBelow(one.path, path));
    if (fault !== undefined) rejected.set(key, fault);
    else {
      routes.push({ path, key, name: key, tenant: 'default', api: apiOf({}, pathOf(key)), positions, source: entry });
    }
  }
  return { revision: '', routes, rejected, config: {}, problems };
}

function positionsOf(entry: JsonObject, path: string, problems: ConfigProblem[]): PositionSpec[] {
  const positions: PositionSpec[] = [];
  const numbered: Numbered = new Map();
  for (const [index, one] of ((entry.policies ?? []) as JsonObject[]).entries()) {
    const place = pointer(`${path}/policies`, index);
    // What the list form does not know was not checked by its schema.
    const { rollout: _, fallbackEvaluator: __, ...known } = one;
    const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null));
    const read = readPosition({ ...given, use: '' }, 'operation', place, numbered, wantedOf(one));
    if ('problems' in read) {
      for (const found of read.problems) problems.push({ ...found, path: found.path.replace(/\/use$/, '/name') });
    } else positions.push(read);
  }
  return positions;
}

function wantedOf({ name, version }: JsonObject): Wanted | { readonly fault: string } {
  const full = typeof version === 'string' && isExact(version) ? version : undefined;
  const wanted = parseReference(`${name}@${full === undefined ? (version ?? '') : majorOf(full)}`);
  return full !== undefined && 'name' in wanted ? { ...wanted, version: full } : wanted;
}
