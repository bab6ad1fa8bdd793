/** The slots of one module for one tenant on this thread: leased for as long as there are instances, taken without waiting. */

import { StorePool } from '../../wasm/store-pool.ts';
import { GuestSlot, type Resident } from './guest-slot.ts';
import type { StoreSource } from './guest-store.ts';

/**
 * The pool owns the slots; leases last, because a lease through it costs a hundred times what taking a slot from a list does.
 * One slot is enough for calls that follow each other. A second one is leased once a call came while the first was at work.
 */
export class GuestSlots {
  readonly #pool: StorePool<GuestSlot>;
  readonly #size: number;
  readonly #leased: GuestSlot[] = [];
  #leasing: Promise<void> | undefined;
  #isClosed = false;

  constructor(source: StoreSource) {
    this.#size = Math.min(8, Math.max(1, source.limits.slots));
    this.#pool = new StorePool(this.#size, () => new GuestSlot(source));
  }

  /** Leases the first slot. */
  async open(): Promise<void> {
    if (this.#leased.length === 0) await this.#lease();
  }

  /** A slot that is not at work; `undefined` when there is none now. */
  take(): GuestSlot | undefined {
    const [first] = this.#leased;
    if (first !== undefined && !first.isBusy) return first;
    for (const slot of this.#leased) if (!slot.isBusy) return slot;
    // The call that finds nothing is refused; the next one will not be.
    if (this.#leased.length < this.#size && !this.#isClosed) void this.#lease().catch(() => undefined);
    return undefined;
  }

  /** Every slot there is. */
  get all(): readonly GuestSlot[] {
    return this.#leased;
  }

  /** Ends an instance in every slot that holds it. */
  forget(resident: Resident): void {
    for (const slot of this.#leased) slot.forget(resident);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#leasing?.catch(() => undefined);
    for (const slot of this.#leased.splice(0)) await this.#pool.release(slot);
    await this.#pool.close();
  }

  /** What the status shows. */
  describe(): {
    readonly slots: number;
    readonly stores: number;
    readonly poisoned: number;
    readonly recycled: number;
    readonly memoryBytes: number;
  } {
    const sum = (of: (slot: GuestSlot) => number): number => this.#leased.reduce((total, slot) => total + of(slot), 0);
    return {
      slots: this.#leased.length,
      stores: sum(({ counts }) => counts.stores),
      poisoned: sum(({ counts }) => counts.poisoned),
      recycled: sum(({ counts }) => counts.recycled),
      memoryBytes: sum(({ byteLength }) => byteLength),
    };
  }

  #lease(): Promise<void> {
    this.#leasing ??= this.#pool
      .acquire()
      .then((slot) => {
        this.#leased.push(slot);
      })
      .finally(() => {
        this.#leasing = undefined;
      });
    return this.#leasing;
  }
}
