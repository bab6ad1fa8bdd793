/** Key sets of key managers: fetched once for everybody, kept for a time, and kept on when the manager is away. */

import { type Clock, systemClock } from '../../options/clock.ts';
import { sleep } from './sleep.ts';

/** A JWK set as it came; keys are looked at when one of them is used. */
export interface Jwks {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** One attempt; gives the body of a 200 or rejects with why there is none. */
export type FetchJwks = (uri: string, tenant: string, timeoutMs: number) => Promise<Uint8Array>;

export interface JwksTimes {
  readonly cacheTtlMs: number;
  readonly fetchTimeoutMs: number;
  readonly fetchRetries: number;
  readonly fetchRetryIntervalMs: number;
}

/** How long keys are good beyond their time while no newer ones can be had. */
const MAX_STALE_MS = 3_600_000;
/** Tokens with made-up key ids must not become requests: a set is asked for again this often at most. */
const MIN_REFETCH_MS = 10_000;
const MAX_SETS = 1_000;
const MAX_KEYS = 200;

interface Entry {
  jwks: Jwks | undefined;
  fetchedAt: number;
  /** The last attempt, also when it failed. */
  triedAt: number;
  error: string;
  pending: Promise<void> | undefined;
}

export class JwksCache {
  readonly #fetch: FetchJwks;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #fetches = 0;

  constructor(fetch: FetchJwks, clock: Clock = systemClock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /**
   * The keys of an address. `isUnknownKey`: the ones there are lack the key of a token, so newer ones are fetched when the last
   * attempt is some time ago. Rejects when there are none at all.
   */
  async get(uri: string, tenant: string, times: JwksTimes, isUnknownKey = false): Promise<Jwks> {
    const entry = this.#entry(`${tenant} ${uri}`);
    const now = this.#clock.monotonic();
    const age = now - entry.fetchedAt;
    const isDue = entry.jwks === undefined || age >= times.cacheTtlMs || isUnknownKey;
    if (isDue && (entry.pending !== undefined || now - entry.triedAt >= MIN_REFETCH_MS)) {
      entry.pending ??= this.#refresh(entry, uri, tenant, times).finally(() => {
        entry.pending = undefined;
      });
      // Keys that are merely old are used while newer ones are on their way.
      if (entry.jwks === undefined || isUnknownKey || age >= times.cacheTtlMs + MAX_STALE_MS) await entry.pending;
    }
    const isGone = this.#clock.monotonic() - entry.fetchedAt >= times.cacheTtlMs + MAX_STALE_MS;
    if (entry.jwks === undefined || isGone) throw new Error(entry.error);
    return entry.jwks;
  }

  describe(): { readonly sets: number; readonly fetches: number } {
    return { sets: this.#entries.size, fetches: this.#fetches };
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key);
    const entry = known ?? {
      jwks: undefined,
      fetchedAt: Number.NEGATIVE_INFINITY,
      triedAt: Number.NEGATIVE_INFINITY,
      error: 'not fetched yet',
      pending: undefined,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > MAX_SETS) this.#entries.delete(this.#entries.keys().next().value as string);
    return entry;
  }

  /** Never rejects: what went wrong is kept for who asks. */
  async #refresh(entry: Entry, uri: string, tenant: string, times: JwksTimes): Promise<void> {
    for (let attempt = 0; attempt <= times.fetchRetries; attempt++) {
      if (attempt > 0) await sleep(this.#clock, times.fetchRetryIntervalMs);
      this.#fetches++;
      try {
        entry.jwks = parsed(await this.#fetch(uri, tenant, times.fetchTimeoutMs));
        entry.fetchedAt = this.#clock.monotonic();
        break;
      } catch (caught) {
        entry.error = caught instanceof Error ? caught.message : String(caught);
      }
    }
    entry.triedAt = this.#clock.monotonic();
  }
}

function parsed(bytes: Uint8Array): Jwks {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error('the key set is no JSON');
  }
  const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('the key set has no list of keys');
  const isKey = (key: unknown): key is Record<string, unknown> =>
    typeof key === 'object' && key !== null && 'kty' in key;
  // A shared secret in a public set would be one that everybody knows.
  return { keys: keys.filter(isKey).filter(({ kty }) => kty !== 'oct') };
}
