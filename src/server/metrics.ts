/** What the relay counts, under the names that dashboards for GO Feature Flag's relay know. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { FlagChange } from './flag-change.ts';

/** Bucket borders in seconds: answers here take from a fraction of a millisecond up to a large compressed body. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * The counters of one relay. The registry is its own, so that several relays in one process count apart and the host's
 * default registry stays untouched. Label values are flag keys in force and route patterns, never text of a request.
 */
export class RelayMetrics {
  readonly #registry = new Registry();
  readonly #flagEvaluations: Counter<'flag_name'>;
  readonly #allFlagEvaluations: Counter;
  readonly #allFlagEvaluationsByFlag: Counter<'flag_name'>;
  readonly #flagConfigurations: Counter;
  readonly #collected: Counter;
  readonly #manifests: Counter;
  readonly #exports: Record<'exported' | 'dropped', Counter<'exporter'>>;
  readonly #forcedRefreshes: Counter;
  readonly #flagChanges: Counter;
  readonly #changes: Record<'create' | 'delete' | 'update', { total: Counter; byFlag: Counter<'flag_name'> }>;
  readonly #invalidFlags: Counter;
  readonly #sourceFailures: Counter;
  readonly #policyDecisions: Counter;
  readonly #policyStatuses: Counter<'outcome'>;
  readonly #requestDuration: Histogram<'code' | 'method' | 'url'>;

  constructor(facts: { streams(): number; invalidFlags(): number }) {
    const registers = [this.#registry];
    const counter = (name: string, help: string): Counter =>
      new Counter({ name: `gofeatureflag_${name}`, help, registers });
    const counterByFlag = (name: string, help: string): Counter<'flag_name'> =>
      new Counter({ name: `gofeatureflag_${name}`, help, labelNames: ['flag_name'], registers });
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name: `gofeatureflag_${name}`,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };

    this.#flagEvaluations = counterByFlag('flag_evaluations_total', 'Single evaluations, by flag.');
    this.#allFlagEvaluations = counter('all_flag_evaluations_total', 'Bulk evaluations.');
    this.#allFlagEvaluationsByFlag = counterByFlag(
      'all_flags_evaluations_total_with_flag',
      'Evaluations inside bulk evaluations, by flag.',
    );
    this.#flagConfigurations = counter('flag_configuration_total', 'Requests for the flag configuration.');
    this.#collected = counter('collect_eval_data_total', 'Events that the collector received.');
    this.#manifests = counter('get_manifest_total', 'Requests for the manifest.');
    const counterByExporter = (name: string, help: string): Counter<'exporter'> =>
      new Counter({ name: `gofeatureflag_${name}`, help, labelNames: ['exporter'], registers });
    this.#exports = {
      exported: counterByExporter('exported_events_total', 'Events that exporters delivered, by kind of exporter.'),
      dropped: counterByExporter('export_dropped_events_total', 'Events that exporters gave up, by kind of exporter.'),
    };
    this.#forcedRefreshes = counter('force_refresh', 'Reloads that were asked for.');
    this.#flagChanges = counter('flag_changes_total', 'Changes of the flag set.');
    this.#changes = {
      create: {
        total: counter('flag_create_total', 'Flags created.'),
        byFlag: counterByFlag('flag_create', 'Flags created, by flag.'),
      },
      delete: {
        total: counter('flag_delete_total', 'Flags deleted.'),
        byFlag: counterByFlag('flag_delete', 'Flags deleted, by flag.'),
      },
      update: {
        total: counter('flag_update_total', 'Flags updated.'),
        byFlag: counterByFlag('flag_update', 'Flags updated, by flag.'),
      },
    };
    this.#invalidFlags = counter('invalid_flags_total', 'Flags refused when a source was read.');
    this.#sourceFailures = counter('source_failures_total', 'Times a source of flags stopped being readable.');
    // GO Feature Flag's relay knows no policies, so these have no name of its to keep.
    this.#policyDecisions = new Counter({
      name: 'edict_policy_decisions_total',
      help: 'Decision events that engines sent.',
      registers,
    });
    this.#policyStatuses = new Counter({
      name: 'edict_policy_status_total',
      help: 'Reports of engines on configurations, by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    gauge('invalid_flags', 'Flags that are left out at the moment.', facts.invalidFlags);
    gauge('stream_clients', 'Open change streams.', facts.streams);
    this.#requestDuration = new Histogram({
      name: 'gofeatureflag_request_duration_seconds',
      help: 'Time from the request head to the end of the answer, by status, method and route.',
      labelNames: ['code', 'method', 'url'],
      buckets: DURATION_BUCKETS,
      registers,
    });
  }

  countEvaluation(flagKey: string): void {
    this.#flagEvaluations.inc({ flag_name: flagKey });
  }

  countBulkEvaluation(flagKeys: Iterable<string>): void {
    this.#allFlagEvaluations.inc();
    for (const key of flagKeys) this.#allFlagEvaluationsByFlag.inc({ flag_name: key });
  }

  countConfiguration(): void {
    this.#flagConfigurations.inc();
  }

  countCollected(events: number): void {
    this.#collected.inc(events);
  }

  countManifest(): void {
    this.#manifests.inc();
  }

  countExport(exporter: string, outcome: 'exported' | 'dropped', events: number): void {
    this.#exports[outcome].inc({ exporter }, events);
  }

  countForcedRefresh(): void {
    this.#forcedRefreshes.inc();
  }

  countPolicyDecisions(events: number): void {
    this.#policyDecisions.inc(events);
  }

  /** The outcome is one of a report's few. */
  countPolicyStatus(outcome: string): void {
    this.#policyStatuses.inc({ outcome });
  }

  countInvalidFlag(): void {
    this.#invalidFlags.inc();
  }

  countSourceFailure(): void {
    this.#sourceFailures.inc();
  }

  countChange(change: FlagChange): void {
    this.#flagChanges.inc();
    for (const [kind, flags] of [
      ['create', change.added],
      ['delete', change.deleted],
      ['update', change.updated],
    ] as const) {
      this.#changes[kind].total.inc(flags.size);
      for (const key of flags.keys()) this.#changes[kind].byFlag.inc({ flag_name: key });
    }
  }

  observeRequest(
    facts: { readonly code: number; readonly method: string; readonly url: string },
    seconds: number,
  ): void {
    this.#requestDuration.observe({ code: facts.code, method: facts.method, url: facts.url }, seconds);
  }

  /** The Prometheus text with its media type. */
  async text(): Promise<{ readonly text: string; readonly contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }
}
