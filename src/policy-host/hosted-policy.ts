/** A policy together with its host: what hooks do through host functions becomes part of what they answer. */

import type { PolicyFailure } from '../policy/model/failure.ts';
import { isPolicyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import type { EndReason, Phase } from '../policy/model/phases.ts';

/** The half of a host that is asked after a hook. */
export interface Settling {
  settle(input: HookInput, outcome: Outcome): Outcome;
}

/** Wraps the factory whose guests call the host. */
export class HostedPolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #inner: PolicyFactory;
  readonly #host: Settling;

  constructor(inner: PolicyFactory, host: Settling) {
    this.name = inner.name;
    this.version = inner.version;
    this.#inner = inner;
    this.#host = host;
  }

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    const made = await this.#inner.create(init);
    return isPolicyFailure(made) ? made : new HostedInstance(made, this.#host);
  }

  plan(init: InstanceInit): ReturnType<NonNullable<PolicyFactory['plan']>> {
    return this.#inner.plan?.(init);
  }
}

class HostedInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #inner: PolicyInstance;
  readonly #host: Settling;

  constructor(inner: PolicyInstance, host: Settling) {
    this.modes = inner.modes;
    this.#inner = inner;
    this.#host = host;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const outcome = this.#inner.call(phase, input);
    return outcome instanceof Promise
      ? outcome.then((answer) => this.#host.settle(input, answer))
      : this.#host.settle(input, outcome);
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

  destroy(): void | Promise<void> {
    return this.#inner.destroy();
  }
}
