/** The policies that come with this package, by name. An engine loads this file when a chain names one, and not before. */

import { readFile } from 'node:fs/promises';
import { canonicalJson } from '../internal/canonical-json.ts';
import { packageFile } from '../internal/package-files.ts';
import { sha256 } from '../internal/sha256.ts';
import type { CatalogEntry } from '../policy/build/catalog.ts';
import { parseManifest } from '../policy/manifest/parse-manifest.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import { ShippedNatives, type ShippedSurroundings } from './shipped-natives.ts';

export class ShippedCatalogue {
  readonly #natives: ShippedNatives;
  readonly #entries = new Map<string, Promise<CatalogEntry | PolicyFailure>>();

  constructor(surroundings: ShippedSurroundings) {
    this.#natives = new ShippedNatives(surroundings);
  }

  get names(): readonly string[] {
    return this.#natives.names;
  }

  /** Undefined when there is none of that name; a failure when this installation lacks its manifest. */
  async find(name: string): Promise<CatalogEntry | PolicyFailure | undefined> {
    if (!this.names.includes(name)) return undefined;
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = this.#read(name);
      this.#entries.set(name, entry);
    }
    return entry;
  }

  close(): Promise<void> {
    return this.#natives.close();
  }

  async #read(name: string): Promise<CatalogEntry | PolicyFailure> {
    const file = shippedFile(name);
    try {
      const read = parseManifest(await readFile(file, 'utf8'));
      if ('problems' in read)
        throw new Error(read.problems.map(({ path, message }) => `${path} ${message}`).join('; '));
      const { manifest } = read;
      const digest = sha256(canonicalJson({ native: `${name}@${manifest.version}`, manifest: manifest.source }));
      return { factory: this.#natives.factory(manifest), manifest, digest };
    } catch (caught) {
      return policyFailure('MODULE_INVALID', `${file.pathname}: ${(caught as Error).message}`);
    }
  }
}

/** The manifest of a policy of the catalogue. */
export function shippedFile(name: string): URL {
  return packageFile(`policies/${name}/policy.yaml`);
}
