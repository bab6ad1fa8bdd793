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
import type { HookRecords } from '../policy-host/recording-policy.ts';
import type { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { type ModuleLimits, ModulePolicy, type Program } from './module-policy.ts';
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
  /** Of the breakers of policies; without it they have none. */
  readonly clock?: { monotonic(): number };
  /** For the policies that come with this package; without it there are none. */
  readonly shipped?: { readonly clock: Clock };
  /** Where hooks of modules are recorded, if they are. */
  readonly records?: HookRecords | undefined;
}

interface Loaded {
  readonly one: PolicyPackage;
  /** Made when it is first asked for. */
  entry: CatalogEntry | PolicyFailure | undefined;
}

/** Compiles a package, or says why it is refused. */
type Make = (one: PolicyPackage) => CatalogEntry | PolicyFailure;

type Found = CatalogEntry | PolicyFailure | undefined;
type NamedPolicy = Extract<Wanted, { readonly name: string }>;

/** What there was at one load; a revision that comes back finds the modules it was made of. */
export class CatalogSnapshot implements PolicyCatalog {
  readonly refused: readonly RefusedPackage[];
  readonly #natives: readonly CatalogEntry[];
  readonly #loaded: readonly Loaded[];
  readonly #make: Make;
  readonly #findShipped: (wanted: NamedPolicy) => Promise<Found>;

  constructor(
    natives: readonly CatalogEntry[],
    loaded: readonly Loaded[],
    refused: readonly RefusedPackage[],
    ports: { readonly make: Make; readonly findShipped: (wanted: NamedPolicy) => Promise<Found> },
  ) {
    this.#natives = natives;
    this.#loaded = loaded;
    this.refused = refused;
    this.#make = ports.make;
    this.#findShipped = ports.findShipped;
  }

  find(wanted: Wanted): Found | Promise<Found> {
    const found = this.#look(wanted);
    if (found === undefined) return 'name' in wanted && !this.#has(wanted.name) ? this.#findShipped(wanted) : undefined;
    if (!('one' in found)) return found;
    found.entry ??= this.#make(found.one);
    return found.entry;
  }

  /** The same policies for a tenant with limits of its own. */
  within(limits: ModuleLimits): PolicyCatalog {
    return {
      find: async (wanted) => {
        const found = await this.find(wanted);
        if (found === undefined || isPolicyFailure(found)) return found;
        const { factory } = found;
        return factory instanceof ModulePolicy ? { ...found, factory: factory.within(limits) } : found;
      },
    };
  }

  /** What a reference leads to, without compiling it: equal texts, equal policies. */
  identify(wanted: Wanted): string {
    const found = this.#look(wanted);
    if (found === undefined) return '';
    return isPolicyFailure(found) ? found.message : 'one' in found ? found.one.digest : found.digest;
  }

  /** Whether the manifests of modules take anything from templates, as the parameters of a document may. */
  get hasTemplates(): boolean {
    return this.#loaded.some(({ one }) => JSON.stringify(one.manifest.source).includes('{{'));
  }

  #look(wanted: Wanted): CatalogEntry | Loaded | PolicyFailure | undefined {
    if ('digest' in wanted) {
      const { digest } = wanted;
      const native = this.#natives.find((one) => one.digest === digest);
      return (
        native ??
        this.#loaded.find(({ one }) => one.digest === digest || one.moduleDigest === digest) ??
        this.refused.find((one) => one.moduleDigest === digest)?.failure
      );
    }
    const { name } = wanted;
    const fits = (candidate: Versioned): boolean => candidate.name === name && isVersion(candidate, wanted.version);
    const entries = this.#natives.filter(({ manifest }) => fits(manifest));
    const modules = this.#loaded.filter(({ one }) => fits(one.manifest));
    return (
      newest(entries, ({ manifest }) => manifest.version) ??
      newest(modules, ({ one }) => one.manifest.version) ??
      this.refused.find((one) => (one.name ?? one.folder) === name)?.failure
    );
  }

  #has(name: string): boolean {
    return (
      this.#natives.some(({ manifest }) => manifest.name === name) ||
      this.#loaded.some(({ one }) => one.manifest.name === name)
    );
  }
}

export class EngineCatalog implements PolicyCatalog {
  readonly #options: EngineCatalogOptions;
  readonly #make: Make = (one) => this.#entryOf(one);
  /** Of the present snapshot, and of former ones that something still runs on. */
  #loaded = new Map<string, Loaded>();
  #current: CatalogSnapshot;
  #shipped: Promise<ShippedCatalogue> | undefined;
  /** Those of the catalogue that a chain asked for. */
  readonly #used = new Map<string, CatalogEntry>();

  constructor(options: EngineCatalogOptions) {
    this.#options = options;
    this.#current = this.#snapshot([], []);
  }

  /** What the folder holds now. A package that is the same as before keeps what was compiled of it. */
  replace(packages: readonly PolicyPackage[], refused: readonly RefusedPackage[]): void {
    const loaded = packages.map((one) => this.#loaded.get(one.digest) ?? { one, entry: undefined });
    const inUse = [...this.#loaded.values()].filter((one) => moduleOf(one)?.isInUse === true);
    this.#loaded = new Map([...inUse, ...loaded].map((each) => [each.one.digest, each]));
    this.#current = this.#snapshot(loaded, refused);
  }

  #snapshot(loaded: readonly Loaded[], refused: readonly RefusedPackage[]): CatalogSnapshot {
    const findShipped = (wanted: NamedPolicy): Promise<Found> => this.#findShipped(wanted);
    return new CatalogSnapshot(this.#options.natives, loaded, refused, { make: this.#make, findShipped });
  }

  get current(): CatalogSnapshot {
    return this.#current;
  }

  find(wanted: Wanted): Found | Promise<Found> {
    return this.#current.find(wanted);
  }

  async #findShipped({ name, version }: NamedPolicy): Promise<Found> {
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
    return [...this.#loaded.values()].flatMap((loaded) => {
      const factory = moduleOf(loaded);
      if (factory === undefined) return [];
      const { name, version, tier } = factory;
      return [{ name, version, sha256: loaded.one.moduleDigest, tier, tenants: factory.describe() }];
    });
  }

  get refused(): readonly RefusedPackage[] {
    return this.#current.refused;
  }

  /** Stores of one tenant on this thread, and the bytes of their memory. */
  memoryOf(tenant: string): { readonly stores: number; readonly bytes: number; readonly digests: readonly string[] } {
    let stores = 0;
    let bytes = 0;
    const digests: string[] = [];
    for (const loaded of this.#loaded.values()) {
      const place = moduleOf(loaded)?.describe(tenant)[tenant];
      if (place === undefined) continue;
      stores += place.slots;
      bytes += place.memoryBytes;
      digests.push(loaded.one.moduleDigest);
    }
    return { stores, bytes, digests };
  }

  /** Linear memory that a tenant has had for a policy; undefined where none has had any. */
  bytesOf(digest: string): number | undefined {
    if (this.#options.natives.some((native) => native.digest === digest)) return 0;
    const loaded = this.#loaded.get(digest);
    const places = Object.values((loaded && moduleOf(loaded)?.describe()) ?? {});
    return places.length === 0 ? undefined : Math.max(...places.map(({ memoryBytes }) => memoryBytes));
  }

  /** Verified and compiled, or refused with everything that is wrong with it. */
  #entryOf({ manifest, bytes, moduleDigest, digest }: PolicyPackage): CatalogEntry | PolicyFailure {
    const { trusted, allowed, ports, workers, clock, records } = this.#options;
    const tier = tierOf(manifest, trusted.has(moduleDigest));
    const { capabilities, problems } = parseCapabilities(manifest.source.capabilities ?? {});
    if (problems.length > 0) {
      const faults = problems.map(({ path, message }) => `/capabilities${path} ${message}`);
      return policyFailure('MODULE_INVALID', faults.join('; '));
    }
    const granted = intersectCapabilities(capabilities, allowed);
    const compiled = new Map<number, Program | PolicyFailure>();
    const program = (maxPages: number): Program | PolicyFailure => {
      const made = compiled.get(maxPages) ?? loadProgram(bytes, manifest, maxPages, grantedCapabilities(granted), tier);
      compiled.set(maxPages, made);
      return made;
    };
    const whole = program(manifest.limits.memoryPages);
    if (isPolicyFailure(whole)) return whole;
    const { hopByHop } = granted;
    const memoryOf = (tenant: string): number => this.memoryOf(tenant).bytes;
    return {
      factory: new ModulePolicy({
        ...{ manifest, program, tier, granted, ports, workers, memoryOf, clock, digest, records },
      }),
      // Chains grant what the manifest says, and the operator may say less.
      manifest: { ...manifest, capabilities: { ...manifest.capabilities, hopByHop } },
      digest,
    };
  }
}

function moduleOf({ entry }: Loaded): ModulePolicy | undefined {
  if (entry === undefined || isPolicyFailure(entry)) return undefined;
  return entry.factory instanceof ModulePolicy ? entry.factory : undefined;
}

/** Trust is the operator's to give; a manifest can only ask for more isolation. */
function tierOf({ minimumTier }: PolicyManifest, isTrusted: boolean): PolicyTier {
  if (minimumTier === 'isolated') return 'isolated';
  return isTrusted ? 'trusted' : 'metered';
}

/** The program of a package, verified and compiled for a tier. */
export function loadProgram(
  bytes: Uint8Array,
  { abi }: PolicyManifest,
  maxPages: number,
  granted: ReadonlySet<Capability>,
  tier: PolicyTier,
): Program | PolicyFailure {
  const metering = { maxPages, fuel: tier !== 'trusted', pauses: tier === 'isolated' };
  if (abi === 'edict-core/1') {
    const guest = loadGuest(bytes, { sha256: false, granted, metering });
    return isPolicyFailure(guest) ? guest : { kind: 'module', guest };
  }
  if (tier === 'isolated') return policyFailure('ABI_UNSUPPORTED', 'a component cannot run in a worker');
  // Its one core module may be an engine, so it may be as large as the component; its memory is what the manifest says.
  const sizes = { maxBytes: MAX_MODULE_BYTES, maxPages };
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

function isVersion(candidate: Pick<Versioned, 'version'>, version: string | undefined): boolean {
  if (version === undefined) return true;
  return isExact(version) ? candidate.version === version : majorOf(candidate.version) === version;
}
