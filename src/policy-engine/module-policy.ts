/** A policy module for every tenant that uses it: the module is shared, a host and its stores are each tenant's own. */

import { ComponentPolicy } from '../policy/component/component-policy.ts';
import type { LoadedComponent } from '../policy/component/load-component.ts';
import type { DeclaredInputs } from '../policy/frame/declared-inputs.ts';
import { OUTPUT_LIMITS } from '../policy/frame/output-decoder.ts';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import { CoreModulePolicy } from '../policy/guest/core-module-policy.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import type { GuestLimits } from '../policy/guest/limits.ts';
import type { ManifestInputs, PolicyManifest } from '../policy/manifest/manifest.ts';
import { isPolicyFailure, type PolicyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { InstancePlan } from '../policy/model/instance-plan.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import type { EndReason, Phase } from '../policy/model/phases.ts';
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

export interface ModulePolicyOptions {
  readonly manifest: PolicyManifest;
  readonly program: Program;
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
}

interface Place {
  readonly factory: PolicyFactory;
  /** Undefined where the stores are in workers. */
  readonly stores: CoreModulePolicy | ComponentPolicy | undefined;
  instances: number;
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

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    const { factory, release } = this.#enter(init);
    const made = await factory.create(init);
    if (!isPolicyFailure(made)) return new PlacedInstance(made, release);
    release();
    return made;
  }

  async plan(init: InstanceInit): Promise<InstancePlan | PolicyFailure | undefined> {
    const { program } = this.#options;
    if (program.kind === 'module' && !program.guest.facts.exports.has('edict_plan')) return undefined;
    const { factory, release } = this.#enter(init);
    const plan = await factory.plan?.(init);
    release();
    return plan;
  }

  forgetState({ info, stateScope = '' }: InstanceInit): void {
    const { granted, manifest, ports } = this.#options;
    const { namespaces = [], maxBytes = 0 } = granted.kv ?? {};
    for (const name of namespaces) {
      ports.kv?.drop?.({ id: spaceId(info.tenant, manifest.name, stateScope, name), maxBytes });
    }
  }

  /** Slots and stores by tenant. */
  describe(): ModulePlaces {
    return Object.assign({}, ...[...this.#places.values()].map(({ stores }) => stores?.describe() ?? {}));
  }

  /** The place of an instance, one instance more in it until `release`. */
  #enter(init: InstanceInit): Pick<Place, 'factory'> & { readonly release: () => void } {
    const { tenant } = init.info;
    // Without a store there is no state to tell apart, and instances of one tenant share slots.
    const scope = this.#options.manifest.capabilities.kv === undefined ? '' : (init.stateScope ?? '');
    const key = JSON.stringify([tenant, scope]);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#open(tenant, scope);
      this.#places.set(key, place);
    }
    const kept = place;
    kept.instances++;
    const release = (): void => {
      if (--kept.instances === 0 && this.#places.get(key) === kept) this.#places.delete(key);
    };
    return { factory: kept.factory, release };
  }

  #open(tenant: string, scope: string): Place {
    const { manifest, granted, ports } = this.#options;
    const series = manifest.metrics as unknown as readonly SeriesDeclaration[];
    const host = createHost(
      granted,
      { tenant, policy: manifest.name, scope, metadata: manifest.metadata, series },
      ports,
    );
    const { records, digest, tier } = this.#options;
    // In a worker time and randomness are at hand there; nobody sees what a hook got of them.
    const isRecorded = records?.wants(manifest.name) === true && tier !== 'isolated';
    const recording = isRecorded ? new RecordingHost(host) : undefined;
    const made = guestFactory(this.#options, recording ?? host);
    const hosted = new HostedPolicy(made, host);
    const isKept = recording !== undefined && records !== undefined;
    return {
      factory: isKept ? new RecordingPolicy(hosted, recording, records, digest) : hosted,
      stores: made instanceof WorkerPolicy ? undefined : made,
      instances: 0,
    };
  }
}

/** What makes the guests of a module, before the given host. */
export function guestFactory(
  options: Pick<ModulePolicyOptions, 'manifest' | 'program' | 'tier' | 'granted' | 'workers'>,
  host: HostFunctions,
): CoreModulePolicy | ComponentPolicy | WorkerPolicy {
  const { manifest, program, tier, granted, workers } = options;
  const { name, version, inputs: declared, metadata } = manifest;
  const inputs = inputsOf(declared, metadata.reads);
  const shared = { name, version, inputs, host, limits: limitsOf(manifest) };
  if (program.kind === 'component') {
    return new ComponentPolicy({ ...shared, component: program.component, maxPages: manifest.limits.memoryPages });
  }
  const { guest } = program;
  const capabilities = grantedCapabilities(granted);
  if (tier !== 'isolated') return new CoreModulePolicy({ ...shared, guest, tier, granted: capabilities });
  const { deadlineMs } = manifest.limits;
  return new WorkerPolicy({ ...shared, guest, granted: capabilities, workers: workers(), deadlineMs });
}

function inputsOf(inputs: ManifestInputs, reads: readonly string[]): DeclaredInputs {
  return { ...inputs, ...(reads.length === 0 ? {} : { metadata: reads }) };
}

/** The counter is an i32; a manifest may name more. */
const MAX_FUEL = 2_147_483_647;

function limitsOf({ limits }: PolicyManifest): Partial<GuestLimits> {
  const { fuelPerHook, fuelInit, hostCalls, outputBytes } = limits;
  const frameBytes = Math.min(outputBytes, OUTPUT_LIMITS.frameBytes);
  const fuel = { fuelPerHook: Math.min(fuelPerHook, MAX_FUEL), fuelInit: Math.min(fuelInit, MAX_FUEL) };
  return { ...fuel, hostCalls, output: { ...OUTPUT_LIMITS, frameBytes, bodyBytes: outputBytes } };
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
