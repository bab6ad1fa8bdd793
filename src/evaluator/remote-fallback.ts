/** Asks the relay about a flag that could not be decided here, as often and for as long as the option `fallback` allows. */

import { EdictError } from '../errors.ts';
import { holdProcess, startTimer, type TimerHandle } from '../options/clock.ts';
import type { FallbackPolicy } from '../options/fallback.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { type ChannelMessages, isHeard, publish } from '../telemetry/channels.ts';
import { Breaker, type BreakerLimits, type BreakerRefusal, type Pass } from './breaker.ts';
import type { FallbackFacts } from './evaluator-facts.ts';
import { FallbackWarnings } from './fallback-warnings.ts';
import type { RemoteAnswer, RemoteQuestions } from './remote-answer.ts';
import type { EvaluationContext, Resolution } from './resolution.ts';

/** Questions over a connection of their own. `close` aborts what is in flight; never rejects. */
export interface QuestionLine {
  readonly questions: RemoteQuestions;
  close(): Promise<void>;
}

export interface RemoteFallbackPorts {
  /** Makes the line when the first question comes; `undefined`: there is nobody to ask. */
  readonly open: (() => QuestionLine) | undefined;
  /** Whether the configuration feed knows the relay to be down. */
  feedIsUnreachable(): boolean;
}

/** Why the relay was not asked. `budget`: the batch's budget was used up by the flags before. */
type Refusal = BreakerRefusal | 'feed' | 'budget';

const REFUSALS: Readonly<Record<Refusal, string>> = {
  feed: 'the configuration feed cannot reach it either',
  breaker: 'it failed too often in a row, and is left alone for a while',
  retryAfter: 'it asked to be left alone for a while',
  concurrency: 'too many such requests are in flight',
  rate: 'too many such requests were begun in the last second',
  budget: 'the time for this batch of flags was used up',
};

/** Mode `spec`: each occurrence asks. A relay's Retry-After is kept all the same. */
const UNLIMITED: BreakerLimits = {
  failureThreshold: Number.POSITIVE_INFINITY,
  openMs: 0,
  maxConcurrent: Number.POSITIVE_INFINITY,
  maxPerSecond: Number.POSITIVE_INFINITY,
};

const LATE = Symbol('late');

export class RemoteFallback {
  /** How long one question may take when the caller sets no less. */
  readonly budgetMs: number;
  readonly #options: ResolvedOptions;
  readonly #policy: FallbackPolicy;
  readonly #ports: RemoteFallbackPorts;
  readonly #warnings: FallbackWarnings;
  readonly #counts = { answered: 0, failed: 0, timedOut: 0 };
  readonly #refused: Record<Refusal, number> = {
    feed: 0,
    breaker: 0,
    retryAfter: 0,
    concurrency: 0,
    rate: 0,
    budget: 0,
  };
  #isOpen = false;
  #breaker: Breaker;
  #line: QuestionLine | undefined;
  readonly #inFlight = new Set<AbortController>();

  constructor(options: ResolvedOptions, ports: RemoteFallbackPorts) {
    const { fallback, timeoutMs, clock, logger } = options;
    this.#options = options;
    this.#policy = fallback;
    this.#ports = ports;
    this.budgetMs = fallback.mode === 'spec' ? timeoutMs : fallback.budgetMs;
    this.#warnings = new FallbackWarnings({ clock, logger, isEach: fallback.mode === 'spec' });
    this.#breaker = this.#newBreaker();
  }

  get canAsk(): boolean {
    return this.#isOpen && this.#ports.open !== undefined;
  }

  /** Flags that may be asked for at the same time in a batch. */
  get width(): number {
    return this.#policy.maxConcurrent;
  }

  /** Questions may be asked from now on. The connection is made with the first. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#breaker = this.#newBreaker();
  }

  /** Aborts what is in flight; later questions are not asked. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const line = this.#line;
    this.#line = undefined;
    for (const abort of this.#inFlight) abort.abort();
    try {
      await line?.close();
    } catch (caught) {
      this.#options.logger.warn(`closing the connection of the fallback failed: ${String(caught)}`);
    }
  }

  /**
   * What the relay makes of a flag whose `local` resolution is an error, as it said it. `undefined`, now or later: the
   * local resolution stands. Never throws or rejects.
   */
  ask(
    local: Resolution,
    context: EvaluationContext,
    budgetMs: number = this.budgetMs,
  ): Promise<Resolution | undefined> | undefined {
    if (!this.canAsk) return undefined;
    const pass = this.#admit(budgetMs);
    if (typeof pass !== 'string') return this.#question(pass, local, context, budgetMs);
    this.#refused[pass]++;
    this.#warnings.note(local.flagKey, () => `${undecided(local)}; the relay was not asked: ${REFUSALS[pass]}`);
    tell(local.flagKey, 'refused', pass);
    return undefined;
  }

  describe(): FallbackFacts {
    return {
      mode: this.#policy.mode,
      ...this.#counts,
      refused: { ...this.#refused },
      ...this.#breaker.describe(),
      warningsSuppressed: this.#warnings.suppressed,
    };
  }

  #newBreaker(): Breaker {
    return new Breaker(this.#policy.mode === 'spec' ? UNLIMITED : this.#policy, this.#options.clock);
  }

  #admit(budgetMs: number): Pass | Refusal {
    if (budgetMs <= 0) return 'budget';
    if (this.#policy.mode !== 'spec' && this.#ports.feedIsUnreachable()) return 'feed';
    return this.#breaker.enter();
  }

  async #question(
    pass: Pass,
    local: Resolution,
    context: EvaluationContext,
    budgetMs: number,
  ): Promise<Resolution | undefined> {
    const { clock } = this.#options;
    const abort = new AbortController();
    this.#inFlight.add(abort);
    // The timer below bounds the wait: a second one of the same length could run out first, and the process end unanswered.
    const release = holdProcess(clock);
    let timer: TimerHandle;
    const late = new Promise<typeof LATE>((resolve) => {
      timer = startTimer(clock, () => resolve(LATE), budgetMs);
      // A line that ignores the abort must not hold up a close.
      abort.signal.addEventListener('abort', () => resolve(LATE), { once: true });
    });
    const asked = this.#send(local.flagKey, context, budgetMs, abort.signal);
    const answer = await Promise.race([asked, late]);
    clock.clearTimeout(timer);
    release();
    this.#inFlight.delete(abort);
    const remote = abort.signal.aborted ? undefined : this.#conclude(pass, local, answer, budgetMs);
    if (answer === LATE) abort.abort();
    // Its place is free when the request has really ended, which may be after its verdict.
    void asked.then(() => pass.leave());
    return remote;
  }

  #conclude(
    pass: Pass,
    local: Resolution,
    answer: RemoteAnswer | typeof LATE,
    budgetMs: number,
  ): Resolution | undefined {
    if (answer === LATE) {
      pass.judge('failed');
      this.#failed(local, 'timedOut', `TIMEOUT: no answer within ${budgetMs} ms`);
      return undefined;
    }
    if (answer.kind === 'answered') {
      pass.judge('succeeded');
      return this.#answered(local, answer.resolution);
    }
    const { error, retryAfterMs } = answer;
    // A context that cannot be sent says nothing about the relay.
    pass.judge(error.code === 'INVALID_CONTEXT' ? 'abandoned' : 'failed');
    // What one address asks for during an outage is not for the others; a quota is.
    if (error.code === 'RATE_LIMITED' && retryAfterMs !== undefined) this.#breaker.holdOff(retryAfterMs);
    this.#failed(local, error.code === 'TIMEOUT' ? 'timedOut' : 'failed', error.message);
    return undefined;
  }

  async #send(
    flagKey: string,
    context: EvaluationContext,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RemoteAnswer> {
    try {
      this.#line ??= this.#ports.open?.() as QuestionLine;
      return await this.#line.questions.ask(flagKey, context, { timeoutMs, signal });
    } catch (caught) {
      return { kind: 'failed', error: EdictError.from(caught, 'NETWORK') };
    }
  }

  /** The relay works. Whether it could decide is another matter: when neither could, the local error is the one to show. */
  #answered(local: Resolution, remote: Resolution): Resolution | undefined {
    if (remote.errorCode !== undefined) {
      this.#failed(local, 'failed', `it says ${remote.engineCode ?? remote.errorCode}: ${remote.errorMessage ?? ''}`);
      return undefined;
    }
    this.#counts.answered++;
    this.#warnings.note(local.flagKey, () => `${undecided(local)}; the relay decided it instead`);
    tell(local.flagKey, 'answered');
    return remote;
  }

  #failed(local: Resolution, outcome: 'failed' | 'timedOut', reason: string): void {
    this.#counts[outcome]++;
    this.#options.logger.debug(`the relay could not decide flag "${local.flagKey}" either: ${reason}`);
    this.#warnings.note(local.flagKey, () => `${undecided(local)}; the relay could not decide it either: ${reason}`);
    tell(local.flagKey, outcome);
  }
}

function tell(flagKey: string, outcome: ChannelMessages['edict:fallback']['outcome'], cause?: Refusal): void {
  if (isHeard('edict:fallback')) publish('edict:fallback', { flagKey, outcome, cause });
}

function undecided({ flagKey, engineCode, errorMessage }: Resolution): string {
  return `flag "${flagKey}" cannot be decided here (${engineCode}, ${errorMessage})`;
}
