/** Takes one policy document into use: everything it names is there and checked before anything of it serves. */

import { EdictError } from '../errors.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import type { Sha256 } from '../internal/sha256.ts';
import type { ConfigProblem } from '../policy/model/config-problem.ts';
import type { ResourceStores } from '../policy-host/resources.ts';
import type { ContentStore } from './content-store.ts';
import { type FeedModule, FeedModules, type RefusedModule } from './feed-modules.ts';
import { FeedStores } from './feed-stores.ts';
import type { PolicyDocument } from './policy-document.ts';

/** How an activation went, as an engine reports it. */
export interface ActivationResult {
  readonly outcome: 'active' | 'refused' | 'superseded';
  readonly revision: string;
  readonly problems: readonly ConfigProblem[];
  /** By route key. */
  readonly routes: ReadonlyMap<string, 'active' | 'kept' | 'closed'>;
}

/** The engine that the policies are for. */
export interface PolicyTarget {
  /** In place of what is in use; never rejects for what is wrong with the document. */
  activate(
    document: JsonValue,
    modules: readonly FeedModule[],
    refused: readonly RefusedModule[],
  ): Promise<ActivationResult>;
  /** What policies read pushed stores from. */
  readonly resources: ResourceStores;
}

export interface Activated {
  /** Absent: nothing but stores changed, and no chain was touched. */
  readonly result: ActivationResult | undefined;
  /** What could not be had, one sentence each; empty: the state is whole. */
  readonly missing: readonly string[];
}

/** Refreshes of one document that may fail for one content before the rest is taken without it. */
const MAX_PATIENCE = 3;

export class PolicyActivation {
  readonly #target: PolicyTarget;
  readonly #modules = new FeedModules();
  readonly #stores: FeedStores;
  /** Of the document in use without what may change behind its chains; absent while it is not whole. */
  #chains: string | undefined;
  #routeCount = 0;
  #inUse: ReadonlySet<Sha256> = new Set();
  /** The document that could not be fetched whole, and how often. */
  #failing = { digest: '', times: 0 };

  constructor(target: PolicyTarget) {
    this.#target = target;
    this.#stores = new FeedStores(target.resources);
  }

  get routeCount(): number {
    return this.#routeCount;
  }

  /** Digests of everything that the document in use names. */
  get inUse(): ReadonlySet<Sha256> {
    return this.#inUse;
  }

  /**
   * Fetch, check, activate. `digest` is that of the document's bytes, `alive` throws when it is too late.
   *
   * Rejects, and changes nothing, when a content cannot be had for a reason that may pass, or the document is refused as a
   * whole (INVALID_BODY).
   */
  async run(document: PolicyDocument, digest: string, store: ContentStore, alive: () => void): Promise<Activated> {
    const settle = this.#failing.digest === digest && this.#failing.times >= MAX_PATIENCE - 1;
    const fetched = await this.#fetch(document, store, settle).catch((caught: unknown) => {
      this.#failing = { digest, times: this.#failing.digest === digest ? this.#failing.times + 1 : 1 };
      throw caught;
    });
    alive();
    const { modules, refused } = fetched.modules;
    const missing = [
      ...refused.map(({ name, moduleDigest, failure }) => `${name} (${moduleDigest}): ${failure.message}`),
      ...fetched.stores.problems,
    ];
    const chains = chainsOf(document.document);
    const before = this.#stores.use(fetched.stores.stores, document.stores);
    if (chains === this.#chains && refused.length === 0) {
      this.#inUse = digestsOf(document);
      return { result: undefined, missing };
    }
    const result = await this.#target.activate(document.document, modules, refused);
    if (result.outcome !== 'active') {
      this.#stores.use(before);
      throw new EdictError('INVALID_BODY', `the policy configuration was ${result.outcome}: ${firstOf(result)}`);
    }
    this.#modules.hold(modules, document.modules);
    this.#chains = refused.length === 0 ? chains : undefined;
    if (refused.length === 0) this.#failing = { digest: '', times: 0 };
    this.#routeCount = document.routeCount;
    this.#inUse = digestsOf(document);
    return { result, missing };
  }

  async #fetch(document: PolicyDocument, store: ContentStore, settle: boolean) {
    const modules = await this.#modules.fetch(document.modules, store, settle);
    return { modules, stores: await this.#stores.fetch(document.stores, store) };
  }
}

/** Revision and stores of a document have no part in its chains. */
function chainsOf(document: JsonObject): string {
  const { revision, resources, tenants, ...rest } = document;
  const bare =
    typeof tenants === 'object' && tenants !== null
      ? Object.entries(tenants).map(([name, facts]) => [name, withoutStores(facts)])
      : [];
  return canonicalJson({ ...rest, tenants: bare });
}

function withoutStores(facts: JsonValue): JsonValue {
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return facts;
  const { resources, ...rest } = facts;
  return rest;
}

/** Of everything that a document names. */
export function digestsOf({ modules, stores }: PolicyDocument): ReadonlySet<Sha256> {
  const digests = new Set<Sha256>(stores.map(({ digest }) => digest));
  for (const { module, manifest } of modules) {
    digests.add(module);
    if (manifest !== undefined) digests.add(manifest);
  }
  return digests;
}

function firstOf({ problems }: ActivationResult): string {
  const [first] = problems;
  return first === undefined ? 'nothing of it could be used' : `${first.path} ${first.message}`.trim();
}
