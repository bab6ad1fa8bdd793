/** What an engine tells of itself while it works: metrics, spans and channels, each only where somebody asked for it. */

import type { Chain } from '../policy/chain/chain.ts';
import type { HookRecord } from '../policy/chain/decision.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import { phaseName } from '../policy/model/phases.ts';
import { isHeard, type PolicyCall, publish } from '../telemetry/channels.ts';
import { Instruments } from '../telemetry/instruments.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import type { HistogramMeter } from '../telemetry/meter.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import { ExchangeSpans } from './exchange-spans.ts';
import { ExchangeWatch } from './exchange-watch.ts';
import type { LoadReport } from './load-report.ts';
import type { ModuleStatus } from './module-status.ts';
import { type EngineFacts, POLICY_METRIC_ROWS } from './policy-metric-rows.ts';
import { PolicyMetrics } from './policy-metrics.ts';

export interface EngineTelemetryOptions {
  readonly meter: HistogramMeter | undefined;
  readonly tracer: Tracer | undefined;
  readonly logger: Pick<SafeLogger, 'warn'>;
  /** Milliseconds from any origin, with fractions. */
  readonly monotonic: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly modules: () => readonly ModuleStatus[];
  /** Read once a collection. */
  readonly facts: () => Omit<EngineFacts, 'metrics' | 'ageMs'>;
}

/** Methods never throw: meter and tracer are a caller's objects. */
export class EngineTelemetry {
  readonly #options: EngineTelemetryOptions;
  readonly #metrics: PolicyMetrics | undefined;
  readonly #instruments: Instruments<EngineFacts> | undefined;
  #tiers: ReadonlyMap<string, string> | undefined;
  #servingSince: number | undefined;
  #isBroken = false;

  constructor(options: EngineTelemetryOptions) {
    this.#options = options;
    const { meter, logger } = options;
    if (meter === undefined) return;
    const metrics = this.#safely(() => new PolicyMetrics(meter));
    if (metrics === undefined) return;
    this.#metrics = metrics;
    const facts = (): EngineFacts => ({ ...options.facts(), metrics, ageMs: this.#ageMs() });
    this.#instruments = new Instruments(meter, POLICY_METRIC_ROWS, facts, logger);
    this.#instruments.register();
  }

  /** Follows one exchange; undefined where nobody would be told of it. */
  watch(chain: Chain, facts: ExchangeFacts): ExchangeWatch | undefined {
    const metrics = this.#metrics;
    const { tracer } = this.#options;
    if (metrics === undefined && tracer === undefined) return undefined;
    return this.#safely(() => {
      const spans = tracer === undefined ? undefined : this.#spans(tracer, facts);
      const tenant = metrics?.tenant(facts.tenant) ?? facts.tenant;
      for (const position of chain.disabled) {
        metrics?.disabled(tenant, position.policy);
        spans?.disabled(position);
      }
      return new ExchangeWatch(metrics, spans, tenant, this.tierOf, (work) => void this.#safely(work));
    });
  }

  /** A request that no chain could serve. */
  refused(facts: ExchangeFacts, status: number, errorId: string | undefined): void {
    const { tracer } = this.#options;
    if (tracer !== undefined) this.#safely(() => this.#spans(tracer, facts).end('no_policy_chain', status, errorId));
  }

  /** A body that asks for nothing that is declared. */
  unresolved(facts: ExchangeFacts): void {
    const { tracer } = this.#options;
    if (tracer !== undefined) this.#safely(() => this.#spans(tracer, facts).end('resolution_failed', 404, undefined));
  }

  /** A load ended. `beganAt`: by the monotonic clock. */
  loaded(report: LoadReport, beganAt: number): void {
    const { outcome, revision, problems, routes } = report;
    const { monotonic } = this.#options;
    this.#tiers = undefined;
    if (outcome === 'active') this.#servingSince = monotonic();
    this.#safely(() => this.#metrics?.load(report, (monotonic() - beganAt) / 1_000));
    if (!isHeard('edict:policy:swap')) return;
    const counts = { active: 0, kept: 0, closed: 0 };
    for (const each of routes.values()) counts[each]++;
    publish('edict:policy:swap', { outcome, revision, problems: problems.length, routes: counts });
  }

  close(): void {
    this.#instruments?.remove();
  }

  readonly tierOf = (name: string, version: string): string => {
    this.#tiers ??= new Map(this.#options.modules().map((one) => [`${one.name}@${one.version}`, one.tier]));
    return this.#tiers.get(`${name}@${version}`) ?? 'native';
  };

  #spans(tracer: Tracer, facts: ExchangeFacts): ExchangeSpans {
    const { now, monotonic } = this.#options;
    const origin = now() - monotonic();
    return new ExchangeSpans({ tracer, facts, now: () => origin + monotonic(), tierOf: this.tierOf });
  }

  #ageMs(): number | undefined {
    return this.#servingSince === undefined ? undefined : this.#options.monotonic() - this.#servingSince;
  }

  #safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (caught) {
      if (!this.#isBroken) this.#options.logger.warn(`a meter or tracer threw: ${String(caught)}`);
      this.#isBroken = true;
      return undefined;
    }
  }
}

/** One hook on the channels; costs two property reads where nobody listens. */
export function publishHook(record: HookRecord, { tenant, routeName }: ExchangeFacts): void {
  const isFailure = record.outcome === 'failed';
  if (!isHeard('edict:policy:call') && !(isFailure && isHeard('edict:policy:failure'))) return;
  const { name: policy, version, position, phase, outcome, code, durationUs } = record;
  const call: PolicyCall = {
    tenant,
    route: routeName,
    policy,
    version,
    position,
    phase: phaseName(phase),
    outcome,
    code,
    durationUs,
  };
  publish('edict:policy:call', call);
  if (isFailure) publish('edict:policy:failure', call);
}
