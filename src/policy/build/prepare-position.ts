/** What a position needs before instances are made: its policy, its condition, its parameters. Once a chain, not once a route. */

import type { JsonObject } from '../../internal/json.ts';
import type { Condition } from '../chain/condition.ts';
import type { ConditionCompiler, ConditionOptions } from '../chain/condition-options.ts';
import { loadConditions } from '../chain/load-conditions.ts';
import type { RemoteEvaluatorPort } from '../chain/remote-fallback.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import { modeViolations } from '../model/modes.ts';
import type { ConfigResolver } from '../params/config-references.ts';
import { loadConfigResolver } from '../params/load-config-resolver.ts';
import type { Redactor } from '../params/redactor.ts';
import { type ResolvedParams, resolveParams } from '../params/resolve-params.ts';
import { needsConfig } from '../params/system-params.ts';
import type { TemplateSources } from '../params/templates.ts';
import type { CatalogEntry, PolicyCatalog } from './catalog.ts';
import type { PolicyLock, Wanted } from './reference.ts';
import type { PositionSpec, RolloutSpec } from './specification.ts';

/** Everything preparation asks of its host. */
export interface PreparationPorts {
  readonly catalog: PolicyCatalog;
  /** Without it the catalogue decides which version a name means. */
  readonly lock?: PolicyLock;
  readonly conditions?: ConditionOptions;
  readonly templates?: TemplateSources;
  readonly redactor: Redactor;
  /** For positions that say `fallbackEvaluator: remote`. */
  readonly remote?: RemoteEvaluatorPort;
}

/** A policy with the parameters that an instance of it is made of. */
export interface PreparedSide {
  readonly entry: CatalogEntry;
  readonly resolved: ResolvedParams;
}

export interface PreparedPosition extends PreparedSide {
  readonly spec: PositionSpec;
  readonly condition: Condition | undefined;
  /** What is rolled out beside it. */
  readonly candidate?: PreparedSide | undefined;
}

export type Preparation = PreparedPosition | { readonly problems: readonly ConfigProblem[] };

/** Prepares the positions of one configuration. Looks for each policy once, compiles each condition once. */
export class PositionPreparer {
  readonly #ports: PreparationPorts;
  readonly #config: Readonly<JsonObject>;
  readonly #prepared = new Map<PositionSpec, Promise<Preparation>>();
  readonly #found = new Map<string, Promise<CatalogEntry | ConfigProblem>>();
  readonly #conditions = new Map<string, Promise<Condition | { readonly fault: string }>>();
  #compiler: Promise<ConditionCompiler> | undefined;
  #resolver: Promise<ConfigResolver> | undefined;

  constructor(ports: PreparationPorts, config: Readonly<JsonObject>) {
    this.#ports = ports;
    this.#config = config;
  }

  prepare(spec: PositionSpec): Promise<Preparation> {
    let prepared = this.#prepared.get(spec);
    if (prepared === undefined) {
      prepared = this.#prepare(spec);
      this.#prepared.set(spec, prepared);
    }
    return prepared;
  }

  async #prepare(spec: PositionSpec): Promise<Preparation> {
    const problems: ConfigProblem[] = [];
    const entry = await this.#entry(spec.wanted, spec.path);
    const condition = spec.condition === undefined ? undefined : await this.#condition(spec.condition);
    if (condition !== undefined && 'fault' in condition) {
      problems.push(problem(spec.conditionPath, condition.fault, 'CONDITION_ERROR'));
    }
    if ('path' in entry) return { problems: [entry, ...problems] };
    const { capabilities, manifest } = entry;
    const violations = capabilities === undefined ? [] : modeViolations(manifest.processing, capabilities);
    if (violations.length > 0) problems.push(problem(spec.path, violations.join('; '), 'INIT_FAILED'));
    const resolved = await this.#params(spec, entry);
    if ('problems' in resolved) problems.push(...resolved.problems);
    if (spec.fallbackEvaluator === 'remote' && this.#ports.remote === undefined) {
      problems.push(problem(`${spec.path}/fallbackEvaluator`, 'needs a remote evaluator'));
    }
    const candidate = spec.rollout === undefined ? undefined : await this.#candidate(spec, spec.rollout);
    if (candidate !== undefined && 'problems' in candidate) problems.push(...candidate.problems);
    if (problems.length > 0) return { problems };
    return {
      spec,
      entry,
      condition: condition as Condition | undefined,
      resolved: resolved as ResolvedParams,
      candidate: candidate as PreparedSide | undefined,
    };
  }

  async #candidate(
    spec: PositionSpec,
    { wanted, path, settings, params, paramsPath }: RolloutSpec,
  ): Promise<PreparedSide | { readonly problems: readonly ConfigProblem[] }> {
    const problems: ConfigProblem[] = [];
    if (settings.flag !== undefined && this.#ports.conditions?.flags === undefined) {
      problems.push(problem(`${path}/flag`, 'needs flags: give the engine an evaluator'));
    }
    const entry = await this.#entry(wanted, `${path}/use`);
    if ('path' in entry) return { problems: [...problems, entry] };
    const violations =
      entry.capabilities === undefined ? [] : modeViolations(entry.manifest.processing, entry.capabilities);
    if (violations.length > 0) problems.push(problem(path, violations.join('; '), 'INIT_FAILED'));
    const resolved = await this.#params({ ...spec, params, paramsPath }, entry);
    if ('problems' in resolved) problems.push(...resolved.problems);
    return problems.length > 0 ? { problems } : { entry, resolved: resolved as ResolvedParams };
  }

  async #params(
    spec: Pick<PositionSpec, 'params' | 'paramsPath' | 'level'>,
    { manifest }: CatalogEntry,
  ): Promise<ReturnType<typeof resolveParams>> {
    if (needsConfig(manifest.systemParameters)) this.#resolver ??= loadConfigResolver(this.#config);
    return resolveParams({
      manifest,
      given: spec.params,
      attachedTo: spec.level === 'operation' ? 'route' : 'api',
      path: spec.paramsPath,
      sources: this.#ports.templates ?? {},
      redactor: this.#ports.redactor,
      resolve: await this.#resolver,
    });
  }

  #condition(source: string): Promise<Condition | { readonly fault: string }> {
    this.#compiler ??= loadConditions(this.#ports.conditions);
    let compiled = this.#conditions.get(source);
    if (compiled === undefined) {
      compiled = this.#compiler.then((compile) => compile(source));
      this.#conditions.set(source, compiled);
    }
    return compiled;
  }

  async #entry(wanted: Wanted, path: string): Promise<CatalogEntry | ConfigProblem> {
    const id = 'digest' in wanted ? wanted.digest : `${wanted.name}@${wanted.version ?? ''}`;
    let found = this.#found.get(id);
    if (found === undefined) {
      found = this.#find(wanted);
      this.#found.set(id, found);
    }
    const entry = await found;
    return 'path' in entry ? { ...entry, path } : entry;
  }

  async #find(wanted: Wanted): Promise<CatalogEntry | ConfigProblem> {
    const exact = this.#pinned(wanted);
    if ('path' in exact) return exact;
    const found = await this.#ask(exact);
    if (found === undefined) return problem('', `there is no policy ${nameOf(wanted)}`, 'POLICY_MISSING');
    return 'kind' in found ? problem('', `${nameOf(wanted)}: ${found.message}`, found.code) : found;
  }

  async #ask(exact: Wanted): Promise<CatalogEntry | PolicyFailure | undefined> {
    try {
      return await this.#ports.catalog.find(exact);
    } catch (caught) {
      return policyFailure('INTERNAL', `the catalogue threw: ${(caught as Error).message}`);
    }
  }

  /** A lock turns names into digests, so that what serves tomorrow is what was tried today. */
  #pinned(wanted: Wanted): Wanted | ConfigProblem {
    const { lock } = this.#ports;
    if (lock === undefined || 'digest' in wanted) return wanted;
    const locked = lock.resolve(wanted.name, wanted.version);
    return locked === undefined
      ? problem('', `the lock has no ${nameOf(wanted)}`, 'POLICY_MISSING')
      : { digest: locked.digest };
  }
}

function nameOf(wanted: Wanted): string {
  return 'digest' in wanted
    ? wanted.digest
    : `${wanted.name}${wanted.version === undefined ? '' : ` ${wanted.version}`}`;
}
