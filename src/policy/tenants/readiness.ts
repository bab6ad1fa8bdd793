/** Whether the process takes traffic, computed from the present states of its tenants. */

import type { ReadinessMode } from './tenant-options.ts';
import { isServing, type TenantState } from './tenant-state.ts';

/** Whether the process takes traffic, and who keeps it from that. */
export interface Readiness {
  readonly mode: ReadinessMode;
  readonly isReady: boolean;
  /** Tenants that keep it from being ready, with their states. */
  readonly waitingFor: Readonly<Record<string, TenantState>>;
}

/** A tenant that is not required never makes the process unready, however broken it is (V-10). */
export function readinessOf(
  mode: ReadinessMode,
  required: readonly string[],
  stateOf: (tenant: string) => TenantState,
  resident: Iterable<string>,
): Readiness {
  const asked = mode === 'none' ? [] : mode === 'required' ? required : [...new Set([...required, ...resident])];
  const missing = asked.map((key) => [key, stateOf(key)] as const).filter(([, state]) => !isServing(state));
  return { mode, isReady: missing.length === 0, waitingFor: Object.fromEntries(missing) };
}
