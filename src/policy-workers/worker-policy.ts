/** Makes instances of a policy from a verified, metered module, to run in workers. */

import type { DeclaredInputs } from '../policy/frame/declared-inputs.ts';
import { InputEncoder } from '../policy/frame/input-encoder.ts';
import { OutputDecoder } from '../policy/frame/output-decoder.ts';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import { modesOf } from '../policy/guest/guest-instance.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import { type Capability, moduleFailure } from '../policy/guest/imports.ts';
import { GUEST_LIMITS, type GuestLimits } from '../policy/guest/limits.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { InstanceInit, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { PolicyWorkers } from './policy-workers.ts';
import { Kind } from './record.ts';
import { nextId, type RemoteInstance, type RemoteModule } from './remote-instance.ts';
import type { TenantLane } from './tenant-lane.ts';
import type { ThreadReply } from './thread-task.ts';
import { WorkerInstance } from './worker-instance.ts';

/** Wall time of one hook. */
export const DEADLINE_MS = 50;

export interface WorkerPolicyOptions {
  readonly name: string;
  readonly version: string;
  /** Verified, rewritten and compiled. */
  readonly guest: CompiledGuest;
  readonly inputs: DeclaredInputs;
  readonly granted: Iterable<Capability>;
  /** Called on this thread, while the worker waits; log, clock and random need no waiting. */
  readonly host: HostFunctions;
  readonly workers: PolicyWorkers;
  readonly limits?: Partial<GuestLimits>;
  readonly deadlineMs?: number;
  /** Of the tenant's calls in workers, of all modules. */
  readonly lane?: TenantLane['limits'];
  /** For chains that are configured synchronous. */
  readonly sleeps?: boolean;
}

export class WorkerPolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #options: WorkerPolicyOptions;
  readonly #granted: readonly Capability[];
  readonly #limits: GuestLimits;
  /** Memory is never shared by two tenants, so each has the module to itself. */
  readonly #modules = new Map<string, { readonly module: RemoteModule; instances: number }>();
  readonly #fault: PolicyFailure | undefined;

  constructor(options: WorkerPolicyOptions) {
    this.name = options.name;
    this.version = options.version;
    this.#options = options;
    this.#granted = [...options.granted];
    this.#limits = { ...GUEST_LIMITS, ...options.limits };
    this.#fault = moduleFailure(options.guest.facts, this.#granted, true) ?? fuelFailure(options.guest);
  }

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    if (this.#fault !== undefined) return this.#fault;
    const { workers, inputs, deadlineMs = DEADLINE_MS, sleeps = false } = this.#options;
    const { tenant } = init.info;
    const remote: RemoteInstance = {
      id: nextId(),
      module: this.#enter(tenant),
      init,
      encoder: new InputEncoder(inputs),
      decoder: new OutputDecoder(this.#limits.output),
    };
    const lane = workers.enter(tenant, this.#options.lane);
    const released = (): void => {
      this.#leave(tenant);
      workers.leave(lane);
    };
    const made = await new Promise<ThreadReply | PolicyFailure>((answer) => {
      const timeoutMs = workers.initMs * 2;
      lane.submit({ kind: Kind.init, instance: remote, phase: 0, input: undefined, streamId: 0, timeoutMs, answer });
    });
    const modes = isPolicyFailure(made) ? made : modesOf(made.modes);
    if (isPolicyFailure(modes)) {
      await lane.destroy(remote);
      released();
      return modes;
    }
    return new WorkerInstance({ lane, remote, modes, clock: workers.clock, deadlineMs, sleeps, released });
  }

  #enter(tenant: string): RemoteModule {
    let entry = this.#modules.get(tenant);
    if (entry === undefined) {
      const { guest, host } = this.#options;
      entry = { module: { id: nextId(), guest, granted: this.#granted, limits: this.#limits, host }, instances: 0 };
      this.#modules.set(tenant, entry);
    }
    entry.instances++;
    return entry.module;
  }

  #leave(tenant: string): void {
    const entry = this.#modules.get(tenant);
    if (entry !== undefined && --entry.instances === 0) this.#modules.delete(tenant);
  }
}

/** Terminating a worker is the backstop, never the guard: fuel is always on. */
function fuelFailure({ facts }: CompiledGuest): PolicyFailure | undefined {
  if (facts.exports.get('__edict_fuel') === 'global') return undefined;
  return policyFailure('MODULE_INVALID', 'a metered module must carry its fuel counter, __edict_fuel');
}
