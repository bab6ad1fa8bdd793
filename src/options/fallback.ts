/** The option `fallback`: a mode, or a mode with its numbers. */

import { hasOwn } from '../internal/json.ts';
import { MAX_TIMER_MS } from './clock.ts';
import { REFUSED } from './kinds.ts';

/** What happens when the engine cannot decide a flag. */
export type FallbackMode = 'budgeted' | 'spec' | 'off';

/** How the remote fallback is bounded in the mode `budgeted`. */
export interface FallbackPolicy {
  readonly mode: FallbackMode;
  /** Latency a fallback may add to an evaluation, in milliseconds. Default 50. */
  readonly budgetMs: number;
  /** Failures in a row that open the breaker. Default 5. */
  readonly failureThreshold: number;
  /** How long the open breaker lets nothing through before one probe, in milliseconds. Default 30 000. */
  readonly openMs: number;
  /** Requests in flight. Default 8. */
  readonly maxConcurrent: number;
  /** Requests begun in one second. Default 20. */
  readonly maxPerSecond: number;
}

/** What a caller gives: the mode alone, or any of the members. */
export type FallbackOption = FallbackMode | Partial<FallbackPolicy>;

export const DEFAULT_FALLBACK: FallbackPolicy = Object.freeze({
  mode: 'budgeted',
  budgetMs: 50,
  failureThreshold: 5,
  openMs: 30_000,
  maxConcurrent: 8,
  maxPerSecond: 20,
});

const MODES: readonly unknown[] = ['budgeted', 'spec', 'off'];

export function parseFallback(value: unknown): FallbackPolicy | typeof REFUSED {
  if (MODES.includes(value)) return Object.freeze({ ...DEFAULT_FALLBACK, mode: value as FallbackMode });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return REFUSED;
  const policy: Record<string, unknown> = { ...DEFAULT_FALLBACK };
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (!hasOwn(DEFAULT_FALLBACK, name)) return REFUSED;
    const isFine = name === 'mode' ? MODES.includes(member) : isCount(member);
    if (!isFine) return REFUSED;
    policy[name] = member;
  }
  return Object.freeze(policy as unknown as FallbackPolicy);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_TIMER_MS;
}
