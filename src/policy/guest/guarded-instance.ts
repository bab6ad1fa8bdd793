/** A policy instance behind the breaker of its policy and tenant, whatever tier it runs in. */

import { FailureWindow, type FailureWindowLimits, type Permit } from '../../internal/failure-window.ts';
import { isPolicyFailure, type PolicyFailure, type PolicyFailureCode, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../model/instance.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { EndReason, Phase } from '../model/phases.ts';

export const BREAKER_LIMITS: FailureWindowLimits = { failures: 5, windowMs: 10_000, openMs: 1_000, maxOpenMs: 60_000 };

/** What costs a store, a worker or the whole time of a hook. What a policy says in good order costs its own call only. */
const COSTLY: ReadonlySet<PolicyFailureCode> = new Set<PolicyFailureCode>([
  ...(['FUEL_EXHAUSTED', 'DEADLINE_EXCEEDED', 'TRAP', 'STACK_OVERFLOW', 'MEMORY_LIMIT'] as const),
  ...(['INIT_FAILED', 'OUTPUT_TOO_LARGE', 'INTERNAL'] as const),
]);
/** Nothing was learnt about the policy. */
const SILENT: ReadonlySet<PolicyFailureCode> = new Set<PolicyFailureCode>([
  'OVERLOAD',
  'CLOSED',
  'NOT_READY',
  'CANCELLED',
]);

const RESTING = policyFailure('BREAKER_OPEN', 'the policy failed too often and rests');

/** Makes the instances of a policy so that those of one tenant share one breaker. */
export class GuardedPolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #policy: PolicyFactory;
  readonly #clock: { monotonic(): number };
  readonly #limits: FailureWindowLimits;
  readonly #breakers = new Map<string, { readonly window: FailureWindow; instances: number }>();

  constructor(policy: PolicyFactory, clock: { monotonic(): number }, limits: FailureWindowLimits = BREAKER_LIMITS) {
    this.name = policy.name;
    this.version = policy.version;
    this.#policy = policy;
    this.#clock = clock;
    this.#limits = limits;
  }

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    const made = await this.#policy.create(init);
    if (isPolicyFailure(made)) return made;
    const { tenant } = init.info;
    let breaker = this.#breakers.get(tenant);
    if (breaker === undefined) {
      breaker = { window: new FailureWindow(this.#limits, this.#clock), instances: 0 };
      this.#breakers.set(tenant, breaker);
    }
    const shared = breaker;
    shared.instances++;
    return new GuardedInstance(made, shared.window, () => {
      if (--shared.instances === 0) this.#breakers.delete(tenant);
    });
  }

  plan(init: InstanceInit): ReturnType<NonNullable<PolicyFactory['plan']>> {
    return this.#policy.plan?.(init);
  }

  /** The breaker of each tenant. */
  describe(): Readonly<Record<string, ReturnType<FailureWindow['describe']>>> {
    return Object.fromEntries([...this.#breakers].map(([tenant, { window }]) => [tenant, window.describe()]));
  }
}

class GuardedInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #instance: PolicyInstance;
  readonly #window: FailureWindow;
  readonly #released: () => void;
  #isDestroyed = false;

  constructor(instance: PolicyInstance, window: FailureWindow, released: () => void) {
    this.modes = instance.modes;
    this.#instance = instance;
    this.#window = window;
    this.#released = released;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const permit = this.#window.enter();
    if (permit === undefined) return RESTING;
    const outcome = this.#instance.call(phase, input);
    return outcome instanceof Promise
      ? outcome.then((given) => this.#settle(permit, given))
      : this.#settle(permit, outcome);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    this.#instance.streamEnd?.(streamId, reason);
  }

  exportState(): ReturnType<NonNullable<PolicyInstance['exportState']>> {
    return this.#instance.exportState?.();
  }

  importState(state: Uint8Array): ReturnType<NonNullable<PolicyInstance['importState']>> {
    return this.#instance.importState?.(state) ?? false;
  }

  destroy(): void | Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#released();
    return this.#instance.destroy();
  }

  #settle(permit: Permit, outcome: Outcome): Outcome {
    if (outcome.kind !== 'failure') this.#window.settle(permit, true);
    else if (SILENT.has(outcome.code)) this.#window.settle(permit, undefined);
    else this.#window.settle(permit, !COSTLY.has(outcome.code));
    return outcome;
  }
}
