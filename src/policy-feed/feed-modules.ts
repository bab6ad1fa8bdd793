/** The modules of a document with their manifests: fetched by digest, checked, and held as long as a document names them. */

import { EdictError } from '../errors.ts';
import type { Sha256 } from '../internal/sha256.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import { manifestOf } from '../policy/manifest/parse-manifest.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import { ContentRefused, MAX_COMPONENT_BYTES, MAX_CORE_BYTES, MAX_MANIFEST_BYTES } from './content-kind.ts';
import { type ContentStore, inParallel } from './content-store.ts';
import type { ModuleReference } from './policy-document.ts';

/** A module as the relay has it, nothing of it compiled. */
export interface FeedModule {
  readonly manifest: PolicyManifest;
  readonly bytes: Uint8Array;
  readonly moduleDigest: Sha256;
}

/** A module that cannot be used, and why; what names it is told. */
export interface RefusedModule {
  readonly name: string;
  readonly moduleDigest: Sha256;
  readonly failure: PolicyFailure;
}

export interface FetchedModules {
  readonly modules: readonly FeedModule[];
  readonly refused: readonly RefusedModule[];
}

const AT_A_TIME = 4;

export class FeedModules {
  /** By module and manifest. */
  #held = new Map<string, FeedModule>();

  /**
   * Everything that the references name. Refused is what the relay does not have, or has wrong. Any other failure is the
   * failure of all, so that it is tried again whole, unless `settle` says that it was tried often enough.
   */
  async fetch(references: readonly ModuleReference[], store: ContentStore, settle: boolean): Promise<FetchedModules> {
    const found = await inParallel(references, AT_A_TIME, (reference) => this.#fetchOne(reference, store, settle));
    const modules = found.filter((one): one is FeedModule => 'bytes' in one);
    const refused = found.filter((one): one is RefusedModule => 'failure' in one);
    return { modules, refused };
  }

  /** These are in use from now on, and no others. */
  hold(modules: readonly FeedModule[], references: readonly ModuleReference[]): void {
    const byDigest = new Map(modules.map((one) => [one.moduleDigest, one]));
    this.#held = new Map(
      references.flatMap((reference) => {
        const one = byDigest.get(reference.module);
        return one === undefined ? [] : [[keyOf(reference), one]];
      }),
    );
  }

  async #fetchOne(
    reference: ModuleReference,
    store: ContentStore,
    settle: boolean,
  ): Promise<FeedModule | RefusedModule> {
    const held = this.#held.get(keyOf(reference));
    if (held !== undefined) return held;
    const { name, module: moduleDigest } = reference;
    try {
      return await load(reference, store);
    } catch (caught) {
      if (caught instanceof ContentRefused) return { name, moduleDigest, failure: caught.failure };
      if (!settle || EdictError.from(caught, 'NETWORK').code === 'CLOSED') throw caught;
      const failure = policyFailure('POLICY_MISSING', `could not be fetched: ${(caught as Error).message}`);
      return { name, moduleDigest, failure };
    }
  }
}

/** The manifest goes first: it says how large the module may be. */
async function load({ module, manifest: digest }: ModuleReference, store: ContentStore): Promise<FeedModule> {
  if (digest === undefined) throw new ContentRefused('MODULE_INVALID', 'the document names no manifest for it');
  const manifest = readManifest(await store.get('manifests', digest, MAX_MANIFEST_BYTES));
  const { module: named, abi } = manifest;
  if (named?.sha256 !== module) {
    throw new ContentRefused('DIGEST_MISMATCH', `its manifest is that of ${named?.sha256 ?? 'no module'}`);
  }
  const maxBytes = abi === 'edict-core/1' ? MAX_CORE_BYTES : MAX_COMPONENT_BYTES;
  return { manifest, bytes: await store.get('modules', module, maxBytes), moduleDigest: module };
}

/** Canonical JSON by the digest, so nothing here needs YAML. */
function readManifest(bytes: Uint8Array): PolicyManifest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new ContentRefused('MODULE_INVALID', 'its manifest is not JSON');
  }
  const read = manifestOf(value as Parameters<typeof manifestOf>[0]);
  if ('manifest' in read) return read.manifest;
  const faults = read.problems.map(({ path, message }) => `${path} ${message}`.trim());
  throw new ContentRefused('MODULE_INVALID', `its manifest: ${faults.join('; ')}`);
}

function keyOf({ module, manifest }: ModuleReference): string {
  return `${module} ${manifest}`;
}
