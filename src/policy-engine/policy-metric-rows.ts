/** Which facts of an engine become which instruments; docs/observability.md is checked against it. */

import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import type { InstrumentRow, Put } from '../telemetry/instruments.ts';
import type { EngineStatus } from './engine-status.ts';
import type { PolicyMetrics, Series } from './policy-metrics.ts';

/** What one collection reads. */
export interface EngineFacts {
  readonly status: EngineStatus;
  readonly metrics: PolicyMetrics;
  /** Undefined where no policy asked for a worker. */
  readonly workers: { readonly spares: number; readonly stopped: number } | undefined;
  /** What the registry of tenants tells of itself. */
  readonly registry: JsonObject;
  /** Undefined where no decision event is made. */
  readonly decisions: JsonObject | undefined;
  /** Since what serves was loaded; undefined before. */
  readonly ageMs: number | undefined;
}

type Row = InstrumentRow<EngineFacts>;

function row(kind: Row['kind'], name: string, unit: string, description: string, observe: Row['observe']): Row {
  return { kind, name: `edict_policy_${name}`, unit, description, observe };
}

function counter(name: string, unit: string, description: string, of: (metrics: PolicyMetrics) => Series): Row {
  return row('counter', name, unit, description, ({ metrics }, put) => {
    for (const { attributes, value } of of(metrics).values()) put(value, attributes);
  });
}

/** A number of each tenant, under the tenant's label; those without one of their own are added up. */
function byTenant(values: Iterable<readonly [tenant: string, value: number]>, metrics: PolicyMetrics, put: Put): void {
  const sums = new Map<string, number>();
  for (const [tenant, value] of values) {
    const label = metrics.tenant(tenant);
    sums.set(label, (sums.get(label) ?? 0) + value);
  }
  for (const [tenant, value] of sums) put(value, { tenant });
}

/** What modules hold, for each module and tenant. */
function places({ status }: EngineFacts) {
  return status.modules.flatMap(({ tenants }) => Object.entries(tenants));
}

/** The numbers of an object, by name. */
function numbersOf(value: JsonValue | undefined): [name: string, value: number][] {
  const all = isJsonObject(value) ? Object.entries(value) : [];
  return all.filter((one): one is [string, number] => typeof one[1] === 'number');
}

function counted(name: string, description: string, member: string): Row {
  return row('counter', name, '{tenant}', description, ({ registry }, put) => put(Number(registry[member] ?? 0)));
}

export const POLICY_METRIC_ROWS: readonly Row[] = [
  counter('executions_total', '{call}', 'Hooks of policies, by how they ended', (m) => m.executions),
  counter('failures_total', '{failure}', 'Hooks that failed, by code', (m) => m.failures),
  counter('skipped_total', '{call}', 'Hooks that were not called, or whose answer has no place', (m) => m.skipped),
  counter('short_circuits_total', '{answer}', 'Answers of policies in place of the upstream', (m) => m.shortCircuits),
  counter('faults_total', '{fault}', 'Answers of policies that are faults, by their code', (m) => m.faults),
  counter('body_bytes_total', 'By', 'Bytes of bodies that policies saw', (m) => m.bodyBytes),
  counter('config_refresh_total', '{load}', 'Loads of policies, by result', (m) => m.refreshes),
  row('counter', 'slot_replacements_total', '{store}', 'Stores made in place of others', (facts, put) => {
    const sum = (of: 'poisoned' | 'recycled'): number => places(facts).reduce((all, [, one]) => all + one[of], 0);
    put(sum('poisoned'), { reason: 'poisoned' });
    put(sum('recycled'), { reason: 'recycled' });
  }),
  row('counter', 'worker_terminations_total', '{worker}', 'Workers that were ended', ({ workers }, put) => {
    if (workers !== undefined) put(workers.stopped);
  }),
  counted('reaped_total', 'Tenants that left memory because nobody asked for them', 'reaped'),
  counted('evicted_total', 'Tenants that left memory because room was needed', 'evicted'),
  row('counter', 'decisions_dropped_total', '{event}', 'Decision events that are not sent', ({ decisions }, put) => {
    for (const [reason, value] of numbersOf(decisions?.dropped)) if (reason !== 'total') put(value, { reason });
  }),
  row('gauge', 'decisions_pending', '{event}', 'Decision events that wait', ({ decisions }, put) => {
    if (typeof decisions?.pending === 'number') put(decisions.pending);
  }),
  row('gauge', 'virtual_instances', '{tenant}', 'Tenants, by their state', ({ registry }, put) => {
    for (const [state, value] of numbersOf(registry.states)) put(value, { state });
  }),
  row('gauge', 'worker_spares', '{worker}', 'Workers that wait to take over', ({ workers }, put) => {
    if (workers !== undefined) put(workers.spares);
  }),
  row('gauge', 'chains_loaded', '{chain}', 'Routes that serve', ({ status, metrics }, put) => {
    const serving = status.routes.filter(({ refusal }) => refusal === undefined);
    byTenant(
      serving.map(({ tenant }) => [tenant, 1]),
      metrics,
      put,
    );
  }),
  row('gauge', 'policies_per_chain', '{policy}', 'Positions of the longest chain', ({ status, metrics }, put) => {
    const longest = new Map<string, number>();
    for (const { tenant, positions } of status.routes) {
      const label = metrics.tenant(tenant);
      longest.set(label, Math.max(longest.get(label) ?? 0, positions.length));
    }
    for (const [tenant, value] of longest) put(value, { tenant });
  }),
  row('gauge', 'active_streams', '{exchange}', 'Exchanges that are under way', ({ status, metrics }, put) => {
    byTenant(
      status.routes.map(({ tenant, exchanges }) => [tenant, exchanges]),
      metrics,
      put,
    );
  }),
  row('gauge', 'slots', '{slot}', 'Places for stores, and those whose store was lost', (facts, put) => {
    const all = places(facts);
    put(
      all.reduce((sum, [, { slots }]) => sum + slots, 0),
      { state: 'leased' },
    );
    put(
      all.reduce((sum, [, { stores }]) => sum + stores, 0),
      { state: 'filled' },
    );
  }),
  row('gauge', 'instances', '{instance}', 'Instances in use, by scope', ({ status }, put) => {
    const scopes = new Map<string, Set<string>>();
    for (const { positions } of status.routes) {
      for (const { scope, signature } of positions) {
        const known = scopes.get(scope) ?? new Set<string>();
        scopes.set(scope, known.add(signature));
      }
    }
    for (const [scope, signatures] of scopes) put(signatures.size, { scope });
  }),
  row('gauge', 'instances_leaked', '{instance}', 'Instances that live and that nothing refers to', ({ status }, put) =>
    put(status.instances.live - status.instances.referenced),
  ),
  row('gauge', 'memory_bytes', 'By', 'Linear memory of modules on this thread', (facts, put) =>
    byTenant(
      places(facts).map(([tenant, { memoryBytes }]) => [tenant, memoryBytes]),
      facts.metrics,
      put,
    ),
  ),
  row('gauge', 'config_age_seconds', 's', 'Time since what serves was loaded', ({ ageMs }, put) => {
    if (ageMs !== undefined) put(ageMs / 1_000);
  }),
];
