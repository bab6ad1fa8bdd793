/** The status of tenants: what each says about itself, and when it is reported (V-18). */

import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import type { DecisionLog } from '../decisions/decision-log.ts';
import type { PolicyFailureCode } from '../model/failure.ts';
import type { TenantRevision } from './revision.ts';
import type { Tenant } from './tenant.ts';
import { isServing, type TenantState } from './tenant-state.ts';

/** Plain JSON; times are RFC 3339. */
export interface TenantStatus {
  readonly tenant: string;
  readonly state: TenantState;
  readonly isServing: boolean;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly revision: string | null;
  readonly digests: readonly string[];
  /** The source was asked; it answered; a revision began to serve. */
  readonly lastRequestAt: string | null;
  readonly lastSuccessAt: string | null;
  readonly lastActivationAt: string | null;
  /** Of the latest attempt; `null` when it succeeded. */
  readonly code: PolicyFailureCode | null;
  readonly message: string | null;
  readonly breaker: { readonly isOpen: boolean; readonly opened: number };
  readonly references: number;
  readonly sizes: { readonly instances: number; readonly memoryBytes: number; readonly revisionsKept: number };
  readonly counters: Readonly<Record<string, number>>;
  readonly decisions: unknown;
}

/** Of a tenant without a record: that it is absent. */
export function tenantStatus<R extends TenantRevision>(
  key: string,
  tenant: Tenant<R> | undefined,
  decisions: DecisionLog | undefined,
): TenantStatus {
  const active = tenant?.active;
  const failure = tenant?.lastFailure;
  const state = tenant?.state ?? 'ABSENT';
  return {
    tenant: key,
    state,
    isServing: isServing(state),
    generation: tenant?.generation ?? 0,
    labels: active?.subject.labels ?? {},
    revision: active?.document.revision ?? null,
    digests: active?.revision.digests ?? [],
    lastRequestAt: timeText(tenant?.lastRequestAtMs),
    lastSuccessAt: timeText(tenant?.lastSuccessAtMs),
    lastActivationAt: timeText(tenant?.lastActivationAtMs),
    code: failure?.code ?? null,
    message: failure?.message ?? null,
    breaker: { isOpen: tenant?.breaker.isOpen ?? false, opened: tenant?.breaker.opened ?? 0 },
    references: tenant?.references ?? 0,
    sizes: {
      instances: active?.instances ?? 0,
      memoryBytes: active?.revision.memoryBytes ?? 0,
      revisionsKept: tenant?.kept.length ?? 0,
    },
    counters: { ...tenant?.counts },
    decisions: decisions?.describe(key) ?? null,
  };
}

/** A burst of changes becomes one report: what counts is how things are when it is made. */
const GATHER_MS = 10;

export class StatusReports {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #report: ((statuses: readonly TenantStatus[]) => void) | undefined;
  readonly #statusesOf: (keys: Iterable<string>) => readonly TenantStatus[];
  readonly #changed = new Set<string>();
  #soon: TimerHandle | undefined;
  #regular: TimerHandle | undefined;
  #isStopped = false;
  /** Every tenant that was reported and is not known to be gone. */
  readonly #known = new Set<string>();

  constructor(
    clock: Clock,
    intervalMs: number,
    report: ((statuses: readonly TenantStatus[]) => void) | undefined,
    statusesOf: (keys: Iterable<string>) => readonly TenantStatus[],
  ) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#report = report;
    this.#statusesOf = statusesOf;
  }

  changed(tenant: string): void {
    if (this.#report === undefined || this.#isStopped) return;
    this.#changed.add(tenant);
    this.#soon ??= startTimer(this.#clock, () => this.#tell(this.#changed), GATHER_MS);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of [this.#soon, this.#regular]) if (timer !== undefined) this.#clock.clearTimeout(timer);
  }

  #tell(keys: ReadonlySet<string>): void {
    const statuses = this.#statusesOf(keys);
    for (const { tenant, state } of statuses) {
      if (state === 'ABSENT') this.#known.delete(tenant);
      else this.#known.add(tenant);
    }
    this.#changed.clear();
    for (const timer of [this.#soon, this.#regular]) if (timer !== undefined) this.#clock.clearTimeout(timer);
    this.#soon = undefined;
    this.#regular =
      this.#known.size === 0 ? undefined : startTimer(this.#clock, () => this.#tell(this.#known), this.#intervalMs);
    try {
      this.#report?.(statuses);
    } catch {
      // Whoever is told must not end the tenants it is told about.
    }
  }
}

function timeText(atMs: number | undefined): string | null {
  const date = new Date(atMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
