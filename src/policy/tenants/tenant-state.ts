/** The states of a virtual instance, and how the present one follows from the facts of its record. */

/**
 * ```
 *  ABSENT ─▶ LOADING ─▶ CANARY ─▶ READY ⇄ DEGRADED
 *               ▲          │        │        │
 *               └──failed──┘        ▼        ▼
 *                                DRAINING ─▶ CLOSED
 * ```
 * A tenant that is ABSENT has no record. One that was never ready may drain as well.
 */
export type TenantState = 'ABSENT' | 'LOADING' | 'CANARY' | 'READY' | 'DEGRADED' | 'DRAINING' | 'CLOSED';

/** Everything a state depends on. */
export interface TenantFacts {
  readonly isEnding: boolean;
  readonly isClosed: boolean;
  /** A revision serves. */
  readonly isActive: boolean;
  /** What is being tried now. */
  readonly stage: 'idle' | 'loading' | 'preparing' | 'canary';
  /** The latest attempt failed. */
  readonly hasFailed: boolean;
  readonly isBreakerOpen: boolean;
}

/**
 * Level-triggered: the same facts give the same state, in whatever order they came about. Health that followed the order of
 * notifications stuck at false with fifty tenants (opa#8009).
 */
export function stateOf(facts: TenantFacts): TenantState {
  if (facts.isClosed) return 'CLOSED';
  if (facts.isEnding) return 'DRAINING';
  if (facts.isActive) return facts.hasFailed || facts.isBreakerOpen ? 'DEGRADED' : 'READY';
  return facts.stage === 'canary' ? 'CANARY' : 'LOADING';
}

/** Its policies decide, by the newest revision or by the last good one. */
export function isServing(state: TenantState): boolean {
  return state === 'READY' || state === 'DEGRADED';
}

const KEY = /^[A-Za-z0-9._:-]{1,128}$/;

/** Tenant ids become labels, file names and keys of caches. */
export function isTenantKey(key: string): boolean {
  return KEY.test(key);
}
