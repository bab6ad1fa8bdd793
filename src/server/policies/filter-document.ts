/** The part of a policy document that a client asks for: routes of tenants or by key, and what those need. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { mapPositions } from '../../policy-engine/positions.ts';

/** Empty: all. */
export interface DocumentFilter {
  readonly tenants: readonly string[];
  readonly routes: readonly string[];
}

const DEFAULT_TENANT = 'default';

/** A filtered document names no tenant, chain and module of which its routes have no use. */
export function filterDocument(document: JsonObject, { tenants, routes }: DocumentFilter): JsonObject {
  if (tenants.length === 0 && routes.length === 0) return document;
  const kept = listOf(document.routes).filter(
    (route) =>
      isJsonObject(route) &&
      (tenants.length === 0 || tenants.includes(String(route.tenant ?? DEFAULT_TENANT))) &&
      (routes.length === 0 || routes.includes(String(route.key))),
  ) as JsonObject[];
  const chains = new Set(kept.flatMap(({ chain }) => (typeof chain === 'string' ? [chain] : [])));
  const owners = new Set(kept.map(({ tenant }) => String(tenant ?? DEFAULT_TENANT)));
  const named = { ...document, routes: kept, chains: pick(document.chains, chains) };
  const uses = usesOf(named);
  return {
    ...named,
    modules: pick(document.modules, uses),
    tenants: pick(document.tenants, owners),
    resources: owners.has(DEFAULT_TENANT) ? (document.resources ?? {}) : sharedOnly(document.resources),
  };
}

/** Every reference of every position, that of a rollout too. */
function usesOf(document: JsonObject): ReadonlySet<string> {
  const uses = new Set<string>();
  mapPositions(document, (position) => {
    const { use, rollout } = position;
    if (typeof use === 'string') uses.add(use);
    if (isJsonObject(rollout) && typeof rollout.use === 'string') uses.add(rollout.use);
    return position;
  });
  return uses;
}

/** A store that is not marked as shared is the default tenant's: nobody else may see it. */
function sharedOnly(resources: JsonValue | undefined): JsonObject {
  if (!isJsonObject(resources)) return {};
  return Object.fromEntries(
    Object.entries(resources).filter(([, store]) => isJsonObject(store) && store.shared === true),
  );
}

function pick(members: JsonValue | undefined, names: ReadonlySet<string>): JsonObject {
  if (!isJsonObject(members)) return {};
  return Object.fromEntries(Object.entries(members).filter(([name]) => names.has(name)));
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
