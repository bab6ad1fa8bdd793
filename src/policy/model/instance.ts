/** The one interface behind which native, core-module, component and remote policies stand in a chain. */

import type { JsonObject } from '../../internal/json.ts';
import type { Action, Effects } from './actions.ts';
import type { PolicyFailure } from './failure.ts';
import type { ExchangeFacts, HookInput, PolicyInfo } from './inputs.ts';
import type { InstancePlan } from './instance-plan.ts';
import type { ProcessingModes } from './modes.ts';
import type { EndReason, Phase } from './phases.ts';

/** How a call of a hook ended; always a value. */
export type Outcome =
  /** Nothing changes in the message; to a query: no. `effects` are what the hook did through host functions. */
  | { readonly kind: 'none'; readonly effects?: Effects }
  | { readonly kind: 'action'; readonly action: Action }
  /** The answer to a query. */
  | { readonly kind: 'decision'; readonly needsMore: boolean }
  | PolicyFailure;

export const NONE: Outcome = Object.freeze({ kind: 'none' });

/** One logical policy object: module, merged parameters and metadata. */
export interface PolicyInstance {
  readonly modes: ProcessingModes;
  /**
   * Calls the hook of a phase. Never throws and never rejects. A promise is given only where the answer cannot be had on this
   * thread at once: workers, pending host operations, remote executors.
   */
  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome>;
  /** Exactly once an exchange for every instance that saw a chunk hook. Never throws. */
  streamEnd?(streamId: number, reason: EndReason): void;
  /** The exchange is over: what lived for it is dropped. Only instances that keep something by exchange have it. */
  forget?(exchange: ExchangeFacts): void;
  /** What a successor may take over; `undefined` when there is nothing. Never throws. */
  exportState?(): Uint8Array | PolicyFailure | undefined | Promise<Uint8Array | PolicyFailure | undefined>;
  /** Offers the state of a predecessor, before the first hook; false when it is refused. Never throws. */
  importState?(state: Uint8Array): boolean | PolicyFailure | Promise<boolean | PolicyFailure>;
  /** Releases it; no call follows. Never throws. */
  destroy(): void | Promise<void>;
}

/** Makes instances of one policy. */
export interface PolicyFactory {
  readonly name: string;
  readonly version: string;
  /** Gives an `INIT_FAILED` (or a more precise) failure instead of throwing. */
  create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure>;
  /** What the host keeps under `stateScope` is of no use to anybody any more. Never throws. */
  forgetState?(init: InstanceInit): void;
  /** What the policy itself says about sharing its instances; `undefined` leaves that to its manifest. Never throws. */
  plan?(
    init: InstanceInit,
  ): InstancePlan | PolicyFailure | undefined | Promise<InstancePlan | PolicyFailure | undefined>;
}

/** What an instance is made of. */
export interface InstanceInit {
  readonly info: PolicyInfo;
  /** Merged, checked and deeply frozen. */
  readonly params: Readonly<JsonObject>;
  /** Names the state that the host keeps for the instance: equal names are the same counters. */
  readonly stateScope?: string;
}
