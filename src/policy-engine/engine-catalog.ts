/** What the engine can make instances of: native policies of the service, and modules of a folder. */

import type { CatalogEntry, PolicyCatalog } from '../policy/build/catalog.ts';
import { isExact, majorOf, type Wanted } from '../policy/build/reference.ts';
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
import { ModulePolicy, type Program } from './module-policy.ts';
import type { ModuleStatus, PolicyTier } from './module-status.ts';
import type { PolicyPackage, RefusedPackage } from './policy-package.ts';

export interface EngineCatalogOptions {
  readonly natives: readonly CatalogEntry[];
  /** Digests of modules that run without a fuel counter. */
  readonly trusted: ReadonlySet<string>;
  readonly allowed: Capabilities;
  readonly ports: HostPorts;
  readonly workers: () => PolicyWorkers;
  /** Where hooks of modules are recorded, if they are. */
  readonly records?: HookRecords | undefined;
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
    const { trusted, allowed, ports, workers, records } = this.#options;
    const tier = tierOf(manifest, trusted.has(moduleDigest));
    const { capabilities, problems } = parseCapabilities(manifest.source.capabilities ?? {});
    if (problems.length > 0) {
      const faults = problems.map(({ path, message }) => `/capabilities${path} ${message}`);
      return policyFailure('MODULE_INVALID', faults.join('; '));
    }
    const granted = intersectCapabilities(capabilities, allowed);
    const program = loadProgram(bytes, manifest, grantedCapabilities(granted), tier);
    if (isPolicyFailure(program)) return program;
    const { hopByHop } = granted;
    return {
      factory: new ModulePolicy({ manifest, program, tier, granted, ports, workers, digest, records }),
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

/** The program of a package, verified and compiled for a tier. */
export function loadProgram(
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
  const component = loadComponent(bytes, { granted, metering });
  return isPolicyFailure(component) ? component : { kind: 'component', component };
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
