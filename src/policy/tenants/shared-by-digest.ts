/** Things that tenants share because they never change: compiled modules, parsed data; by digest, never by tenant. */

import { LRUCache } from 'lru-cache';

export interface SharedLimits {
  /** Things that nobody uses and that are kept for the next who asks. */
  readonly maxUnused: number;
  /** … and their bytes together. */
  readonly maxUnusedBytes: number;
}

export const SHARED_LIMITS: SharedLimits = Object.freeze({ maxUnused: 256, maxUnusedBytes: 134_217_728 });

/** The right to use one of them. */
export interface Share<T> {
  readonly value: T;
  release(): void;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
  users: number;
}

/**
 * INVARIANT: what somebody uses is never evicted, and the same key never stands for two values at the same time. Making is
 * single flight; a failure is told to all who wait and kept for nobody: the next one tries again.
 */
export class SharedByDigest<T extends object> {
  readonly #used = new Map<string, Entry<T>>();
  readonly #unused: LRUCache<string, Entry<T>>;
  readonly #making = new Map<string, Promise<Entry<T>>>();
  readonly #counts = { made: 0, hits: 0 };

  constructor(limits: SharedLimits = SHARED_LIMITS) {
    this.#unused = new LRUCache({
      max: limits.maxUnused,
      maxSize: limits.maxUnusedBytes,
      sizeCalculation: ({ bytes }) => Math.max(1, bytes),
    });
  }

  /**
   * The thing of a digest, made when nobody has it. `variant` is everything else it depends on, such as the options a module
   * was rewritten with. Rejects with what `make` rejects with.
   */
  async acquire(
    digest: string,
    variant: string,
    make: () => Promise<{ readonly value: T; readonly bytes: number }>,
  ): Promise<Share<T>> {
    const key = `${digest} ${variant}`;
    const kept = this.#take(key);
    if (kept !== undefined) {
      this.#counts.hits++;
      return this.#share(key, kept);
    }
    let making = this.#making.get(key);
    if (making === undefined) {
      making = this.#make(key, make);
      this.#making.set(key, making);
    } else this.#counts.hits++;
    const entry = await making;
    return this.#share(key, this.#take(key) ?? entry);
  }

  describe(): { readonly used: number; readonly unused: number; readonly bytes: number; made: number; hits: number } {
    let bytes = this.#unused.calculatedSize;
    for (const entry of this.#used.values()) bytes += entry.bytes;
    return { used: this.#used.size, unused: this.#unused.size, bytes, ...this.#counts };
  }

  async #make(key: string, make: () => Promise<{ value: T; bytes: number }>): Promise<Entry<T>> {
    try {
      const { value, bytes } = await make();
      const entry: Entry<T> = { value, bytes, users: 0 };
      this.#counts.made++;
      this.#used.set(key, entry);
      return entry;
    } finally {
      this.#making.delete(key);
    }
  }

  /** The entry, among those in use. */
  #take(key: string): Entry<T> | undefined {
    const used = this.#used.get(key);
    if (used !== undefined) return used;
    const unused = this.#unused.get(key);
    if (unused === undefined) return undefined;
    this.#unused.delete(key);
    this.#used.set(key, unused);
    return unused;
  }

  #share(key: string, entry: Entry<T>): Share<T> {
    // Between making and taking others may have used it and let it go, even out of the cache.
    if (!this.#used.has(key)) this.#used.set(key, entry);
    entry.users++;
    let isHeld = true;
    return {
      value: entry.value,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--entry.users > 0) return;
        this.#used.delete(key);
        this.#unused.set(key, entry);
      },
    };
  }
}
