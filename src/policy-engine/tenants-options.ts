/** The option `tenants` of an engine: how many are held at once, what each may use, and when the process is ready. */

import { EdictError } from '../errors.ts';
import type { RequestView } from '../policy/model/views.ts';
import type { RefusalRule } from '../policy/tenants/refusal.ts';
import { type RegistryOptions, TENANT_LIMITS, type TenantLimits } from '../policy/tenants/tenant-options.ts';
import type { TenantStatus } from '../policy/tenants/tenant-status.ts';

/** Everything has a default; a document may say more of one tenant. */
export interface TenantsOptions {
  /** Tenants, or linear memories of theirs, above which idle ones leave memory until they are asked for. Default 2000. */
  readonly maxInstances?: number;
  /** Linear memory of all tenants, in bytes. Default 512 MiB. */
  readonly maxBytes?: number;
  /** A tenant stays at least so long, in milliseconds. Default 10000. */
  readonly minResidencyMs?: number;
  /** A tenant that nobody asked for leaves memory after so long, in milliseconds. Default: only when room is needed. */
  readonly idleMs?: number;
  /** Longest time to bring one tenant to a new revision, in milliseconds. Default 30000. */
  readonly activationMs?: number;
  /** Former revisions of each tenant that `rollback` finds. Default 3. */
  readonly keptRevisions?: number;
  /** What makes the process ready: all tenants serve, the required ones do, or nothing. Default `required`. */
  readonly readiness?: RegistryOptions['readiness'];
  /** Tenants without which the process is not ready; they never leave memory. Default none. */
  readonly required?: readonly string[];
  /** What a tenant may use where the document says nothing. */
  readonly limits?: Partial<TenantLimits>;
  /** What a request gets whose tenant rests or is overloaded. Default `{ kind: 'deny' }`: 503. */
  readonly onRefusal?: RefusalRule;
  /** For the rule `last-decision`: tells apart callers that may get different answers. */
  readonly decisionKey?: (request: RequestView) => string | undefined;
  /** Told the status of tenants that changed, and of all every minute. */
  readonly onStatus?: (statuses: readonly TenantStatus[]) => void;
}

/** What manifests say is the limit, unless an operator says less. */
export const ENGINE_LIMITS: TenantLimits = Object.freeze({
  ...TENANT_LIMITS,
  fuel: Number.MAX_SAFE_INTEGER,
  wallMs: Number.MAX_SAFE_INTEGER,
  bodyBytes: Number.MAX_SAFE_INTEGER,
});

/** A configuration that nobody replaced is the newest one, so nothing is polled. */
export function registryOptions(options: TenantsOptions): Partial<RegistryOptions> & Pick<RegistryOptions, 'limits'> {
  const { maxInstances, maxBytes, minResidencyMs, idleMs, activationMs, keptRevisions } = options;
  for (const [name, value] of Object.entries({ maxInstances, maxBytes, keptRevisions })) atLeast(name, value, 1);
  for (const [name, value] of Object.entries({ minResidencyMs, idleMs, activationMs })) atLeast(name, value, 0);
  const { limits = {}, onRefusal, readiness, required } = options;
  const faults = [...limitFaults(limits), ...(onRefusal === undefined ? [] : refusalFaults(onRefusal))];
  const [fault] = faults;
  if (fault !== undefined) throw new EdictError('INVALID_OPTION', `tenants.${fault.slice(1).replaceAll('/', '.')}`);
  if (readiness !== undefined && !['all', 'required', 'none'].includes(readiness)) {
    throw new EdictError('INVALID_OPTION', 'tenants.readiness must be all, required or none');
  }
  const given = {
    maxInstances,
    maxBytes,
    minResidencyMs,
    attemptMs: activationMs,
    keptRevisions,
    readiness,
    required,
    onRefusal,
  };
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given as object),
    graceMs: idleMs ?? Number.POSITIVE_INFINITY,
    pollIntervalMs: 0,
    limits: { ...ENGINE_LIMITS, ...limits },
  };
}

/** `/limits/fuel must be …`, for limits of options and of documents. */
export function limitFaults(limits: unknown): string[] {
  if (typeof limits !== 'object' || limits === null) return ['/limits must be an object'];
  return Object.entries(limits).flatMap(([name, value]) => {
    if (!Object.hasOwn(TENANT_LIMITS, name)) return [`/limits/${name} is no limit`];
    const least = name === 'memoryBytes' ? 65_536 : name === 'queuedCalls' ? 0 : 1;
    return Number.isSafeInteger(value) && value >= least ? [] : [`/limits/${name} must be an integer from ${least}`];
  });
}

export function refusalFaults(rule: unknown): string[] {
  const { kind, answer } = (typeof rule === 'object' && rule !== null ? rule : {}) as Partial<Record<string, unknown>>;
  if (kind === 'deny' || kind === 'last-decision') return [];
  if (kind !== 'default') return ['/onRefusal/kind must be deny, default or last-decision'];
  const { kind: what, status } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<
    string,
    unknown
  >;
  const isStatus = Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
  if (what === 'allow' || (what === 'respond' && isStatus)) return [];
  return ['/onRefusal/answer must be { kind: allow } or { kind: respond, status: 400 to 599 }'];
}

function atLeast(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isFinite(value) && value >= least)) return;
  throw new EdictError('INVALID_OPTION', `tenants.${name} must be a number from ${least}`);
}
