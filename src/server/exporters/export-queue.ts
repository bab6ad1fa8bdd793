/**
 * Events on their way out: collected into batches, one batch under way at a time, tried again with backoff, bounded.
 *
 * Where a destination is down for long, the oldest events leave and are counted; whoever sends events never waits.
 */

import type { Clock, TimerHandle } from '../../options/clock.ts';
import { startTimer } from '../../options/clock.ts';
import { backoff } from '../../relay/backoff.ts';
import type { SafeLogger } from '../../telemetry/logger.ts';
import type { EventSink } from '../collector/collector.ts';
import type { UsageEvent } from '../collector/usage-event.ts';

/** The destination will never take this batch; the message says why. Every other error is tried again. */
export class BatchRefused extends Error {}

/** Where and when: the parts of a queue that the relay gives to each. */
export interface ExportPorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Pick<SafeLogger, 'warn' | 'info'>;
  /** Told how many events arrived or were given up. */
  readonly onOutcome: (exporter: string, outcome: 'exported' | 'dropped', events: number) => void;
}

export interface ExportQueueOptions extends ExportPorts {
  /** The exporter's kind, for metrics. */
  readonly kind: string;
  /** Names the destination in the log. */
  readonly label: string;
  /** Takes a batch of JSON texts to its destination; rejects when it did not arrive, or when the signal says stop. */
  readonly send: (texts: readonly string[], signal: AbortSignal) => Promise<void>;
  /** How long the first event of a batch waits for others, in milliseconds. */
  readonly flushIntervalMs: number;
  readonly maxBatchEvents: number;
  readonly maxQueuedEvents: number;
}

/** The text that waits, whatever the number of events. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** A batch is closed at this size, so that a destination with a usual body limit takes it. */
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_BACKOFF_MS = 30_000;

export class ExportQueue implements EventSink {
  readonly #options: ExportQueueOptions;
  readonly #stop = new AbortController();
  #waiting: string[] = [];
  #bytes = 0;
  #timer: TimerHandle | undefined;
  #sending: Promise<void> | undefined;
  #failures = 0;
  #hasToldDrop = false;
  #isClosed = false;

  constructor(options: ExportQueueOptions) {
    this.#options = options;
  }

  take(_event: UsageEvent, text: string): void {
    if (this.#isClosed) {
      this.#countDropped(1);
      return;
    }
    this.#waiting.push(text);
    this.#bytes += text.length;
    this.#keepBounds();
    this.#schedule();
  }

  /** Sends what waits now, without waiting for more; resolves when it arrived, or when one batch failed. */
  flush(): Promise<void> {
    this.#cancelTimer();
    this.#sending ??= this.#sendBatches().finally(() => {
      this.#sending = undefined;
      this.#schedule();
    });
    return this.#sending;
  }

  /** One last attempt for what waits, inside the deadline; the rest is counted as dropped and told. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { clock } = this.#options;
    const deadline = startTimer(clock, () => this.#stop.abort(), deadlineMs);
    // What is under way may fail on its own; the attempt after it is the last one.
    await this.#sending;
    await this.flush();
    clock.clearTimeout(deadline);
    this.#cancelTimer();
    const lost = this.#waiting.length;
    this.#waiting = [];
    if (lost === 0) return;
    this.#countDropped(lost);
    this.#options.logger.warn(`${this.#options.label}: ${lost} events were not exported before the end`);
  }

  async #sendBatches(): Promise<void> {
    const { label, logger, onOutcome, kind } = this.#options;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#takeBatch();
      try {
        await this.#options.send(batch, this.#stop.signal);
      } catch (caught) {
        const reason = caught instanceof Error ? caught.message : String(caught);
        if (caught instanceof BatchRefused) {
          this.#countDropped(batch.length);
          logger.warn(`${label}: ${batch.length} events dropped: ${reason}`);
          continue;
        }
        this.#failures += 1;
        if (this.#failures === 1) logger.warn(`${label}: ${reason}; tried again with growing delays`);
        this.#putBack(batch);
        return;
      }
      onOutcome(kind, 'exported', batch.length);
      if (this.#failures > 0) logger.info(`${label}: takes events again`);
      this.#failures = 0;
      this.#hasToldDrop = false;
    }
  }

  #takeBatch(): string[] {
    let count = 0;
    let bytes = 0;
    for (const text of this.#waiting) {
      if (count === this.#options.maxBatchEvents || (count > 0 && bytes + text.length > MAX_BATCH_BYTES)) break;
      count += 1;
      bytes += text.length;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** A failed batch goes back to the head: events arrive in their order. */
  #putBack(batch: readonly string[]): void {
    this.#waiting = [...batch, ...this.#waiting];
    for (const text of batch) this.#bytes += text.length;
    this.#keepBounds();
  }

  #keepBounds(): void {
    let count = 0;
    while (this.#waiting.length - count > this.#options.maxQueuedEvents || this.#bytes > MAX_QUEUED_BYTES) {
      this.#bytes -= this.#waiting[count]?.length ?? 0;
      count += 1;
    }
    if (count === 0) return;
    this.#waiting.splice(0, count);
    this.#countDropped(count);
    if (this.#hasToldDrop) return;
    this.#hasToldDrop = true;
    this.#options.logger.warn(`${this.#options.label}: too many events wait; the oldest are dropped`);
  }

  #schedule(): void {
    const { clock, random, flushIntervalMs, maxBatchEvents } = this.#options;
    if (this.#isClosed || this.#sending !== undefined || this.#waiting.length === 0) return;
    if (this.#failures > 0) {
      this.#timer ??= startTimer(clock, () => void this.flush(), backoff(this.#failures, MAX_BACKOFF_MS, random));
    } else if (this.#waiting.length >= maxBatchEvents) {
      void this.flush();
    } else {
      this.#timer ??= startTimer(clock, () => void this.flush(), flushIntervalMs);
    }
  }

  #cancelTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #countDropped(events: number): void {
    this.#options.onOutcome(this.#options.kind, 'dropped', events);
  }
}
