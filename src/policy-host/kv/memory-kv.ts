/**
 * The store in this process. One thread owns it and runs every operation to its end, so each is atomic; other threads reach
 * it through serve-kv.ts.
 */

import { type HostResult, hostFault, type KvEntry } from '../../policy/guest/host-functions.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import { bytesOfNumber, exactSum, isKey, type KvSpace, type KvStore, numberOf, tenantPrefix } from './kv-store.ts';

/** What an entry costs beside its key and value. */
const ENTRY_BYTES = 64;

interface Entry {
  readonly key: string;
  /** Numbers are kept as numbers: most entries are counters. */
  value: Uint8Array | number;
  version: number;
  readonly expiresAt: number;
  readonly bytes: number;
  isGone: boolean;
}

interface Space {
  /** From the one used longest ago to the one used last. */
  readonly entries: Map<string, Entry>;
  readonly expiring: ExpiryQueue<Entry>;
  bytes: number;
}

export interface KvCounts {
  readonly spaces: number;
  readonly entries: number;
  readonly bytes: number;
  /** Entries that went because their time was over, and because the space was full. */
  readonly expired: number;
  readonly evicted: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class MemoryKv implements KvStore {
  readonly #clock: { monotonic(): number };
  readonly #spaces = new Map<string, Space>();
  /** Of the whole store, so that no space begins again with versions it has used. */
  #version = 0;
  #expired = 0;
  #evicted = 0;

  /** Milliseconds of a monotonic clock: a jump of the wall clock must not empty a rate limit. */
  constructor(clock: { monotonic(): number }) {
    this.#clock = clock;
  }

  get({ id }: KvSpace, key: string): HostResult<KvEntry | undefined> {
    if (!isKey(key)) return hostFault('bad-argument');
    const entry = this.#find(id, key);
    if (entry === undefined) return undefined;
    const { value, version } = entry;
    return { value: typeof value === 'number' ? bytesOfNumber(value) : value.slice(), version };
  }

  set(space: KvSpace, key: string, value: Uint8Array, ttlMs: number): HostResult<number> {
    if (!isKey(key)) return hostFault('bad-argument');
    return this.#put(space, key, value.slice(), value.length, this.#after(ttlMs));
  }

  delete({ id }: KvSpace, key: string): HostResult<boolean> {
    if (!isKey(key)) return hostFault('bad-argument');
    const space = this.#spaces.get(id);
    const entry = this.#find(id, key);
    if (space === undefined || entry === undefined) return false;
    this.#drop(id, space, entry);
    return true;
  }

  increment(space: KvSpace, key: string, delta: number, ttlMs: number, refreshTtl: boolean): HostResult<number> {
    if (!isKey(key) || !Number.isFinite(delta)) return hostFault('bad-argument');
    const entry = this.#find(space.id, key);
    const now = entry === undefined ? 0 : typeof entry.value === 'number' ? entry.value : numberOf(entry.value);
    if (now === undefined) return hostFault('bad-argument');
    const sum = exactSum(now, delta);
    if (sum === undefined) return hostFault('limit');
    if (entry !== undefined && typeof entry.value === 'number' && !refreshTtl) {
      entry.value = sum;
      entry.version = ++this.#version;
      return sum;
    }
    const expiresAt = entry === undefined || refreshTtl ? this.#after(ttlMs) : entry.expiresAt;
    const put = this.#put(space, key, sum, 8, expiresAt);
    return typeof put === 'number' ? sum : put;
  }

  compareAndSet(
    space: KvSpace,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number> {
    if (!isKey(key)) return hostFault('bad-argument');
    const version = this.#find(space.id, key)?.version ?? 0;
    if (version !== expectedVersion) return hostFault('conflict');
    return this.#put(space, key, value.slice(), value.length, this.#after(ttlMs));
  }

  drop({ id }: KvSpace): void {
    this.#spaces.delete(id);
  }

  /** Forgets everything of a tenant. */
  forgetTenant(tenant: string): void {
    const prefix = tenantPrefix(tenant);
    for (const id of this.#spaces.keys()) if (id.startsWith(prefix)) this.#spaces.delete(id);
  }

  /** Drops what is over, in every space: for whoever looks after idle tenants now and then. */
  sweep(): void {
    const now = this.#now();
    for (const [id, space] of this.#spaces) {
      this.#dropDue(space, now);
      if (space.entries.size === 0) this.#spaces.delete(id);
    }
  }

  describe(): KvCounts {
    let entries = 0;
    let bytes = 0;
    for (const space of this.#spaces.values()) {
      entries += space.entries.size;
      bytes += space.bytes;
    }
    return { spaces: this.#spaces.size, entries, bytes, expired: this.#expired, evicted: this.#evicted };
  }

  #now(): number {
    return this.#clock.monotonic();
  }

  #after(ttlMs: number): number {
    return ttlMs > 0 ? this.#now() + ttlMs : NEVER;
  }

  /** The living entry, which is now the one used last. */
  #find(id: string, key: string): Entry | undefined {
    const space = this.#spaces.get(id);
    const entry = space?.entries.get(key);
    if (space === undefined || entry === undefined) return undefined;
    if (entry.expiresAt <= this.#now()) {
      this.#expired++;
      this.#drop(id, space, entry);
      return undefined;
    }
    space.entries.delete(key);
    space.entries.set(key, entry);
    return entry;
  }

  #put(
    { id, maxBytes }: KvSpace,
    key: string,
    value: Uint8Array | number,
    valueBytes: number,
    expiresAt: number,
  ): HostResult<number> {
    const bytes = Buffer.byteLength(key, 'utf8') + valueBytes + ENTRY_BYTES;
    if (bytes > maxBytes) return hostFault('too-large');
    let space = this.#spaces.get(id);
    if (space === undefined) {
      space = { entries: new Map(), expiring: new ExpiryQueue(), bytes: 0 };
      this.#spaces.set(id, space);
    }
    const previous = space.entries.get(key);
    if (previous !== undefined) this.#remove(space, previous);
    const entry: Entry = { key, value, version: ++this.#version, expiresAt, bytes, isGone: false };
    space.entries.set(key, entry);
    space.bytes += bytes;
    if (expiresAt !== NEVER) space.expiring.push(entry);
    if (space.bytes > maxBytes) this.#makeRoom(space, maxBytes);
    return entry.version;
  }

  /** First what is over, then what nobody used for longest; the newest entry alone always fits. */
  #makeRoom(space: Space, maxBytes: number): void {
    this.#dropDue(space, this.#now());
    for (const entry of space.entries.values()) {
      if (space.bytes <= maxBytes) return;
      this.#evicted++;
      this.#remove(space, entry);
    }
  }

  #dropDue(space: Space, now: number): void {
    for (let due = space.expiring.takeDue(now); due !== undefined; due = space.expiring.takeDue(now)) {
      this.#expired++;
      this.#take(space, due);
    }
  }

  #drop(id: string, space: Space, entry: Entry): void {
    this.#remove(space, entry);
    if (space.entries.size === 0) this.#spaces.delete(id);
  }

  #remove(space: Space, entry: Entry): void {
    this.#take(space, entry);
    if (entry.expiresAt !== NEVER) space.expiring.noteGone();
  }

  #take(space: Space, entry: Entry): void {
    entry.isGone = true;
    space.entries.delete(entry.key);
    space.bytes -= entry.bytes;
  }
}
