/** The slots of one evaluator: a resident lane, a warm spare for reload, trap and re-entrancy, and their replacement. */

import { EdictError } from '../errors.ts';
import { type Clock, startTimer, type TimerHandle } from '../options/clock.ts';
import { isHeard, publish } from '../telemetry/channels.ts';
import { FlagStore, KERNEL_RULES } from '../wasm/flag-store.ts';
import { loadModule, type ModuleSource, readManifest } from '../wasm/module.ts';
import { StorePool } from '../wasm/store-pool.ts';
import type { EngineFacts } from './evaluator-facts.ts';
import { Lane } from './lane.ts';
import type { Snapshot } from './snapshot.ts';

/** More traps than this inside the window are a storm: replacements then wait (S-28 of relay-and-provider §5.4). */
const STORM_TRAPS = 10;
const STORM_WINDOW_MS = 10_000;
const STORM_REFILL_MS = 1_000;
/** A storm is over after this long without a trap. */
const CALM_MS = 60_000;

export interface EngineOptions {
  readonly wasmPoolSize: number;
  readonly wasmModule: ModuleSource | undefined;
  readonly wasmSha256: string | false | undefined;
  readonly clock: Clock;
  /** Called when a storm of traps begins, and when it is over. */
  readonly onStorm: (isStorm: boolean) => void;
}

/** Makes a store; tests inject stores that trap. */
export type StoreFactory = (module: object, abi: number) => FlagStore;

/** How many compiled modules a process keeps is one: every evaluator with the built-in kernel shares it. */
let builtIn: Promise<{ module: object; abi: number }> | undefined;

export class Engine {
  readonly #options: EngineOptions;
  readonly #factory: StoreFactory;
  #pool: StorePool<FlagStore> | undefined;
  #resident: Lane | undefined;
  #spare: Lane | undefined;
  #refilling: Promise<void> | undefined;
  #refillTimer: TimerHandle | undefined;
  #traps: number[] = [];
  /** Runs while there is a storm. */
  #calmTimer: TimerHandle | undefined;
  #trapCount = 0;
  #starts = 0;
  #rebuildCount = 0;

  constructor(options: EngineOptions, factory: StoreFactory = (module, abi) => new FlagStore(module, abi)) {
    this.#options = options;
    this.#factory = factory;
  }

  /** Verifies and compiles the module, and warms the resident slot. Rejects with `MODULE_REJECTED`. */
  async start(): Promise<void> {
    this.#starts++;
    const start = this.#starts;
    const { module, abi } = await this.#module();
    const pool = new StorePool(this.#options.wasmPoolSize, () => this.#factory(module, abi));
    const resident = new Lane(await pool.acquire());
    // A start that was given up must not take the slots of the one that followed it.
    if (start !== this.#starts) return;
    this.#pool = pool;
    this.#resident = resident;
    this.#spare = undefined;
  }

  async close(): Promise<void> {
    if (this.#refillTimer !== undefined) this.#options.clock.clearTimeout(this.#refillTimer);
    this.#refillTimer = undefined;
    if (this.#calmTimer !== undefined) this.#options.clock.clearTimeout(this.#calmTimer);
    this.#calmTimer = undefined;
    this.#traps = [];
    await this.#refilling;
    const pool = this.#pool;
    this.#pool = undefined;
    const lanes = [this.#resident, this.#spare];
    this.#resident = undefined;
    this.#spare = undefined;
    if (pool === undefined) return;
    for (const lane of lanes) if (lane !== undefined) await pool.release(lane.store);
    await pool.close();
  }

  /** Loads the image into a lane that nobody evaluates in, so that `flip` only has to swap references. */
  async stage(snapshot: Snapshot): Promise<void> {
    if (this.#resident !== undefined && this.#resident.snapshot === undefined) return this.#resident.load(snapshot);
    await this.#ensureSpare();
    this.#spare?.load(snapshot);
  }

  /** From here on evaluations see `snapshot`, wholly. */
  flip(snapshot: Snapshot): void {
    if (this.#resident?.snapshot === snapshot) return;
    const spare = this.#spare;
    if (spare === undefined) {
      // A trap took the staged lane between stage and flip; loading here costs milliseconds once.
      if (this.#resident === undefined)
        throw new EdictError('POOL_EXHAUSTED', 'no store is left to load the configuration into');
      this.#resident.load(snapshot);
      return;
    }
    spare.load(snapshot);
    this.#spare = this.#resident;
    this.#resident = spare;
  }

  /** The lane to evaluate `snapshot` in now: the resident, or the spare when a context's getter calls back. */
  lane(snapshot: Snapshot): Lane | undefined {
    const resident = this.#resident;
    return resident !== undefined && resident.serves === snapshot ? resident : this.#otherLane(snapshot);
  }

  #otherLane(snapshot: Snapshot): Lane | undefined {
    const resident = this.#resident;
    // A snapshot that was just replaced is still in the spare; only others have to be loaded again.
    if (this.#spare?.serves === snapshot) return this.#spare;
    if (resident?.isFree === true) {
      resident.load(snapshot);
      return resident;
    }
    const spare = this.#spare;
    if (spare?.isFree !== true) return undefined;
    spare.load(snapshot);
    return spare;
  }

  /** A lane trapped: out with it, without another guest call; the spare takes over and a new one is made behind. */
  retire(lane: Lane): void {
    const now = this.#options.clock.monotonic();
    this.#trapCount++;
    this.#traps = this.#traps.filter((at) => now - at < STORM_WINDOW_MS);
    this.#traps.push(now);
    if (this.#resident === lane) {
      this.#resident = this.#spare;
      this.#spare = undefined;
    } else if (this.#spare === lane) this.#spare = undefined;
    void this.#pool?.release(lane.store).catch(() => undefined);
    if (this.#traps.length > STORM_TRAPS) this.#storm();
    this.#refill();
    if (isHeard('edict:trap')) publish('edict:trap', { traps: this.#trapCount });
  }

  describe(): EngineFacts {
    const lanes = [this.#resident, this.#spare].filter((lane) => lane !== undefined);
    return {
      guestMemoryBytes: lanes.reduce((sum, lane) => sum + lane.store.memory.byteLength, 0),
      pool: this.#pool?.describe() ?? null,
      traps: this.#trapCount,
      rebuilds: this.#rebuildCount,
    };
  }

  /** Tells of a storm once, and of its end a minute after its last trap. */
  #storm(): void {
    const { clock, onStorm } = this.#options;
    if (this.#calmTimer === undefined) onStorm(true);
    else clock.clearTimeout(this.#calmTimer);
    this.#calmTimer = startTimer(
      clock,
      () => {
        this.#calmTimer = undefined;
        onStorm(false);
      },
      CALM_MS,
    );
  }

  /** Makes sure there is a spare once this tick is over. A pool of one slot has none. */
  warm(): void {
    this.#refill();
  }

  #refill(): void {
    if (this.#pool === undefined || this.#refilling !== undefined || this.#refillTimer !== undefined) return;
    if (this.#traps.length > STORM_TRAPS) {
      this.#refillTimer = startTimer(
        this.#options.clock,
        () => {
          this.#refillTimer = undefined;
          void this.#ensureSpare().catch(() => undefined);
        },
        STORM_REFILL_MS,
      );
      return;
    }
    void this.#ensureSpare().catch(() => undefined);
  }

  #ensureSpare(): Promise<void> {
    this.#refilling ??= this.#fillSpare().finally(() => {
      this.#refilling = undefined;
    });
    return this.#refilling;
  }

  async #fillSpare(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined || (this.#spare !== undefined && this.#resident !== undefined)) return;
    if (this.#options.wasmPoolSize < 2 && this.#resident !== undefined) return;
    const lane = new Lane(await pool.acquire());
    if (this.#pool !== pool) return pool.release(lane.store);
    if (this.#trapCount > this.#rebuildCount) this.#rebuildCount++;
    if (this.#resident === undefined) {
      this.#resident = lane;
      if (this.#options.wasmPoolSize > 1) return this.#fillSpare();
    } else this.#spare = lane;
  }

  async #module(): Promise<{ module: object; abi: number }> {
    const { wasmModule, wasmSha256 } = this.#options;
    if (wasmModule === undefined && wasmSha256 === undefined) {
      builtIn ??= compileModule(undefined, undefined);
      try {
        return await builtIn;
      } catch (caught) {
        builtIn = undefined;
        throw caught;
      }
    }
    return compileModule(wasmModule, wasmSha256);
  }
}

async function compileModule(
  source: ModuleSource | undefined,
  sha256: string | false | undefined,
): Promise<{ module: object; abi: number }> {
  const { flags } = await readManifest();
  return { module: await loadModule(flags, KERNEL_RULES, source, sha256 ?? flags.sha256), abi: flags.abi };
}
