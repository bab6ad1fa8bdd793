/** The tenants of an engine: brings each to its part of a configuration, and says what came of that. */

import type { JsonValue } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import type { PolicySetsOptions, RouteOutcome } from '../policy/build/policy-sets.ts';
import type { Specification } from '../policy/build/specification.ts';
import type { DecisionLog } from '../policy/decisions/decision-log.ts';
import { type ConfigProblem, pointer, problem } from '../policy/model/config-problem.ts';
import type { PolicyFailure } from '../policy/model/failure.ts';
import type { Redactor } from '../policy/params/redactor.ts';
import { TenantRegistry } from '../policy/tenants/tenant-registry.ts';
import type { TenantStatus } from '../policy/tenants/tenant-status.ts';
import type { EngineCatalog } from './engine-catalog.ts';
import { routeKeys } from './positions.ts';
import { RouteCounts } from './served-route.ts';
import { type ServedRoute, ServedRoutes } from './served-routes.ts';
import { partsOf, TenantDocuments, type TenantPart } from './tenant-documents.ts';
import { type ServingRevision, type TenantOutcome, TenantRevisions } from './tenant-revisions.ts';
import { registryOptions, type TenantsOptions } from './tenants-options.ts';

export interface EngineTenantsPorts {
  readonly clock: Clock;
  readonly catalog: EngineCatalog;
  readonly sets: PolicySetsOptions;
  readonly decisions: DecisionLog | undefined;
  readonly redactor: Redactor;
  /** Parameters may hold something that is not in the document: secrets, variables of the environment. */
  readonly hasSecrets: boolean;
}

/** What a configuration came to. */
export interface TenantsReport {
  readonly problems: readonly ConfigProblem[];
  readonly routes: ReadonlyMap<string, RouteOutcome>;
}

/** A module nobody has made an instance of yet is expected to take as much as most do. */
const EXPECTED_BYTES = 131_072;

export class EngineTenants {
  readonly routes = new ServedRoutes();
  readonly registry: TenantRegistry<ServingRevision>;
  readonly #ports: EngineTenantsPorts;
  readonly #options: ReturnType<typeof registryOptions>;
  readonly #documents = new TenantDocuments();
  readonly #revisions: TenantRevisions;
  #counts = new Map<string, RouteCounts>();
  #generation = 0;

  /** Throws `INVALID_OPTION`. */
  constructor(options: TenantsOptions, ports: EngineTenantsPorts) {
    const { clock, catalog, sets, decisions } = ports;
    this.#ports = ports;
    this.#options = registryOptions(options);
    this.#revisions = new TenantRevisions({
      catalog,
      sets,
      served: (tenant, document) => {
        this.#documents.served(tenant, document);
        this.routes.goesOver(tenant);
      },
    });
    const { onStatus } = options;
    this.registry = new TenantRegistry<ServingRevision>(
      {
        clock,
        random: Math.random,
        source: this.#documents,
        engine: this.#revisions,
        ...(decisions === undefined ? {} : { decisions }),
        ...(onStatus === undefined ? {} : { report: (statuses) => onStatus(this.#clean(statuses)) }),
      },
      this.#options,
    );
  }

  get generation(): number {
    return this.#generation;
  }

  get instances(): TenantRevisions['instances'] {
    return this.#revisions.instances;
  }

  /** Declared tenants, in the order of the document. */
  get keys(): readonly string[] {
    return [...this.#documents.parts.keys()];
  }

  /** Every tenant is at its part of the configuration, or has failed to come to it and keeps what it had. */
  async take(specification: Specification, document: JsonValue): Promise<TenantsReport> {
    const { catalog, hasSecrets } = this.#ports;
    const former = this.#documents.parts;
    this.#generation++;
    const mayHide = hasSecrets && catalog.current.hasTemplates;
    const parts = partsOf({
      specification,
      document,
      catalog: catalog.current,
      generation: this.#generation,
      isVolatile: (tenant, text) =>
        mayHide || (hasSecrets && text.includes('{{')) || (this.#revisions.outcome(tenant)?.problems.length ?? 0) > 0,
      bytesOf: (digest) => catalog.bytesOf(digest) ?? EXPECTED_BYTES,
    });
    this.#documents.replace(parts);
    this.routes.begin(this.#declared());
    // Nothing of these changes, so they are over before they are asked.
    for (const [tenant, part] of parts) if (this.#serves(tenant, part)) this.routes.goesOver(tenant);
    await this.registry.update(parts.keys());
    for (const tenant of former.keys()) {
      if (parts.has(tenant)) continue;
      this.registry.remove(tenant);
      this.#revisions.forget(tenant);
    }
    const report = await this.#report(specification, parts);
    this.#settle();
    // In the order of the document.
    const order = routeKeys(document).flatMap(({ key }) => {
      const outcome = report.routes.get(key);
      return outcome === undefined ? [] : [[key, outcome] as const];
    });
    return { problems: report.problems, routes: new Map(order) };
  }

  /** Back to a kept revision; the routes go with it. */
  async rollback(tenant: string, revision?: string): Promise<PolicyFailure | undefined> {
    const failure = await this.registry.rollback(tenant, revision);
    if (failure !== undefined) return failure;
    this.#documents.leave(tenant);
    this.#settle();
    return undefined;
  }

  revision(tenant: string): ServingRevision | undefined {
    return this.registry.revision(tenant);
  }

  outcome(tenant: string): TenantOutcome | undefined {
    return this.#revisions.outcome(tenant);
  }

  part(tenant: string): TenantPart | undefined {
    return this.#documents.parts.get(tenant);
  }

  counts(route: string): RouteCounts | undefined {
    return this.#counts.get(route);
  }

  /** Also of tenants that are declared and not there now. */
  statuses(): readonly TenantStatus[] {
    const keys = new Set([...this.keys, ...this.registry.statuses().map(({ tenant }) => tenant)]);
    return this.#clean([...keys].map((key) => this.registry.status(key) as TenantStatus));
  }

  /** Labels and messages may hold what parameters hold. */
  #clean(statuses: readonly TenantStatus[]): readonly TenantStatus[] {
    return this.#ports.redactor.redactJson(statuses as unknown as JsonValue) as unknown as readonly TenantStatus[];
  }

  #serves(tenant: string, { document }: TenantPart): boolean {
    return this.revision(tenant)?.document.digest === document.digest;
  }

  async #report(specification: Specification, parts: ReadonlyMap<string, TenantPart>): Promise<TenantsReport> {
    const problems: ConfigProblem[] = [...specification.problems];
    const routes = new Map<string, RouteOutcome>();
    for (const [tenant, part] of parts) {
      problems.push(...part.problems);
      const serving = this.revision(tenant);
      const isThere = this.registry.has(tenant);
      const outcome = isThere ? this.#revisions.outcome(tenant) : await this.#checked(part);
      const isOfPart = outcome?.document.digest === part.document.digest;
      if (isOfPart) problems.push(...outcome.problems);
      if (isThere && !this.#serves(tenant, part)) {
        this.#documents.leave(tenant);
        const { code, message } = this.registry.status(tenant) ?? {};
        if (part.problems.length === 0 && (!isOfPart || outcome.problems.length === 0) && code != null) {
          problems.push(problem(pointer('/tenants', tenant), message ?? code, code));
        }
      }
      const taken = isOfPart ? outcome.routes : undefined;
      for (const key of part.routeKeys) {
        const version = serving?.route(key);
        const kept = version !== undefined && version.refusal === undefined ? 'kept' : isThere ? 'closed' : 'active';
        routes.set(key, taken?.get(key) ?? kept);
      }
    }
    return { problems, routes };
  }

  /** There is no room for it now, but what is wrong with it is told now (P-63). */
  #checked(part: TenantPart): Promise<TenantOutcome> {
    return this.#revisions.check(part.document, { ...this.#options.limits, ...part.document.limits });
  }

  /** Routes that the document declares, and those of a revision that serves without being the document's. */
  #settle(): void {
    const declared = this.#declared();
    const known = new Set(declared.map(({ key }) => key));
    const further: ServedRoute[] = [];
    for (const [tenant, part] of this.#documents.parts) {
      const revision = this.revision(tenant);
      if (revision === undefined || revision.document.digest === part.document.digest) continue;
      for (const key of revision.routes.keys()) {
        if (known.has(key)) continue;
        known.add(key);
        further.push(this.#served(key, tenant));
      }
    }
    this.routes.settle([...declared, ...further]);
    for (const key of this.#counts.keys()) if (!known.has(key)) this.#counts.delete(key);
  }

  #declared(): ServedRoute[] {
    return [...this.#documents.parts].flatMap(([tenant, { routeKeys }]) =>
      routeKeys.map((key) => this.#served(key, tenant)),
    );
  }

  #served(key: string, tenant: string): ServedRoute {
    const counts = this.#counts.get(key) ?? new RouteCounts();
    this.#counts.set(key, counts);
    return { key, tenant, counts };
  }
}
