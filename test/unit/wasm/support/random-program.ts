/** Random programs as text: structured code that always ends, over locals, globals, memory, calls and tables. */

import type { Random } from '../../flags/jsonlogic/random-cases.ts';

const LOCALS = 6;
const FUNCTIONS = 5;
/** Locals behind the others count the turns of loops, one for each depth of nesting. */
const DEPTH = 4;

/** A module that exports `run(i32, i32) -> i32`; the same seed gives the same text. */
export function randomProgram(random: Random): string {
  const writer = new ProgramWriter(random);
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => writer.function(index)).join('\n');
  return `(module
    (import "env" "host" (func $host (param i32 i32) (result i32)))
    (type $binary (func (param i32 i32) (result i32)))
    (memory (export "memory") 1 3)
    (data $text "the quick brown fox jumps over the lazy dog")
    (global $g (mut i32) (i32.const ${random.below(1_000)}))
    (table 8 funcref)
    (elem (i32.const 0) ${random.chance(0.5) ? '$host' : '$f4'} $f4 $f3)
    ${functions}
    (export "run" (func $f0)))`;
}

class ProgramWriter {
  readonly #random: Random;
  #function = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Calls only go to functions behind it, so that no program recurses. */
  function(index: number): string {
    this.#function = index;
    const locals = Array.from({ length: LOCALS - 2 + DEPTH }, () => 'i32').join(' ');
    return `(func $f${index} (param i32 i32) (result i32) (local ${locals})
      ${this.#statements(3, 0)}
      ${this.#expression(3)})`;
  }

  #statements(size: number, depth: number): string {
    return Array.from({ length: 1 + this.#random.below(size) }, () => this.#statement(depth)).join('\n');
  }

  #local(): string {
    return `${this.#random.below(LOCALS)}`;
  }

  #statement(depth: number): string {
    const random = this.#random;
    const simple = depth >= DEPTH;
    switch (random.below(simple ? 7 : 10)) {
      case 0:
        return `(global.set $g ${this.#expression(2)})`;
      case 1:
        return `(i32.store offset=16 (i32.and ${this.#expression(2)} (i32.const 65528)) ${this.#expression(2)})`;
      case 2:
        return this.#bulk();
      case 3:
        return `(drop (memory.grow (i32.and ${this.#expression(1)} (i32.const 1))))`;
      case 4:
        return `(drop (table.grow (ref.null func) (i32.and ${this.#expression(1)} (i32.const 3))))`;
      case 5:
      case 6:
        return `(local.set ${this.#local()} ${this.#expression(3)})`;
      case 7:
        return this.#loop(depth);
      case 8:
        return `(if ${this.#expression(2)} (then ${this.#statements(2, depth + 1)}) (else ${this.#statements(2, depth + 1)}))`;
      default:
        return `(block ${this.#statements(2, depth + 1)} (br_if 0 ${this.#expression(2)}) ${this.#statements(2, depth + 1)})`;
    }
  }

  #loop(depth: number): string {
    const counter = LOCALS + depth;
    const turns = 1 + this.#random.below(6);
    const parameter = this.#random.chance(0.3);
    const step = `(br_if 0 (i32.lt_u (local.tee ${counter} (i32.add (local.get ${counter}) (i32.const 1))) (i32.const ${turns})))`;
    const body = `${this.#statements(2, depth + 1)} ${step}`;
    const start = `(local.set ${counter} (i32.const 0))`;
    if (!parameter) return `${start} (loop ${body})`;
    // A loop that takes and gives a value: the charge must leave it on the stack.
    return `${start} ${this.#expression(1)} (loop (param i32) (result i32) ${body}) (local.set ${this.#local()})`;
  }

  #bulk(): string {
    const address = () => `(i32.and ${this.#expression(1)} (i32.const 32767))`;
    const length = `(i32.and ${this.#expression(1)} (i32.const 4095))`;
    switch (this.#random.below(3)) {
      case 0:
        return `(memory.fill ${address()} ${this.#expression(1)} ${length})`;
      case 1:
        return `(memory.copy ${address()} ${address()} ${length})`;
      default:
        return `(memory.init $text ${address()} (i32.const 4) (i32.and ${this.#expression(1)} (i32.const 31)))`;
    }
  }

  #expression(depth: number): string {
    const random = this.#random;
    const inner = () => this.#expression(depth - 1);
    switch (depth <= 0 ? random.below(3) : random.below(10)) {
      case 0:
        return `(i32.const ${random.below(2 ** 32) - 2 ** 31})`;
      case 1:
        return `(local.get ${this.#local()})`;
      case 2:
        return '(global.get $g)';
      case 3:
        return `(i32.load8_u (i32.and ${inner()} (i32.const 65535)))`;
      case 4:
        return `(i32.wrap_i64 (i64.mul (i64.extend_i32_s ${inner()}) (i64.extend_i32_u ${inner()})))`;
      case 5:
        return `(i32.trunc_sat_f64_s (f64.div (f64.convert_i32_s ${inner()}) (f64.const ${random.below(100)})))`;
      case 6:
        return this.#call(inner);
      case 7:
        return `(select ${inner()} ${inner()} ${inner()})`;
      default:
        return `(i32.${random.pick(['add', 'sub', 'mul', 'xor', 'and', 'rotl', 'shr_u', 'lt_s', 'eq'])} ${inner()} ${inner()})`;
    }
  }

  #call(inner: () => string): string {
    const random = this.#random;
    if (random.chance(0.3)) return `(call $host ${inner()} ${inner()})`;
    const next = this.#function + 1 + random.below(2);
    if (next >= FUNCTIONS) return `(i32.popcnt ${inner()})`;
    // Entries 3 and up are null: the call traps, on both sides or on neither. Only functions behind go through the table.
    if (random.chance(0.2) && this.#function < 3)
      return `(call_indirect (type $binary) ${inner()} ${inner()} (i32.const ${random.below(4)}))`;
    return `(call $f${next} ${inner()} ${inner()})`;
  }
}
