/** How many tenants there may be, how long they stay, and what one of them may use; each default with its reason. */

import type { RefusalRule } from './refusal.ts';

/** What one tenant may use (V-21). Handed to the engine, which enforces what happens inside a call. */
export interface TenantLimits {
  /** Units of fuel of one hook. */
  readonly fuel: number;
  /** Wall time of one hook in a worker, in milliseconds. */
  readonly wallMs: number;
  /** Linear memory of the tenant. */
  readonly memoryBytes: number;
  /** Buffered bytes of one body. */
  readonly bodyBytes: number;
  /** Calls in workers at the same time. */
  readonly workerCalls: number;
  /** Calls that may wait for their turn in a worker. */
  readonly queuedCalls: number;
}

export const TENANT_LIMITS: TenantLimits = Object.freeze({
  fuel: 2_000_000,
  wallMs: 50,
  memoryBytes: 67_108_864,
  bodyBytes: 1_048_576,
  workerCalls: 8,
  queuedCalls: 64,
});

/** What the bundle of one tenant may be, on the wire and inflated; for whoever reads it in a source (V-12). */
export const BUNDLE_LIMITS = Object.freeze({ maxWireBytes: 16_777_216, maxInflatedBytes: 67_108_864 });

export interface RegistryOptions {
  /** From the last release until an unused tenant is closed. */
  readonly graceMs: number;
  readonly reapIntervalMs: number;
  /** Longest end of one tenant that is closed while others go on. */
  readonly closeMs: number;
  /** Longest wait for the exchanges of a revision that was replaced. */
  readonly drainMs: number;
  /** Linear memories above which idle tenants are closed early. */
  readonly maxInstances: number;
  /** Linear memories above which no tenant is made: V8 has address space for about 13,000. */
  readonly hardMaxInstances: number;
  /** Linear memory of all tenants together. */
  readonly maxBytes: number;
  /** A tenant stays at least so long, so that none is loaded and evicted in a loop. */
  readonly minResidencyMs: number;
  /** An idle tenant older than this is closed without grace; infinite by default. */
  readonly maxResidencyMs: number;
  /** Loads at the same time; at start and later. */
  readonly concurrentLoads: number;
  /** Activations at the same time: each holds an old and a new revision in memory (opa#6753). */
  readonly concurrentActivations: number;
  /** Tenants that may wait for either. */
  readonly queuedTenants: number;
  /** A load or an activation that takes longer no longer keeps the others waiting. */
  readonly slowAfterMs: number;
  /** Such slow ones at the same time, beside the others. */
  readonly slowTenants: number;
  /** Longest load, and longest activation. */
  readonly attemptMs: number;
  readonly maxBackoffMs: number;
  /** How often a tenant's source is asked; 0: only when it is told to. */
  readonly pollIntervalMs: number;
  /** Documents of former revisions that are kept for a rollback. */
  readonly keptRevisions: number;
  /** How often the status is reported when nothing changes. */
  readonly statusIntervalMs: number;
  readonly readiness: ReadinessMode;
  /** Tenants without which the process is not ready. */
  readonly required: readonly string[];
  /** Tenants with a metric label of their own. */
  readonly labelledTenants: number;
  readonly limits: TenantLimits;
  /** What an exchange gets when its tenant cannot decide (V-26). */
  readonly onRefusal: RefusalRule;
}

/** When the process takes traffic: all its tenants serve, the required ones do, or at once. */
export type ReadinessMode = 'all' | 'required' | 'none';

export const REGISTRY_OPTIONS: RegistryOptions = Object.freeze({
  graceMs: 30_000,
  reapIntervalMs: 10_000,
  closeMs: 5_000,
  drainMs: 30_000,
  maxInstances: 2_000,
  hardMaxInstances: 12_000,
  maxBytes: 536_870_912,
  minResidencyMs: 10_000,
  maxResidencyMs: Number.POSITIVE_INFINITY,
  concurrentLoads: 4,
  concurrentActivations: 1,
  queuedTenants: 100,
  slowAfterMs: 50,
  slowTenants: 8,
  attemptMs: 30_000,
  maxBackoffMs: 60_000,
  pollIntervalMs: 60_000,
  keptRevisions: 3,
  statusIntervalMs: 60_000,
  readiness: 'required',
  required: Object.freeze([]),
  labelledTenants: 50,
  limits: TENANT_LIMITS,
  onRefusal: Object.freeze({ kind: 'deny' }),
});
