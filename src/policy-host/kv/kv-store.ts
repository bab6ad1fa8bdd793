/** The key-value store of policies, as a port: one that answers at once, and one that answers later. */

import type { HostResult, KvEntry } from '../../policy/guest/host-functions.ts';

/** One namespace of one policy of one tenant. */
export interface KvSpace {
  readonly id: string;
  /** Of keys, values and what goes with them. */
  readonly maxBytes: number;
}

/**
 * Nothing throws. Every call is one step that no other call of any thread comes between. A time to live is in milliseconds,
 * 0 for ever. Versions are never used twice in a space, so a compare-and-set cannot mistake a new value for an old one.
 */
export interface KvStore {
  get(space: KvSpace, key: string): HostResult<KvEntry | undefined>;
  /** Gives the new version. */
  set(space: KvSpace, key: string, value: Uint8Array, ttlMs: number): HostResult<number>;
  delete(space: KvSpace, key: string): HostResult<boolean>;
  /**
   * Gives the new number. `bad-argument` when what is there is no number, `limit` when an integer would pass 2^53 and stop
   * being exact; both leave it as it was.
   */
  increment(space: KvSpace, key: string, delta: number, ttlMs: number, refreshTtl: boolean): HostResult<number>;
  /** Gives the new version; `conflict` when another one is there. 0 expects nothing to be there. */
  compareAndSet(
    space: KvSpace,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number>;
  /** Forgets a space whose owner is gone. A store without it waits for what lives there to expire. */
  drop?(space: KvSpace): void;
}

/** The same behind a network or a thread. Never rejects. */
export type AsyncKvStore = {
  readonly [M in KvOperation]: (...args: Parameters<KvStore[M]>) => Promise<ReturnType<KvStore[M]>>;
};

export const KV_OPERATIONS = [
  'get',
  'set',
  'delete',
  'increment',
  'compareAndSet',
] as const satisfies readonly (keyof KvStore)[];

type KvOperation = (typeof KV_OPERATIONS)[number];

/** Keys longer than this are refused. */
export const MAX_KEY_BYTES = 512;

/** What is wrong with the arguments of any operation. */
export function isKey(key: string): boolean {
  return key !== '' && key.length <= MAX_KEY_BYTES && Buffer.byteLength(key, 'utf8') <= MAX_KEY_BYTES;
}

/** The id of a space: parts cannot be mistaken for others, whatever characters they hold. */
export function spaceId(tenant: string, policy: string, scope: string, namespace: string): string {
  return [tenant, policy, scope, namespace].map((part) => JSON.stringify(part)).join('/');
}

/** What the ids of all spaces of a tenant begin with. */
export function tenantPrefix(tenant: string): string {
  return `${JSON.stringify(tenant)}/`;
}

/** The sum as a number that is exact where integers are, or undefined. */
export function exactSum(now: number, delta: number): number | undefined {
  const sum = now + delta;
  if (!Number.isFinite(sum)) return undefined;
  const isWhole = Number.isInteger(now) && Number.isInteger(delta);
  return isWhole && !Number.isSafeInteger(sum) ? undefined : sum;
}

/** A number as it is kept, or undefined for bytes that are none. */
export function numberOf(value: Uint8Array): number | undefined {
  if (value.length === 0 || value.length > 32) return undefined;
  const text = Buffer.from(value).toString('latin1');
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

export function bytesOfNumber(value: number): Uint8Array {
  return new Uint8Array(Buffer.from(String(value), 'latin1'));
}
