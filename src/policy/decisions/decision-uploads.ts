/** Brings waiting decisions to the sink: one batch of a tenant at a time, tenants in turn, one generation of the sink. */

import type { Batch } from '../../internal/event-batch.ts';
import type { JsonObject } from '../../internal/json.ts';
import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import { retryDelay } from '../tenants/retry-delay.ts';
import type { DecisionSink, SinkAnswer } from './sink.ts';
import type { TenantDecisions } from './tenant-decisions.ts';

export interface UploadOptions {
  /** How often what waits is sent. */
  readonly flushIntervalMs: number;
  /** Longest wait for one answer of the sink. */
  readonly sinkDeadlineMs: number;
  /** Batches on their way at the same time, of different tenants. */
  readonly maxConcurrent: number;
  /** Longest pause after failures in a row. */
  readonly maxBackoffMs: number;
}

export const UPLOAD_OPTIONS: UploadOptions = Object.freeze({
  flushIntervalMs: 5_000,
  sinkDeadlineMs: 5_000,
  maxConcurrent: 4,
  maxBackoffMs: 60_000,
});

interface Ports {
  readonly tenants: ReadonlyMap<string, TenantDecisions>;
  /** Writes all fresh decisions of a tenant into its ring. */
  readonly write: (decisions: TenantDecisions) => void;
}

/** A batch in the hands of the sink. */
interface Flight {
  readonly abort: AbortController;
  /** Resolves when the batch is settled. */
  readonly settled: Promise<void>;
  readonly settle: () => void;
}

type Options = Partial<UploadOptions> & {
  readonly clock: Clock;
  readonly random: () => number;
  readonly warn?: ((line: string) => void) | undefined;
};

/**
 * INVARIANT: a batch is settled once, by the answer of the sink that is in use or by what ended the wait for it: the deadline,
 * a new sink, the end of its tenant. Later answers find their flight gone and change nothing.
 */
export class DecisionUploads {
  readonly #options: Options & UploadOptions;
  readonly #ports: Ports;
  readonly #flights = new Map<TenantDecisions, Flight>();
  #sink: DecisionSink;
  #generation = 1;
  #failures = 0;
  #batches = { sent: 0, failed: 0, refused: 0, split: 0 };
  #lastError: string | null = null;
  #silentUntilMs = Number.NEGATIVE_INFINITY;
  #timer: TimerHandle | undefined;
  #isUrgent = false;
  #isStopped = false;
  #run: Promise<void> | undefined;

  constructor(options: Options, ports: Ports, sink: DecisionSink) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = { ...UPLOAD_OPTIONS, ...(given as Options) };
    this.#ports = ports;
    this.#sink = sink;
  }

  /** Something was written: it is sent with the next interval. */
  wake(): void {
    if (this.#timer === undefined && this.#run === undefined) this.#arm(this.#options.flushIntervalMs);
  }

  /** A ring is half full: what waits is sent on the next turn, unless the sink is known to fail. */
  hurry(): void {
    if (this.#isUrgent || this.#run !== undefined || this.#failures > 0) return;
    this.#isUrgent = true;
    this.#arm(0);
  }

  useSink(sink: DecisionSink): void {
    const old = this.#sink;
    this.#sink = sink;
    this.#generation++;
    this.#failures = 0;
    this.#silentUntilMs = Number.NEGATIVE_INFINITY;
    for (const decisions of [...this.#flights.keys()]) this.giveUp(decisions);
    this.#run = undefined;
    void this.#closeSink(old);
    this.#arm(0);
  }

  /** Takes a batch back from the sink; it waits again. */
  giveUp(decisions: TenantDecisions): void {
    const flight = this.#flights.get(decisions);
    if (flight === undefined) return;
    this.#flights.delete(decisions);
    decisions.settle('keep');
    flight.settle();
    flight.abort.abort();
  }

  async flush(tenant?: string): Promise<void> {
    if (this.#isStopped) return;
    if (tenant === undefined) {
      // One that is at work may have passed a tenant already.
      await this.#run;
      return this.#runAll();
    }
    const decisions = this.#ports.tenants.get(tenant);
    if (decisions !== undefined) await this.#drain(tenant, decisions, this.#generation);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const decisions of [...this.#flights.keys()]) this.giveUp(decisions);
    void this.#closeSink(this.#sink);
  }

  describe(): JsonObject {
    return {
      sink: { generation: this.#generation, failuresInARow: this.#failures, lastError: this.#lastError },
      batches: { ...this.#batches },
    };
  }

  #runAll(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    if (this.#run !== undefined) return this.#run;
    this.#cancelTimer();
    const generation = this.#generation;
    const run = this.#drainAll(generation).then(() => {
      if (generation !== this.#generation || this.#isStopped) return;
      this.#run = undefined;
      this.#plan();
    });
    this.#run = run;
    return run;
  }

  /** Tenants in turn, several at a time; ends when each had its turn, or when the sink fails. */
  async #drainAll(generation: number): Promise<void> {
    const waiting = [...this.#ports.tenants].filter(([, decisions]) => decisions.pending > 0);
    let isUp = true;
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); isUp && next !== undefined; next = waiting.shift()) {
        if (!(await this.#drain(next[0], next[1], generation))) isUp = false;
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.maxConcurrent, waiting.length) }, lane));
  }

  /** All batches that one tenant has now. False when one has to wait for another try, or another sink. */
  async #drain(tenant: string, decisions: TenantDecisions, generation: number): Promise<boolean> {
    this.#ports.write(decisions);
    // New decisions come while old ones are sent; they are for the next time.
    for (let left = decisions.pending; left > 0 && !this.#isOver(generation); ) {
      const other = this.#flights.get(decisions);
      if (other !== undefined) {
        await other.settled;
        continue;
      }
      const batch = decisions.begin();
      if (batch === undefined) return true;
      left -= batch.count;
      const flight = newFlight();
      this.#flights.set(decisions, flight);
      const answer = await this.#send(tenant, batch, flight.abort);
      if (this.#flights.get(decisions) !== flight) return false;
      this.#flights.delete(decisions);
      if (answer.kind === 'too-large') left += batch.count;
      const goesOn = this.#settle(decisions, answer);
      flight.settle();
      if (!goesOn) return false;
    }
    return !this.#isOver(generation);
  }

  /** False when the batch waits for another try. */
  #settle(decisions: TenantDecisions, answer: SinkAnswer): boolean {
    switch (answer.kind) {
      case 'sent':
        this.#batches.sent++;
        decisions.settle('sent');
        if (this.#failures > 0) this.#options.warn?.('decision events are taken again');
        this.#failures = 0;
        return true;
      case 'too-large':
        this.#batches.split++;
        decisions.settle('split');
        return true;
      case 'refused':
        this.#batches.refused++;
        this.#lastError = answer.message;
        decisions.settle('refused');
        return true;
      case 'failed': {
        this.#batches.failed++;
        this.#lastError = answer.message;
        decisions.settle('keep');
        if (this.#failures++ === 0) this.#options.warn?.(`decision events were not taken: ${answer.message}`);
        const { clock, maxBackoffMs } = this.#options;
        if (answer.retryAfterMs !== undefined) {
          this.#silentUntilMs = clock.monotonic() + Math.min(answer.retryAfterMs, 10 * maxBackoffMs);
        }
        return false;
      }
    }
  }

  /** One call of the sink under a deadline, whatever the sink is. Never rejects. */
  async #send(tenant: string, batch: Batch, abort: AbortController): Promise<SinkAnswer> {
    const { clock, sinkDeadlineMs } = this.#options;
    const timer = startTimer(clock, () => abort.abort(), sinkDeadlineMs);
    const givenUp = new Promise<SinkAnswer>((resolve) => {
      const silent: SinkAnswer = { kind: 'failed', message: `no answer within ${sinkDeadlineMs} ms` };
      abort.signal.addEventListener('abort', () => resolve(silent), { once: true });
    });
    try {
      const { id, count, content: events } = batch;
      const lines = (): string => batch.lines;
      const sent = Promise.resolve(this.#sink.send({ id, tenant, count, events, lines }, abort.signal));
      return await Promise.race([sent, givenUp]);
    } catch (caught) {
      return { kind: 'failed', message: caught instanceof Error ? caught.message : String(caught) };
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** Under the same deadline: a sink that hangs in its end holds nothing up. */
  async #closeSink(sink: DecisionSink): Promise<void> {
    const { clock, sinkDeadlineMs } = this.#options;
    let timer: TimerHandle;
    const deadline = new Promise<void>((resolve) => {
      timer = startTimer(clock, resolve, sinkDeadlineMs);
    });
    const end = async (): Promise<void> => sink.close?.();
    await Promise.race([end().catch(() => undefined), deadline]);
    clock.clearTimeout(timer);
  }

  #plan(): void {
    const { clock, random, maxBackoffMs, flushIntervalMs } = this.#options;
    let pending = 0;
    for (const decisions of this.#ports.tenants.values()) pending += decisions.pending;
    if (pending === 0) return;
    const silence = this.#silentUntilMs - clock.monotonic();
    const own = this.#failures > 0 ? retryDelay(this.#failures, maxBackoffMs, random) : flushIntervalMs;
    this.#arm(Math.max(silence, own));
  }

  #isOver(generation: number): boolean {
    return this.#isStopped || generation !== this.#generation;
  }

  #arm(delayMs: number): void {
    this.#cancelTimer();
    if (this.#isStopped) return;
    this.#isUrgent = delayMs === 0;
    this.#timer = startTimer(this.#options.clock, () => void this.#runAll(), delayMs);
  }

  #cancelTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUrgent = false;
  }
}

function newFlight(): Flight {
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { abort: new AbortController(), settled, settle };
}
