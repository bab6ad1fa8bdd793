/** Usage events: takes evaluations and `track()` calls in, and brings them to the collector without anybody waiting. */

import { EventQueue } from '../internal/event-queue.ts';
import type { JsonValue } from '../internal/json.ts';
import { safeJson } from '../internal/json-safe.ts';
import { holdProcess, startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { CollectorClient, collectorEndpoints } from './collector-client.ts';
import type { EventSubject } from './event-writer.ts';
import { DEFAULT_VARIATION, EventWriter, epochSeconds, trackingEvent, utf8Length } from './event-writer.ts';
import { Ledger, type LedgerFacts } from './ledger.ts';
import { Outage, type OutageFacts } from './outage.ts';
import { Publisher } from './publisher.ts';
import { queueLimits } from './queue-limits.ts';
import type { UsageSink } from './sink.ts';
import { splitSummaryEvent, summaryEvents } from './summary-event.ts';
import { UsageSummary } from './usage-summary.ts';
import { UserKeys } from './user-keys.ts';

/** One evaluation, as it is reported. */
export interface FeatureUsage {
  readonly flagKey: string;
  readonly targetingKey: string | undefined;
  /** `anonymous` of the context is boolean `true`. */
  readonly isAnonymous: boolean;
  /** The resolved value; the caller's default when the evaluation failed. */
  readonly value: JsonValue;
  /** Empty when there was none. */
  readonly variation: string;
  readonly reason: string;
  /** The evaluation failed. */
  readonly isDefault: boolean;
  readonly version: string | undefined;
  readonly source: 'INPROCESS' | 'PROVIDER_CACHE';
}

/** Attributes of whoever did what is tracked, flat; read at once, never changed or kept. */
export type TrackingContext = { readonly [attribute: string]: unknown };

/** What one flush did. `pending` is what waits after it. */
export interface FlushResult {
  readonly sent: number;
  readonly pending: number;
  readonly dropped: number;
}

/** Usage events in diagnostics; accepted = sent + dropped.total + pending, at every moment. */
export type UsageFacts = LedgerFacts &
  OutageFacts & {
    readonly state: 'off' | 'not-started' | 'started' | 'closed';
    readonly pending: number;
    readonly pendingBytes: number;
  };

/** Everything that lives from one `start` to the next `close`. */
interface Life {
  readonly queue: EventQueue;
  readonly summary: UsageSummary | undefined;
  readonly publisher: Publisher;
  readonly sink: UsageSink;
  readonly keys: UserKeys;
  readonly writer: EventWriter;
}

/**
 * Takes usage events in and sends them in batches, at least once each. Nothing here ever waits for the collector but `flush`
 * and `close`; what cannot be kept is dropped by policy and counted.
 *
 * INVARIANT: accepted = sent + dropped + pending, at every moment, over all lives. Of two lives that overlap (a `start` while a
 * `close` is still at work) each has a queue and a sink of its own, so no late answer reaches the other's events.
 *
 * @example
 * const usage = new UsageEvents(options);
 * usage.start();
 * usage.track('order-placed', { targetingKey: 'user-1' }, { value: 29.9 });
 * await usage.close(2_000);
 */
export class UsageEvents {
  readonly #options: ResolvedOptions;
  readonly #givenSink: UsageSink | undefined;
  readonly #isOff: boolean;
  readonly #meta: string;
  readonly #ledger = new Ledger();
  readonly #privateNames: ReadonlySet<string>;
  /** Of the latest life. */
  #outage: Outage;
  #life: Life | undefined;
  /** Lives that are being closed and still hold events. */
  readonly #ending = new Set<Life>();
  #closing: Promise<{ lost: number }> | undefined;
  #wasClosed = false;

  /** Without a sink of your own: the relay's collector, reached through connections that begin with the first event sent. */
  constructor(options: ResolvedOptions, sink?: UsageSink) {
    this.#options = options;
    this.#givenSink = sink;
    this.#isOff = options.disableDataCollection || (sink === undefined && collectorEndpoints(options).length === 0);
    this.#meta = JSON.stringify({ ...options.exporterMetadata, provider: 'javascript', openfeature: true });
    this.#outage = new Outage(options, this.#ledger);
    this.#privateNames = new Set(options.privateAttributes);
  }

  /** Events are accepted from now on. Sends nothing. Does nothing when started, or when there is nobody to send to. */
  start(): void {
    if (this.#life !== undefined || this.#isOff) return;
    this.#life = this.#newLife();
  }

  /** Reports an evaluation. Never throws, never waits; outside of start and close it only counts that it was asked. */
  feature(usage: FeatureUsage): void {
    const life = this.#lifeFor();
    if (life === undefined) return;
    try {
      if (life.summary !== undefined) this.#count(life.summary, usage);
      else this.#addFeature(life, usage);
    } catch {
      this.#dropInvalid();
    }
    this.#wake(life);
  }

  /** Reports what a user did. Never throws, never waits. Context and details are read now and not kept. */
  track(name: string, context: TrackingContext | undefined, details: object | undefined): void {
    const life = this.#lifeFor();
    if (life === undefined) return;
    try {
      const text = this.#trackingText(life, name, context ?? {}, details ?? {});
      if (text === undefined) this.#dropInvalid();
      else this.#offerText(life.queue, text);
    } catch {
      this.#dropInvalid();
    }
    this.#wake(life);
  }

  /**
   * Sends what waits, in one attempt. Never rejects; holds the process until it is done. Until a moment the collector named in
   * Retry-After it sends nothing.
   */
  async flush(): Promise<FlushResult> {
    const life = this.#life;
    const { sent, dropped } = this.#ledger;
    if (life !== undefined) {
      const release = holdProcess(this.#options.clock);
      await life.publisher.flush();
      release();
    }
    return { sent: this.#ledger.sent - sent, pending: this.#pending, dropped: this.#ledger.dropped - dropped };
  }

  /**
   * Accepts nothing more, sends what waits within the deadline, and says in one line of the log how much could not be sent.
   * Twice: the same promise. Never rejects; holds the process until it is done.
   */
  close(deadlineMs: number): Promise<{ lost: number }> {
    this.#wasClosed = true;
    const life = this.#life;
    if (life === undefined) return this.#closing ?? Promise.resolve({ lost: 0 });
    this.#life = undefined;
    this.#ending.add(life);
    const closing = this.#end(life, deadlineMs).finally(() => {
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#closing = closing;
    return closing;
  }

  /** Whether a flush would have something to send. */
  get hasPending(): boolean {
    return this.#pending > 0;
  }

  /** Counters for diagnostics: plain JSON, no event. */
  describe(): UsageFacts {
    const life = this.#life;
    return {
      state: this.#isOff ? 'off' : life !== undefined ? 'started' : this.#wasClosed ? 'closed' : 'not-started',
      ...this.#ledger.describe(),
      pending: this.#pending,
      pendingBytes: life === undefined ? 0 : life.queue.bytes + (life.summary?.bytes ?? 0),
      ...this.#outage.describe(),
    };
  }

  get #pending(): number {
    let pending = 0;
    for (const life of this.#ending) pending += pendingOf(life);
    return this.#life === undefined ? pending : pending + pendingOf(this.#life);
  }

  #newLife(): Life {
    const options = this.#options;
    const { eventMode, maxPendingBytes, maxBatchBytes } = options;
    const envelopeBytes = utf8Length(`{"meta":${this.#meta},"events":[]}`);
    const queue = new EventQueue(queueLimits(options), this.#ledger, envelopeBytes, splitSummaryEvent);
    const summary = eventMode === 'summary' ? new UsageSummary(Math.floor(maxPendingBytes / 4)) : undefined;
    const sink = this.#givenSink ?? new CollectorClient(options);
    const outage = new Outage(options, this.#ledger);
    this.#outage = outage;
    const takeCounts = (): void => {
      if (summary === undefined || summary.total === 0) return;
      const { counts, period } = summary.take();
      queue.hold(summaryEvents(counts, period, this.#now(), maxBatchBytes - envelopeBytes));
    };
    const publisher = new Publisher(options, {
      queue,
      sink,
      outage,
      ledger: this.#ledger,
      meta: this.#meta,
      countsWaiting: () => summary?.size ?? 0,
      takeCounts,
    });
    return { queue, summary, publisher, sink, keys: new UserKeys(options), writer: new EventWriter() };
  }

  /** The life that takes an event; without one the event is counted and forgotten. */
  #lifeFor(): Life | undefined {
    if (this.#life === undefined && !this.#isOff) this.#ledger.reject(this.#wasClosed ? 'afterClose' : 'beforeStart');
    return this.#life;
  }

  /** A clock of the caller's may throw; the interval is still there. */
  #wake({ publisher }: Life): void {
    try {
      publisher.wake();
    } catch {
      this.#options.logger.debug('the clock refused a timer');
    }
  }

  #offerText(queue: EventQueue, text: string): void {
    const bytes = Buffer.from(text);
    queue.offer(bytes, bytes.length);
  }

  #addFeature({ queue, keys, writer }: Life, usage: FeatureUsage): void {
    if (!keys.isSampled(usage.targetingKey)) {
      this.#ledger.reject('sampledOut');
      return;
    }
    const size = writer.feature(this.#subject(keys, usage.targetingKey, usage.isAnonymous), usage);
    if (size === undefined) this.#dropInvalid();
    else queue.offer(writer.bytes, size);
  }

  #count(summary: UsageSummary, { flagKey, variation, reason, isDefault }: FeatureUsage): void {
    summary.add(
      { flagKey: `${flagKey}`, variation: variation || DEFAULT_VARIATION, reason: `${reason}`, isDefault },
      this.#now(),
    );
    this.#ledger.accepted++;
  }

  #trackingText({ keys }: Life, name: string, context: TrackingContext, details: object): string | undefined {
    if (typeof name !== 'string' || Array.isArray(context) || Array.isArray(details)) return undefined;
    const { targetingKey } = context;
    const shownContext = safeJson(context, (member, value) => {
      if (this.#privateNames.has(member)) return undefined;
      if (member !== 'targetingKey') return value;
      // What is no text is no key, and could not be hidden.
      return typeof value === 'string' ? keys.hidden(value) : undefined;
    });
    const shownDetails = safeJson(details);
    if (!('text' in shownContext) || !('text' in shownDetails)) return undefined;
    const subject = this.#subject(keys, targetingKey, context.anonymous === true);
    return trackingEvent(subject, name, shownContext.text, shownDetails.text);
  }

  #subject(keys: UserKeys, targetingKey: unknown, isAnonymous: boolean): EventSubject {
    return { userKey: keys.shown(targetingKey), isAnonymous, creationDate: this.#now() };
  }

  /** Epoch seconds. */
  #now(): number {
    return epochSeconds(this.#options.clock.now());
  }

  #dropInvalid(): void {
    this.#ledger.accepted++;
    this.#ledger.drop('invalid', 1);
  }

  async #end(life: Life, deadlineMs: number): Promise<{ lost: number }> {
    const { clock, logger } = this.#options;
    if (pendingOf(life) > 0) {
      // Without a limit of its own: one that ran out together with the deadline would end the process before the loss is counted.
      const release = holdProcess(clock);
      let timer: unknown;
      const deadline = new Promise<void>((resolve) => {
        timer = startTimer(clock, resolve, deadlineMs);
      });
      await Promise.race([life.publisher.finish(), deadline]).finally(release);
      clock.clearTimeout(timer);
    }
    life.publisher.stop();
    const lost = this.#abandon(life);
    if (lost > 0) logger.warn(`closed with ${lost} usage events unsent; they are lost`);
    if (this.#givenSink === undefined) await life.sink.close?.().catch(() => undefined);
    return { lost };
  }

  #abandon({ queue, summary, keys }: Life): number {
    const counted = summary?.total ?? 0;
    summary?.clear();
    this.#ledger.drop('closed', counted);
    keys.clear();
    return counted + queue.abandon();
  }
}

function pendingOf({ queue, summary }: Life): number {
  return queue.pending + (summary?.total ?? 0);
}
