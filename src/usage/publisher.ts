/** Decides when events are sent, sends them one batch at a time, and does with each batch what its answer asks for. */

import { EdictError } from '../errors.ts';
import type { Batch } from '../internal/event-batch.ts';
import type { EventQueue } from '../internal/event-queue.ts';
import type { TimerHandle } from '../options/clock.ts';
import { startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { backoff, jittered } from '../relay/backoff.ts';
import type { RelayFailure } from '../relay/connection.ts';
import type { Ledger } from './ledger.ts';
import type { Outage } from './outage.ts';
import { fateOf } from './outage.ts';
import type { PostResult, UsageSink } from './sink.ts';

export type PublisherOptions = Pick<
  ResolvedOptions,
  | 'clock'
  | 'random'
  | 'flushIntervalMs'
  | 'maxPendingEvents'
  | 'maxBackoffMs'
  | 'authRetryIntervalMs'
  | 'maxRetryAfterMs'
  | 'timeoutMs'
>;

/** What the publisher is given. */
export interface PublisherPorts {
  readonly queue: EventQueue;
  readonly sink: UsageSink;
  readonly outage: Outage;
  readonly ledger: Ledger;
  /** JSON text of the document's `meta`. */
  readonly meta: string;
  /** How many events counts would become; 0 without the summary mode. */
  readonly countsWaiting: () => number;
  /** Moves the counts into the queue as events. */
  readonly takeCounts: () => void;
}

/**
 * ```
 *  interval ─┐                                       ┌─ taken ─▶ next batch … until what waited is sent
 *  threshold ┼─▶ one run at a time ─▶ POST a batch ──┼─ refused or 413 ─▶ dropped or halved, next batch
 *  flush() ──┘   one may wait for it                 └─ failed ─▶ kept; next run after backoff or Retry-After
 * ```
 *
 * INVARIANT: one timer, one run, one POST. After `stop` no answer changes anything.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #ports: PublisherPorts;
  #isStopped = false;
  #timer: TimerHandle | undefined;
  #isUrgent = false;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #abort: AbortController | undefined;
  /** The collector asked for silence until this moment of the monotonic clock. */
  #silentUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: PublisherOptions, ports: PublisherPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#plan(undefined);
  }

  /** Called for each accepted event: one comparison unless the threshold is reached. */
  wake(): void {
    if (this.#isUrgent || this.#current !== undefined || !this.#isOverThreshold()) return;
    // Later than the evaluation that brought the event: making a batch is not its work.
    if (this.#ports.outage.consecutiveFailures === 0) this.#arm(0);
  }

  /** Sends what waits now: at once, or in one run after the one at work. Never rejects. */
  async flush(): Promise<void> {
    if (this.#isStopped || this.#options.clock.monotonic() < this.#silentUntilMs) return;
    await this.#runOrJoin();
  }

  /** One last run; a silence the collector asked for would now cost the events. Never rejects. */
  finish(): Promise<void> {
    return this.#isStopped ? Promise.resolve() : this.#runOrJoin();
  }

  /** Ends everything: the POST in flight is given up. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#abort?.abort();
  }

  #isOverThreshold(): boolean {
    const { queue, countsWaiting } = this.#ports;
    return queue.count + countsWaiting() >= this.#options.maxPendingEvents;
  }

  #runOrJoin(): Promise<void> {
    if (this.#current === undefined) return this.#run();
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      return this.#current ?? this.#run();
    });
    return this.#next;
  }

  #run(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#cancelTimer();
    this.#current = this.#drain().then((failure) => {
      this.#current = undefined;
      if (!this.#isStopped) this.#plan(failure);
    });
    return this.#current;
  }

  /** Sends what waits at its beginning, oldest first. Gives the failure that ended it. */
  async #drain(): Promise<RelayFailure | undefined> {
    const { queue, takeCounts } = this.#ports;
    let unbatched = queue.unbatched;
    // Counts that were taken before wait unsent: new ones go on being counted, so that an outage makes no heap of events.
    let mayTakeCounts = queue.holdsSummary;
    if (!mayTakeCounts) takeCounts();
    while (!this.#isStopped) {
      const before = queue.unbatched;
      if (queue.count === before && unbatched <= 0) {
        if (!mayTakeCounts) return undefined;
        mayTakeCounts = false;
        takeCounts();
        if (!queue.holdsSummary) return undefined;
      }
      const batch = queue.begin();
      if (batch === undefined) return undefined;
      unbatched -= before - queue.unbatched;
      const result = await this.#post(batch);
      if (this.#isStopped) return undefined;
      const failure = this.#settle(result);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Gives the failure when the batch must wait. */
  #settle(result: PostResult): RelayFailure | undefined {
    const { queue, outage, ledger } = this.#ports;
    if (result.kind === 'sent') {
      ledger.batches.sent++;
      queue.settle('sent');
      outage.succeeded();
      return undefined;
    }
    const fate = fateOf(result.error);
    ledger.batches[fate === 'keep' ? 'failed' : fate]++;
    outage.failed(result.error, fate);
    queue.settle(fate);
    return fate === 'keep' ? result : undefined;
  }

  /** One POST under a deadline, whatever the sink is. Never rejects. */
  async #post(batch: Batch): Promise<PostResult> {
    const { clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    this.#abort = abort;
    // The relay client has limits of its own, and may send twice when a credential has expired.
    const timer = startTimer(clock, () => abort.abort(), 2 * timeoutMs + 1_000);
    const givenUp = new Promise<PostResult>((resolve) => {
      abort.signal.addEventListener('abort', () =>
        resolve(failed(new EdictError('TIMEOUT', 'the collector is silent'))),
      );
    });
    try {
      const { id } = batch;
      const sent = Promise.resolve(this.#ports.sink.post({ id, body: batch.body(this.#ports.meta) }, abort.signal));
      return await Promise.race([sent, givenUp]);
    } catch (caught) {
      return failed(EdictError.from(caught, 'NETWORK'));
    } finally {
      clock.clearTimeout(timer);
      this.#abort = undefined;
    }
  }

  /** Sets the one timer. */
  #plan(failure: RelayFailure | undefined): void {
    const { flushIntervalMs, random } = this.#options;
    if (failure !== undefined) this.#arm(this.#delayAfter(failure));
    else if (this.#isOverThreshold()) this.#arm(0);
    else if (flushIntervalMs > 0) this.#arm(jittered(flushIntervalMs, random));
  }

  #delayAfter({ pace, error, retryAfterMs = 0 }: RelayFailure): number {
    const { clock, random, maxBackoffMs, authRetryIntervalMs, maxRetryAfterMs } = this.#options;
    const askedMs = Math.min(retryAfterMs, maxRetryAfterMs);
    if (askedMs > 0) this.#silentUntilMs = clock.monotonic() + askedMs;
    const isAuth = pace === 'auth' || error.status === 401 || error.status === 403;
    const ownMs = isAuth
      ? jittered(authRetryIntervalMs, random)
      : backoff(this.#ports.outage.consecutiveFailures, maxBackoffMs, random);
    return Math.max(askedMs, ownMs);
  }

  #arm(delayMs: number): void {
    this.#cancelTimer();
    this.#isUrgent = delayMs === 0;
    this.#timer = startTimer(this.#options.clock, () => void this.#runOrJoin(), delayMs);
  }

  #cancelTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUrgent = false;
  }
}

function failed(error: EdictError): RelayFailure {
  return { kind: 'failed', error, pace: 'backoff' };
}
