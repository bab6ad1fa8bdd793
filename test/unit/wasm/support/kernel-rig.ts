/** The kernel of the package with one store: compiles flags, loads the image, evaluates, all at once and on this thread. */

import { Lane } from '../../../../src/evaluator/lane.ts';
import type { RawOutcome } from '../../../../src/evaluator/outcome-reader.ts';
import type { EvaluationContext } from '../../../../src/evaluator/resolution.ts';
import { type FlagEntry, Snapshot } from '../../../../src/evaluator/snapshot.ts';
import { type CompiledConfiguration, compileConfiguration } from '../../../../src/flags/compile/configuration.ts';
import { readEnvelope } from '../../../../src/flags/compile/envelope.ts';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { FlagStore, KERNEL_RULES } from '../../../../src/wasm/flag-store.ts';
import { loadModule, readManifest } from '../../../../src/wasm/module.ts';

const { flags: manifest } = await readManifest();
const kernel = await loadModule(manifest, KERNEL_RULES);

/** A fresh store of the package's kernel. */
export function kernelStore(): FlagStore {
  return new FlagStore(kernel, manifest.abi);
}

export function compileFlags(flags: object, enrichment: object = {}): CompiledConfiguration {
  return compileConfiguration(readEnvelope({ flags, evaluationContextEnrichment: enrichment }));
}

/** A configuration in use. */
export class KernelRig {
  readonly store: FlagStore;
  readonly #lane: Lane;
  #snapshot: Snapshot;
  #now = 0;
  readonly #clock = { now: () => this.#now };

  constructor(flags: object = {}, enrichment: object = {}) {
    this.store = kernelStore();
    this.#lane = new Lane(this.store);
    this.#snapshot = this.load(flags, enrichment);
  }

  /** The configuration in use from now on. */
  load(flags: object, enrichment: object = {}): Snapshot {
    this.#snapshot = new Snapshot(compileFlags(flags, enrichment));
    this.#lane.load(this.#snapshot);
    return this.#snapshot;
  }

  get compiled(): CompiledConfiguration {
    return this.#snapshot.compiled;
  }

  /** The engine's answer, through the guest even where the host would know it; `now` in milliseconds since 1970. */
  raw(key: string, context: EvaluationContext = {}, now = 0): RawOutcome {
    return this.#snapshot.outcomes.raw(this.outcome(this.entry(key), context, now));
  }

  /** The number of the outcome; below zero a RESULT_*. */
  outcome(entry: FlagEntry, context: EvaluationContext, now = 0): number {
    this.#now = now;
    return this.#lane.evaluate(entry, context, this.#clock);
  }

  entry(key: string): FlagEntry {
    const entry = this.#snapshot.entry(key);
    if (entry === undefined) throw new Error(`no flag "${key}"`);
    return entry;
  }

  /** The answers of all flags in one guest call, in the order of their keys. */
  all(context: EvaluationContext, now = 0): RawOutcome[] {
    return this.outcomes(context, now).map((outcome) => this.#snapshot.outcomes.raw(outcome));
  }

  /** The numbers of the outcomes of all flags, from one guest call. */
  outcomes(context: EvaluationContext, now = 0): number[] {
    this.#now = now;
    return Array.from(this.#lane.evaluateAll(context, this.#clock));
  }

  /** The variation a lone flag serves, or its error's details. */
  serve(flag: object, context: EvaluationContext = {}, now = 0, enrichment: object = {}): string {
    this.load({ flag }, enrichment);
    const { variation, details } = this.raw('flag', context, now);
    return details || variation;
  }
}

/** Flags whose variation `on` is served when the query matches. */
export function flagOf(query: string): JsonObject {
  return {
    variations: { on: true, off: false },
    targeting: [{ query, variation: 'on' }],
    defaultRule: { variation: 'off' },
  };
}
