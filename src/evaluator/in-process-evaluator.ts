/** The evaluator that decides in this process: a snapshot, a pool of stores, and a feed that keeps the snapshot fresh. */

import { EdictError } from '../errors.ts';
import { RESULT_MEMORY } from '../flags/image/abi.ts';
import type { JsonValue } from '../internal/json.ts';
import { holdProcess } from '../options/clock.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import { describeOptions, type ResolvedOptions, resolveOptions } from '../options/resolve.ts';
import { ConfigurationClient } from '../relay/configuration-client.ts';
import { AbstractEvaluator, type EvaluatorState, type PreparedContext } from './abstract-evaluator.ts';
import { contextErrorText } from './context-values.ts';
import { Engine, type StoreFactory } from './engine.ts';
import { InProcessSource, type Staged } from './in-process-source.ts';
import type { Lane } from './lane.ts';
import { Lifecycle, type LifecyclePorts } from './lifecycle.ts';
import type { RawOutcome } from './outcome-reader.ts';
import { Quarantine } from './quarantine.ts';
import type { EvaluationContext, FlagType, Resolution } from './resolution.ts';
import type { FlagEntry, Snapshot } from './snapshot.ts';

/**
 * Seams for tests; nothing a user sets.
 *
 * @internal
 */
export interface InProcessPorts {
  readonly createStore?: StoreFactory;
}

/** Distinct unknown flag keys whose first sight is logged. */
const MAX_LOGGED_UNKNOWN = 1_000;

/**
 * Evaluates flags in WebAssembly against a configuration polled from a relay, or offline against a bootstrap
 * configuration. Answers are synchronous, never touch the network and never throw.
 *
 * @example
 * const evaluator = new InProcessEvaluator({ endpoint: 'http://localhost:1031' });
 * await evaluator.initialize();
 * const { value, reason } = evaluator.evaluate('new-checkout', { targetingKey: 'user-1' }, false);
 */
export class InProcessEvaluator extends AbstractEvaluator<Resolution> {
  readonly #options: ResolvedOptions;
  readonly #clock: ResolvedOptions['clock'];
  readonly #engine: Engine;
  readonly #source: InProcessSource;
  readonly #lifecycle: Lifecycle<Staged>;
  readonly #quarantine: Quarantine;
  readonly #unknown = new Set<string>();
  #snapshot: Snapshot | undefined;

  /** Throws `INVALID_OPTION` before any I/O. */
  constructor(options: EdictOptions);
  /** @internal */
  constructor(options: EdictOptions | ResolvedOptions, ports?: InProcessPorts);
  constructor(options: EdictOptions | ResolvedOptions, ports: InProcessPorts = {}) {
    super();
    this.#options = resolveOptions(options);
    this.#clock = this.#options.clock;
    const { clock, logger, wasmModule, wasmSha256 } = this.#options;
    this.#quarantine = new Quarantine({
      clock,
      logger,
      answer: (flagKey, message) => this.failure(flagKey, 'GENERAL', message, undefined),
    });
    this.#engine = new Engine(
      {
        wasmPoolSize: this.#options.wasmPoolSize,
        wasmModule: moduleSource(wasmModule),
        wasmSha256,
        clock,
        onStorm: (isStorm) => this.#lifecycle.onStorm(isStorm),
      },
      ports.createStore,
    );
    this.#source = new InProcessSource(this.#options, this.#engine, (snapshot) => {
      this.#snapshot = snapshot;
      this.#quarantine.use(snapshot);
    });
    this.#lifecycle = new Lifecycle<Staged>(this.#options, this.#ports());
  }

  override get state(): EvaluatorState {
    return this.#lifecycle.state;
  }

  override get confirmedAgeMs(): number | undefined {
    return this.#lifecycle.confirmedAgeMs;
  }

  /** The feed's last attempt found no relay, or one in an outage: another request would end like it. */
  get feedIsUnreachable(): boolean {
    return this.#lifecycle.feedIsUnreachable;
  }

  /**
   * What the constructor made of its options, for those who are built around this evaluator.
   *
   * @internal
   */
  get options(): ResolvedOptions {
    return this.#options;
  }

  override async initialize(signal?: AbortSignal): Promise<void> {
    await this.#lifecycle.initialize(signal);
    this.#engine.warm();
  }

  override close(deadlineMs: number = this.#options.closeTimeoutMs): Promise<void> {
    return this.#lifecycle.close(deadlineMs);
  }

  /**
   * Decides one flag now. `type` asks for a JSON kind and answers TYPE_MISMATCH for another. The resolution is frozen and
   * shared between calls unless the default stands in.
   */
  override evaluate(
    flagKey: string,
    context: EvaluationContext,
    defaultValue?: JsonValue,
    type?: FlagType,
  ): Resolution {
    const snapshot = this.#snapshot;
    const entry = snapshot?.entry(flagKey);
    if (snapshot === undefined || entry === undefined) return this.#missing(flagKey, defaultValue);
    const { constant } = entry;
    if (constant !== undefined) return this.settle(constant, defaultValue, type);
    return this.#run(snapshot, entry, context, undefined, defaultValue, type);
  }

  override prepare(context: EvaluationContext): PreparedContext<Resolution> {
    const owner: PreparedContext<Resolution> = {
      evaluate: (flagKey, defaultValue, type) => {
        const snapshot = this.#snapshot;
        const entry = snapshot?.entry(flagKey);
        if (snapshot === undefined || entry === undefined) return this.#missing(flagKey, defaultValue);
        const { constant } = entry;
        if (constant !== undefined) return this.settle(constant, defaultValue, type);
        return this.#run(snapshot, entry, context, owner, defaultValue, type);
      },
    };
    return owner;
  }

  /**
   * Evaluates against the configuration that is in use now, whatever is loaded later: for an exchange whose parts must agree.
   * An answer from a configuration that has been replaced costs the loading of its image, so pins are for as long as a request.
   */
  pin(): Pick<InProcessEvaluator, 'evaluate'> {
    const snapshot = this.#snapshot;
    return {
      evaluate: (flagKey, context, defaultValue, type) => {
        const entry = snapshot?.entry(flagKey);
        if (snapshot === undefined || entry === undefined) return this.#missing(flagKey, defaultValue);
        const { constant } = entry;
        if (constant !== undefined) return this.settle(constant, defaultValue, type);
        return this.#run(snapshot, entry, context, undefined, defaultValue, type);
      },
    };
  }

  /** One guest call for all flags. Flags without a value to give carry `null`. */
  override evaluateAll(context: EvaluationContext, keys?: readonly string[]): readonly Resolution[] {
    if (keys !== undefined) {
      const prepared = this.prepare(context);
      return keys.map((key) => prepared.evaluate(key));
    }
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return [];
    // The guest's batch knows no exceptions, and a flag in quarantine would spoil it each time.
    if (!this.#quarantine.isEmpty) return this.evaluateAll(context, snapshot.keys);
    const lane = this.#engine.lane(snapshot);
    try {
      if (lane === undefined) throw noStore();
      const outcomes = lane.evaluateAll(context, this.#clock);
      return snapshot.outcomes.resolutions(outcomes, (flag, result) =>
        this.#exhausted(snapshot.keys[flag] as string, result),
      );
    } catch (caught) {
      // What one flag cannot read must not take the others' answers: ask one by one.
      this.#release(lane, caught);
      return this.evaluateAll(context, snapshot.keys);
    }
  }

  override isTrackable(flagKey: string): boolean {
    return this.#snapshot?.isTrackable(flagKey) ?? true;
  }

  /** Keys of the flags in use, sorted. */
  flagKeys(): readonly string[] {
    return this.#snapshot?.keys ?? [];
  }

  override refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'> {
    return this.#lifecycle.refresh(reason);
  }

  /**
   * Takes a configuration document (the JSON of the relay's configuration route) into use, as one change: for services
   * that bring their own feed. Rejects with an `EdictError` and changes nothing when it cannot be used.
   */
  async load(document: object): Promise<void> {
    const alive = await this.#lifecycle.whenStarted();
    const release = holdProcess(this.#clock);
    try {
      const staged = await this.#source.stage({ document }, alive);
      this.#lifecycle.tellChanged(this.#source.publish(staged, 'loaded'));
    } finally {
      release();
    }
  }

  /** The engine's own words for one evaluation, before defaults and OpenFeature codes; `undefined`: no such flag. */
  evaluateRaw(flagKey: string, context: EvaluationContext): RawOutcome | undefined {
    const snapshot = this.#snapshot;
    const entry = snapshot?.entry(flagKey);
    if (snapshot === undefined || entry === undefined) return undefined;
    const resting = this.#quarantine.find(flagKey);
    if (resting !== undefined) throw new EdictError(resting.code, resting.text);
    const lane = this.#engine.lane(snapshot);
    if (lane === undefined) throw noStore();
    let outcome: number;
    try {
      outcome = lane.evaluate(entry, context, this.#clock);
    } catch (caught) {
      this.#release(lane, caught, flagKey);
      throw caught;
    }
    if (outcome < 0) {
      this.#quarantine.strike(flagKey, 'EVALUATION_DEADLINE');
      throw new EdictError('EVALUATION_DEADLINE', exhaustedText(flagKey, outcome));
    }
    return snapshot.outcomes.raw(outcome);
  }

  override describe() {
    return {
      state: this.state,
      flagCount: this.#snapshot?.flagCount ?? 0,
      brokenFlags: this.#snapshot?.compiled.broken.length ?? 0,
      imageBytes: this.#snapshot?.compiled.image.length ?? 0,
      ...this.#engine.describe(),
      quarantine: this.#quarantine.describe(),
      source: this.#source.origin,
      persisted: this.#source.describePersisted(),
      ...this.#lifecycle.describe(),
      options: describeOptions(this.#options),
    };
  }

  #ports(): LifecyclePorts<Staged> {
    const source = this.#source;
    const { flagList, flagPrefix } = this.#options;
    return {
      start: () => this.#engine.start(),
      stop: async () => {
        await source.idle();
        await this.#engine.close();
      },
      loadLocal: (alive) => source.loadLocal(alive),
      ask: (connection, validator) => new ConfigurationClient(connection, { flagList, flagPrefix }).fetch(validator),
      compile: (body, alive) => source.stage({ body }, alive),
      publish: (staged, meta) => source.publishFromRelay(staged, meta),
      confirmed: () => source.confirmed(),
      flagsInUse: () => source.snapshot?.flagCount ?? 0,
      get isServing() {
        return source.snapshot !== undefined;
      },
      drop: () => source.drop(),
      emit: (event) => this.emit(event),
    };
  }

  protected override logListenerError(caught: unknown): void {
    this.#options.logger.error(`a listener threw: ${String(caught)}`);
  }

  /** Projects, calls the guest, and names its answer; `owner` is a prepared context. */
  #run(
    snapshot: Snapshot,
    entry: FlagEntry,
    context: EvaluationContext,
    owner: object | undefined,
    defaultValue: JsonValue | undefined,
    type: FlagType | undefined,
  ): Resolution {
    const lane = this.#engine.lane(snapshot);
    if (lane === undefined) return this.#failed(entry, snapshot, noStore(), defaultValue);
    try {
      const outcome =
        owner === undefined
          ? lane.evaluate(entry, context, this.#clock)
          : lane.evaluatePrepared(entry, context, this.#clock, owner);
      const { outcomes } = snapshot;
      const ready = outcomes.ready[outcome];
      if (ready !== undefined && type === undefined) return ready;
      if (outcome < 0) return this.#exhausted(snapshot.keys[entry.index] as string, outcome, defaultValue);
      return this.settle(outcomes.resolution(outcome), defaultValue, type);
    } catch (caught) {
      this.#release(lane, caught, snapshot.keys[entry.index]);
      return this.#failed(entry, snapshot, caught, defaultValue);
    }
  }

  /** After a throw. `flagKey`: the one flag that can be to blame for a trap. */
  #release(lane: Lane | undefined, caught: unknown, flagKey?: string): void {
    lane?.recover();
    if (lane?.store.isPoisoned !== true) return;
    this.#options.logger.error(`${caught instanceof Error ? caught.message : String(caught)}; its store was replaced`);
    this.#engine.retire(lane);
    if (flagKey !== undefined) this.#quarantine.strike(flagKey, 'TRAP');
  }

  /** An evaluation that threw, as a resolution: the guest's trap, a context that cannot be written, a getter's error. */
  #failed(entry: FlagEntry, snapshot: Snapshot, caught: unknown, defaultValue: JsonValue | undefined): Resolution {
    const flagKey = snapshot.keys[entry.index] as string;
    if (caught instanceof EdictError)
      return this.failure(flagKey, caught.openFeatureCode, caught.message, defaultValue);
    return this.failure(flagKey, 'INVALID_CONTEXT', `INVALID_CONTEXT: ${contextErrorText(caught)}`, defaultValue);
  }

  #exhausted(flagKey: string, outcome: number, defaultValue?: JsonValue): Resolution {
    this.#quarantine.strike(flagKey, 'EVALUATION_DEADLINE');
    return this.failure(flagKey, 'GENERAL', `EVALUATION_DEADLINE: ${exhaustedText(flagKey, outcome)}`, defaultValue);
  }

  #missing(flagKey: string, defaultValue: JsonValue | undefined): Resolution {
    if (this.#snapshot === undefined) {
      const closed = this.state === 'closing' || this.#lifecycle.wasClosed;
      const text = closed ? 'CLOSED: the evaluator was closed' : 'NOT_STARTED: there is no flag configuration yet';
      return this.failure(flagKey, 'PROVIDER_NOT_READY', text, defaultValue);
    }
    if (!this.#unknown.has(flagKey) && this.#unknown.size < MAX_LOGGED_UNKNOWN) {
      this.#unknown.add(flagKey);
      this.#options.logger.debug(`flag "${flagKey}" is not in the configuration`);
    }
    return this.failure(flagKey, 'FLAG_NOT_FOUND', `Flag with key '${flagKey}' not found`, defaultValue);
  }
}

function noStore(): EdictError {
  return new EdictError(
    'POOL_EXHAUSTED',
    'no store is free: evaluations nest too deep, or traps outrun their replacement',
  );
}

function exhaustedText(flagKey: string, outcome: number): string {
  const what = outcome === RESULT_MEMORY ? 'memory' : 'steps';
  return `flag "${flagKey}" used up the ${what} an evaluation may take; simplify its JSONLogic or the data it loops over`;
}

function moduleSource(source: ResolvedOptions['wasmModule']): Uint8Array | string | object | undefined {
  if (source === undefined) return undefined;
  return source.kind === 'bytes' ? source.bytes : source.kind === 'module' ? source.module : source.path;
}
