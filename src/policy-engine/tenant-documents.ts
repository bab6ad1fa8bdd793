/** The loaded configuration as the tenants see it: each has its routes, its limits, and its own idea of what is new. */

import { canonicalJson } from '../internal/canonical-json.ts';
import { hasOwn, isJsonObject, type JsonValue } from '../internal/json.ts';
import { type Sha256, sha256 } from '../internal/sha256.ts';
import type { Specification } from '../policy/build/specification.ts';
import { type ConfigProblem, pointer, problem } from '../policy/model/config-problem.ts';
import { policyFailure } from '../policy/model/failure.ts';
import type { RefusalRule } from '../policy/tenants/refusal.ts';
import type { KnownRevision, LoadAnswer, TenantDocument, TenantSource } from '../policy/tenants/revision.ts';
import type { TenantLimits } from '../policy/tenants/tenant-options.ts';
import { isTenantKey } from '../policy/tenants/tenant-state.ts';
import type { CatalogSnapshot } from './engine-catalog.ts';
import { routeKeys } from './positions.ts';
import { limitFaults, refusalFaults } from './tenants-options.ts';

/** What a tenant's revision is made of. */
export interface TenantContent {
  readonly specification: Specification;
  /** The modules of the same load, so that a rollback finds them. */
  readonly catalog: CatalogSnapshot;
}

/** One tenant of a configuration. */
export interface TenantPart {
  readonly document: TenantDocument & { readonly digest: Sha256; readonly content: TenantContent };
  /** Every route the document declares for it, also those that cannot be used. */
  readonly routeKeys: readonly string[];
  /** What the document says of the tenant itself is wrong: nothing of it is taken. */
  readonly problems: readonly ConfigProblem[];
}

export interface Split {
  readonly specification: Specification;
  readonly document: JsonValue;
  readonly catalog: CatalogSnapshot;
  /** Tenants whose part is taken up though it reads as before: secrets may have changed, or mistakes been mended. */
  readonly isVolatile: (tenant: string, text: string) => boolean;
  readonly generation: number;
  /** Linear memory a policy is expected to take. */
  readonly bytesOf: (identity: string) => number;
}

/** Paths in problems stay those of the whole document: it was read once, and is not cut up. */
export function partsOf({ specification, document, ...split }: Split): ReadonlyMap<string, TenantPart> {
  const declared = isJsonObject(document) && isJsonObject(document.tenants) ? document.tenants : {};
  const chains = isJsonObject(document) && isJsonObject(document.chains) ? document.chains : {};
  const keys = new Map<string, string[]>(Object.keys(declared).map((tenant) => [tenant, []]));
  const tenantOf = new Map<string, string>();
  for (const { key, tenant } of routeKeys(document)) {
    if (tenantOf.has(key)) continue;
    tenantOf.set(key, tenant);
    const own = keys.get(tenant);
    if (own === undefined) keys.set(tenant, [key]);
    else own.push(key);
  }
  const routes = grouped(specification.routes, ({ tenant }) => tenant);
  const rejected = grouped(specification.rejected, ([key]) => tenantOf.get(key) ?? 'default');
  const parts = new Map<string, TenantPart>();
  for (const [tenant, routeKeys] of keys) {
    if (!isTenantKey(tenant)) continue;
    const own: Specification = {
      ...specification,
      routes: routes.get(tenant) ?? [],
      rejected: new Map(rejected.get(tenant)),
      problems: [],
    };
    const settings = hasOwn(declared, tenant) ? (declared[tenant] as JsonValue) : {};
    const identities = [
      ...new Set(own.routes.flatMap((route) => route.positions.map(({ wanted }) => split.catalog.identify(wanted)))),
    ];
    const named = [...new Set(own.routes.map(({ source }) => source.chain).filter((one) => typeof one === 'string'))];
    const text = canonicalJson({
      routes: own.routes.map(({ source }) => source),
      chains: named.map((name) => chains[name]),
      rejected: [...own.rejected].map(([key, { code, message }]) => [key, code, message]),
      config: own.config,
      settings,
      identities,
    });
    const digest = sha256(split.isVolatile(tenant, text) ? `${split.generation} ${text}` : text);
    const problems = settingsProblems(tenant, settings);
    const { labels, limits, onRefusal } = isJsonObject(settings) && problems.length === 0 ? settings : {};
    parts.set(tenant, {
      routeKeys,
      problems,
      document: {
        revision: specification.revision === '' ? digest.slice(7, 19) : specification.revision,
        digest,
        etag: digest,
        ...(labels === undefined ? {} : { labels: labels as Record<string, string> }),
        ...(limits === undefined ? {} : { limits: limits as Partial<TenantLimits> }),
        ...(onRefusal === undefined ? {} : { onRefusal: onRefusal as unknown as RefusalRule }),
        memoryBytes: identities.reduce((sum, identity) => sum + split.bytesOf(identity), 0),
        content: { specification: own, catalog: split.catalog },
      },
    });
  }
  return parts;
}

function grouped<T>(items: Iterable<T>, of: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = of(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function settingsProblems(tenant: string, settings: JsonValue): ConfigProblem[] {
  const at = pointer('/tenants', tenant);
  if (!isJsonObject(settings)) return [problem(at, 'must be an object')];
  const { labels = {}, limits = {}, onRefusal } = settings;
  const areTexts = isJsonObject(labels) && Object.values(labels).every((label) => typeof label === 'string');
  return [
    ...(areTexts ? [] : ['/labels must be an object of texts']),
    ...limitFaults(limits),
    ...(onRefusal === undefined ? [] : refusalFaults(onRefusal)),
  ].map((fault) => {
    const space = fault.indexOf(' ');
    return problem(`${at}${fault.slice(0, space)}`, fault.slice(space + 1));
  });
}

/** Answers the registry out of the configuration at hand. */
export class TenantDocuments implements TenantSource {
  #parts: ReadonlyMap<string, TenantPart> = new Map();
  /** What serves or served last, for a tenant that comes back while its newest document is not to be had or not wanted. */
  readonly #last = new Map<string, TenantDocument>();
  readonly #unwanted = new Map<string, string>();

  get parts(): ReadonlyMap<string, TenantPart> {
    return this.#parts;
  }

  replace(parts: ReadonlyMap<string, TenantPart>): void {
    this.#parts = parts;
    for (const tenant of this.#last.keys()) if (!parts.has(tenant)) this.#last.delete(tenant);
    for (const [tenant, digest] of this.#unwanted) {
      if (parts.get(tenant)?.document.digest !== digest) this.#unwanted.delete(tenant);
    }
  }

  served(tenant: string, document: TenantDocument): void {
    this.#last.set(tenant, document);
    if (this.#parts.get(tenant)?.document.digest === document.digest) this.#unwanted.delete(tenant);
  }

  /** The newest document of a tenant did not come to serve, or was left: the one that serves does for its next residence. */
  leave(tenant: string): void {
    const part = this.#parts.get(tenant);
    if (part !== undefined) this.#unwanted.set(tenant, part.document.digest);
  }

  async load(tenant: string, { etag, warm }: KnownRevision): Promise<LoadAnswer> {
    const part = this.#parts.get(tenant);
    const last = this.#last.get(tenant);
    if (warm && last !== undefined && this.#unwanted.has(tenant)) return { kind: 'document', document: last };
    if (part === undefined) {
      return { kind: 'failed', failure: policyFailure('NOT_READY', 'the configuration does not name the tenant') };
    }
    const [first] = part.problems;
    if (first !== undefined) {
      return { kind: 'failed', failure: policyFailure(first.code, `${first.path}: ${first.message}`) };
    }
    return part.document.etag === etag ? { kind: 'unchanged' } : { kind: 'document', document: part.document };
  }
}
