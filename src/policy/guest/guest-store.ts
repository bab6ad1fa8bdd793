/** What slots and instances need of a store, whichever interface its guest speaks. */

import type { HookEncoder } from '../frame/input-encoder.ts';
import type { PolicyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome } from '../model/instance.ts';
import type { InstancePlan } from '../model/instance-plan.ts';
import type { EndReason, Phase } from '../model/phases.ts';
import type { HostResult } from './host-functions.ts';
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
  /** Fuel that the last call used; 0 where none is counted. */
  readonly usedFuel: number;
  /** Bytes of memory after the first init. */
  readonly baseline: number;
  /** Lets go of operations whose results nobody waits for any more. */
  forgetPending(): void;
  plan(init: InstanceInit, encoder: HookEncoder): InstancePlan | undefined | PolicyFailure;
  init(init: InstanceInit, encoder: HookEncoder): { readonly handle: number; readonly modes: number } | PolicyFailure;
  call(handle: number, init: InstanceInit, encoder: HookEncoder, phase: Phase, input: HookInput): Outcome | Pending;
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
