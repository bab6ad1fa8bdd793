/** The evaluator that decides in this process and, where the engine cannot, asks the relay (relay-and-provider §4.4). */

import type { JsonValue } from '../internal/json.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { RelayConnection } from '../relay/connection.ts';
import { AbstractEvaluator, type EvaluatorState, type PreparedContext } from './abstract-evaluator.ts';
import { InProcessEvaluator, type InProcessPorts } from './in-process-evaluator.ts';
import { type QuestionLine, RemoteFallback } from './remote-fallback.ts';
import { RelayQuestions } from './remote-questions.ts';
import type { EvaluationContext, FlagType, Resolution } from './resolution.ts';

/**
 * Seams for tests; nothing a user sets.
 *
 * @internal
 */
export interface FallbackPorts extends InProcessPorts {
  readonly openLine?: (options: ResolvedOptions) => QuestionLine;
}

/** An immediate answer, or one that the relay was asked for. */
type Answer = Resolution | Promise<Resolution>;

/** In the metadata of an answer that came from the relay; no usage event is sent for it (§6.2). */
const REMOTE_MARK = 'gofeatureflag_evaluated_remotely';

/**
 * Decides flags in-process and answers at once, as an `InProcessEvaluator` does. Only a flag that the engine cannot decide
 * (PARSE_ERROR, or GENERAL: a trap, a passed limit) is asked of the relay, within the option `fallback`; that answer is a
 * promise. When the relay cannot decide it either, the caller gets the local error. Nothing throws or rejects.
 *
 * Without an `endpoint`, or with `fallback: 'off'`, local answers are all there is.
 *
 * @example
 * const evaluator = new FallbackEvaluator({ endpoint: 'http://localhost:1031', fallback: { budgetMs: 20 } });
 * await evaluator.initialize();
 * const { value } = await evaluator.evaluate('new-checkout', { targetingKey: 'user-1' }, false);
 */
export class FallbackEvaluator extends AbstractEvaluator<Answer> {
  /** Decides in-process; its life belongs to this evaluator. */
  readonly local: InProcessEvaluator;
  readonly #remote: RemoteFallback;

  /** Throws `INVALID_OPTION` before any I/O. */
  constructor(options: EdictOptions);
  /** @internal */
  constructor(options: EdictOptions | ResolvedOptions, ports?: FallbackPorts);
  constructor(options: EdictOptions | ResolvedOptions, ports: FallbackPorts = {}) {
    super();
    this.local = new InProcessEvaluator(options, ports);
    const resolved = this.local.options;
    const openLine = ports.openLine ?? (resolved.endpoint === undefined ? undefined : openRelayLine);
    const mayAsk = resolved.fallback.mode !== 'off' && openLine !== undefined;
    this.#remote = new RemoteFallback(resolved, {
      open: mayAsk ? () => openLine(resolved) : undefined,
      feedIsUnreachable: () => this.local.feedIsUnreachable,
    });
    this.local.onChange((event) => this.emit(event));
  }

  override get state(): EvaluatorState {
    return this.local.state;
  }

  override get confirmedAgeMs(): number | undefined {
    return this.local.confirmedAgeMs;
  }

  override initialize(signal?: AbortSignal): Promise<void> {
    this.#remote.open();
    return this.local.initialize(signal);
  }

  override async close(deadlineMs?: number): Promise<void> {
    // Questions are aborted at once, so the deadline is the local evaluator's to keep.
    const asking = this.#remote.close();
    await this.local.close(deadlineMs);
    await asking;
  }

  /** Hot path: a flag that was decided costs one look at its resolution more than in-process. */
  override evaluate(flagKey: string, context: EvaluationContext, defaultValue?: JsonValue, type?: FlagType): Answer {
    const local = this.local.evaluate(flagKey, context, defaultValue, type);
    return local.engineCode === undefined ? local : this.#reconsider(local, context, defaultValue, type);
  }

  override prepare(context: EvaluationContext): PreparedContext<Answer> {
    const prepared = this.local.prepare(context);
    return {
      evaluate: (flagKey, defaultValue, type) => {
        const local = prepared.evaluate(flagKey, defaultValue, type);
        return local.engineCode === undefined ? local : this.#reconsider(local, context, defaultValue, type);
      },
    };
  }

  /** A promise when a flag among them has to be asked for; they share one budget, and its limits. */
  override evaluateAll(
    context: EvaluationContext,
    keys?: readonly string[],
  ): readonly Resolution[] | Promise<readonly Resolution[]> {
    const local = this.local.evaluateAll(context, keys);
    if (!this.#remote.canAsk) return local;
    const failing: number[] = [];
    for (let i = 0; i < local.length; i++) if (isEngineFault(local[i] as Resolution)) failing.push(i);
    return failing.length === 0 ? local : this.#reconsiderAll(local, failing, context);
  }

  override isTrackable(flagKey: string): boolean {
    return this.local.isTrackable(flagKey);
  }

  /** Keys of the flags in use, sorted. */
  flagKeys(): readonly string[] {
    return this.local.flagKeys();
  }

  override refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'> {
    return this.local.refresh(reason);
  }

  override describe() {
    return { ...this.local.describe(), fallback: this.#remote.describe() };
  }

  protected override logListenerError(caught: unknown): void {
    this.local.options.logger.error(`a listener threw: ${String(caught)}`);
  }

  #reconsider(
    local: Resolution,
    context: EvaluationContext,
    defaultValue: JsonValue | undefined,
    type: FlagType | undefined,
  ): Answer {
    if (!isEngineFault(local)) return local;
    const asked = this.#remote.ask(local, context);
    if (asked === undefined) return local;
    return asked.then((remote) => (remote === undefined ? local : this.#adopt(remote, defaultValue, type)));
  }

  async #reconsiderAll(
    local: readonly Resolution[],
    failing: readonly number[],
    context: EvaluationContext,
  ): Promise<readonly Resolution[]> {
    const { clock, fallback } = this.local.options;
    const answers = [...local];
    const until = clock.monotonic() + this.#remote.budgetMs;
    const waiting = failing.values();
    // Runners share one iterator: each takes the next flag when its last question has been answered.
    const run = async () => {
      for (const i of waiting) {
        const left = Math.floor(until - clock.monotonic());
        const budgetMs = fallback.mode === 'spec' ? this.#remote.budgetMs : left;
        const remote = await this.#remote.ask(local[i] as Resolution, context, budgetMs);
        if (remote !== undefined) answers[i] = this.#adopt(remote, undefined, undefined);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#remote.width, failing.length) }, run));
    return answers;
  }

  /** The relay's answer under the caller's default and type, marked as such. */
  #adopt(remote: Resolution, defaultValue: JsonValue | undefined, type: FlagType | undefined): Resolution {
    const settled = this.settle(remote, defaultValue, type);
    return Object.freeze({ ...settled, metadata: Object.freeze({ ...settled.metadata, [REMOTE_MARK]: true }) });
  }
}

/** Questions are no polls: they have connections of their own, as many as may be in flight. */
function openRelayLine(options: ResolvedOptions): QuestionLine {
  const { endpoint = [], fallback } = options;
  const connection = new RelayConnection({ ...options, endpoint, connections: fallback.maxConcurrent });
  return { questions: new RelayQuestions(connection, options), close: () => connection.close() };
}

/**
 * The engine's own code decides, before the mapping to OpenFeature: FLAG_CONFIG is GENERAL there, but the relay would say
 * the same.
 */
function isEngineFault({ engineCode }: Resolution): boolean {
  return engineCode === 'PARSE_ERROR' || engineCode === 'GENERAL';
}
