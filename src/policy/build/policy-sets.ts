/** From one configuration to the next: prepared aside, swapped by one reference, the old one drained. */

import { canonicalJson } from '../../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import { type Clock, systemClock } from '../../options/clock.ts';
import { Canary, type CanaryOptions } from '../canary/canary.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import { Redactor } from '../params/redactor.ts';
import type { RolloutEvent } from '../rollout/rollout-instance.ts';
import { RolloutTable } from '../rollout/rollout-table.ts';
import type { PolicyCatalog } from './catalog.ts';
import { InstanceTable } from './instance-table.ts';
import { type LintFinding, lintRoutes } from './lint.ts';
import { PolicySet } from './policy-set.ts';
import { PositionPreparer, type PreparationPorts } from './prepare-position.ts';
import {
  buildRoute,
  claimSingletons,
  closedRoute,
  type PlannedPosition,
  preparePositions,
  type RouteContext,
} from './prepare-route.ts';
import { readSpecification } from './read-document.ts';
import { type Reconciliation, reconcile } from './reconcile.ts';
import type { RouteVersion } from './route-version.ts';
import { apiOf, pathOf, type RouteSpec, type Specification } from './specification.ts';

export interface PolicySetsOptions extends Omit<PreparationPorts, 'redactor'> {
  readonly clock?: Clock;
  /** Shared with logs and dumps, so that they hide the same secrets. */
  readonly redactor?: Redactor;
  readonly canary?: CanaryOptions;
  /** Told once of each candidate that was rolled back. What it throws is ignored. */
  readonly onRollback?: (event: RolloutEvent) => void;
}

/** How a route came out of an activation. Kept: its new revision was rejected. Closed: there is no old one either. */
export type RouteOutcome = 'active' | 'kept' | 'closed';

export interface ActivationReport extends Reconciliation {
  /** Refused: nothing of the document could be used. Superseded: a newer configuration is serving already. */
  readonly outcome: 'active' | 'refused' | 'superseded';
  readonly revision: string;
  readonly generation: number;
  readonly problems: readonly ConfigProblem[];
  readonly routes: ReadonlyMap<string, RouteOutcome>;
  readonly findings: readonly LintFinding[];
}

export interface PrepareOptions {
  /** Of the document in canonical form, for the set. */
  readonly digest?: Sha256;
  /** In place of the one of all preparations: policies of this document alone. */
  readonly catalog?: PolicyCatalog;
  /** Takes over no instance, because what instances may use has changed. */
  readonly renews?: boolean;
}

/** A configuration that could serve, and does not yet: nothing of it can be reached from `current`. */
export interface PreparedSet {
  /** Routes that could be built. */
  readonly built: number;
  readonly problems: readonly ConfigProblem[];
  /** Begins to serve, in one synchronous step; `superseded` when a later one does already, or after `discard`. */
  commit(): ActivationReport;
  /** Lets go of what was built; after `commit` it does nothing. */
  discard(): void;
}

const NOTHING: Reconciliation = Object.freeze({
  decisions: Object.freeze([]),
  counts: Object.freeze({ REUSED: 0, REBUILT: 0, NEW: 0, REMOVED: 0 }),
});

/**
 * The state of the world, again and again. INVARIANT: `current` changes by one assignment and only to a later generation;
 * nothing that is half prepared can be reached from it, and a route whose policies cannot be had is never open.
 */
export class PolicySets {
  readonly redactor: Redactor;
  readonly #ports: PreparationPorts;
  readonly #clock: Clock;
  /** The last one makes instances; those before it are there until nothing of them lives. */
  #tables: readonly InstanceTable[];
  readonly #canary: Canary;
  readonly #rollouts: RolloutTable;
  readonly #rollout: RouteContext['rollout'];
  #current = PolicySet.empty;
  #generation = 0;
  #isClosed = false;

  constructor(options: PolicySetsOptions) {
    this.#clock = options.clock ?? systemClock;
    this.redactor = options.redactor ?? new Redactor();
    this.#ports = { ...options, redactor: this.redactor };
    this.#tables = [new InstanceTable(this.#clock)];
    this.#canary = new Canary(this.#clock, options.canary);
    this.#rollouts = new RolloutTable(this.#clock);
    this.#rollout = { ports: options.conditions ?? {}, onRolledBack: quiet(options.onRollback) };
  }

  get current(): PolicySet {
    return this.#current;
  }

  /** Instances that live, and those that something refers to: the difference must return to zero. */
  get instances(): { readonly live: number; readonly referenced: number; readonly created: number } {
    const sum = (of: (table: InstanceTable) => number): number => this.#tables.reduce((all, one) => all + of(one), 0);
    return {
      live: sum(({ live }) => live),
      referenced: sum((one) => one.referenced),
      created: sum((one) => one.created),
    };
  }

  /** Activates a document of either form. Never throws; what is wrong is in the report, all of it, with paths. */
  async activate(document: JsonValue): Promise<ActivationReport> {
    const generation = ++this.#generation;
    const specification = readSpecification(document);
    if ('refused' in specification) {
      return this.#report('refused', '', generation, this.#clean(specification.refused), new Map(), []);
    }
    const digest = sha256(canonicalJson(document));
    return (await this.#prepareSet(specification, generation, { digest })).commit();
  }

  /** Builds everything beside what serves. Whoever asked either commits or discards it. Never throws. */
  prepare(specification: Specification, options: PrepareOptions = {}): Promise<PreparedSet> {
    return this.#prepareSet(specification, ++this.#generation, options);
  }

  /** Retires everything; later activations change nothing. */
  close(): void {
    this.#isClosed = true;
    const { routes } = this.#current;
    this.#current = new PolicySet('', undefined, ++this.#generation, new Map());
    for (const route of routes.values()) route.retire(this.#clock);
  }

  async #prepareSet(
    specification: Specification,
    generation: number,
    { digest, catalog = this.#ports.catalog, renews = false }: PrepareOptions,
  ): Promise<PreparedSet> {
    const table = renews ? new InstanceTable(this.#clock) : (this.#tables.at(-1) as InstanceTable);
    const preparer = new PositionPreparer({ ...this.#ports, catalog }, specification.config);
    const work = await this.#build(specification, {
      preparer,
      table,
      singletons: new Map(),
      canary: this.#canary,
      rollouts: this.#rollouts,
      rollout: this.#rollout,
      remote: this.#ports.remote,
      previous: this.#current,
    });
    let isOpen = true;
    const discard = (): void => {
      if (!isOpen) return;
      isOpen = false;
      for (const version of work.built.values()) version.retire(this.#clock);
    };
    return {
      built: work.built.size,
      problems: this.#clean(work.problems),
      discard,
      commit: () => {
        if (isOpen && !this.#isClosed && generation >= this.#current.generation) {
          isOpen = false;
          if (renews) this.#tables = [...this.#tables.filter(({ live }) => live > 0), table];
          return this.#swap(specification, work, generation, digest);
        }
        discard();
        const { revision } = specification;
        return this.#report('superseded', revision, generation, this.#clean(work.problems), new Map(), []);
      },
    };
  }

  async #build(specification: Specification, context: RouteContext): Promise<Work> {
    const problems = [...specification.problems];
    const sound: { route: RouteSpec; prepared: readonly PlannedPosition[] }[] = [];
    const failed = new Map<string, ConfigProblem>();
    const looked = await Promise.all(specification.routes.map((route) => preparePositions(route, context)));
    for (const [index, route] of specification.routes.entries()) {
      const { prepared, problems: found } = looked[index] as (typeof looked)[number];
      const [first] = found;
      if (first === undefined) sound.push({ route, prepared });
      else failed.set(route.key, first);
      problems.push(...found);
    }
    for (const { route, prepared } of sound) claimSingletons(route, prepared, context);
    const built = new Map<string, RouteVersion>();
    const routes = await Promise.all(sound.map(({ route, prepared }) => buildRoute(route, prepared, context)));
    for (const [index, result] of routes.entries()) {
      const { route } = sound[index] as (typeof sound)[number];
      if ('version' in result) built.set(route.key, result.version);
      else {
        failed.set(route.key, result.problems[0] as ConfigProblem);
        problems.push(...result.problems);
      }
    }
    const asBuilt = sound.map((one) => ({ ...one, chain: built.get(one.route.key)?.chain }));
    return { built, failed, problems: unique(problems), findings: lintRoutes(asBuilt) };
  }

  /** Synchronous from the first line to the last: no exchange and no other activation sees a part of it. */
  #swap(specification: Specification, work: Work, generation: number, digest: PolicySet['digest']): ActivationReport {
    const before = this.#current;
    const routes = new Map<string, RouteVersion>();
    const outcomes = new Map<string, RouteOutcome>();
    const specs = new Map(specification.routes.map((route) => [route.key, route]));
    for (const key of [...specs.keys(), ...specification.rejected.keys()]) {
      const version = work.built.get(key);
      const old = before.route(key);
      if (version !== undefined) {
        routes.set(key, version);
        outcomes.set(key, 'active');
      } else if (old !== undefined && old.refusal === undefined) {
        routes.set(key, old);
        outcomes.set(key, 'kept');
      } else {
        const reason = work.failed.get(key) ?? specification.rejected.get(key) ?? UNKNOWN;
        routes.set(key, closedRoute(specs.get(key) ?? unread(key), this.#clean([reason])[0] as ConfigProblem));
        outcomes.set(key, 'closed');
      }
    }
    this.#current = new PolicySet(specification.revision, digest, generation, routes);
    for (const [key, old] of before.routes) if (routes.get(key) !== old) old.retire(this.#clock);
    const { revision } = specification;
    const report = this.#report('active', revision, generation, this.#clean(work.problems), outcomes, work.findings);
    return { ...report, ...reconcile(before, this.#current) };
  }

  #report(
    outcome: ActivationReport['outcome'],
    revision: string,
    generation: number,
    problems: readonly ConfigProblem[],
    routes: ReadonlyMap<string, RouteOutcome>,
    findings: readonly LintFinding[],
  ): ActivationReport {
    return { outcome, revision, generation, problems, routes, findings, ...NOTHING };
  }

  #clean(problems: readonly ConfigProblem[]): ConfigProblem[] {
    return problems.map((one) => ({ ...one, message: this.redactor.redact(one.message) }));
  }
}

interface Work {
  readonly built: ReadonlyMap<string, RouteVersion>;
  readonly failed: ReadonlyMap<string, ConfigProblem>;
  readonly problems: readonly ConfigProblem[];
  readonly findings: readonly LintFinding[];
}

/** Whoever looks on must not change an answer. */
function quiet(listener: PolicySetsOptions['onRollback']): (event: RolloutEvent) => void {
  return (event) => {
    try {
      listener?.(event);
    } catch {
      // Theirs to mend.
    }
  };
}

const UNKNOWN = problem('', 'the route could not be read', 'POLICY_MISSING');

/** A route of which only the key could be read. */
function unread(key: string): Pick<RouteSpec, 'key' | 'name' | 'tenant' | 'api' | 'source'> {
  return { key, name: key, tenant: 'default', api: apiOf({}, pathOf(key)), source: {} as JsonObject };
}

/** Routes that share a chain share its mistakes; each is told once. */
function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const id = `${path}\n${message}`;
    return seen.has(id) ? false : seen.add(id);
  });
}
