/** What the engine can make instances of: native policies of the service, and modules of a folder. */

import type { CatalogEntry, PolicyCatalog } from '../policy/build/catalog.ts';
import { isExact, majorOf, type Wanted } from '../policy/build/reference.ts';
import { loadGuest } from '../policy/guest/load-guest.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import {
  type Capabilities,
  grantedCapabilities,
  intersectCapabilities,
  parseCapabilities,
} from '../policy-host/capabilities.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import { type ModulePlaces, ModulePolicy } from './module-policy.ts';
import type { PolicyPackage, RefusedPackage } from './policy-package.ts';

export interface EngineCatalogOptions {
  readonly natives: readonly CatalogEntry[];
  /** Digests of modules that run without a fuel counter. */
  readonly trusted: ReadonlySet<string>;
  readonly allowed: Capabilities;
  readonly ports: HostPorts;
}

/** One module for the status. */
export interface ModuleStatus {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly tier: 'trusted' | 'metered';
  readonly tenants: ModulePlaces;
}

interface Loaded {
  readonly one: PolicyPackage;
  /** Made when it is first asked for. */
  entry: CatalogEntry | PolicyFailure | undefined;
}

export class EngineCatalog implements PolicyCatalog {
  readonly #options: EngineCatalogOptions;
  #loaded = new Map<string, Loaded>();
  #refused: readonly RefusedPackage[] = [];

  constructor(options: EngineCatalogOptions) {
    this.#options = options;
  }

  /** What the folder holds now. A package that is the same as before keeps what was compiled of it. */
  replace(packages: readonly PolicyPackage[], refused: readonly RefusedPackage[]): void {
    this.#loaded = new Map(
      packages.map((one) => [one.digest, this.#loaded.get(one.digest) ?? { one, entry: undefined }]),
    );
    this.#refused = refused;
  }

  find(wanted: Wanted): CatalogEntry | PolicyFailure | undefined {
    const { natives } = this.#options;
    if ('digest' in wanted) {
      const { digest } = wanted;
      const native = natives.find((one) => one.digest === digest);
      const loaded = [...this.#loaded.values()].find(({ one }) => one.digest === digest || one.moduleDigest === digest);
      return native ?? (loaded === undefined ? undefined : this.#entryOf(loaded));
    }
    const { name, version } = wanted;
    const fits = (candidate: { readonly name: string; readonly version: string }): boolean =>
      candidate.name === name &&
      (version === undefined ||
        (isExact(version) ? candidate.version === version : majorOf(candidate.version) === version));
    const entries = natives.filter(({ manifest }) => fits(manifest));
    const modules = [...this.#loaded.values()].filter(({ one }) => fits(one.manifest));
    const best = newest(modules, ({ one }) => one.manifest.version);
    const native = newest(entries, ({ manifest }) => manifest.version);
    if (native !== undefined) return native;
    if (best !== undefined) return this.#entryOf(best);
    const refused = this.#refused.find((one) => (one.name ?? one.folder) === name);
    return refused?.failure;
  }

  describe(): readonly ModuleStatus[] {
    return [...this.#loaded.values()].flatMap(({ one, entry }) => {
      if (entry === undefined || isPolicyFailure(entry) || !(entry.factory instanceof ModulePolicy)) return [];
      const { factory } = entry;
      const { name, version, tier } = factory;
      return [{ name, version, sha256: one.moduleDigest, tier, tenants: factory.describe() }];
    });
  }

  get refused(): readonly RefusedPackage[] {
    return this.#refused;
  }

  #entryOf(loaded: Loaded): CatalogEntry | PolicyFailure {
    loaded.entry ??= this.#make(loaded.one);
    return loaded.entry;
  }

  /** Verified and compiled, or refused with everything that is wrong with it. */
  #make({ manifest, bytes, moduleDigest, digest }: PolicyPackage): CatalogEntry | PolicyFailure {
    const { trusted, allowed, ports } = this.#options;
    const tier = trusted.has(moduleDigest) ? 'trusted' : 'metered';
    if (manifest.abi !== 'edict-core/1')
      return policyFailure('ABI_UNSUPPORTED', `${manifest.abi} cannot be loaded here`);
    if (manifest.minimumTier === 'isolated') {
      return policyFailure(
        'MODULE_INVALID',
        'the manifest asks for a worker, and this engine runs policies on its own thread',
      );
    }
    const { capabilities, problems } = parseCapabilities(manifest.source.capabilities ?? {});
    if (problems.length > 0) {
      const faults = problems.map(({ path, message }) => `/capabilities${path} ${message}`);
      return policyFailure('MODULE_INVALID', faults.join('; '));
    }
    const granted = intersectCapabilities(capabilities, allowed);
    const guest = loadGuest(bytes, {
      sha256: moduleDigest.slice('sha256:'.length),
      granted: grantedCapabilities(granted),
      metering: { maxPages: manifest.limits.memoryPages, fuel: tier === 'metered' },
    });
    if (isPolicyFailure(guest)) return guest;
    return { factory: new ModulePolicy({ manifest, guest, tier, granted, ports }), manifest, digest };
  }
}

function newest<T>(candidates: readonly T[], versionOf: (one: T) => string): T | undefined {
  return [...candidates].sort((left, right) => compareVersions(versionOf(right), versionOf(left)))[0];
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.replace(/^v/, '').split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
