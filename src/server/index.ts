/**
 * A relay for development, tests and single-node use, with the wire contract of GO Feature Flag's relay proxy.
 *
 * @example
 * const relay = await createRelay({ flagFiles: ['flags.yaml'], port: 0 });
 * const evaluator = new InProcessEvaluator({ endpoint: relay.url });
 * await relay.close();
 */

import { InProcessEvaluator } from '../evaluator/in-process-evaluator.ts';
import type { RelayOptions } from './options.ts';
import type { Relay } from './relay.ts';
import { startRelay } from './relay.ts';

export type { CollectedEvent, EventCounts, EventFilter } from './collector/collector.ts';
export type { FeatureEvent, TrackingEvent, UsageEvent } from './collector/usage-event.ts';
export type { RelayEvent } from './event-reporter.ts';
export type {
  ExporterOption,
  FileExporterOption,
  LogExporterOption,
  WebhookExporterOption,
} from './exporters/exporter-options.ts';
export type { FaultInForce, RelayFaults, SeenRequest } from './faults/fault-board.ts';
export type { FaultRoute } from './faults/fault-routes.ts';
export type { FlagFileOption, FlagSetOption, FlagUrlOption } from './flag-set-options.ts';
export type { FlagMap } from './memory-source.ts';
export type { RelayOptions } from './options.ts';
export type { Relay } from './relay.ts';

/**
 * Starts a relay and resolves when it answers. It listens on `127.0.0.1` unless told otherwise, and evaluates with the
 * same evaluator as the clients it feeds.
 *
 * Rejects with an `EdictError`: `INVALID_OPTION`, `INVALID_FLAG_FILE` when a flag file cannot be read at start,
 * `LISTEN_FAILED` when the port is taken.
 */
export function createRelay(options: RelayOptions): Promise<Relay> {
  return startRelay(options, async (document, logger) => {
    const evaluator = new InProcessEvaluator({ bootstrap: document, logger });
    await evaluator.initialize();
    return evaluator;
  });
}
