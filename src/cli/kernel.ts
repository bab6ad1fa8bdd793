/**
 * The compiled kernel for one question at a time: each brings its own flag, so compiling, loading and evaluating happen
 * in one synchronous stroke, without the snapshots, events and spares of an evaluator that serves traffic.
 */

import { EdictError } from '../errors.ts';
import { Lane } from '../evaluator/lane.ts';
import type { RawOutcome } from '../evaluator/outcome-reader.ts';
import { Snapshot } from '../evaluator/snapshot.ts';
import { compileConfiguration } from '../flags/compile/configuration.ts';
import { emptyRecord, type JsonObject, type JsonValue } from '../internal/json.ts';
import { FlagStore, KERNEL_RULES } from '../wasm/flag-store.ts';
import { loadModule, readManifest } from '../wasm/module.ts';

export interface Question {
  readonly flagKey: string;
  readonly flag: JsonValue;
  readonly context: Readonly<JsonObject>;
  readonly enrichment: Readonly<JsonObject>;
}

export class Kernel {
  readonly #makeLane: () => Lane;
  readonly #clock: { now(): number };
  #lane: Lane;

  private constructor(makeLane: () => Lane, clock: { now(): number }) {
    this.#makeLane = makeLane;
    this.#clock = clock;
    this.#lane = makeLane();
  }

  /** Loads the module that comes with the package. Rejects with `MODULE_REJECTED`. */
  static async open(now: () => number = Date.now): Promise<Kernel> {
    const { flags } = await readManifest();
    const module = await loadModule(flags, KERNEL_RULES);
    return new Kernel(() => new Lane(new FlagStore(module, flags.abi)), { now });
  }

  /**
   * The engine's own words for one evaluation. Throws `EdictError` (TRAP, EVALUATION_DEADLINE, CONFIGURATION_TOO_LARGE) or
   * `ContextError`; the next question is answered all the same.
   */
  ask({ flagKey, flag, context, enrichment }: Question): RawOutcome {
    const flags = emptyRecord<JsonValue>();
    flags[flagKey] = flag;
    const snapshot = new Snapshot(
      compileConfiguration({ flags, enrichment: enrichment as JsonObject, suspicious: false }),
    );
    const entry = snapshot.entry(flagKey);
    if (entry === undefined) throw new EdictError('INVALID_RESULT', `flag "${flagKey}" was lost while compiling`);
    // A store that trapped is never called again.
    if (this.#lane.store.isPoisoned) this.#lane = this.#makeLane();
    this.#lane.load(snapshot);
    const outcome = this.#lane.evaluate(entry, context, this.#clock);
    if (outcome < 0) {
      throw new EdictError(
        'EVALUATION_DEADLINE',
        `flag "${flagKey}" used up the steps or memory an evaluation may take`,
      );
    }
    return snapshot.outcomes.raw(outcome);
  }
}
