/** Stores whose guest really throws when a test says so: out of the kernel itself, or by a stack that overflows. */

import wabt from 'wabt';
import type { StoreFactory } from '../../../../src/evaluator/engine.ts';
import { FlagStore } from '../../../../src/wasm/flag-store.ts';

/** No configuration has that many flags: the kernel answers the index with `unreachable`. */
const IMPOSSIBLE_FLAG = 0x7fff_ffff;

/** Decides before each guest evaluation whether that one traps. */
export class TrapSwitch {
  isOn = false;
  /** Trap at each n-th evaluation; 0: never. */
  every = 0;
  made = 0;
  evaluations = 0;
  /** Guest calls on a store after it trapped; must stay 0. */
  callsAfterTrap = 0;

  readonly createStore: StoreFactory = (module, abi) => {
    this.made++;
    return new TrappingStore(this, module, abi);
  };

  next(): boolean {
    this.evaluations++;
    return this.isOn || (this.every > 0 && this.evaluations % this.every === 0);
  }
}

class TrappingStore extends FlagStore {
  readonly #plan: TrapSwitch;

  constructor(plan: TrapSwitch, module: object, abi: number) {
    super(module, abi);
    this.#plan = plan;
  }

  override evaluate(flag: number, now: number): number {
    if (this.isPoisoned) this.#plan.callsAfterTrap++;
    return super.evaluate(this.#plan.next() ? IMPOSSIBLE_FLAG : flag, now);
  }
}

/** A kernel that loads every image and overflows its stack in every evaluation: that is a RangeError, not a RuntimeError. */
export async function overflowingModule(abi: number): Promise<WebAssembly.Module> {
  const tools = await wabt();
  const parsed = tools.parseWat(
    'overflow.wat',
    `(module
      (memory (export "memory") 64 64)
      (func (export "abiVersion") (result i32) (i32.const ${abi}))
      (func (export "reserve") (param i32) (result i32) (i32.const 65536))
      (func (export "loadImage") (param i32) (result i32) (i32.const 0))
      (func (export "slots") (result i32) (i32.const 1048576))
      (func (export "context") (result i32) (i32.const 2097152))
      (func (export "contextEnd") (result i32) (i32.const 4194304))
      (func (export "results") (result i32) (i32.const 1024))
      (func $evaluate (export "evaluate") (param i32 f64) (result i32)
        (i32.add (call $evaluate (local.get 0) (local.get 1)) (i32.const 1)))
      (func (export "evaluateAll") (param f64 i32) (result i32) (call $evaluate (local.get 1) (local.get 0))))`,
  );
  try {
    return new WebAssembly.Module(parsed.toBinary({}).buffer as Uint8Array<ArrayBuffer>);
  } finally {
    parsed.destroy();
  }
}
