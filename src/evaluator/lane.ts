/** A store at work: the store, its context writer, and which snapshot's image it holds. */

import type { FlagStore } from '../wasm/flag-store.ts';
import { ContextWriter } from './context-writer.ts';
import type { EvaluationContext } from './resolution.ts';
import type { FlagEntry, Snapshot } from './snapshot.ts';

/** One store is never used by two calls at once: a context's getter may call back into the evaluator. */
export class Lane {
  readonly store: FlagStore;
  readonly #writer: ContextWriter;
  #snapshot: Snapshot | undefined;
  #results = new Int32Array(0);
  #resultsAt = 0;
  /** The prepared context whose slots are in place. */
  #owner: object | undefined;
  #epochs = new Uint32Array(0);
  #epoch = 0;
  isBusy = false;

  constructor(store: FlagStore) {
    this.store = store;
    this.#writer = new ContextWriter(store);
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Loads a snapshot's image, unless it is there already. Throws what `FlagStore.load` throws. */
  load(snapshot: Snapshot): void {
    if (this.#snapshot === snapshot) return;
    this.#snapshot = undefined;
    this.#owner = undefined;
    this.store.load(snapshot.compiled.image);
    this.#writer.attach();
    this.#resultsAt = this.store.layout().results;
    this.#results = new Int32Array(snapshot.flagCount);
    this.#epochs = new Uint32Array(snapshot.compiled.slots.length);
    this.#epoch = 0;
    this.#snapshot = snapshot;
  }

  /** Projects and evaluates one flag. Throws `ContextError`, `EdictError` TRAP, or what a context's getter throws. */
  evaluate(entry: FlagEntry, context: EvaluationContext, clock: { now(): number }): number {
    this.isBusy = true;
    this.#owner = undefined;
    try {
      const writer = this.#writer;
      const { plans } = entry;
      writer.begin();
      for (let i = 0; i < plans.length; i++) writer.writeSlot(plans[i] as (typeof plans)[number], context);
      if (entry.readsTree) writer.writeTree(context, this.#enrichment(), entry.roots);
      return this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
    } finally {
      this.isBusy = false;
    }
  }

  /** The same, projecting only what `owner` has not projected since it last had the lane. */
  evaluatePrepared(entry: FlagEntry, context: EvaluationContext, clock: { now(): number }, owner: object): number {
    this.isBusy = true;
    try {
      const writer = this.#writer;
      if (this.#owner !== owner) {
        this.#owner = undefined;
        writer.begin();
        this.#epoch++;
      }
      const { plans } = entry;
      const epochs = this.#epochs;
      const epoch = this.#epoch;
      for (let i = 0; i < plans.length; i++) {
        const plan = plans[i] as (typeof plans)[number];
        if (epochs[plan.slot] !== epoch) {
          writer.writeSlot(plan, context);
          epochs[plan.slot] = epoch;
        }
      }
      this.#owner = owner;
      if (!entry.readsTree) return this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
      writer.mark();
      try {
        writer.writeTree(context, this.#enrichment(), entry.roots);
        return this.store.evaluate(entry.index, entry.readsTime ? clock.now() : 0);
      } finally {
        writer.rewind();
      }
    } finally {
      this.isBusy = false;
    }
  }

  /** Outcomes of all flags, in order; the array is reused by the next call. */
  evaluateAll(snapshot: Snapshot, context: EvaluationContext, clock: { now(): number }): Int32Array {
    this.isBusy = true;
    this.#owner = undefined;
    try {
      const writer = this.#writer;
      const needs = snapshot.everything;
      writer.begin();
      for (const plan of needs.plans) writer.writeSlot(plan, context);
      if (needs.readsTree) writer.writeTree(context, this.#enrichment(), needs.roots);
      this.store.evaluateAll(needs.readsTime ? clock.now() : 0, snapshot.compiled.targetingKeySlot);
      this.store.memory.readWords(this.#resultsAt, this.#results);
      return this.#results;
    } finally {
      this.isBusy = false;
    }
  }

  #enrichment(): Readonly<Record<string, unknown>> {
    return this.#snapshot?.compiled.enrichment ?? {};
  }
}
