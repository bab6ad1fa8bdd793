/** Where policies come from: a port, so that modules, native policies and tests look alike to whoever builds chains. */

import type { Sha256 } from '../../internal/sha256.ts';
import type { PolicyManifest } from '../manifest/manifest.ts';
import type { PolicyFailure } from '../model/failure.ts';
import type { PolicyFactory } from '../model/instance.ts';
import type { Capabilities } from '../model/modes.ts';
import type { Wanted } from './reference.ts';

/** A policy that was loaded, verified and compiled: all that is left to do is to make instances. */
export interface CatalogEntry {
  readonly factory: PolicyFactory;
  readonly manifest: PolicyManifest;
  readonly digest: Sha256;
  /** The hooks that are really there, where they can be known before an instance exists. */
  readonly capabilities?: Capabilities;
}

export interface PolicyCatalog {
  /** `undefined` when there is none; a failure when it is there and was refused. Must not throw. */
  find(wanted: Wanted): CatalogEntry | PolicyFailure | undefined | Promise<CatalogEntry | PolicyFailure | undefined>;
}
