/** Makes instances of a policy from a verified, metered module, to run in workers. */

import type { DeclaredInputs } from '../policy/frame/declared-inputs.ts';
import { InputEncoder } from '../policy/frame/input-encoder.ts';
import { OutputDecoder } from '../policy/frame/output-decoder.ts';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import { modesOf } from '../policy/guest/guest-instance.ts';
import type { GuestStore } from '../policy/guest/guest-store.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import { type Capability, moduleFailure } from '../policy/guest/imports.ts';
import { GUEST_LIMITS, type GuestLimits } from '../policy/guest/limits.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { InstanceInit, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { PolicyWorkers } from './policy-workers.ts';
import { Kind, Reply } from './record.ts';
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
    const { workers, deadlineMs = DEADLINE_MS, sleeps = false } = this.#options;
    const { clock, initMs } = workers;
    const { remote, lane, released } = this.#open(init);
    const modes = await this.#ask(lane, remote, Kind.init, ({ modes }) => modesOf(modes));
    if (isPolicyFailure(modes)) {
      await lane.destroy(remote);
      released();
      return modes;
    }
    return new WorkerInstance({ lane, remote, modes, clock, deadlineMs, initMs, sleeps, released });
  }

  /** What the policy says about sharing instances; `undefined` when it leaves that to its manifest. */
  async plan(init: InstanceInit): Promise<ReturnType<GuestStore['plan']>> {
    if (this.#fault !== undefined) return this.#fault;
    const { remote, lane, released } = this.#open(init);
    const reply = await this.#ask(lane, remote, Kind.plan, ({ kind, frame, length }) =>
      kind === Reply.bytes ? JSON.parse(frame.toString('utf8', 0, length)) : undefined,
    );
    await lane.destroy(remote);
    released();
    return reply;
  }

  /** The instance as this side knows it, on the lane of its tenant; `released` takes both back. */
  #open(init: InstanceInit): { remote: RemoteInstance; lane: TenantLane; released: () => void } {
    const { workers, inputs } = this.#options;
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
    return { remote, lane, released };
  }

  /** The answer as `read` gives it, while the reply's frame is good. */
  #ask<T>(
    lane: TenantLane,
    instance: RemoteInstance,
    kind: typeof Kind.init | typeof Kind.plan,
    read: (reply: ThreadReply) => T,
  ): Promise<T | PolicyFailure> {
    const timeoutMs = this.#options.workers.initMs * 2;
    return new Promise((resolve) => {
      const answer = (reply: ThreadReply | PolicyFailure) => resolve(isPolicyFailure(reply) ? reply : read(reply));
      lane.submit({ kind, instance, phase: 0, input: undefined, streamId: 0, timeoutMs, answer });
    });
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
