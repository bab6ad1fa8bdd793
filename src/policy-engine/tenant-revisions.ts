/** Makes revisions of tenants out of their part of a configuration: policy sets of their own, nothing shared but modules. */

import { PolicySet } from '../policy/build/policy-set.ts';
import {
  PolicySets,
  type PolicySetsOptions,
  type PreparedSet,
  type RouteOutcome,
} from '../policy/build/policy-sets.ts';
import type { RouteVersion } from '../policy/build/route-version.ts';
import type { ConfigProblem } from '../policy/model/config-problem.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { RevisionContext, TenantDocument, TenantEngine, TenantRevision } from '../policy/tenants/revision.ts';
import type { TenantLimits } from '../policy/tenants/tenant-options.ts';
import type { EngineCatalog } from './engine-catalog.ts';
import type { TenantContent } from './tenant-documents.ts';

export interface RevisionPorts {
  readonly sets: PolicySetsOptions;
  readonly catalog: EngineCatalog;
  /** A revision begins to serve, in the step that swaps it in. */
  served(tenant: string, document: TenantDocument): void;
}

/** What came of one document of a tenant. */
export interface TenantOutcome {
  readonly document: TenantDocument;
  readonly problems: readonly ConfigProblem[];
  /** Undefined where nothing of it serves. */
  readonly routes: ReadonlyMap<string, RouteOutcome> | undefined;
}

/**
 * INVARIANT: a tenant has one `PolicySets` for each of its residences, so instances whose signature is the same stay from
 * revision to revision, and none is ever another tenant's.
 */
export class ServingRevision implements TenantRevision {
  readonly sets: PolicySets;
  readonly limits: TenantLimits;
  readonly #context: RevisionContext<ServingRevision>;
  readonly #document: TenantDocument;
  readonly #prepared: PreparedSet;
  readonly #owner: TenantRevisions;
  #set = PolicySet.empty;

  constructor(
    owner: TenantRevisions,
    sets: PolicySets,
    prepared: PreparedSet,
    document: TenantDocument,
    context: RevisionContext<ServingRevision>,
  ) {
    this.sets = sets;
    this.limits = context.limits;
    this.#owner = owner;
    this.#prepared = prepared;
    this.#document = document;
    this.#context = context;
  }

  get document(): TenantDocument {
    return this.#document;
  }

  get instances(): number {
    return this.#owner.catalog.memoryOf(this.#context.tenant).stores;
  }

  get memoryBytes(): number {
    return this.#owner.catalog.memoryOf(this.#context.tenant).bytes;
  }

  get digests(): readonly string[] {
    return this.#owner.catalog.memoryOf(this.#context.tenant).digests;
  }

  get routes(): ReadonlyMap<string, RouteVersion> {
    return this.#set.routes;
  }

  route(key: string): RouteVersion | undefined {
    return this.#set.routes.get(key);
  }

  /** Every route that could be built is better than none; with none at all the last good revision is. */
  async canary(): Promise<PolicyFailure | undefined> {
    const { built, problems } = this.#prepared;
    const { routes, rejected } = (this.#document.content as TenantContent).specification;
    if (built > 0 || routes.length + rejected.size === 0) return undefined;
    const first = problems[0] ?? [...rejected.values()][0];
    return policyFailure(first?.code ?? 'POLICY_MISSING', `${first?.path}: ${first?.message}`);
  }

  serve(): void {
    const { routes, problems } = this.#prepared.commit();
    this.#set = this.sets.current;
    this.#owner.tell(this.#context.tenant, { document: this.#document, problems, routes });
  }

  /** A successor has retired the routes already that it did not take over. */
  async close(): Promise<void> {
    this.#prepared.discard();
    if (this.sets.current === this.#set) this.#owner.end(this.sets);
  }
}

export class TenantRevisions implements TenantEngine<ServingRevision> {
  readonly catalog: EngineCatalog;
  readonly #ports: RevisionPorts;
  readonly #outcomes = new Map<string, TenantOutcome>();
  /** Those of tenants that are there, and those of tenants that left while something of theirs lives. */
  #sets: readonly PolicySets[] = [];
  readonly #ended = new Set<PolicySets>();
  /** By sets that are no longer kept. */
  #created = 0;

  constructor(ports: RevisionPorts) {
    this.#ports = ports;
    this.catalog = ports.catalog;
  }

  async prepare(
    document: TenantDocument,
    context: RevisionContext<ServingRevision>,
  ): Promise<ServingRevision | PolicyFailure> {
    const { previous, limits, tenant } = context;
    const { specification, catalog } = document.content as TenantContent;
    const sets = previous?.sets ?? this.#open();
    const renews = previous !== undefined && JSON.stringify(previous.limits) !== JSON.stringify(limits);
    const options = { catalog: catalog.within(limits), renews };
    const prepared = await sets.prepare(specification, options);
    this.#outcomes.set(tenant, { document, problems: prepared.problems, routes: undefined });
    return new ServingRevision(this, sets, prepared, document, context);
  }

  /** What would be wrong with a document, of a tenant for which there is no room now. */
  async check(document: TenantDocument, limits: TenantLimits): Promise<TenantOutcome> {
    const { specification, catalog } = document.content as TenantContent;
    const prepared = await new PolicySets(this.#ports.sets).prepare(specification, { catalog: catalog.within(limits) });
    prepared.discard();
    return { document, problems: prepared.problems, routes: undefined };
  }

  /** Of the newest document that was tried. */
  outcome(tenant: string): TenantOutcome | undefined {
    return this.#outcomes.get(tenant);
  }

  forget(tenant: string): void {
    this.#outcomes.delete(tenant);
  }

  /** Instances that live, and those that something refers to: the difference must return to zero. */
  get instances(): { readonly live: number; readonly referenced: number; readonly created: number } {
    const all = { live: 0, referenced: 0, created: this.#created };
    for (const { instances } of this.#sets) {
      all.live += instances.live;
      all.referenced += instances.referenced;
      all.created += instances.created;
    }
    return all;
  }

  tell(tenant: string, outcome: TenantOutcome): void {
    this.#outcomes.set(tenant, outcome);
    this.#ports.served(tenant, outcome.document);
  }

  end(sets: PolicySets): void {
    sets.close();
    this.#ended.add(sets);
  }

  #open(): PolicySets {
    const sets = new PolicySets(this.#ports.sets);
    const over = [...this.#ended].filter(({ instances }) => instances.live === 0);
    for (const one of over) {
      this.#created += one.instances.created;
      this.#ended.delete(one);
    }
    this.#sets = [...this.#sets.filter((one) => !over.includes(one)), sets];
    return sets;
  }
}
