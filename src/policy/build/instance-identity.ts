/** What instances are known by: which positions share one, when it is another one, and whose state it goes on with. */

import { canonicalJson } from '../../internal/canonical-json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import type { Scope } from '../model/instance-plan.ts';
import type { PreparedSide } from './prepare-position.ts';
import { majorOf } from './reference.ts';
import type { PositionSpec, RouteSpec } from './specification.ts';

/** A policy with parameters, and how its instances are shared. */
export interface PlannedSide extends PreparedSide {
  readonly scope: Scope;
  readonly shareKey: string;
}

/** Positions with the same key share a singleton; the first of them decides what it is made of. */
export function singletonKey({ tenant }: RouteSpec, { entry: { manifest }, shareKey }: PlannedSide): string {
  return JSON.stringify([tenant, manifest.name, majorOf(manifest.version), shareKey]);
}

/** Equal signatures: the instance and its state survive (spec/policies.md §4.9). `maker` is what the instance is made of. */
export function signatureOf(
  route: RouteSpec,
  spec: PositionSpec,
  { scope, shareKey }: PlannedSide,
  { entry, resolved }: PreparedSide,
): Sha256 {
  return sha256(
    canonicalJson({
      route: route.key,
      tenant: route.tenant,
      position: spec.key,
      name: entry.manifest.name,
      version: entry.manifest.version,
      digest: entry.digest,
      params: resolved.digest,
      scope,
      shareKey,
      condition: spec.condition ?? null,
    }),
  );
}

/** What an instance is found by; nothing is ever shared between tenants. */
export function instanceKey(
  { tenant }: RouteSpec,
  { scope, shareKey }: PlannedSide,
  { entry, resolved }: PreparedSide,
  signature: Sha256,
): string {
  const { name, version } = entry.manifest;
  switch (scope) {
    case 'shared-by-params':
      return JSON.stringify([scope, tenant, name, version, entry.digest, resolved.digest, shareKey]);
    case 'singleton':
      return JSON.stringify([scope, tenant, name, majorOf(version), entry.digest, resolved.digest, shareKey]);
    default:
      return JSON.stringify([scope, tenant, signature]);
  }
}

/**
 * The name of the state that the host keeps. With `state.carry: kv` it has neither parameters nor versions in it, so that the
 * next instance finds it; otherwise it is the instance's own. Instances that are shared by parameters have nothing else to be
 * told apart by, so they carry only where a `stateKey` says what goes on with what.
 */
export function stateScopeOf(route: RouteSpec, spec: PositionSpec, side: PlannedSide, key: string): string {
  const { scope, shareKey, entry } = side;
  const { stateKey } = spec;
  if (!carriesKv(side) || (scope === 'shared-by-params' && stateKey === undefined)) return sha256(key);
  const isShared = scope === 'singleton' || scope === 'shared-by-params';
  const owner = isShared ? [stateKey ?? ''] : [...ownerOf(route, spec), stateKey ?? spec.key];
  return JSON.stringify([scope, entry.manifest.name, shareKey, ...owner]);
}

/** What stands before a whole API has one state for it, however many routes the API has. */
function ownerOf({ key, api }: RouteSpec, { level }: PositionSpec): readonly string[] {
  const isOfApi = level !== 'operation' && (api.id !== '' || api.name !== '');
  return isOfApi ? ['api', api.id, api.name, api.version] : ['route', key];
}

export function carriesKv({ entry: { manifest } }: PreparedSide): boolean {
  return manifest.state.carry === 'kv';
}
