/** The slots: generic-pool owns the stores' life; evaluators take long leases. */

import { createPool, type Pool } from 'generic-pool';
import { EdictError } from '../errors.ts';

/** What the pool needs to know of a store. */
export interface PooledStore {
  readonly isPoisoned: boolean;
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
  readonly #pool: Pool<S>;
  #created = 0;
  #destroyed = 0;

  constructor(size: number, create: () => S) {
    this.#pool = createPool<S>(
      {
        create: async () => {
          const store = create();
          this.#created++;
          return store;
        },
        destroy: async () => {
          // Nothing to call in a guest that may have trapped: dropping the reference frees it.
          this.#destroyed++;
        },
        validate: async (store) => !store.isPoisoned,
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

  /** Leases a slot. Rejects with `POOL_EXHAUSTED` when none becomes free in time. */
  async acquire(): Promise<S> {
    try {
      return await this.#pool.acquire();
    } catch (caught) {
      if (caught instanceof EdictError) throw caught;
      throw new EdictError('POOL_EXHAUSTED', `no store was free (${(caught as Error).message})`, { cause: caught });
    }
  }

  /** Ends a lease; a poisoned store is destroyed. */
  async release(store: S): Promise<void> {
    if (store.isPoisoned) await this.#pool.destroy(store);
    else await this.#pool.release(store);
  }

  /** Ends everything; leases must have been released. */
  async close(): Promise<void> {
    await this.#pool.drain();
    await this.#pool.clear();
  }

  describe(): { size: number; leased: number; idle: number; created: number; destroyed: number } {
    return {
      size: this.#pool.max,
      leased: this.#pool.borrowed,
      idle: this.#pool.available,
      created: this.#created,
      destroyed: this.#destroyed,
    };
  }
}
