/** A policy instance of a core module, for the tiers that run on the caller's thread. */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { Outcome, PolicyInstance } from '../model/instance.ts';
import type { BodyMode, HeaderMode, ProcessingModes } from '../model/modes.ts';
import type { EndReason, Phase } from '../model/phases.ts';
import type { GuestSlot, Resident } from './guest-slot.ts';
import type { GuestSlots } from './guest-slots.ts';
import type { GuestStore, Pending } from './guest-store.ts';
import type { HostResult } from './host-functions.ts';

const DESTROYED = policyFailure('CLOSED', 'the instance was destroyed');
const NO_SLOT = policyFailure('OVERLOAD', 'every store of the policy is in the middle of a call');
const LOST = policyFailure('TRAP', 'the store was replaced while the call waited for the host');

/** Calls are answered at once; a promise is given only when the guest waits for the host. */
export class GuestInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #slots: GuestSlots;
  readonly #resident: Resident;
  readonly #released: () => void | Promise<void>;
  #isDestroyed = false;

  /** `released` hears once that the instance is gone. */
  constructor(slots: GuestSlots, resident: Resident, modes: ProcessingModes, released: () => void | Promise<void>) {
    this.#slots = slots;
    this.#resident = resident;
    this.modes = modes;
    this.#released = released;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if (this.#isDestroyed) return DESTROYED;
    const slot = this.#slots.take();
    if (slot === undefined) return NO_SLOT;
    const store = slot.ready();
    if ('kind' in store) return store;
    const resident = this.#resident;
    const handle = slot.handleOf(resident, store);
    if (typeof handle !== 'number') {
      slot.settle(resident);
      return handle;
    }
    const outcome = store.call(handle, resident.init, resident.encoder, phase, input);
    if (outcome.kind === 'pending') return this.#wait(slot, store, handle, phase, input, store.pending);
    noteFuel(input, store.usedFuel);
    slot.settle(resident);
    return outcome;
  }

  /** Every store that the instance lives in hears of it: a stream may have been in any of them. */
  streamEnd(streamId: number, reason: EndReason): void {
    for (const slot of this.#isDestroyed ? [] : this.#slots.all) {
      const handle = slot.residentHandle(this.#resident);
      if (handle === undefined) continue;
      slot.store?.streamEnd(handle, this.#resident.init, streamId, reason);
      slot.settle(this.#resident);
    }
  }

  /** What a successor may take over; of the first store that has something. */
  exportState(): Uint8Array | undefined | PolicyFailure {
    for (const slot of this.#isDestroyed ? [] : this.#slots.all) {
      const handle = slot.residentHandle(this.#resident);
      if (handle === undefined) continue;
      const state = slot.store?.exportState(handle, this.#resident.init);
      slot.settle(this.#resident);
      if (state !== undefined) return state;
    }
    return undefined;
  }

  /** Offers the state of a predecessor; false when it is refused. */
  importState(state: Uint8Array): boolean | PolicyFailure {
    if (this.#isDestroyed) return DESTROYED;
    const slot = this.#slots.take();
    if (slot === undefined) return NO_SLOT;
    const store = slot.ready();
    if ('kind' in store) return store;
    const handle = slot.handleOf(this.#resident, store);
    const taken = typeof handle === 'number' ? store.importState(handle, this.#resident.init, state) : handle;
    slot.settle(this.#resident);
    return taken;
  }

  destroy(): void | Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#slots.forget(this.#resident);
    return this.#released();
  }

  /** Waits for the first of the operations to end, then goes on in the same store. */
  async #wait(
    slot: GuestSlot,
    store: GuestStore,
    handle: number,
    phase: Phase,
    input: HookInput,
    operations: ReadonlyMap<number, Promise<HostResult<Uint8Array>>>,
  ): Promise<Outcome> {
    const mine = new Map(operations);
    let fuel = store.usedFuel;
    for (;;) {
      const [token, result] = await firstOf(mine);
      mine.delete(token);
      if (this.#isDestroyed) return DESTROYED;
      if (slot.store !== store || store.isPoisoned) return LOST;
      const outcome: Outcome | Pending = store.resume(handle, this.#resident.init, phase, input, token, result);
      fuel += store.usedFuel;
      if (outcome.kind !== 'pending') {
        noteFuel(input, fuel);
        slot.settle(this.#resident);
        return outcome;
      }
      for (const [started, operation] of store.pending) mine.set(started, operation);
    }
  }
}

/** Stores without a counter say 0, which is no figure. */
export function noteFuel({ usage }: HookInput, fuel: number): void {
  if (usage !== undefined && fuel > 0) usage.fuel = fuel;
}

async function firstOf(
  operations: ReadonlyMap<number, Promise<HostResult<Uint8Array>>>,
): Promise<readonly [number, HostResult<Uint8Array>]> {
  const ended = [...operations].map(async ([token, operation]) => {
    try {
      return [token, await operation] as const;
    } catch {
      // A port that rejects is as good as one that cannot be reached.
      return [token, { fault: 'unavailable' }] as const;
    }
  });
  return Promise.race(ended);
}

/** The modes in the two bits each that `edict_modes` gives. */
export function modesOf(bits: number): ProcessingModes | PolicyFailure {
  const requestHeaders = HEADER_MODES[bits & 3];
  const requestBody = BODY_MODES[(bits >>> 2) & 3];
  const responseHeaders = HEADER_MODES[(bits >>> 4) & 3];
  const responseBody = BODY_MODES[(bits >>> 6) & 3];
  if (
    bits >>> 8 !== 0 ||
    requestHeaders === undefined ||
    requestBody === undefined ||
    responseHeaders === undefined ||
    responseBody === undefined
  ) {
    return policyFailure('INIT_FAILED', `the modes ${bits} are none`);
  }
  return { requestHeaders, requestBody, responseHeaders, responseBody };
}

const HEADER_MODES: readonly (HeaderMode | undefined)[] = [undefined, 'skip', 'process', undefined];
const BODY_MODES: readonly (BodyMode | undefined)[] = [undefined, 'skip', 'buffer', 'stream'];
