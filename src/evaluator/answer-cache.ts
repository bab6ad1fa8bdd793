/** Keeps the relay's answers that depend on flag and context only, until they are too old or the configuration changes. */

import { LRUCache } from 'lru-cache';
import { canonicalString } from '../internal/canonical-json.ts';
import type { Clock } from '../options/clock.ts';
import type { CacheFacts } from './evaluator-facts.ts';
import type { Resolution } from './resolution.ts';

/** Together, keys included; contexts can be large, and a count alone bounds nothing. */
const MAX_BYTES = 33_554_432;
/** A larger answer pushes out too many others. */
const MAX_ENTRY_BYTES = 1_048_576;

/** What an entry costs beside its text, in the cache and in the resolution. */
const ENTRY_OVERHEAD_BYTES = 512;

export interface AnswerCacheOptions {
  readonly maxEntries: number;
  /** -1: until the next purge. 0: nothing is kept. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

/**
 * The least recently used answers go first, by count and by bytes. A hit is the resolution with the reason CACHED.
 *
 * @example
 * const { generation } = cache;
 * cache.put('flag', json, await ask('flag', json), generation);
 * cache.get('flag', json)?.reason; // 'CACHED'
 */
export class AnswerCache {
  readonly #answers: LRUCache<string, Resolution>;
  readonly #isOff: boolean;
  #generation = 0;
  #hits = 0;
  #misses = 0;

  constructor({ maxEntries, ttlMs, clock }: AnswerCacheOptions) {
    this.#isOff = ttlMs === 0;
    // The cache takes a start time of 0 for none, and such an entry would never expire.
    const originMs = clock.monotonic() - 1;
    this.#answers = new LRUCache({
      max: maxEntries,
      maxSize: MAX_BYTES,
      maxEntrySize: MAX_ENTRY_BYTES,
      sizeCalculation: (resolution, key) => 2 * key.length + sizeOf(resolution),
      ttl: Math.max(ttlMs, 0),
      ttlResolution: 0,
      perf: { now: () => clock.monotonic() - originMs },
    });
  }

  /** Changes with every purge. An answer that was asked for before a purge must not be kept after it. */
  get generation(): number {
    return this.#generation;
  }

  /** `json` is the context's canonical JSON. */
  get(flagKey: string, json: string): Resolution | undefined {
    const hit = this.#answers.get(keyOf(flagKey, json));
    if (hit === undefined) this.#misses++;
    else this.#hits++;
    return hit;
  }

  /** Keeps what may be kept: the relay marked it, it has a value, and nothing changed since `generation`. */
  put(flagKey: string, json: string, resolution: Resolution, generation: number): void {
    if (this.#isOff || !resolution.cacheable || generation !== this.#generation) return;
    // A disabled flag must go on saying DISABLED, where a hit would say CACHED.
    if (resolution.value === null || resolution.errorCode !== undefined) return;
    this.#answers.set(keyOf(flagKey, json), Object.freeze({ ...resolution, reason: 'CACHED' }));
  }

  purge(): void {
    this.#generation++;
    this.#answers.clear();
  }

  describe(): CacheFacts {
    const { size: entries, calculatedSize: bytes } = this.#answers;
    return { entries, bytes, hits: this.#hits, misses: this.#misses, purges: this.#generation };
  }
}

/** A flag key may hold any character, so it is quoted: no two pairs share a text. */
function keyOf(flagKey: string, json: string): string {
  return canonicalString(flagKey) + json;
}

function sizeOf({ value, metadata }: Resolution): number {
  return ENTRY_OVERHEAD_BYTES + 2 * (JSON.stringify(value).length + JSON.stringify(metadata).length);
}
