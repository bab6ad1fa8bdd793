/** The slots: generic-pool owns the stores' life; evaluators take long leases. */

import { createPool, type Pool } from 'generic-pool';
import { EdictError } from '../errors.ts';

/** What the pool needs to know of a store. */
export interface PooledStore {
  readonly isPoisoned: boolean;
}

/**
 * What generic-pool owns. A store that could not be made travels as the error in its place: generic-pool asks a factory
 * that rejects again at once, in microtasks, so neither its timeout nor anything else of the process would ever run.
 */
interface Slot<S> {
  /** Cleared when the slot is destroyed: generic-pool keeps the slots of a cleared pool. */
  store: S | undefined;
  readonly failure?: unknown;
}

/** How long a lease may be waited for. Stores are made in well under a millisecond, so this only bounds a full pool. */
const ACQUIRE_TIMEOUT_MS = 5_000;
const MAX_WAITING = 64;

/**
 * A pool of at most `size` slots, one store each, made on demand.
 *
 * Acquiring costs about 0.4 µs, several evaluations' worth, so flag evaluation leases a resident store and a spare for as
 * long as it lives and the pool sees only reloads, traps and shutdown.
 */
export class StorePool<S extends PooledStore> {
  readonly #pool: Pool<Slot<S>>;
  readonly #leased = new Map<S, Slot<S>>();
  #created = 0;
  #destroyed = 0;

  constructor(size: number, create: () => S) {
    this.#pool = createPool<Slot<S>>(
      {
        create: async () => {
          try {
            const store = create();
            this.#created++;
            return { store };
          } catch (failure) {
            return { store: undefined, failure };
          }
        },
        destroy: async (slot) => {
          // Nothing to call in a guest that may have trapped: dropping the reference frees it.
          if (slot.store !== undefined) this.#destroyed++;
          slot.store = undefined;
        },
        validate: async (slot) => slot.store?.isPoisoned !== true,
      },
      {
        max: size,
        testOnBorrow: true,
        maxWaitingClients: MAX_WAITING,
        acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS,
        autostart: false,
      },
    );
  }

  /**
   * Leases a slot. Rejects with `POOL_EXHAUSTED` when none becomes free in time, and with what `create` threw
   * (`MODULE_REJECTED` unless it says otherwise).
   */
  async acquire(): Promise<S> {
    let slot: Slot<S>;
    try {
      slot = await this.#pool.acquire();
    } catch (caught) {
      throw new EdictError('POOL_EXHAUSTED', `no store was free (${(caught as Error).message})`, { cause: caught });
    }
    const { store } = slot;
    if (store === undefined) {
      await this.#pool.destroy(slot);
      throw EdictError.from(slot.failure, 'MODULE_REJECTED');
    }
    this.#leased.set(store, slot);
    return store;
  }

  /** Ends a lease; a poisoned store is destroyed. A store that is not leased is left alone. */
  async release(store: S): Promise<void> {
    const slot = this.#leased.get(store);
    if (slot === undefined) return;
    this.#leased.delete(store);
    if (store.isPoisoned) await this.#pool.destroy(slot);
    else await this.#pool.release(slot);
  }

  /** Ends everything; leases must have been released. */
  async close(): Promise<void> {
    await this.#pool.drain();
    await this.#pool.clear();
  }

  describe(): { size: number; leased: number; idle: number; created: number; destroyed: number } {
    return {
      size: this.#pool.max,
      leased: this.#leased.size,
      idle: this.#created - this.#destroyed - this.#leased.size,
      created: this.#created,
      destroyed: this.#destroyed,
    };
  }
}
