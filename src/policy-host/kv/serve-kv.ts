/** A store of one thread, reached from others: each operation is one call, done by the owner, so it stays atomic. */

import type { HostResult, KvEntry } from '../../policy/guest/host-functions.ts';
import { BlockingCaller, type CallerEnd, type CallHandlers, CallServer, type ServerEnd } from '../blocking-calls.ts';
import { type AsyncKvStore, KV_OPERATIONS, type KvSpace, type KvStore } from './kv-store.ts';

/** The operations as handlers of calls. */
export function kvHandlers(store: KvStore | AsyncKvStore): CallHandlers {
  return Object.fromEntries(
    KV_OPERATIONS.map((name) => [
      `kv.${name}`,
      (...args: never[]) => (store[name] as (...given: never[]) => unknown).apply(store, args),
    ]),
  );
}

/** On the thread that owns the store. */
export function serveKv(
  end: ServerEnd,
  store: KvStore | AsyncKvStore,
  options: { readonly keepsAlive?: boolean } = {},
): CallServer {
  return new CallServer(end, kvHandlers(store), options);
}

/** On any other thread: the store, as if it were here. */
export class BlockingKv implements KvStore {
  readonly #caller: BlockingCaller;
  readonly #timeoutMs: number;

  constructor(
    end: CallerEnd,
    { clock, timeoutMs }: { readonly clock: { monotonic(): number }; readonly timeoutMs: number },
  ) {
    this.#caller = new BlockingCaller(end, clock);
    this.#timeoutMs = timeoutMs;
  }

  get(space: KvSpace, key: string): HostResult<KvEntry | undefined> {
    return this.#caller.call('kv.get', [space, key], this.#timeoutMs);
  }

  set(space: KvSpace, key: string, value: Uint8Array, ttlMs: number): HostResult<number> {
    return this.#caller.call('kv.set', [space, key, value, ttlMs], this.#timeoutMs);
  }

  delete(space: KvSpace, key: string): HostResult<boolean> {
    return this.#caller.call('kv.delete', [space, key], this.#timeoutMs);
  }

  increment(space: KvSpace, key: string, delta: number, ttlMs: number, refreshTtl: boolean): HostResult<number> {
    return this.#caller.call('kv.increment', [space, key, delta, ttlMs, refreshTtl], this.#timeoutMs);
  }

  compareAndSet(
    space: KvSpace,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number> {
    const args = [space, key, expectedVersion, value, ttlMs];
    return this.#caller.call('kv.compareAndSet', args, this.#timeoutMs);
  }

  close(): void {
    this.#caller.close();
  }
}
