/** The events of one flag set: each batch taken once, each event checked, counted, kept for a while and passed on. */

import type { JsonObject } from '../../internal/json.ts';
import type { SafeLogger } from '../../telemetry/logger.ts';
import { BatchMemory } from './batch-memory.ts';
import { EventLog } from './event-log.ts';
import type { UsageEvent } from './usage-event.ts';
import { readUsageEvent, usageEventText } from './usage-event.ts';

/** An event as the relay keeps it. */
export interface CollectedEvent {
  /** Name of the flag set whose key sent it; `default` where there are no named ones. */
  readonly flagSet: string;
  /** The `Edict-Batch-Id` it came with. */
  readonly batchId: string | undefined;
  readonly event: UsageEvent;
}

/** Which events to give; every member that is present has to fit. */
export interface EventFilter {
  readonly flagSet?: string;
  readonly kind?: UsageEvent['kind'];
  readonly key?: string;
  readonly userKey?: string;
  readonly batchId?: string;
  /** Feature events only have one. */
  readonly source?: string;
}

/** What became of the events. `received` is the sum of the four members after it. */
export interface EventCounts {
  /** Events of requests that were answered 200. */
  readonly received: number;
  readonly feature: number;
  readonly tracking: number;
  /** Dropped for a wrong field type. */
  readonly rejected: number;
  /** Dropped because their batch had been received before. */
  readonly duplicates: number;
  /** Evaluations that this relay recorded itself. */
  readonly recorded: number;
  /** Accepted events that are not kept any more. */
  readonly evicted: number;
}

/** Where accepted events go on to. */
export interface EventSink {
  /** Takes an event with its JSON text. Must not throw, and must not make the sender wait. */
  take(event: UsageEvent, text: string): void;
}

/** What is kept of one flag set's events, however large each is. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** A batch is repeated within seconds; by the time this many others have come, nobody repeats it. */
const MAX_BATCH_IDS = 10_000;

export class Collector {
  readonly #flagSet: string;
  readonly #sinks: readonly EventSink[];
  readonly #logger: Pick<SafeLogger, 'warn'>;
  readonly #log: EventLog<CollectedEvent>;
  readonly #batches = new BatchMemory(MAX_BATCH_IDS);
  readonly #counts = { received: 0, feature: 0, tracking: 0, rejected: 0, duplicates: 0, recorded: 0 };

  constructor(options: {
    readonly flagSet: string;
    readonly maxStoredEvents: number;
    readonly sinks: readonly EventSink[];
    readonly logger: Pick<SafeLogger, 'warn'>;
  }) {
    this.#flagSet = options.flagSet;
    this.#sinks = options.sinks;
    this.#logger = options.logger;
    this.#log = new EventLog({ capacity: options.maxStoredEvents, maxBytes: MAX_KEPT_BYTES });
  }

  /** Takes the events of one request. Wrong ones are dropped with one log line; a batch seen before is dropped whole. */
  collect(events: readonly JsonObject[], meta: JsonObject | undefined, batchId: string | undefined): void {
    this.#counts.received += events.length;
    if (batchId !== undefined && this.#batches.hasSeen(batchId)) {
      this.#counts.duplicates += events.length;
      return;
    }
    const problems: string[] = [];
    let cutDates = 0;
    for (const [at, raw] of events.entries()) {
      const read = readUsageEvent(raw, meta);
      if ('problem' in read) {
        problems.push(`event ${at}: ${read.problem}`);
        continue;
      }
      if (read.wasMilliseconds) cutDates += 1;
      this.#counts[read.event.kind] += 1;
      this.#accept(read.event, batchId);
    }
    this.#counts.rejected += problems.length;
    if (problems.length > 0) {
      this.#logger.warn(`collector: ${problems.length} of ${events.length} events dropped; ${problems[0]}`);
    }
    if (cutDates > 0) {
      this.#logger.warn(
        `collector: "creationDate" in milliseconds cut to seconds, in ${cutDates} of ${events.length} events`,
      );
    }
  }

  /** Takes an evaluation that this relay made. */
  record(event: UsageEvent): void {
    this.#counts.recorded += 1;
    this.#accept(event, undefined);
  }

  /** Oldest first. */
  events(filter: EventFilter): CollectedEvent[] {
    return [...this.#log.entries()].filter((collected) => fits(collected, filter));
  }

  counts(): EventCounts {
    return { ...this.#counts, evicted: this.#log.evicted };
  }

  /** Forgets the events that are kept; counts and batch ids stay. */
  clear(): void {
    this.#log.clear();
  }

  #accept(event: UsageEvent, batchId: string | undefined): void {
    const text = usageEventText(event);
    this.#log.add({ flagSet: this.#flagSet, batchId, event }, text.length);
    for (const sink of this.#sinks) sink.take(event, text);
  }
}

function fits({ flagSet, batchId, event }: CollectedEvent, filter: EventFilter): boolean {
  const facts: EventFilter = {
    flagSet,
    kind: event.kind,
    key: event.key,
    userKey: event.userKey,
    ...(batchId !== undefined && { batchId }),
    ...(event.kind === 'feature' && { source: event.source }),
  };
  return Object.entries(filter).every(
    ([name, wanted]) => wanted === undefined || facts[name as keyof EventFilter] === wanted,
  );
}
