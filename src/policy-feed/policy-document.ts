/** The policy document of a relay: what must be there before anything in it is fetched, and what it names by digest. */

import { EdictError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import type { Sha256 } from '../internal/sha256.ts';
import { jsonFault } from '../policy/manifest/json-fault.ts';

/** A module with its manifest, as a document names them. */
export interface ModuleReference {
  readonly module: Sha256;
  /** What messages call it. */
  readonly name: string;
  /** Absent or wrong: nothing can be loaded without one. */
  readonly manifest: Sha256 | undefined;
}

/** A pushed store: of one tenant, or of every one. */
export interface StoreReference {
  readonly tenant: string | undefined;
  readonly kind: string;
  readonly digest: Sha256;
}

/** A document whose envelope is sound; its parts are judged one by one when they are activated. */
export interface PolicyDocument {
  readonly document: JsonObject;
  readonly revision: string;
  readonly routeCount: number;
  readonly modules: readonly ModuleReference[];
  readonly stores: readonly StoreReference[];
  /** Looks like an error that came as a 200; matters only when there are no routes. */
  readonly suspicious: boolean;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_REFERENCES = 10_000;
const DEFAULT_TENANT = 'default';

/** Throws `EdictError` INVALID_BODY for whatever is no policy document. Unknown members are kept. */
export function readPolicyDocument(body: Uint8Array): PolicyDocument {
  const document = parse(body);
  const { routes, schema = 1, revision, modules, tenants, resources } = document;
  if (!Array.isArray(routes)) throw invalid('has no list of routes');
  if (schema !== 1) throw invalid('has a schema that this version does not know');
  const fault = jsonFault(document);
  if (fault !== undefined) throw invalid(`cannot be read: ${fault}`);
  const stores = [...storesOf(DEFAULT_TENANT, resources)];
  for (const [tenant, facts] of membersOf(tenants)) {
    if (isJsonObject(facts)) stores.push(...storesOf(tenant, facts.resources));
  }
  const references = [...modulesOf(modules)];
  if (references.length + stores.length > MAX_REFERENCES) {
    throw invalid(`names more than ${MAX_REFERENCES} modules and stores`);
  }
  return {
    document,
    revision: typeof revision === 'string' ? revision : '',
    routeCount: routes.length,
    modules: references,
    stores,
    suspicious: ['errorCode', 'errorDetails', 'message'].some((member) => Object.hasOwn(document, member)),
  };
}

function parse(body: Uint8Array): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw invalid('is not JSON, or was cut');
  }
  if (!isJsonObject(parsed)) throw invalid('is no object');
  return parsed;
}

function* modulesOf(modules: JsonValue | undefined): Generator<ModuleReference> {
  for (const [module, facts] of membersOf(modules)) {
    if (!DIGEST.test(module)) continue;
    const { name, manifest } = isJsonObject(facts) ? facts : {};
    yield {
      module: module as Sha256,
      name: typeof name === 'string' ? name : module,
      manifest: typeof manifest === 'string' && DIGEST.test(manifest) ? (manifest as Sha256) : undefined,
    };
  }
}

/** A digest, or `{ digest, shared: true }`: what nobody marked as shared is one tenant's. */
function* storesOf(tenant: string, stores: JsonValue | undefined): Generator<StoreReference> {
  for (const [kind, store] of membersOf(stores)) {
    const { digest, shared } = isJsonObject(store) ? store : { digest: store, shared: false };
    if (typeof digest !== 'string' || !DIGEST.test(digest)) continue;
    yield { tenant: shared === true ? undefined : tenant, kind, digest: digest as Sha256 };
  }
}

function membersOf(value: JsonValue | undefined): [string, JsonValue][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function invalid(reason: string): EdictError {
  return new EdictError('INVALID_BODY', `the policy configuration ${reason}`);
}
