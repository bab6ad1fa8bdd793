/** What `describe()` shows of a policy that chains can name. */

import type { JsonObject } from '../internal/json.ts';
import type { CatalogEntry } from '../policy/build/catalog.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import type { PolicyPackage } from './policy-package.ts';

/** Given in code by the service, loaded from a folder, or one of those that come with Edict. */
export type PackageOrigin = 'service' | 'folder' | 'catalogue';

/** One policy as a console or a control plane needs it: what it is, and what its parameters must be. */
export interface PackageStatus {
  readonly name: string;
  readonly version: string;
  readonly displayName: string;
  readonly description: string;
  /** `native`, or what the module speaks. */
  readonly abi: string;
  readonly origin: PackageOrigin;
  /** What a lock holds and what `use` may name. */
  readonly digest: string;
  /** Of the module; undefined for native policies. */
  readonly moduleDigest: string | undefined;
  readonly processing: ProcessingModes;
  /** JSON Schemas as their author wrote them. */
  readonly parameters: Readonly<JsonObject>;
  readonly systemParameters: Readonly<JsonObject>;
  /** Cases that `test` runs. */
  readonly selfTests: number;
}

export function packageStatus({ manifest, digest, moduleDigest }: PolicyPackage): PackageStatus {
  return statusOf(manifest, 'folder', digest, moduleDigest);
}

export function nativeStatus({ manifest, digest }: CatalogEntry, origin: PackageOrigin): PackageStatus {
  return statusOf(manifest, origin, digest, undefined);
}

function statusOf(
  { name, version, displayName, description, abi, processing, parameters, systemParameters, selfTest }: PolicyManifest,
  origin: PackageOrigin,
  digest: string,
  moduleDigest: string | undefined,
): PackageStatus {
  return {
    ...{ name, version, displayName, description, abi, origin, digest, moduleDigest },
    ...{ processing, parameters, systemParameters, selfTests: selfTest.length },
  };
}
