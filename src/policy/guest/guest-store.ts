/** What slots and instances need of a store, whichever interface its guest speaks. */

import type { InputEncoder } from '../frame/input-encoder.ts';
import type { PolicyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome } from '../model/instance.ts';
import type { EndReason, Phase } from '../model/phases.ts';
import type { HostResult } from './host-functions.ts';
import type { InstancePlan } from './instance-plan.ts';
import type { GuestLimits } from './limits.ts';

/** The guest waits for operations of the host; the call goes on with `resume`. */
export interface Pending {
  readonly kind: 'pending';
}

/** One guest with its memory. Nothing here throws; a store that is poisoned is never called again. */
export interface GuestStore {
  /** Hooks answered so far. */
  readonly hooks: number;
  readonly isPoisoned: boolean;
  readonly isBusy: boolean;
  /** True when calls of this store wait for the host. */
  readonly hasPending: boolean;
  /** Operations the host has begun for this store, by token. */
  readonly pending: ReadonlyMap<number, Promise<HostResult<Uint8Array>>>;
  readonly byteLength: number;
  /** Bytes of memory after the first init. */
  readonly baseline: number;
  plan(init: InstanceInit, encoder: InputEncoder): InstancePlan | undefined | PolicyFailure;
  init(init: InstanceInit, encoder: InputEncoder): { readonly handle: number; readonly modes: number } | PolicyFailure;
  call(handle: number, init: InstanceInit, encoder: InputEncoder, phase: Phase, input: HookInput): Outcome | Pending;
  resume(
    handle: number,
    init: InstanceInit,
    phase: Phase,
    input: HookInput,
    token: number,
    result: HostResult<Uint8Array>,
  ): Outcome | Pending;
  streamEnd(handle: number, init: InstanceInit, streamId: number, reason: EndReason): PolicyFailure | undefined;
  destroy(handle: number, init: InstanceInit): PolicyFailure | undefined;
  collect(init: InstanceInit): PolicyFailure | undefined;
  exportState(handle: number, init: InstanceInit): Uint8Array | undefined | PolicyFailure;
  importState(handle: number, init: InstanceInit, state: Uint8Array): boolean | PolicyFailure;
}

/** What slots make their stores with. */
export interface StoreSource {
  readonly limits: GuestLimits;
  open(): GuestStore | PolicyFailure;
}
