/**
 * What the engine can make instances of, in the order in which a name is looked for: native policies of the service, modules
 * of a folder, the catalogue of this package. A name that the service or the folder has is theirs in every version: what a
 * folder has and is refused is never replaced by the catalogue's.
 */

import type { Clock } from '../options/clock.ts';
import type { CatalogEntry, PolicyCatalog } from '../policy/build/catalog.ts';
import { compareVersions, isExact, majorOf, type Wanted } from '../policy/build/reference.ts';
import { loadComponent } from '../policy/component/load-component.ts';
import type { Capability } from '../policy/guest/imports.ts';
import { loadGuest } from '../policy/guest/load-guest.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import {
  type Capabilities,
  grantedCapabilities,
  intersectCapabilities,
  parseCapabilities,
} from '../policy-host/capabilities.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import type { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { ModulePolicy, type Program } from './module-policy.ts';
import type { ModuleStatus, PolicyTier } from './module-status.ts';
import { nativeStatus, type PackageStatus, packageStatus } from './package-status.ts';
import { MAX_MODULE_BYTES, type PolicyPackage, type RefusedPackage } from './policy-package.ts';
import type { ShippedCatalogue } from './shipped-catalogue.ts';

export interface EngineCatalogOptions {
  readonly natives: readonly CatalogEntry[];
  /** Digests of modules that run without a fuel counter. */
  readonly trusted: ReadonlySet<string>;
  readonly allowed: Capabilities;
  readonly ports: HostPorts;
  readonly workers: () => PolicyWorkers;
  /** For the policies that come with this package; without it there are none. */
  readonly shipped?: { readonly clock: Clock };
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
  #shipped: Promise<ShippedCatalogue> | undefined;
  /** Those of the catalogue that a chain asked for. */
  readonly #used = new Map<string, CatalogEntry>();

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

  find(wanted: Wanted): CatalogEntry | PolicyFailure | undefined | Promise<CatalogEntry | PolicyFailure | undefined> {
    const own = this.#findOwn(wanted);
    if (own !== undefined || !('name' in wanted) || this.#has(wanted.name)) return own;
    return this.#findShipped(wanted);
  }

  #findOwn(wanted: Wanted): CatalogEntry | PolicyFailure | undefined {
    const { natives } = this.#options;
    if ('digest' in wanted) {
      const { digest } = wanted;
      const native = natives.find((one) => one.digest === digest);
      const loaded = [...this.#loaded.values()].find(({ one }) => one.digest === digest || one.moduleDigest === digest);
      return native ?? (loaded === undefined ? undefined : this.#entryOf(loaded));
    }
    const { name } = wanted;
    const fits = (candidate: Versioned): boolean => candidate.name === name && isVersion(candidate, wanted.version);
    const entries = natives.filter(({ manifest }) => fits(manifest));
    const modules = [...this.#loaded.values()].filter(({ one }) => fits(one.manifest));
    const best = newest(modules, ({ one }) => one.manifest.version);
    const native = newest(entries, ({ manifest }) => manifest.version);
    if (native !== undefined) return native;
    if (best !== undefined) return this.#entryOf(best);
    const refused = this.#refused.find((one) => (one.name ?? one.folder) === name);
    return refused?.failure;
  }

  #has(name: string): boolean {
    return (
      this.#options.natives.some(({ manifest }) => manifest.name === name) ||
      [...this.#loaded.values()].some(({ one }) => one.manifest.name === name)
    );
  }

  async #findShipped({
    name,
    version,
  }: Extract<Wanted, { name: string }>): Promise<CatalogEntry | PolicyFailure | undefined> {
    const { shipped, ports, allowed } = this.#options;
    if (shipped === undefined) return undefined;
    this.#shipped ??= import('./shipped-catalogue.ts').then(
      ({ ShippedCatalogue }) => new ShippedCatalogue({ ports, allowed, ...shipped }),
    );
    const found = await (await this.#shipped).find(name);
    if (found === undefined || isPolicyFailure(found)) return found;
    if (!isVersion(found.manifest, version)) return undefined;
    this.#used.set(name, found);
    return found;
  }

  /** Lets go of what the catalogue's policies hold. */
  async close(): Promise<void> {
    await (await this.#shipped)?.close();
  }

  /** Everything that a chain can name, with the schemas of its parameters; of the catalogue what chains named. */
  packages(): readonly PackageStatus[] {
    return [
      ...this.#options.natives.map((entry) => nativeStatus(entry, 'service')),
      ...[...this.#loaded.values()].map(({ one }) => packageStatus(one)),
      ...[...this.#used.values()].map((entry) => nativeStatus(entry, 'catalogue')),
    ];
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
    const { trusted, allowed, ports, workers } = this.#options;
    const tier = tierOf(manifest, trusted.has(moduleDigest));
    const { capabilities, problems } = parseCapabilities(manifest.source.capabilities ?? {});
    if (problems.length > 0) {
      const faults = problems.map(({ path, message }) => `/capabilities${path} ${message}`);
      return policyFailure('MODULE_INVALID', faults.join('; '));
    }
    const granted = intersectCapabilities(capabilities, allowed);
    const program = load(bytes, manifest, grantedCapabilities(granted), tier);
    if (isPolicyFailure(program)) return program;
    const { hopByHop } = granted;
    return {
      factory: new ModulePolicy({ manifest, program, tier, granted, ports, workers }),
      // Chains grant what the manifest says, and the operator may say less.
      manifest: { ...manifest, capabilities: { ...manifest.capabilities, hopByHop } },
      digest,
    };
  }
}

/** Trust is the operator's to give; a manifest can only ask for more isolation. */
function tierOf({ minimumTier }: PolicyManifest, isTrusted: boolean): PolicyTier {
  if (minimumTier === 'isolated') return 'isolated';
  return isTrusted ? 'trusted' : 'metered';
}

function load(
  bytes: Uint8Array,
  { abi, limits }: PolicyManifest,
  granted: ReadonlySet<Capability>,
  tier: PolicyTier,
): Program | PolicyFailure {
  const metering = { maxPages: limits.memoryPages, fuel: tier !== 'trusted' };
  if (abi === 'edict-core/1') {
    const guest = loadGuest(bytes, { sha256: false, granted, metering });
    return isPolicyFailure(guest) ? guest : { kind: 'module', guest };
  }
  if (tier === 'isolated') return policyFailure('ABI_UNSUPPORTED', 'a component cannot run in a worker');
  // Its one core module may be an engine, so it may be as large as the component; its memory is what the manifest says.
  const sizes = { maxBytes: MAX_MODULE_BYTES, maxPages: limits.memoryPages };
  const component = loadComponent(bytes, { granted, metering, ...sizes });
  return isPolicyFailure(component) ? component : { kind: 'component', component };
}

function newest<T>(candidates: readonly T[], versionOf: (one: T) => string): T | undefined {
  return [...candidates].sort((left, right) => compareVersions(versionOf(right), versionOf(left)))[0];
}

interface Versioned {
  readonly name: string;
  readonly version: string;
}

function isVersion(candidate: Versioned, version: string | undefined): boolean {
  if (version === undefined) return true;
  return isExact(version) ? candidate.version === version : majorOf(candidate.version) === version;
}
