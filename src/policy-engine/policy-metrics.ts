/** What an engine counts for its metrics: kept only where there is a meter, read when somebody collects. */

import type { HookRecord } from '../policy/chain/decision.ts';
import { type Direction, phaseName } from '../policy/model/phases.ts';
import { MetricLabels } from '../policy/tenants/metric-labels.ts';
import type { Attributes } from '../telemetry/instruments.ts';
import type { Histogram, HistogramMeter } from '../telemetry/meter.ts';
import type { LoadReport } from './load-report.ts';

/** Tenants with a label of their own; the rest is `other`, so that no number of tenants makes a metric grow without end. */
const MOST_TENANTS = 50;

/** From a microsecond to ten seconds. */
const BUCKETS = [
  0.000_001, 0.000_005, 0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10,
];

/** Units of fuel, up to what a manifest may allow. */
const FUEL_BUCKETS = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/** Counts with their labels. */
export class Series {
  readonly #counts = new Map<string, { readonly attributes: Attributes; value: number }>();

  add(count: number, attributes: Attributes): void {
    const key = Object.values(attributes).join('\n');
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { attributes, value: count });
    else known.value += count;
  }

  values(): IterableIterator<{ readonly attributes: Attributes; readonly value: number }> {
    return this.#counts.values();
  }
}

export class PolicyMetrics {
  readonly executions = new Series();
  readonly failures = new Series();
  readonly skipped = new Series();
  readonly shortCircuits = new Series();
  readonly faults = new Series();
  readonly bodyBytes = new Series();
  readonly refreshes = new Series();
  readonly #labels = new MetricLabels(MOST_TENANTS);
  readonly #duration: Histogram;
  readonly #chainDuration: Histogram;
  readonly #activation: Histogram;
  readonly #fuel: Histogram;

  /** Throws what the meter throws. */
  constructor(meter: HistogramMeter) {
    const histogram = (name: string, description: string): Histogram =>
      meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: BUCKETS } });
    this.#duration = histogram('edict_policy_duration_seconds', 'Time of one hook of a policy');
    this.#chainDuration = histogram(
      'edict_policy_chain_duration_seconds',
      'Time of all hooks of a direction of an exchange',
    );
    this.#activation = histogram('edict_policy_activation_seconds', 'Time of one load of policies');
    this.#fuel = meter.createHistogram('edict_policy_fuel_used', {
      unit: '{unit}',
      description: 'Fuel of one hook, where fuel is counted',
      advice: { explicitBucketBoundaries: FUEL_BUCKETS },
    });
  }

  /** The label of a tenant. */
  tenant(name: string): string {
    if (this.#labels.size < MOST_TENANTS) this.#labels.rank([[name, 1]]);
    return this.#labels.of(name);
  }

  hook(tenant: string, tier: string, record: HookRecord): void {
    const { name: policy, version, phase, outcome, code, skipReason, faultCode, durationUs, fuel } = record;
    const place = { tenant, policy, version, phase: phaseName(phase), tier };
    this.executions.add(1, { ...place, outcome });
    if (code !== undefined) this.failures.add(1, { ...place, code });
    if (outcome === 'immediate') this.shortCircuits.add(1, place);
    if (faultCode !== undefined) this.faults.add(1, { tenant, code: String(faultCode) });
    if (fuel !== undefined) this.#fuel.record(fuel, place);
    if (outcome === 'skipped') this.skipped.add(1, { tenant, policy, version, reason: skipReason ?? 'condition' });
    else this.#duration.record(durationUs / 1_000_000, place);
  }

  disabled(tenant: string, { name: policy, version }: { readonly name: string; readonly version: string }): void {
    this.skipped.add(1, { tenant, policy, version, reason: 'disabled' });
  }

  body(tenant: string, direction: Direction, bytes: number): void {
    if (bytes > 0) this.bodyBytes.add(bytes, { tenant, direction });
  }

  chain(tenant: string, direction: Direction, durationUs: number): void {
    this.#chainDuration.record(durationUs / 1_000_000, { tenant, direction });
  }

  load({ outcome, problems }: Pick<LoadReport, 'outcome' | 'problems'>, seconds: number): void {
    const result = outcome === 'active' && problems.length > 0 ? 'partial' : outcome;
    this.refreshes.add(1, { result });
    this.#activation.record(seconds, { result });
  }
}
