/** Keeps a configuration fresh: when to ask the relay, what to do with the answer, never two at a time, never giving up. */

import { EdictError } from '../errors.ts';
import type { TimerHandle } from '../options/clock.ts';
import { holdProcess, startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { isHeard, publish } from '../telemetry/channels.ts';
import type { CadenceOptions } from './cadence.ts';
import { delayAfterFailure, delayBeforePoll, delayBeforeRecheck } from './cadence.ts';
import type { ChangedConfiguration } from './configuration-client.ts';
import { RequestFailed } from './connection.ts';
import { FeedCounters } from './feed-counters.ts';
import type {
  Attempt,
  CompiledFacts,
  ConfigurationMeta,
  FeedContents,
  FeedEvent,
  FeedPorts,
  LocalState,
  RefreshResult,
  StartOutcome,
} from './feed-events.ts';
import type { HealthOptions } from './feed-health.ts';
import { FeedHealth } from './feed-health.ts';
import { FlipCounter } from './flip-counter.ts';
import type { FeedFacts } from './relay-facts.ts';
import { StartWindow } from './start-window.ts';
import { ZeroFlagGuard } from './zero-flags.ts';

const NO_ERROR = { code: undefined, status: undefined } as const;

export type FeedOptions = HealthOptions &
  CadenceOptions &
  Pick<ResolvedOptions, 'initTimeoutMs' | 'emptyConfiguration' | 'flagList' | 'flagPrefix'> & {
    /** Default `flags`. */
    readonly contents?: FeedContents;
  };

/**
 * The poller of one relay. One feed lives once: `start`, then `stop`; a restart takes a new one.
 *
 * ```
 *            ┌──────────── delay: poll interval, backoff, Retry-After, re-check ◀───────────┐
 *            ▼                                                                              │
 *  start ▶ fetch ─ changed ─▶ compile ─▶ zero flags? ─▶ publish, then keep the validator ─▶ settle
 *            ├──── unchanged ───────────────────────────────────────────────────────────────▶│
 *            └──── failed ──────────────────────────────────────────────────────────────────▶│
 * ```
 *
 * INVARIANT: at most one attempt runs at any time, so configurations are published in the order they were asked for.
 * INVARIANT: validator and configuration move together; a refused answer moves neither.
 *
 * @example
 * const feed = new ConfigurationFeed(options, {
 *   fetch: (validator) => client.fetch(validator),
 *   compile, publish, flagsInUse, onEvent,
 * });
 * const outcome = await feed.start();
 */
export class ConfigurationFeed<C extends CompiledFacts> {
  readonly #options: FeedOptions;
  readonly #ports: FeedPorts<C>;
  readonly #guard: ZeroFlagGuard;
  readonly #health: FeedHealth;
  readonly #counters: FeedCounters;
  readonly #flips: FlipCounter;

  /** What is known of the configuration in use; of a local one only when it was this relay's. */
  #applied: ConfigurationMeta | undefined;
  #hasLocal = false;
  #hasPublished = false;
  #isStreamUp = false;
  /** The relay has answered a request as it should, since the start. */
  #hasAnswered = false;
  #isStopped = false;
  #current: Promise<RefreshResult> | undefined;
  #next: Promise<RefreshResult> | undefined;
  #timer: TimerHandle | undefined;
  #nextAttemptAtMs: number | undefined;
  /** The timer counts down an ordinary poll interval. */
  #isRoutine = false;
  /** Until then the relay does not want to be asked: it said so, or only a person can change its answer. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #window: StartWindow | undefined;

  constructor(options: FeedOptions, ports: FeedPorts<C>) {
    this.#options = options;
    this.#ports = ports;
    this.#guard = new ZeroFlagGuard(options.emptyConfiguration, options.contents);
    this.#health = new FeedHealth(options, (event) => this.#emit(event));
    this.#counters = new FeedCounters(options.clock);
    this.#flips = new FlipCounter(options.clock);
  }

  /**
   * Begins to ask, and goes on for ever. Resolves, never rejects, with the first of: a configuration was loaded; the
   * relay refused in a way only a person can heal (400, 401, 403, other 4xx); `initTimeoutMs` passed with failures and
   * retries. With `hasLocal` (a persisted or bootstrap configuration is in use) it resolves when the first attempt ends, after
   * 1 s at the latest. While the returned promise is pending it holds the process; nothing later does.
   */
  start(how: LocalState = { hasLocal: false }): Promise<StartOutcome> {
    if (this.#window === undefined) {
      const { clock, initTimeoutMs } = this.#options;
      this.#hasLocal = how.hasLocal;
      this.#applied = how.known;
      this.#window = new StartWindow(clock, initTimeoutMs, how.hasLocal, (outcome) => this.#started(outcome));
      if (this.#isStopped) this.#window.fail(closed());
      else void this.#refreshOrJoin();
    }
    return this.#window.outcome;
  }

  /**
   * Asks now. During an attempt: exactly one more after it, shared by all who ask meanwhile. Never rejects, and holds
   * the process until it is done.
   */
  refresh(): Promise<RefreshResult> {
    if (this.#isStopped) return Promise.resolve('failed');
    const release = holdProcess(this.#options.clock);
    return this.#refreshOrJoin().finally(release);
  }

  /** A stream says that there may be news: as `refresh`, but nobody waits for it, and it never goes before a Retry-After. */
  trigger(): void {
    if (!this.#isStopped && this.#options.clock.monotonic() >= this.#restUntilMs) void this.#refreshOrJoin();
  }

  /** While a stream is up polls are rare; when it ends the next one is due within an ordinary interval. */
  setStreamUp(isUp: boolean): void {
    this.#isStreamUp = isUp;
    if (isUp || this.#isStopped || !this.#isRoutine || this.#nextAttemptAtMs === undefined) return;
    const leftMs = this.#nextAttemptAtMs - this.#options.clock.monotonic();
    this.#scheduleRoutine(Math.min(leftMs, delayBeforePoll(this.#options, false) ?? leftMs));
  }

  /**
   * Takes the outcome of a request of another kind to the same relay: it counts for the health of the feed like an attempt,
   * and changes neither the configuration nor the time of the next attempt.
   */
  note(error: EdictError | undefined): void {
    if (this.#isStopped) return;
    if (error !== undefined) {
      this.#counters.noteError(error);
      this.#health.reportOtherFailure(error, this.#isServing);
    } else {
      this.#hasAnswered = true;
      this.#health.succeeded();
    }
  }

  /** Ends the loop: no timer stays, nothing is published any more. The fetch in flight is the client's to abort. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#health.stop();
    this.#window?.fail(closed());
  }

  /** Milliseconds since the relay last confirmed the configuration in use; `undefined` when it never did. */
  get confirmedAgeMs(): number | undefined {
    return this.#counters.confirmedAgeMs;
  }

  /** The last attempt found no relay, or one in an outage. */
  get isUnreachable(): boolean {
    return this.#health.isUnreachable;
  }

  /** Plain JSON for diagnostics; no secret, no content. */
  describe(): FeedFacts {
    const { clock } = this.#options;
    const { digest, validator, lastModified, relayVersion } = this.#applied ?? {};
    return {
      ...this.#counters.describe(),
      consecutiveFailures: this.#health.consecutiveFailures,
      staleForMs: this.#health.staleForMs ?? null,
      nextAttemptInMs:
        this.#nextAttemptAtMs === undefined ? null : Math.max(0, Math.round(this.#nextAttemptAtMs - clock.monotonic())),
      configFlips: this.#flips.total,
      digest: digest ?? null,
      validator: validator ?? null,
      lastModified: lastModified ?? null,
      relayVersion: relayVersion ?? null,
    };
  }

  get #isServing(): boolean {
    return this.#hasLocal || this.#hasAnswered;
  }

  #started(outcome: StartOutcome): void {
    if (outcome.kind === 'loaded' || this.#isStopped) return;
    this.#health.startFailed(outcome.kind === 'failed' ? outcome.error : undefined, this.#isServing);
  }

  #refreshOrJoin(): Promise<RefreshResult> {
    if (this.#current === undefined) return this.#run();
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      // A listener may have asked again in the moment between the two: that attempt is late enough to share.
      return this.#current ?? this.#run();
    });
    return this.#next;
  }

  #run(): Promise<RefreshResult> {
    if (this.#isStopped) return Promise.resolve('failed');
    this.#cancelTimer();
    this.#current = this.#attempt().then((attempt) => {
      this.#current = undefined;
      if (this.#isStopped) return 'failed';
      const result = this.#settle(attempt);
      // The channel is that of flags.
      if (this.#options.contents !== 'routes' && isHeard('edict:poll')) {
        const { code, status } = attempt.kind === 'failed' ? attempt.error : NO_ERROR;
        publish('edict:poll', { outcome: result, code, status });
      }
      return result;
    });
    return this.#current;
  }

  /** One fetch and what follows from it. Never rejects. */
  async #attempt(): Promise<Attempt> {
    try {
      const result = await this.#ports.fetch(this.#applied?.validator);
      if (result.kind === 'changed') return await this.#take(result);
      this.#guard.reset();
      return result;
    } catch (caught) {
      this.#guard.reset();
      if (caught instanceof RequestFailed) return caught.failure;
      return { kind: 'failed', error: EdictError.from(caught, 'INVALID_BODY'), pace: 'backoff' };
    }
  }

  async #take(answer: ChangedConfiguration): Promise<Attempt> {
    const meta = metaOf(answer);
    if (answer.digest === this.#applied?.digest) {
      // Content decides, not the validator: this is the configuration in use under another name.
      this.#guard.reset();
      this.#applied = meta;
      return { kind: 'unchanged' };
    }
    const compiled = await this.#ports.compile(answer.body);
    if (this.#isStopped) throw closed();
    if (compiled.flagCount > 0) {
      this.#guard.reset();
    } else {
      const inUse = this.#ports.flagsInUse();
      const verdict = this.#guard.judge({ ...answer, suspicious: compiled.suspicious }, inUse);
      if (verdict === 'hold') return { kind: 'held' };
      if (verdict === 'refuse') throw emptyRefused(this.#options.emptyConfiguration);
      if (inUse > 0 || this.#applied === undefined) this.#options.logger.warn(zeroFlagsWarning(this.#options));
    }
    const first = !this.#hasPublished;
    const published = this.#ports.publish(compiled, meta);
    if (published !== undefined) await published;
    this.#hasPublished = true;
    this.#applied = meta;
    if (this.#flips.note(meta.digest)) {
      this.#options.logger.warn(
        `the configuration went back and forth ${this.#flips.total} times: replicas with different content behind one address?`,
      );
    }
    return { kind: 'changed', first, meta };
  }

  /** Counts, plans the next attempt, then tells: whoever listens finds everything in its new state. */
  #settle(attempt: Attempt): RefreshResult {
    if (attempt.kind === 'failed') {
      this.#counters.countFailure(attempt.error);
      const delayMs = delayAfterFailure(this.#options, attempt, this.#health.countFailure(), this.#hasAnswered);
      const restMs = attempt.pace === 'auth' ? delayMs : attempt.retryAfterMs;
      if (restMs !== undefined) this.#restUntilMs = this.#options.clock.monotonic() + restMs;
      this.#schedule(delayMs);
      this.#window?.offer(attempt);
      this.#health.reportFailure(attempt.error, this.#isServing, delayMs);
      return 'failed';
    }
    if (attempt.kind !== 'held') this.#hasAnswered = true;
    this.#counters.count(attempt.kind);
    this.#restUntilMs = Number.NEGATIVE_INFINITY;
    if (attempt.kind === 'held') this.#schedule(delayBeforeRecheck(this.#options));
    else this.#scheduleRoutine(delayBeforePoll(this.#options, this.#isStreamUp));
    this.#window?.offer(attempt);
    if (attempt.kind === 'held') {
      this.#health.answered();
      this.#emit({ type: 'held' });
      return 'held';
    }
    this.#health.succeeded();
    if (attempt.kind === 'changed') this.#emit({ type: 'published', first: attempt.first, meta: attempt.meta });
    else this.#ports.onConfirmed?.();
    return attempt.kind;
  }

  #scheduleRoutine(delayMs: number | undefined): void {
    this.#schedule(delayMs);
    this.#isRoutine = true;
  }

  #schedule(delayMs: number | undefined): void {
    this.#cancelTimer();
    if (delayMs === undefined) return;
    const { clock } = this.#options;
    this.#nextAttemptAtMs = clock.monotonic() + delayMs;
    this.#timer = startTimer(clock, () => void this.#refreshOrJoin(), delayMs);
  }

  #cancelTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextAttemptAtMs = undefined;
    this.#isRoutine = false;
  }

  /** A listener that throws is a bug of its own, and no reason to stop polling. */
  #emit(event: FeedEvent): void {
    try {
      this.#ports.onEvent(event);
    } catch (caught) {
      this.#options.logger.error(`a listener of the feed threw: ${String(caught)}`);
    }
  }
}

function metaOf({ digest, validator, lastModified, relayVersion }: ChangedConfiguration): ConfigurationMeta {
  return {
    digest,
    ...(validator === undefined ? {} : { validator }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(relayVersion === undefined ? {} : { relayVersion }),
  };
}

function closed(): EdictError {
  return new EdictError('CLOSED', 'the feed was closed');
}

function emptyRefused(mode: FeedOptions['emptyConfiguration']): EdictError {
  const reason =
    mode === 'reject'
      ? "emptyConfiguration is 'reject'"
      : 'nothing in the answer shows that a relay meant it (media type, version header, validator)';
  return new EdictError('EMPTY_REFUSED', `the answer has no flags and was refused: ${reason}`);
}

function zeroFlagsWarning({ contents, flagList, flagPrefix }: FeedOptions): string {
  if (contents === 'routes') return 'the policy configuration of the relay has no routes';
  const filters = [
    ...(flagList.length > 0 ? [`flagList (${flagList.length} keys)`] : []),
    ...(flagPrefix === undefined ? [] : [`flagPrefix '${flagPrefix}'`]),
  ];
  const filter = filters.length === 0 ? '' : `; the filter in use is ${filters.join(' and ')}`;
  return `the configuration of the relay has no flags${filter}`;
}
