/** A folder of policies as the document that a relay serves: positions name their modules by digest, in one form of document. */

import { canonicalJson } from '../../internal/canonical-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import { isExact, majorOf, PolicyLock, parseReference } from '../../policy/build/reference.ts';
import type { PolicyFolder } from '../../policy-engine/policy-folder.ts';
import type { PolicyPackage, RefusedPackage } from '../../policy-engine/policy-package.ts';
import { mapPositions } from '../../policy-engine/positions.ts';
import { Body } from '../answer.ts';

/** Contents by digest, each served under its own for ever. */
export type Contents = ReadonlyMap<Sha256, Body>;

/** Everything a relay serves of one state of its folder. */
export interface PublishedPolicies {
  readonly revision: string;
  /** State of the world; `modules` has every module that a position may use. */
  readonly document: JsonObject;
  readonly modules: Contents;
  readonly manifests: Contents;
  readonly resources: Contents;
  /** What is served without, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * Names that no module of the folder has stay names: a policy of the client's own code may have them, and where none does the
 * client closes the route and says why. No position is ever left out.
 */
export function publishDocument(folder: PolicyFolder, resources: Contents): PublishedPolicies {
  const problems = folder.refused.map(({ folder: label, failure }) => `${label}: ${failure.message}`);
  const packages = new Map<Sha256, PolicyPackage>();
  for (const one of folder.packages) {
    const { name, version } = one.manifest;
    const same = packages.get(one.moduleDigest);
    if (same === undefined || same.digest === one.digest) packages.set(one.moduleDigest, one);
    // Documents know one manifest for each module.
    else problems.push(`${name} ${version}: its module is that of ${same.manifest.name}, with another manifest`);
  }
  const manifests = new Map<Sha256, Body>();
  const entries: [string, JsonObject][] = [...packages].map(([digest, { manifest, bytes }]) => {
    const text = canonicalJson(manifest.source);
    const manifestDigest = sha256(text);
    manifests.set(manifestDigest, new Body(text, 'application/json'));
    const { name, version, abi, signature } = manifest;
    const facts = { name, version, bytes: bytes.length, abi, manifest: manifestDigest };
    return [digest, signature === undefined ? facts : { ...facts, signature }];
  });
  const document = withDigests(documentForm(folder.document), [...packages.values()], folder.refused);
  const modules = Object.fromEntries(entries);
  const { revision: named } = document;
  const revision = typeof named === 'string' && named !== '' ? named : sha256(canonicalJson({ ...document, modules }));
  return {
    revision,
    document: { schema: 1, chains: {}, tenants: {}, config: {}, resources: {}, ...document, revision, modules },
    modules: new Map([...packages].map(([digest, { bytes }]) => [digest, new Body(bytes, 'application/wasm')])),
    manifests,
    resources,
    problems,
  };
}

/** The reference engine's list as a document; what is wrong in an entry stays, for its reader to report. */
function documentForm(document: JsonValue): JsonObject {
  if (isJsonObject(document)) return document;
  const entries = Array.isArray(document) ? document : [];
  return {
    routes: entries.map((entry) => {
      if (!isJsonObject(entry)) return entry;
      const { route_key: key = null, policies } = entry;
      return { key, ...(policies === undefined || policies === null ? {} : { policies }) };
    }),
  };
}

function withDigests(
  document: JsonObject,
  packages: readonly PolicyPackage[],
  refused: readonly RefusedPackage[],
): JsonObject {
  // A name whose package this folder has and refuses must not be taken for a policy of the client's own.
  const refusedAs = new Map(refused.map(({ name, folder }) => [name ?? folder, `file:${folder}`]));
  const known = new PolicyLock(
    packages.map(({ manifest: { name, version }, moduleDigest }) => ({ name, version, digest: moduleDigest })),
  );
  const nameOf = new Map(packages.map(({ digest, manifest }) => [digest, manifest.name]));
  const moduleOf = new Map(packages.map(({ digest, moduleDigest }) => [digest, moduleDigest]));
  const chains = new Map<string, Map<string, number>>();
  /** A reference with its name, and by digest where a module of the folder is meant. */
  const resolve = (use: string, exact?: string): { readonly name: string | undefined; readonly use: string } => {
    const wanted = parseReference(use);
    if ('fault' in wanted) return { name: undefined, use };
    if ('digest' in wanted) return { name: nameOf.get(wanted.digest), use: moduleOf.get(wanted.digest) ?? use };
    const digest = known.resolve(wanted.name, exact ?? wanted.version)?.digest;
    return { name: wanted.name, use: digest ?? refusedAs.get(wanted.name) ?? use };
  };
  const mapped = mapPositions(document, (position, path) => {
    const { use: given, rollout, ...rest } = useOf(position);
    if (given === undefined) return position;
    const { version } = position;
    const { name, use } = resolve(given, typeof version === 'string' && isExact(version) ? version : undefined);
    const keyed = name === undefined ? rest : { ...rest, key: keyOf(rest, name, chainAt(chains, path)) };
    if (rollout === undefined) return { ...keyed, use };
    const hasCandidate = isJsonObject(rollout) && typeof rollout.use === 'string';
    return { ...keyed, use, rollout: hasCandidate ? { ...rollout, use: resolve(String(rollout.use)).use } : rollout };
  });
  return mapped as JsonObject;
}

/** What a position uses, in the words of a document, and everything else it says. */
function useOf(position: JsonObject): JsonObject & { readonly use?: string } {
  if (typeof position.use === 'string') return position as JsonObject & { use: string };
  const { name, version, executionCondition, parameters, ...rest } = position;
  if (typeof name !== 'string') return {};
  const major = typeof version === 'string' && isExact(version) ? majorOf(version) : version;
  return {
    ...rest,
    use: major === undefined || major === null || major === '' ? name : `${name}@${String(major)}`,
    ...(typeof executionCondition === 'string' ? { executionCondition } : {}),
    ...(parameters === undefined || parameters === null ? {} : { parameters }),
  };
}

/** A position without a key is called by the name of its policy, which a digest no longer tells. */
function keyOf({ key }: JsonObject, name: string, numbered: Map<string, number>): JsonValue {
  if (key !== undefined) {
    if (typeof key === 'string') numbered.set(key, 1);
    return key;
  }
  let count = numbered.get(name) ?? 0;
  let own: string;
  do own = ++count === 1 ? name : `${name}#${count}`;
  while (own !== name && numbered.has(own));
  numbered.set(name, count);
  if (own !== name) numbered.set(own, 1);
  return own;
}

/** `/chains/c1/api/0` is in `/chains/c1`, `/routes/3/policies/0` in `/routes/3`. */
function chainAt(chains: Map<string, Map<string, number>>, path: string): Map<string, number> {
  const at = path.split('/').slice(0, 3).join('/');
  const numbered = chains.get(at) ?? new Map<string, number>();
  chains.set(at, numbered);
  return numbered;
}
