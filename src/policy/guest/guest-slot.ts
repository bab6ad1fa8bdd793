/** A slot: the place of one store, and the instances that live in it. */

import type { PooledStore } from '../../wasm/store-pool.ts';
import type { HookEncoder } from '../frame/input-encoder.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { InstanceInit } from '../model/instance.ts';
import type { GuestStore, StoreSource } from './guest-store.ts';
import { MIN_HOOKS_BETWEEN_RECYCLES } from './limits.ts';

/** What a slot needs to know of an instance to make it again in a new store. */
export interface Resident {
  readonly init: InstanceInit;
  readonly encoder: HookEncoder;
  /** The modes the first init gave; another answer later is a fault of the guest. */
  modeBits: number | undefined;
}

/** Making an instance parses its parameters, which leaves as much garbage as so many hooks. */
const INIT_WORK = 16;

/** Counts over the life of a slot. */
export interface SlotCounts {
  readonly stores: number;
  readonly poisoned: number;
  readonly recycled: number;
}

/**
 * The pool sees the slot, never the store: a poisoned store is dropped on the spot and the next call finds a new one in the
 * same place, so replacements cannot make the pool larger. Instances are made anew in it when they are first called.
 */
export class GuestSlot implements PooledStore {
  /** Slots are renewed inside; the pool has no reason to drop one. */
  readonly isPoisoned = false;
  readonly #source: StoreSource;
  readonly #handles = new Map<Resident, number>();
  /** Handles whose instances were destroyed while the store was at work. */
  readonly #doomed: { readonly handle: number; readonly init: InstanceInit }[] = [];
  #store: GuestStore | undefined;
  #collectedBytes = 0;
  /** Work since the last collection, in hooks. */
  #work = 0;
  #counts = { stores: 0, poisoned: 0, recycled: 0 };

  constructor(source: StoreSource) {
    this.#source = source;
  }

  get isBusy(): boolean {
    return this.#store?.isBusy === true;
  }

  get counts(): SlotCounts {
    return { ...this.#counts };
  }

  /** Bytes of linear memory held now. */
  get byteLength(): number {
    return this.#store?.byteLength ?? 0;
  }

  /** The store as it is, whatever its state. */
  get store(): GuestStore | undefined {
    return this.#store;
  }

  /** A store that can be called: the present one, or a new one. */
  ready(): GuestStore | PolicyFailure {
    if (this.#store !== undefined) return this.#store;
    const store = this.#source.open();
    if (isPolicyFailure(store)) return store;
    this.#counts.stores++;
    this.#store = store;
    this.#collectedBytes = 0;
    this.#work = 0;
    return store;
  }

  /** The handle of an instance in the present store, if it lives there. */
  residentHandle(resident: Resident): number | undefined {
    return this.#handles.get(resident);
  }

  /** The handle of an instance in the present store; it is made when it is not there yet. */
  handleOf(resident: Resident, store: GuestStore): number | PolicyFailure {
    const known = this.#handles.get(resident);
    if (known !== undefined) return known;
    const made = store.init(resident.init, resident.encoder);
    if (isPolicyFailure(made)) return initFailure(made);
    if (resident.modeBits !== undefined && resident.modeBits !== made.modes) {
      return policyFailure('INIT_FAILED', 'the policy asks for other modes than when it was made first');
    }
    resident.modeBits = made.modes;
    this.#handles.set(resident, made.handle);
    this.#work += INIT_WORK;
    return made.handle;
  }

  /** After every call: a poisoned store goes, garbage is collected, a worn store is renewed. */
  settle(resident: Resident): void {
    const store = this.#store;
    if (store === undefined) return;
    if (store.isPoisoned) {
      this.#counts.poisoned++;
      this.#drop();
      return;
    }
    if (store.isBusy) return;
    if (this.#doomed.length > 0) {
      for (const { handle, init } of this.#doomed.splice(0)) store.destroy(handle, init);
    }
    const { collectEvery, recycleAfter } = this.#source.limits;
    const { hooks, byteLength, baseline } = store;
    const grew = byteLength > this.#collectedBytes && byteLength > baseline * 1.5;
    this.#work++;
    if (this.#work >= collectEvery || grew) {
      this.#work = 0;
      this.#collectedBytes = byteLength;
      store.collect(resident.init);
    }
    const outgrew = byteLength > baseline * 2 && hooks >= MIN_HOOKS_BETWEEN_RECYCLES;
    if (hooks >= recycleAfter || outgrew) this.#recycle(store);
  }

  /** Ends an instance here; the guest hears of it when it can. */
  forget(resident: Resident): void {
    const handle = this.#handles.get(resident);
    const store = this.#store;
    if (handle === undefined || store === undefined) return;
    this.#handles.delete(resident);
    if (store.isBusy) this.#doomed.push({ handle, init: resident.init });
    else {
      store.destroy(handle, resident.init);
      if (store.isPoisoned) this.settle(resident);
    }
  }

  /** A healthy store gets a farewell: its instances are destroyed, then made again elsewhere when called. */
  #recycle(store: GuestStore): void {
    // A call that waits for the host will be resumed in this store.
    if (store.hasPending) return;
    for (const [resident, handle] of this.#handles) store.destroy(handle, resident.init);
    this.#counts.recycled++;
    this.#drop();
  }

  #drop(): void {
    this.#store = undefined;
    this.#handles.clear();
    this.#doomed.length = 0;
  }
}

/** A failing init is `INIT_FAILED`, unless the guest or the host says something more precise about why. */
function initFailure(failure: PolicyFailure): PolicyFailure {
  const { code, message } = failure;
  if (code === 'PARAMS_INVALID' || code === 'ABI_UNSUPPORTED' || code === 'INIT_FAILED') return failure;
  return policyFailure('INIT_FAILED', `${code}: ${message}`);
}
