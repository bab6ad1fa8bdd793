/** A store at work: the store, its context writer, and which snapshot's image it holds. */

import type { FlagStore } from '../wasm/flag-store.ts';
import { ContextWriter, type SlotPlan } from './context-writer.ts';
import type { EvaluationContext } from './resolution.ts';
import type { FlagEntry, Snapshot } from './snapshot.ts';

/**
 * One store is never used by two calls at once: a context's getter may call back into the evaluator.
 *
 * `serves` is the one thing the hot path asks: the snapshot this lane can evaluate right now, undefined while it is busy,
 * poisoned or empty.
 */
export class Lane {
  readonly store: FlagStore;
  readonly #writer: ContextWriter;
  #loaded: Snapshot | undefined;
  #results = new Int32Array(0);
  #resultsAt = 0;
  /** The prepared context whose slots are in place. */
  #owner: object | undefined;
  #epochs = new Uint32Array(0);
  #epoch = 0;
  serves: Snapshot | undefined;

  constructor(store: FlagStore) {
    this.store = store;
    this.#writer = new ContextWriter(store);
  }

  /** The snapshot whose image is loaded, busy or not. */
  get snapshot(): Snapshot | undefined {
    return this.#loaded;
  }

  get isFree(): boolean {
    return !this.store.isPoisoned && (this.#loaded === undefined || this.serves === this.#loaded);
  }

  /** Loads a snapshot's image, unless it is there already. Throws what `FlagStore.load` throws. */
  load(snapshot: Snapshot): void {
    if (this.#loaded === snapshot) return;
    this.#loaded = undefined;
    this.serves = undefined;
    this.#owner = undefined;
    this.store.load(snapshot.compiled.image);
    const slots = snapshot.compiled.slots.length;
    this.#writer.attach(slots);
    this.#resultsAt = this.store.layout().results;
    this.#results = new Int32Array(snapshot.flagCount);
    this.#epochs = new Uint32Array(slots);
    this.#epoch = 0;
    this.#loaded = snapshot;
    this.serves = snapshot;
  }

  /** After an evaluation threw: free again, unless the guest trapped. */
  recover(): void {
    if (!this.store.isPoisoned) this.serves = this.#loaded;
    this.#owner = undefined;
  }

  /**
   * Projects and evaluates one flag of the snapshot it serves. Throws `ContextError`, `EdictError` TRAP, or what a
   * context's getter throws; `recover` must follow then.
   */
  evaluate(entry: FlagEntry, context: EvaluationContext, clock: { now(): number }): number {
    const snapshot = this.serves as Snapshot;
    this.serves = undefined;
    this.#owner = undefined;
    const writer = this.#writer;
    const { plan, morePlans } = entry;
    writer.begin();
    if (plan !== undefined) writer.writeSlot(plan, context);
    for (let i = 0; i < morePlans.length; i++) writer.writeSlot(morePlans[i] as SlotPlan, context);
    if (entry.readsTree) writer.writeTree(context, snapshot.compiled.enrichment, entry.roots);
    const outcome = this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
    this.serves = snapshot;
    return outcome;
  }

  /** The same, projecting only what `owner` has not projected since it last had the lane. */
  evaluatePrepared(entry: FlagEntry, context: EvaluationContext, clock: { now(): number }, owner: object): number {
    const snapshot = this.serves as Snapshot;
    this.serves = undefined;
    const writer = this.#writer;
    if (this.#owner !== owner) {
      this.#owner = owner;
      writer.begin();
      this.#epoch++;
    }
    const { plan, morePlans } = entry;
    if (plan !== undefined) this.#writeOnce(plan, context);
    for (let i = 0; i < morePlans.length; i++) this.#writeOnce(morePlans[i] as SlotPlan, context);
    let outcome: number;
    if (entry.readsTree) {
      // The tree is this flag's own: what it took of the region goes to the next flag.
      writer.mark();
      writer.writeTree(context, snapshot.compiled.enrichment, entry.roots);
      outcome = this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
      writer.rewind();
    } else outcome = this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
    this.serves = snapshot;
    return outcome;
  }

  /** Outcomes of all flags, in order; the array is reused by the next call. Throws as `evaluate` does. */
  evaluateAll(context: EvaluationContext, clock: { now(): number }): Int32Array {
    const snapshot = this.serves as Snapshot;
    this.serves = undefined;
    this.#owner = undefined;
    const writer = this.#writer;
    const needs = snapshot.everything;
    writer.begin();
    for (const plan of needs.morePlans) writer.writeSlot(plan, context);
    if (needs.readsTree) writer.writeTree(context, snapshot.compiled.enrichment, needs.roots);
    this.store.evaluateAll(needs.readsTime ? clock.now() : 0, snapshot.compiled.targetingKeySlot);
    this.store.memory.readWords(this.#resultsAt, this.#results);
    this.serves = snapshot;
    return this.#results;
  }

  #writeOnce(plan: SlotPlan, context: EvaluationContext): void {
    const { slot } = plan;
    if (this.#epochs[slot] === this.#epoch) return;
    this.#writer.writeSlot(plan, context);
    this.#epochs[slot] = this.#epoch;
  }
}
