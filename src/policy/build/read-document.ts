/** A configuration document into routes and positions: the envelope strictly, what is inside it one by one. */

import { hasOwn, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { jsonFault } from '../manifest/json-fault.ts';
import { type ConfigProblem, isAtOrBelow, pointer, problem } from '../model/config-problem.ts';
import { compileSchema, type SchemaValidator } from '../params/json-schema.ts';
import { DOCUMENT_SCHEMA } from './document-schema.ts';
import { operationProblems } from './operations.ts';
import { type Numbered, readPosition } from './read-position.ts';
import { readReferenceFile } from './reference-file.ts';
import {
  apiOf,
  LEVELS,
  type Level,
  type PositionSpec,
  pathOf,
  type RouteSpec,
  type Specification,
} from './specification.ts';

/** `problems` alone: nothing of it can be used. */
export type DocumentResult = Specification | { readonly refused: readonly ConfigProblem[] };

/** Reads either form: the document of a relay, or the list of the reference engine. Never throws. */
export function readSpecification(value: JsonValue): DocumentResult {
  const fault = jsonFault(value);
  if (fault !== undefined) return { refused: [problem('', fault)] };
  if (Array.isArray(value)) return readReferenceFile(value);
  if (!isJsonObject(value)) return { refused: [problem('', 'a policy configuration is an object or a list')] };
  return new DocumentReader(value).read();
}

let compiled: SchemaValidator | undefined;

class DocumentReader {
  readonly #document: JsonObject;
  readonly #problems: ConfigProblem[];
  readonly #chains = new Map<string, readonly PositionSpec[]>();
  readonly #rejected = new Map<string, ConfigProblem>();

  constructor(document: JsonObject) {
    this.#document = document;
    compiled ??= compileSchema(DOCUMENT_SCHEMA) as SchemaValidator;
    this.#problems = [...compiled.check(document, '')];
  }

  read(): DocumentResult {
    const { revision, config, routes } = this.#document;
    const fatal = this.#problems.filter(({ path }) => !/^\/(routes|chains|modules)\/[^/]+/.test(path));
    if (fatal.length > 0) return { refused: this.#problems };
    const read: RouteSpec[] = [];
    const seen = new Set<string>();
    for (const [index, route] of (routes as JsonObject[]).entries()) {
      const path = pointer('/routes', index);
      const key = isJsonObject(route) ? route.key : undefined;
      if (typeof key !== 'string') continue;
      if (seen.has(key)) this.#problems.push(problem(`${path}/key`, 'another route has this key'));
      else {
        seen.add(key);
        const spec = this.#route(route, key, path);
        if (spec !== undefined) read.push(spec);
      }
    }
    for (const [key, fault] of operationProblems(read)) {
      this.#problems.push(fault);
      this.#rejected.set(key, fault);
    }
    return {
      revision: typeof revision === 'string' ? revision : '',
      routes: read.filter(({ key }) => !this.#rejected.has(key)),
      rejected: this.#rejected,
      config: isJsonObject(config) ? config : {},
      problems: this.#problems,
    };
  }

  /** The first problem at or below a place. */
  #fault(...places: readonly string[]): ConfigProblem | undefined {
    return this.#problems.find(({ path }) => places.some((place) => isAtOrBelow(path, place)));
  }

  #route(route: JsonObject, key: string, path: string): RouteSpec | undefined {
    const positions = this.#positions(route, path);
    const places = typeof route.chain === 'string' ? [path, pointer('/chains', route.chain)] : [path];
    const fault = this.#fault(...places);
    if (fault !== undefined || positions === undefined) {
      if (fault !== undefined) this.#rejected.set(key, fault);
      return undefined;
    }
    const { name = key, tenant = 'default', api } = route;
    return {
      path,
      key,
      name: name as string,
      tenant: tenant as string,
      api: apiOf(isJsonObject(api) ? api : {}, pathOf(key)),
      positions,
      source: route,
    };
  }

  /** A route names a chain, lists its policies itself, or has none. */
  #positions({ chain, policies }: JsonObject, path: string): readonly PositionSpec[] | undefined {
    if (Array.isArray(policies)) {
      if (chain === undefined) return this.#levels({ operation: policies }, path, { operation: `${path}/policies` });
      this.#problems.push(problem(`${path}/policies`, 'a route has a chain or policies, not both'));
      return undefined;
    }
    if (typeof chain !== 'string') return [];
    const chains = isJsonObject(this.#document.chains) ? this.#document.chains : {};
    const levels = hasOwn(chains, chain) ? chains[chain] : undefined;
    if (!isJsonObject(levels)) {
      this.#problems.push(problem(`${path}/chain`, `there is no chain ${chain}`, 'POLICY_MISSING'));
      return undefined;
    }
    const known = this.#chains.get(chain);
    if (known !== undefined) return known;
    const at = pointer('/chains', chain);
    const places = Object.fromEntries(LEVELS.map((level) => [level, `${at}/${level}`]));
    const positions = this.#levels(levels, at, places);
    this.#chains.set(chain, positions);
    return positions;
  }

  #levels(levels: JsonObject, at: string, places: Partial<Record<Level, string>>): readonly PositionSpec[] {
    const positions: PositionSpec[] = [];
    const numbered: Numbered = new Map();
    if (this.#fault(at) !== undefined) return positions;
    for (const level of LEVELS) {
      const list = levels[level];
      for (const [index, one] of (Array.isArray(list) ? list : []).entries()) {
        const path = pointer(places[level] as string, index);
        const read = readPosition(one as JsonObject, level, path, numbered);
        if ('problems' in read) this.#problems.push(...read.problems);
        else positions.push(read);
      }
    }
    return positions;
  }
}
