/** Writes events to the relay's log, a line each. */

import { canonicalJson, canonicalString } from '../../internal/canonical-json.ts';
import type { SafeLogger } from '../../telemetry/logger.ts';
import type { EventSink } from '../collector/collector.ts';
import type { UsageEvent } from '../collector/usage-event.ts';

export class LogExporter implements EventSink {
  readonly #logger: Pick<SafeLogger, 'info'>;

  constructor(logger: Pick<SafeLogger, 'info'>) {
    this.#logger = logger;
  }

  take(event: UsageEvent): void {
    const who = `[${dateOf(event.creationDate)}] user=${canonicalString(event.userKey)}`;
    const key = canonicalString(event.key);
    this.#logger.info(
      event.kind === 'feature'
        ? `${who}, flag=${key}, value=${quoted(event.value)}`
        : `${who}, event=${key}, details=${canonicalJson(event.trackingEventDetails)}`,
    );
  }
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? canonicalString(value) : `"${canonicalJson(value)}"`;
}

/** RFC 3339 in whole seconds; a number that no calendar holds stays a number. */
function dateOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z');
}
