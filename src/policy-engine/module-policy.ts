/** A policy module for every tenant that uses it: the module is shared, a host and its stores are each tenant's own. */

import { ComponentPolicy } from '../policy/component/component-policy.ts';
import type { LoadedComponent } from '../policy/component/load-component.ts';
import type { DeclaredInputs } from '../policy/frame/declared-inputs.ts';
import { OUTPUT_LIMITS } from '../policy/frame/output-decoder.ts';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import { CoreModulePolicy } from '../policy/guest/core-module-policy.ts';
import { GuardedPolicy } from '../policy/guest/guarded-instance.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import type { GuestLimits } from '../policy/guest/limits.ts';
import type { ManifestInputs, PolicyManifest } from '../policy/manifest/manifest.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { InstancePlan } from '../policy/model/instance-plan.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import type { EndReason, Phase } from '../policy/model/phases.ts';
import type { TenantLimits } from '../policy/tenants/tenant-options.ts';
import { type Capabilities, grantedCapabilities } from '../policy-host/capabilities.ts';
import { HostedPolicy } from '../policy-host/hosted-policy.ts';
import { spaceId } from '../policy-host/kv/kv-store.ts';
import type { SeriesDeclaration } from '../policy-host/metrics.ts';
import { createHost } from '../policy-host/policy-host.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import { type HookRecords, RecordingPolicy } from '../policy-host/recording-policy.ts';
import { RecordingHost } from '../policy-host/replay.ts';
import type { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { WorkerPolicy } from '../policy-workers/worker-policy.ts';
import type { ModulePlaces, PolicyTier } from './module-status.ts';

/** What was made of the bytes: a core module, or a component that a host on this thread calls. */
export type Program =
  | { readonly kind: 'module'; readonly guest: CompiledGuest }
  | { readonly kind: 'component'; readonly component: LoadedComponent };

/** What one tenant may use of a module, beside what the manifest says: the lesser counts. */
export type ModuleLimits = Pick<TenantLimits, 'fuel' | 'wallMs' | 'memoryBytes' | 'workerCalls' | 'queuedCalls'>;

export interface ModulePolicyOptions {
  readonly manifest: PolicyManifest;
  /** Compiled for so many pages of 64 KiB at most; once for each number. */
  readonly program: (maxPages: number) => Program | PolicyFailure;
  readonly tier: PolicyTier;
  /** What manifest and operator agree on. */
  readonly granted: Capabilities;
  readonly ports: HostPorts;
  /** Of module and manifest. */
  readonly digest: string;
  /** Where hooks are recorded, if they are. */
  readonly records: HookRecords | undefined;
  /** Started when the first isolated policy is. */
  readonly workers: () => PolicyWorkers;
  /** Linear memory that a tenant has on this thread, of all modules. */
  readonly memoryOf: (tenant: string) => number;
  /** Of the breaker each tenant has for the policy; without it there is none. */
  readonly clock?: { monotonic(): number } | undefined;
}

interface Place {
  readonly tenant: string;
  readonly factory: PolicyFactory;
  /** Undefined where the stores are in workers. */
  readonly stores: CoreModulePolicy | ComponentPolicy | undefined;
  instances: number;
}

interface Entered {
  readonly factory: PolicyFactory;
  readonly release: () => void;
}

export class ModulePolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly tier: PolicyTier;
  readonly #options: ModulePolicyOptions;
  readonly #places = new Map<string, Place>();

  constructor(options: ModulePolicyOptions) {
    this.name = options.manifest.name;
    this.version = options.manifest.version;
    this.tier = options.tier;
    this.#options = options;
  }

  /** Within what the manifest says. */
  create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    return this.#create(init, undefined);
  }

  plan(init: InstanceInit): Promise<InstancePlan | PolicyFailure | undefined> {
    return this.#plan(init, undefined);
  }

  forgetState({ info, stateScope = '' }: InstanceInit): void {
    const { granted, manifest, ports } = this.#options;
    const { namespaces = [], maxBytes = 0 } = granted.kv ?? {};
    for (const name of namespaces) {
      ports.kv?.drop?.({ id: spaceId(info.tenant, manifest.name, stateScope, name), maxBytes });
    }
  }

  /** The same policy for a tenant that may use less. */
  within(limits: ModuleLimits): PolicyFactory {
    const { name, version } = this;
    return {
      name,
      version,
      create: (init) => this.#create(init, limits),
      plan: (init) => this.#plan(init, limits),
      forgetState: (init) => this.forgetState(init),
    };
  }

  get isInUse(): boolean {
    return this.#places.size > 0;
  }

  /** Slots and stores by tenant; of one tenant, or of all. */
  describe(only?: string): ModulePlaces {
    const tenants: Record<string, ModulePlaces[string]> = {};
    for (const { stores, tenant } of this.#places.values()) {
      const one = only === undefined || only === tenant ? stores?.describe()[tenant] : undefined;
      if (one === undefined) continue;
      const others = tenants[tenant];
      tenants[tenant] = others === undefined ? one : sumOf(others, one);
    }
    return tenants;
  }

  async #create(init: InstanceInit, limits: ModuleLimits | undefined): Promise<PolicyInstance | PolicyFailure> {
    const entered = this.#enter(init, limits);
    if (isPolicyFailure(entered)) return entered;
    const { factory, release } = entered;
    const made = await factory.create(init);
    if (!isPolicyFailure(made)) return new PlacedInstance(made, release);
    release();
    return made;
  }

  async #plan(init: InstanceInit, limits: ModuleLimits | undefined): Promise<InstancePlan | PolicyFailure | undefined> {
    const { program, manifest } = this.#options;
    const compiled = program(manifest.limits.memoryPages);
    if (isPolicyFailure(compiled)) return compiled;
    if (compiled.kind === 'module' && !compiled.guest.facts.exports.has('edict_plan')) return undefined;
    const entered = this.#enter(init, limits);
    if (isPolicyFailure(entered)) return entered;
    const plan = await entered.factory.plan?.(init);
    entered.release();
    return plan;
  }

  /** The place of an instance, one instance more in it until `release`. */
  #enter(init: InstanceInit, limits: ModuleLimits | undefined): Entered | PolicyFailure {
    const { tenant } = init.info;
    // Without a store there is no state to tell apart, and instances of one tenant share slots.
    const scope = this.#options.manifest.capabilities.kv === undefined ? '' : (init.stateScope ?? '');
    const key = JSON.stringify([tenant, scope, limits]);
    let place = this.#places.get(key);
    if (place === undefined) {
      const opened = this.#open(tenant, scope, limits);
      if (isPolicyFailure(opened)) return opened;
      place = opened;
      this.#places.set(key, place);
    }
    const kept = place;
    kept.instances++;
    const release = (): void => {
      if (--kept.instances === 0 && this.#places.get(key) === kept) this.#places.delete(key);
    };
    return { factory: kept.factory, release };
  }

  #open(tenant: string, scope: string, limits: ModuleLimits | undefined): Place | PolicyFailure {
    const { manifest, granted, ports, program, memoryOf, clock } = this.#options;
    const used = memoryOf(tenant);
    const leftPages = limits === undefined ? Number.MAX_SAFE_INTEGER : (limits.memoryBytes - used) / PAGE_BYTES;
    if (leftPages < 1) return policyFailure('MEMORY_LIMIT', `the tenant has ${used} bytes of linear memory already`);
    const pages = limits === undefined ? leftPages : limits.memoryBytes / PAGE_BYTES;
    const compiled = program(Math.min(manifest.limits.memoryPages, Math.floor(pages)));
    if (isPolicyFailure(compiled)) return compiled;
    const series = manifest.metrics as unknown as readonly SeriesDeclaration[];
    const { name: policy, metadata } = manifest;
    const host = createHost(granted, { tenant, policy, scope, metadata, series }, ports);
    const { records, digest, tier } = this.#options;
    // In a worker time and randomness are at hand there; nobody sees what a hook got of them.
    const isRecorded = records?.wants(policy) === true && tier !== 'isolated';
    const recording = isRecorded ? new RecordingHost(host) : undefined;
    const made = guestFactory(this.#options, compiled, recording ?? host, limits);
    const hosted = new HostedPolicy(made, host);
    const isKept = recording !== undefined && records !== undefined;
    const kept = isKept ? new RecordingPolicy(hosted, recording, records, digest) : hosted;
    return {
      tenant,
      factory: clock === undefined ? kept : new GuardedPolicy(kept, clock),
      stores: made instanceof WorkerPolicy ? undefined : made,
      instances: 0,
    };
  }
}

/** What makes the guests of a module, before the given host. */
export function guestFactory(
  options: Pick<ModulePolicyOptions, 'manifest' | 'tier' | 'granted' | 'workers'>,
  program: Program,
  host: HostFunctions,
  tenant?: ModuleLimits,
): CoreModulePolicy | ComponentPolicy | WorkerPolicy {
  const { manifest, tier, granted, workers } = options;
  const { name, version, inputs: declared, metadata } = manifest;
  const inputs = inputsOf(declared, metadata.reads);
  const shared = { name, version, inputs, host, limits: limitsOf(manifest, tenant) };
  if (program.kind === 'component') {
    return new ComponentPolicy({ ...shared, component: program.component, maxPages: manifest.limits.memoryPages });
  }
  const { guest } = program;
  const capabilities = grantedCapabilities(granted);
  if (tier !== 'isolated') return new CoreModulePolicy({ ...shared, guest, tier, granted: capabilities });
  const deadlineMs = Math.min(manifest.limits.deadlineMs, tenant?.wallMs ?? manifest.limits.deadlineMs);
  const lane = tenant && { concurrent: tenant.workerCalls, queued: tenant.queuedCalls };
  const parts = { ...shared, guest, granted: capabilities, workers: workers(), deadlineMs };
  return new WorkerPolicy({ ...parts, ...(lane === undefined ? {} : { lane }) });
}

function inputsOf(inputs: ManifestInputs, reads: readonly string[]): DeclaredInputs {
  return { ...inputs, ...(reads.length === 0 ? {} : { metadata: reads }) };
}

const PAGE_BYTES = 65_536;

function limitsOf({ limits }: PolicyManifest, tenant: ModuleLimits | undefined): Partial<GuestLimits> {
  const { fuelPerHook, fuelInit, hostCalls, outputBytes } = limits;
  const frameBytes = Math.min(outputBytes, OUTPUT_LIMITS.frameBytes);
  const fuel = { fuelPerHook: Math.min(fuelPerHook, tenant?.fuel ?? fuelPerHook), fuelInit };
  return { ...fuel, hostCalls, output: { ...OUTPUT_LIMITS, frameBytes, bodyBytes: outputBytes } };
}

function sumOf<T extends Readonly<Record<string, number>>>(left: T, right: T): T {
  return Object.fromEntries(Object.entries(left).map(([name, value]) => [name, value + (right[name] ?? 0)])) as T;
}

/** Tells its place when it is destroyed. */
class PlacedInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #inner: PolicyInstance;
  readonly #release: () => void;
  #isDestroyed = false;

  constructor(inner: PolicyInstance, release: () => void) {
    this.modes = inner.modes;
    this.#inner = inner;
    this.#release = release;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    return this.#inner.call(phase, input);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    this.#inner.streamEnd?.(streamId, reason);
  }

  exportState(): ReturnType<NonNullable<PolicyInstance['exportState']>> {
    return this.#inner.exportState?.();
  }

  importState(state: Uint8Array): ReturnType<NonNullable<PolicyInstance['importState']>> {
    return this.#inner.importState?.(state) ?? false;
  }

  async destroy(): Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    await this.#inner.destroy();
    this.#release();
  }
}
