/** The evaluator that lets the relay decide: one request a flag over OFREP, and a probe that tells when flags change. */

import { EdictError } from '../errors.ts';
import type { JsonValue } from '../internal/json.ts';
import { hasOwn } from '../internal/json.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import { describeOptions, type ResolvedOptions, resolveOptions } from '../options/resolve.ts';
import type { RelayConnection } from '../relay/connection.ts';
import { ofrepRoute } from '../relay/ofrep-path.ts';
import { AbstractEvaluator, type EvaluatorState, type PreparedContext } from './abstract-evaluator.ts';
import type { AnswerCache } from './answer-cache.ts';
import { BulkMemory } from './bulk-memory.ts';
import { Lifecycle, type LifecyclePorts } from './lifecycle.ts';
import type { RemoteAnswer } from './remote-answer.ts';
import { contextJson } from './remote-context.ts';
import { type RefusedAnswers, RelayQuestions } from './remote-questions.ts';
import { RemoteSource, type StagedHashes } from './remote-source.ts';
import type { EvaluationContext, FlagType, Resolution } from './resolution.ts';
import { SharedHold } from './shared-hold.ts';
import { SilenceGate } from './silence-gate.ts';

type Failed = Extract<RemoteAnswer, { kind: 'failed' }>;

/** Evaluations wait for each other beyond this many requests at a time. */
const MAX_CONNECTIONS = 64;
/** Evaluations that wait, requests in flight included; one more is answered at once. */
const MAX_WAITING = 16_384;

/**
 * Lets the relay evaluate, for services that must not or cannot hold the configuration. Answers are promises that never reject.
 * An evaluation is asked for once: it is never repeated, whatever went wrong, and costs at most `timeoutMs`. When the relay does
 * not answer at all, `staleAfterFailures` evaluations pay that; later ones are answered at once, but one a second that tries.
 *
 * @example
 * const evaluator = new RemoteEvaluator({ endpoint: 'http://localhost:1031' });
 * await evaluator.initialize();
 * const { value, reason } = await evaluator.evaluate('new-checkout', { targetingKey: 'user-1' }, false);
 */
export class RemoteEvaluator extends AbstractEvaluator<Promise<Resolution>> {
  readonly #options: ResolvedOptions;
  readonly #source: RemoteSource;
  readonly #gate: SilenceGate;
  readonly #hold: SharedHold;
  readonly #bulk = new BulkMemory();
  readonly #lifecycle: Lifecycle<StagedHashes>;
  readonly #counts = { asked: 0, answered: 0, failed: 0, spared: 0 };
  #cache: AnswerCache | undefined;
  #talk: { readonly connection: RelayConnection; readonly questions: RelayQuestions } | undefined;
  /** The relay has answered a probe or an evaluation since the start. */
  #isServing = false;

  /** Throws `INVALID_OPTION` before any I/O. */
  constructor(options: EdictOptions);
  /** @internal */
  constructor(options: EdictOptions | ResolvedOptions);
  constructor(options: EdictOptions | ResolvedOptions) {
    super();
    this.#options = Object.freeze({ ...resolveOptions(options), evaluationType: 'remote' as const });
    const { endpoint, logger, clock, staleAfterFailures } = this.#options;
    if (endpoint === undefined) {
      throw new EdictError('INVALID_OPTION', 'endpoint: got undefined; a remote evaluator requires it');
    }
    for (const name of ['bootstrap', 'persistPath'] as const) {
      if (this.#options[name] === undefined) continue;
      logger.warn(`${name} has no effect in remote mode: the relay decides every flag`);
    }
    this.#source = new RemoteSource(this.#options);
    this.#gate = new SilenceGate(clock, staleAfterFailures);
    this.#hold = new SharedHold(clock);
    // Zero flags take nothing away here: whatever the relay has, it is the relay that decides.
    this.#lifecycle = new Lifecycle({ ...this.#options, emptyConfiguration: 'accept' }, this.#ports());
  }

  override get isRemote(): true {
    return true;
  }

  override get state(): EvaluatorState {
    return this.#lifecycle.state;
  }

  override get confirmedAgeMs(): number | undefined {
    return this.#lifecycle.confirmedAgeMs;
  }

  override initialize(signal?: AbortSignal): Promise<void> {
    return this.#lifecycle.initialize(signal);
  }

  override close(deadlineMs: number = this.#options.closeTimeoutMs): Promise<void> {
    return this.#lifecycle.close(deadlineMs);
  }

  /** One request, unless the cache has the answer. While it is awaited it holds the process. */
  override evaluate(
    flagKey: string,
    context: EvaluationContext,
    defaultValue?: JsonValue,
    type?: FlagType,
  ): Promise<Resolution> {
    return this.#evaluate(flagKey, () => contextJson(context), defaultValue, type);
  }

  /** The context is read once, at the first evaluation. Each evaluation is a request of its own. */
  override prepare(context: EvaluationContext): PreparedContext<Promise<Resolution>> {
    let json: string | undefined;
    const read = (): string => {
      json ??= contextJson(context);
      return json;
    };
    return { evaluate: (flagKey, defaultValue, type) => this.#evaluate(flagKey, read, defaultValue, type) };
  }

  /**
   * One request for all flags. Flags without a value to give carry `null`; when the relay cannot be asked there are none, or of
   * `keys` as many failures. The relay counts no evaluations for it.
   */
  override async evaluateAll(context: EvaluationContext, keys?: readonly string[]): Promise<readonly Resolution[]> {
    if (keys?.length === 0) return [];
    try {
      const answer = await this.#askForAll(contextJson(context, keys ?? this.#listedFlags(context)));
      if (answer.kind === 'failed') return (keys ?? []).map((key) => this.#failed(key, answer.error, undefined));
      if (answer.kind === 'refused') return (keys ?? []).map((flagKey) => ({ ...answer.resolution, flagKey }));
      return keys === undefined ? this.#allOf(answer.resolutions) : this.#someOf(answer.resolutions, keys);
    } catch (caught) {
      return (keys ?? []).map((key) => this.#failed(key, EdictError.from(caught, 'INVALID_CONTEXT'), undefined));
    }
  }

  /** Flags are the relay's affair here, and so is what it tracks. */
  override isTrackable(_flagKey: string): boolean {
    return true;
  }

  /** Asks the change probe now. */
  override refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'> {
    return this.#lifecycle.refresh(reason);
  }

  override describe() {
    return {
      state: this.state,
      flagCount: this.#source.flagCount ?? null,
      hasChangeFeed: this.#source.hasFeed,
      evaluations: { ...this.#counts, waiting: this.#hold.count },
      isRelaySilent: this.#gate.isShut,
      quietForMs: Math.round(this.#talk?.questions.quietForMs ?? 0),
      cache: this.#cache?.describe() ?? null,
      bulk: this.#bulk.describe(),
      ...this.#lifecycle.describe(),
      options: describeOptions(this.#options),
    };
  }

  #ports(): LifecyclePorts<StagedHashes> {
    const source = this.#source;
    const isServing = (): boolean => this.#isServing;
    return {
      connections: MAX_CONNECTIONS,
      start: () => this.#openCache(),
      stop: async () => undefined,
      loadLocal: async () => undefined,
      ask: async (connection, validator) => {
        this.#talkOver(connection);
        const result = await source.ask(validator);
        this.#gate.note(result.kind === 'failed' ? result.error : undefined);
        if (result.kind === 'unchanged') this.#isServing = true;
        return result;
      },
      compile: async (body) => source.stage(body),
      publish: (staged) => {
        this.#isServing = true;
        // Also when no flag changed: what else the probe's answer may mean, no older answer outlives it.
        this.#cache?.purge();
        return source.publish(staged);
      },
      flagsInUse: () => source.flagCount ?? 0,
      get isServing() {
        return isServing();
      },
      drop: () => this.#drop(),
      emit: (event) => this.emit(event),
    };
  }

  protected override logListenerError(caught: unknown): void {
    this.#options.logger.error(`a listener threw: ${String(caught)}`);
  }

  async #openCache(): Promise<void> {
    const { remoteCacheMaxEntries: maxEntries, remoteCacheTtlMs: ttlMs, clock } = this.#options;
    if (maxEntries === 0 || this.#cache !== undefined) return;
    // Loading it takes longer than loading all the rest, and it is off unless asked for.
    const { AnswerCache } = await import('./answer-cache.ts');
    this.#cache = new AnswerCache({ maxEntries, ttlMs, clock });
  }

  /** "Until changed" means for ever where nobody tells of changes: then nothing is kept. */
  get #usableCache(): AnswerCache | undefined {
    return this.#options.remoteCacheTtlMs === -1 && !this.#source.hasFeed ? undefined : this.#cache;
  }

  #talkOver(connection: RelayConnection): RelayQuestions {
    if (this.#talk?.connection !== connection) {
      this.#talk = { connection, questions: new RelayQuestions(connection, this.#options) };
      this.#source.follow(connection);
    }
    return this.#talk.questions;
  }

  #drop(): void {
    this.#isServing = false;
    this.#talk = undefined;
    this.#source.drop();
    this.#cache?.purge();
    this.#bulk.clear();
    this.#gate.reset();
  }

  /** Never rejects. `read` gives the context's JSON, or throws INVALID_CONTEXT. */
  async #evaluate(
    flagKey: string,
    read: () => string,
    defaultValue: JsonValue | undefined,
    type: FlagType | undefined,
  ): Promise<Resolution> {
    try {
      const questions = this.#questions();
      if (questions instanceof EdictError) return this.#failed(flagKey, questions, defaultValue);
      if (ofrepRoute(flagKey) === undefined) return this.#unknown(flagKey, defaultValue);
      const json = read();
      const cache = this.#usableCache;
      const hit = cache?.get(flagKey, json);
      if (hit !== undefined) return this.settle(hit, defaultValue, type);
      const generation = cache?.generation ?? 0;
      const answer = await this.#ask(questions, () => questions.askAbout(flagKey, json));
      if (answer.kind === 'failed') return this.#failed(flagKey, answer.error, defaultValue);
      cache?.put(flagKey, json, answer.resolution, generation);
      return this.settle(answer.resolution, defaultValue, type);
    } catch (caught) {
      return this.#failed(flagKey, EdictError.from(caught, 'INVALID_CONTEXT'), defaultValue);
    }
  }

  async #askForAll(json: string): Promise<Failed | RefusedAnswers | Whole> {
    const questions = this.#questions();
    if (questions instanceof EdictError) return { kind: 'failed', error: questions };
    const known = this.#bulk.get(json);
    const answer = await this.#ask(questions, () => questions.askForAll(json, known?.validator));
    if (answer.kind === 'unchanged') return { kind: 'whole', resolutions: known?.resolutions ?? [] };
    if (answer.kind === 'failed' || answer.kind === 'refused') return answer;
    const { resolutions, validator, bytes } = answer;
    if (validator === undefined) this.#bulk.delete(json);
    else this.#bulk.put(json, { resolutions, validator, bytes });
    return { kind: 'whole', resolutions };
  }

  /** Who can be asked now; or why nobody can. In ERROR the relay may be back: an answer is how to find out. */
  #questions(): RelayQuestions | EdictError {
    const { state, wasClosed, connection } = this.#lifecycle;
    if (state === 'closing' || (state === 'not-ready' && wasClosed)) return closed();
    const isOpen = state === 'ready' || state === 'stale' || state === 'error';
    if (!isOpen || connection === undefined) return new EdictError('NOT_STARTED', 'the relay has not answered yet');
    return this.#talkOver(connection);
  }

  /** Puts one question, unless the relay is to be left alone, and takes notice of how it went. */
  async #ask<A extends { readonly kind: string }>(
    questions: RelayQuestions,
    question: () => Promise<A | Failed>,
  ): Promise<A | Failed> {
    if (questions.quietForMs > 0) {
      this.#counts.spared++;
      // It says RATE_LIMITED without a request.
      return question();
    }
    const refusal = this.#hold.count >= MAX_WAITING ? tooMany() : this.#gate.admit() ? undefined : silent(this.#gate);
    if (refusal !== undefined) {
      this.#counts.spared++;
      return { kind: 'failed', error: refusal };
    }
    this.#counts.asked++;
    const answer = await this.#hold.during(question);
    // Of a life that has ended nothing counts.
    if (this.#talk?.questions !== questions) return { kind: 'failed', error: closed() };
    this.#note(answer.kind === 'failed' ? (answer as Failed).error : undefined);
    return answer;
  }

  #note(error: EdictError | undefined): void {
    if (error === undefined) {
      this.#counts.answered++;
      this.#isServing = true;
    } else this.#counts.failed++;
    this.#gate.note(error);
    this.#lifecycle.noteEvaluation(error);
  }

  /** Before the relay ever answered, whatever goes wrong means "not ready" (D-60); but a context is the caller's own. */
  #failed(flagKey: string, error: EdictError, defaultValue: JsonValue | undefined): Resolution {
    const isCallers = error.code === 'INVALID_CONTEXT';
    const code = this.#isServing || isCallers ? error.openFeatureCode : 'PROVIDER_NOT_READY';
    return this.failure(flagKey, code, error.message, defaultValue);
  }

  #unknown(flagKey: string, defaultValue?: JsonValue): Resolution {
    return this.failure(flagKey, 'FLAG_NOT_FOUND', `Flag with key '${flagKey}' not found`, defaultValue);
  }

  /** The option's flags, unless the caller's own list says which. */
  #listedFlags(context: EvaluationContext): readonly string[] | undefined {
    const { flagList } = this.#options;
    if (flagList.length === 0) return undefined;
    const reserved = context.gofeatureflag;
    const hasOwnList = typeof reserved === 'object' && reserved !== null && hasOwn(reserved, 'flagList');
    return hasOwnList ? undefined : flagList;
  }

  #allOf(resolutions: readonly Resolution[]): readonly Resolution[] {
    const { flagPrefix = '' } = this.#options;
    const mine = resolutions.filter(({ flagKey }) => flagKey.startsWith(flagPrefix));
    return mine.sort((left, right) => (left.flagKey < right.flagKey ? -1 : 1));
  }

  #someOf(resolutions: readonly Resolution[], keys: readonly string[]): readonly Resolution[] {
    const byKey = new Map(resolutions.map((resolution) => [resolution.flagKey, resolution]));
    return keys.map((key) => byKey.get(key) ?? this.#unknown(key));
  }
}

interface Whole {
  readonly kind: 'whole';
  readonly resolutions: readonly Resolution[];
}

function closed(): EdictError {
  return new EdictError('CLOSED', 'the evaluator was closed');
}

function silent({ silent }: SilenceGate): EdictError {
  return new EdictError(
    'UNAVAILABLE',
    `the relay did not answer the last ${silent} requests; it is tried once a second`,
  );
}

function tooMany(): EdictError {
  return new EdictError('UNAVAILABLE', `${MAX_WAITING} evaluations wait for the relay already`);
}
