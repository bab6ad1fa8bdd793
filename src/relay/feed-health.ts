/** Whether the feed is well: failures in a row, when they mean stale, what is said about them in the log. */

import type { EdictErrorCode } from '../errors.ts';
import { EdictError } from '../errors.ts';
import type { TimerHandle } from '../options/clock.ts';
import { startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { FeedEvent } from './feed-events.ts';

export type HealthOptions = Pick<ResolvedOptions, 'staleAfterFailures' | 'errorAfterStaleMs' | 'clock' | 'logger'>;

/** Refused credentials are told again this often: nobody but a person can heal them. */
const AUTH_LOG_INTERVAL_MS = 3_600_000;

/** Failures that any other request would meet as well: nobody answers, or nobody in time, or an outage does. */
const UNREACHABLE: ReadonlySet<EdictErrorCode> = new Set(['NETWORK', 'TIMEOUT', 'UNAVAILABLE']);

const isRefusedCredential = (code: EdictErrorCode): boolean => code === 'UNAUTHORIZED' || code === 'FORBIDDEN';

export class FeedHealth {
  readonly #options: HealthOptions;
  readonly #emit: (event: FeedEvent) => void;
  #consecutiveFailures = 0;
  /** Failures since the last success that were no attempts of the feed. */
  #otherFailures = 0;
  #staleSinceMs: number | undefined;
  #lastError: EdictError | undefined;
  #isUnreachable = false;
  /** The owner was told that something is wrong, and must hear of the recovery. */
  #isDegraded = false;
  #hasLoggedOutage = false;
  #lastAuthLogMs = Number.NEGATIVE_INFINITY;
  #overdueTimer: TimerHandle | undefined;

  constructor(options: HealthOptions, emit: (event: FeedEvent) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Of every kind. */
  get consecutiveFailures(): number {
    return this.#consecutiveFailures + this.#otherFailures;
  }

  /** The last attempt found no relay, or one in an outage. */
  get isUnreachable(): boolean {
    return this.#isUnreachable;
  }

  /** Milliseconds on the monotonic clock since the feed became stale; `undefined` while it is not. */
  get staleForMs(): number | undefined {
    return this.#staleSinceMs === undefined ? undefined : this.#options.clock.monotonic() - this.#staleSinceMs;
  }

  /** Counts a failed attempt and gives how many there are in a row; the delay to the next one depends on it. */
  countFailure(): number {
    this.#consecutiveFailures++;
    return this.#consecutiveFailures;
  }

  /** Tells of a counted failure. `isServing`: a configuration is in use, so there is something that can be stale. */
  reportFailure(error: EdictError, isServing: boolean, nextAttemptInMs: number | undefined): void {
    this.#isUnreachable = UNREACHABLE.has(error.code);
    const effect = isServing ? 'the configuration in use stays' : 'there is no configuration yet';
    const next =
      nextAttemptInMs === undefined
        ? 'no attempt before refresh()'
        : `next attempt in ${Math.ceil(nextAttemptInMs / 1_000)} s`;
    this.#log(error, `refresh failed: ${error.message}; ${effect}; ${next}`);
    this.#emit({
      type: 'failed',
      error,
      consecutiveFailures: this.consecutiveFailures,
      ...(nextAttemptInMs === undefined ? {} : { nextAttemptInMs }),
    });
    this.#judge(error, isServing);
  }

  /** Takes a failure that was no attempt of the feed, of a remote evaluation: it counts for `stale` like one. */
  reportOtherFailure(error: EdictError, isServing: boolean): void {
    this.#otherFailures++;
    this.#log(error, `the relay did not evaluate: ${error.message}`);
    this.#judge(error, isServing);
  }

  #judge(error: EdictError, isServing: boolean): void {
    const failures = this.consecutiveFailures;
    this.#lastError = error;
    const isStale = failures >= this.#options.staleAfterFailures || isRefusedCredential(error.code);
    if (isServing && isStale && this.#staleSinceMs === undefined) {
      this.#becomeStale();
      const what = this.#otherFailures > 0 ? 'request' : 'refresh';
      const plural = failures === 1 ? '' : what === 'refresh' ? 'es' : 's';
      const message = `${failures} ${what}${plural} failed in a row, the last with ${error.message}`;
      this.#emit({ type: 'stale', error, message });
    }
  }

  /** The start ended without the relay's configuration; its outcome says so, hence no event. */
  startFailed(error: EdictError | undefined, isServing: boolean): void {
    this.#isDegraded = true;
    this.#lastError ??= error;
    if (isServing && this.#staleSinceMs === undefined) this.#becomeStale();
  }

  /** The relay answered, whatever is made of it. */
  answered(): void {
    this.#isUnreachable = false;
  }

  succeeded(): void {
    this.answered();
    const failures = this.consecutiveFailures;
    // Every remote evaluation comes by here.
    if (failures === 0 && !this.#isDegraded) return;
    const wasDegraded = this.#isDegraded;
    this.#consecutiveFailures = 0;
    this.#otherFailures = 0;
    this.#staleSinceMs = undefined;
    this.#isDegraded = false;
    this.#lastError = undefined;
    this.stop();
    if (this.#hasLoggedOutage) this.#options.logger.info(`the relay answers again after ${failures} failed requests`);
    this.#hasLoggedOutage = false;
    this.#lastAuthLogMs = Number.NEGATIVE_INFINITY;
    if (wasDegraded) this.#emit({ type: 'recovered' });
  }

  stop(): void {
    if (this.#overdueTimer !== undefined) this.#options.clock.clearTimeout(this.#overdueTimer);
    this.#overdueTimer = undefined;
  }

  #becomeStale(): void {
    const { clock, errorAfterStaleMs } = this.#options;
    this.#isDegraded = true;
    this.#staleSinceMs = clock.monotonic();
    if (errorAfterStaleMs === 0) return;
    this.#overdueTimer = startTimer(
      clock,
      () => this.#emit({ type: 'overdue', error: this.#overdueError() }),
      errorAfterStaleMs,
    );
  }

  #overdueError(): EdictError {
    const text = `the configuration was not confirmed for errorAfterStaleMs (${this.#options.errorAfterStaleMs} ms)`;
    return this.#lastError ?? new EdictError('UNAVAILABLE', text);
  }

  /** One line when an outage begins, one when it ends; refused credentials again each hour; the rest at debug level. */
  #log(error: EdictError, line: string): void {
    const { logger, clock } = this.#options;
    const now = clock.monotonic();
    if (isRefusedCredential(error.code) && now - this.#lastAuthLogMs >= AUTH_LOG_INTERVAL_MS) {
      this.#lastAuthLogMs = now;
      logger.error(line);
    } else if (this.#hasLoggedOutage) {
      logger.debug(line);
    } else {
      logger.warn(line);
    }
    this.#hasLoggedOutage = true;
  }
}
