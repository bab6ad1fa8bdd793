/**
 * The fuel of one store: what a call may use, what it used, and the end of a call that was told to stop before that.
 *
 * A pausing module (src/wasm/metering/rewrite.ts) gets its fuel in slices. Between two of them the store asks whether it is to
 * stop; that is how a call ends at its deadline without the thread that it runs on.
 */

/** The call was told to stop. Thrown through the guest, which has nothing to catch it with. */
export class Stopped extends Error {
  constructor() {
    super('the call was told to stop');
  }
}

/**
 * Units between two looks: 5 µs of the tightest loop, some milliseconds of the slowest code there is. A look takes 0.1 µs,
 * and the hooks of ordinary policies end before the first.
 */
const SLICE = 4_096;

/** (module (import "e" "p" (func)) (export "p" (func 0))): makes of a function one that a table takes. */
const WRAPPER = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0],
  ...[2, 7, 1, 1, 0x65, 1, 0x70, 0, 0, 7, 5, 1, 1, 0x70, 0, 0],
]);
let wrapper: WebAssembly.Module | undefined;

export class FuelMeter {
  /** One for each core module of the store. */
  readonly #counters: readonly WebAssembly.Global[];
  readonly #slice: number;
  #given = 0;
  /** What a pausing module has yet to get. */
  #reserve = 0;

  /** `pause` is the table of a pausing module, of which there is one a store; `stops` says whether the call is to end. */
  constructor(counters: readonly WebAssembly.Global[], pause?: unknown, stops?: () => boolean) {
    this.#counters = counters;
    const [counter] = counters;
    const isPausing = pause instanceof WebAssembly.Table && stops !== undefined && counter !== undefined;
    this.#slice = isPausing ? SLICE : Number.POSITIVE_INFINITY;
    if (isPausing)
      pause.set(
        0,
        exportedFunction(() => this.#refill(counter, stops)),
      );
  }

  /** What the next call may use in each core module. */
  fill(fuel: number): void {
    const slice = Math.min(fuel, this.#slice);
    this.#given = fuel;
    this.#reserve = fuel - slice;
    for (const counter of this.#counters) counter.value = slice;
  }

  /** Of all core modules together. */
  get used(): number {
    let used = 0;
    for (const { value } of this.#counters) used += this.#given - this.#reserve - value;
    return used;
  }

  /** The least that is left in any of them; below zero when it ran out. `undefined` where nothing is counted. */
  get left(): number | undefined {
    let left: number | undefined;
    for (const { value } of this.#counters) if (left === undefined || value < left) left = value;
    return left === undefined ? undefined : left + this.#reserve;
  }

  /** Called by the guest with its counter below zero; leaves it there when nothing is left. */
  #refill(counter: WebAssembly.Global, stops: () => boolean): void {
    if (stops()) throw new Stopped();
    const wanted = SLICE - counter.value;
    const fuel = Math.min(wanted, this.#reserve);
    this.#reserve -= fuel;
    counter.value += fuel;
  }
}

function exportedFunction(pause: () => void): unknown {
  wrapper ??= new WebAssembly.Module(WRAPPER);
  const { p } = new WebAssembly.Instance(wrapper, { e: { p: pause } }).exports;
  return p;
}
