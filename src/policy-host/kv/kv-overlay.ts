/** A key-value store over another one: reads what is below, keeps what is written to itself. For hooks that are only tried. */

import { type HostResult, hostFault, isHostFault, type KvEntry } from '../../policy/guest/host-functions.ts';
import type { KvSpace, KvStore } from './kv-store.ts';
import { MemoryKv } from './memory-kv.ts';

/** Keys that were deleted here and may still be below; beyond this the oldest show again. */
const MAX_DELETED = 10_000;

/**
 * A key is copied up the first time it is written. INVARIANT: nothing below changes; what is above is bounded as every store
 * is, by the bytes of its spaces.
 */
export class KvOverlay implements KvStore {
  readonly #below: KvStore;
  readonly #above: MemoryKv;
  readonly #deleted = new Set<string>();

  constructor(below: KvStore, clock: { monotonic(): number }) {
    this.#below = below;
    this.#above = new MemoryKv(clock);
  }

  get(space: KvSpace, key: string): HostResult<KvEntry | undefined> {
    const here = this.#above.get(space, key);
    if (here !== undefined) return here;
    return this.#deleted.has(nameOf(space, key)) ? undefined : this.#below.get(space, key);
  }

  set(space: KvSpace, key: string, value: Uint8Array, ttlMs: number): HostResult<number> {
    this.#deleted.delete(nameOf(space, key));
    return this.#above.set(space, key, value, ttlMs);
  }

  delete(space: KvSpace, key: string): HostResult<boolean> {
    const found = this.get(space, key);
    if (isHostFault(found)) return found;
    this.#above.delete(space, key);
    const [oldest] = this.#deleted.size < MAX_DELETED ? [] : this.#deleted;
    if (oldest !== undefined) this.#deleted.delete(oldest);
    this.#deleted.add(nameOf(space, key));
    return found !== undefined;
  }

  increment(space: KvSpace, key: string, delta: number, ttlMs: number, refreshTtl: boolean): HostResult<number> {
    const found = this.get(space, key);
    if (isHostFault(found)) return found;
    // How long the entry below lives is not known: its copy lives as long as a new one would.
    if (found !== undefined && this.#above.get(space, key) === undefined) {
      const copied = this.#above.set(space, key, found.value, ttlMs);
      if (isHostFault(copied)) return copied;
    }
    this.#deleted.delete(nameOf(space, key));
    return this.#above.increment(space, key, delta, ttlMs, refreshTtl);
  }

  compareAndSet(
    space: KvSpace,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number> {
    const found = this.get(space, key);
    if (isHostFault(found)) return found;
    if ((found?.version ?? 0) !== expectedVersion) return hostFault('conflict');
    return this.set(space, key, value, ttlMs);
  }
}

/** Ids of spaces are JSON texts, so nothing in them can look like the border. */
function nameOf({ id }: KvSpace, key: string): string {
  return `${id}\n${key}`;
}
