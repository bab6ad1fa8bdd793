/** The flags in force: sources merged, flags checked one by one, the evaluator and the served set changed together. */

import { EdictError } from '../errors.ts';
import type { EvaluationContext, Resolution } from '../evaluator/resolution.ts';
import type { JsonObject } from '../internal/json.ts';
import type { FlagChange } from './flag-change.ts';
import { diffFlagSets } from './flag-change.ts';
import type { FlagDocument } from './flag-set.ts';
import { FlagSet } from './flag-set.ts';
import type { FlagSource, SourceFailure } from './flag-source.ts';
import type { InvalidFlag } from './served-flags.ts';
import { mergeFlags } from './served-flags.ts';

/** What the relay needs of an evaluator; `InProcessEvaluator` is one. */
export interface FlagEvaluator {
  /** Swaps the configuration as a whole; on rejection the old one stays. */
  load(document: FlagDocument): Promise<unknown>;
  evaluate(flagKey: string, context: EvaluationContext): Resolution;
  /** In flag-key order; only `keys` when given. */
  evaluateAll(context: EvaluationContext, keys?: readonly string[]): readonly Resolution[];
  close(): Promise<unknown>;
}

/** What happened to the flags; the relay turns it into events, metrics and log lines. */
export type StoreEvent =
  | { readonly type: 'changed'; readonly change: FlagChange }
  | { readonly type: 'invalid-flag'; readonly flagKey: string | undefined; readonly message: string }
  | { readonly type: 'source-failed'; readonly source: string; readonly message: string }
  | { readonly type: 'source-recovered'; readonly source: string };

export interface FlagStoreOptions {
  /** Merged in this order; a later source's flag replaces an earlier one's of the same key. */
  readonly sources: readonly FlagSource[];
  readonly enrichment: Readonly<JsonObject>;
  readonly createEvaluator: (document: FlagDocument) => Promise<FlagEvaluator>;
  readonly listener: (event: StoreEvent) => void;
}

export class FlagStore {
  readonly #options: FlagStoreOptions;
  #evaluator: FlagEvaluator | undefined;
  #current: FlagSet | undefined;
  #loadedAt = new Date(0);
  #invalid: readonly InvalidFlag[] = [];
  #rejected: SourceFailure | undefined;
  /** The sources (and the evaluator, as `configuration`) whose failure was told and whose recovery was not yet. */
  readonly #failing = new Map<string, string>();
  #updating: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FlagStoreOptions) {
    this.#options = options;
  }

  /**
   * Reads every source and loads the evaluator. Rejects with `INVALID_FLAG_FILE` when a source cannot be read: there is no
   * last good content yet, and a mistyped path should be seen at start.
   */
  async start(): Promise<void> {
    await Promise.all(this.#options.sources.map((source) => source.read()));
    for (const { name, failure } of this.#options.sources) {
      if (failure !== undefined) throw new EdictError('INVALID_FLAG_FILE', `${name}: ${failure.message}`);
    }
    const set = this.#merge();
    this.#evaluator = await this.#options.createEvaluator(set.document());
    this.#current = set;
    this.#loadedAt = new Date();
    await Promise.all(this.#options.sources.map((source) => source.watch(() => void this.#update())));
  }

  /** Reads every source now and puts the outcome into force. */
  async reload(): Promise<void> {
    await Promise.all(this.#options.sources.map((source) => source.read()));
    await this.#update();
  }

  /** Puts into force what the sources hold already, without reading them again. */
  takeOver(): Promise<void> {
    return this.#update();
  }

  /** The set in force. Throws `NOT_STARTED` before there is one. */
  get current(): FlagSet {
    if (this.#current === undefined) throw new EdictError('NOT_STARTED', 'the relay has no flags yet');
    return this.#current;
  }

  /** The evaluator of the set in force. Throws `NOT_STARTED` before there is one. */
  get evaluator(): FlagEvaluator {
    if (this.#evaluator === undefined) throw new EdictError('NOT_STARTED', 'the relay has no flags yet');
    return this.#evaluator;
  }

  /** When the sources were last read and taken over, changed or not. */
  get loadedAt(): Date {
    return this.#loadedAt;
  }

  /** What is left out of every answer. */
  get invalidFlags(): readonly InvalidFlag[] {
    return this.#invalid;
  }

  /** What is being served although it could not be refreshed; empty when all is well. */
  get failures(): ReadonlyMap<string, SourceFailure> {
    const failures = new Map<string, SourceFailure>();
    for (const { name, failure } of this.#options.sources) {
      if (failure !== undefined) failures.set(name, failure);
    }
    if (this.#rejected !== undefined) failures.set('configuration', this.#rejected);
    return failures;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#options.sources.map((source) => source.close()));
    await this.#updating;
    await this.#evaluator?.close();
  }

  #update(): Promise<void> {
    this.#updating = this.#updating.then(() => this.#updateNow());
    return this.#updating;
  }

  async #updateNow(): Promise<void> {
    if (this.#closed || this.#evaluator === undefined) return;
    const change = await this.#putIntoForce(this.current, this.#evaluator);
    this.#tellFailures();
    if (change !== undefined) this.#options.listener({ type: 'changed', change });
  }

  /** Puts the sources' contents into force; `undefined` when nothing changed, or when they were refused. */
  async #putIntoForce(before: FlagSet, evaluator: FlagEvaluator): Promise<FlagChange | undefined> {
    try {
      const next = this.#merge();
      const change = diffFlagSets(before, next);
      if (change !== undefined) {
        await evaluator.load(next.document());
        this.#current = next;
      }
      this.#rejected = undefined;
      // Read again, if only with the same outcome: unless a source failed, its content is as fresh as this moment.
      if (change !== undefined || this.failures.size === 0) this.#loadedAt = new Date();
      return change;
    } catch (caught) {
      const { message } = EdictError.from(caught, 'INVALID_FLAG_FILE');
      this.#rejected = { message, since: this.#rejected?.since ?? new Date() };
      return undefined;
    }
  }

  #tellFailures(): void {
    const now = this.failures;
    for (const [source, { message }] of now) {
      if (this.#failing.get(source) === message) continue;
      this.#failing.set(source, message);
      this.#options.listener({ type: 'source-failed', source, message });
    }
    for (const source of [...this.#failing.keys()]) {
      if (now.has(source)) continue;
      this.#failing.delete(source);
      this.#options.listener({ type: 'source-recovered', source });
    }
  }

  /** The last good contents of all sources as one set. A flag that is left out is told once for each reason. */
  #merge(): FlagSet {
    const { served, invalid } = mergeFlags(this.#options.sources);
    const told = new Set(this.#invalid.map(({ message }) => message));
    this.#invalid = invalid;
    for (const { flagKey, message } of invalid) {
      if (!told.has(message)) this.#options.listener({ type: 'invalid-flag', flagKey, message });
    }
    return new FlagSet(served, this.#options.enrichment);
  }
}
