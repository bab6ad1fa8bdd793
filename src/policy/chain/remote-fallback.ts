/** A position that asks somebody else when it fails: `fallbackEvaluator: remote` (spec/policies.md §3.6). */

import type { PolicyFailure } from '../model/failure.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome, PolicyInstance } from '../model/instance.ts';
import type { ProcessingModes } from '../model/modes.ts';
import { type EndReason, Phase } from '../model/phases.ts';

/** Whose hook it is. */
export interface RemoteCaller {
  readonly position: string;
  readonly init: InstanceInit;
}

/** Runs hooks elsewhere. Never throws, never rejects, and keeps to the deadline of the exchange. */
export interface RemoteEvaluatorPort {
  invoke(caller: RemoteCaller, phase: Phase, input: HookInput): Outcome | Promise<Outcome>;
}

export interface RemoteFallbackOptions {
  readonly remote: RemoteEvaluatorPort;
  readonly caller: RemoteCaller;
  /** Ask also when the failed attempt wrote to the store or sent a request: it may then be done twice. */
  readonly retryAfterEffects: boolean;
}

/**
 * Where the remote evaluator fails too, the outcome is the local failure: it says what is wrong here. Questions whether more is
 * needed are not sent: one that fails means no.
 */
export class RemoteFallback implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #local: PolicyInstance;
  readonly #options: RemoteFallbackOptions;

  constructor(local: PolicyInstance, options: RemoteFallbackOptions) {
    this.modes = local.modes;
    this.#local = local;
    this.#options = options;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const outcome = this.#local.call(phase, input);
    if (outcome instanceof Promise) return outcome.then((given) => this.#settle(given, phase, input));
    return this.#settle(outcome, phase, input);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    this.#local.streamEnd?.(streamId, reason);
  }

  forget(exchange: ExchangeFacts): void {
    this.#local.forget?.(exchange);
  }

  /** INVARIANT: whoever holds the local instance destroys it. */
  destroy(): void {}

  #settle(outcome: Outcome, phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if (outcome.kind !== 'failure') return outcome;
    if (phase === Phase.needsMoreRequestData || phase === Phase.needsMoreResponseData) return outcome;
    const { remote, caller, retryAfterEffects } = this.#options;
    if (outcome.hadEffects === true && !retryAfterEffects) return outcome;
    const answer = remote.invoke(caller, phase, input);
    return answer instanceof Promise ? answer.then((given) => better(given, outcome)) : better(answer, outcome);
  }
}

function better(remote: Outcome, local: PolicyFailure): Outcome {
  return remote.kind === 'failure' ? local : remote;
}
