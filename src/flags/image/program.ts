/** The instruction emitter: forward labels, patched when placed; linked once, at the end. */

import { INSTRUCTION_BYTES, INSTRUCTION_WORDS, OP_FINAL, Op } from './abi.ts';

/** A place further on in the program. Jumps only ever go to a label that is placed later. */
export class Label {
  /** Word positions to patch. */
  readonly uses: number[] = [];
}

const UNPLACED = 0xffffffff;
const f64 = new Float64Array(1);
const i64 = new BigInt64Array(f64.buffer);
const u32 = new Uint32Array(f64.buffer);

export class Program {
  #words = new Uint32Array(4_096);
  #count = 0;

  /** Index of the next instruction. */
  get next(): number {
    return this.#count;
  }

  /** Emits an instruction that goes on at `met` or `unmet`; without a label, at the next instruction. */
  emit(op: number, slot: number, a: number, b: number, met?: Label, unmet?: Label): void {
    const at = this.#room();
    this.#words[at] = (slot << 8) | op;
    this.#words[at + 1] = a;
    this.#words[at + 2] = b;
    this.#target(at + 3, met);
    this.#target(at + 4, unmet);
  }

  /** A 64-bit operand in place of `a` and `b`. */
  emitInt(op: number, slot: number, operand: bigint, met: Label, unmet: Label): void {
    i64[0] = operand;
    this.emit(op, slot, u32[0] ?? 0, u32[1] ?? 0, met, unmet);
  }

  emitFloat(op: number, slot: number, operand: number, met: Label, unmet: Label): void {
    f64[0] = operand;
    this.emit(op, slot, u32[0] ?? 0, u32[1] ?? 0, met, unmet);
  }

  jump(target: Label): void {
    this.emit(Op.jump, 0, 0, 0, target, target);
  }

  /** Ends with an outcome. */
  return(outcome: number): void {
    const at = this.#room();
    this.#words[at] = Op.return;
    this.#words[at + 1] = outcome;
  }

  /** The label means the next instruction. */
  place(label: Label): void {
    for (const use of label.uses) this.#words[use] = this.#count;
  }

  /**
   * Links the code to its final absolute address. A jump to a jump goes where that one goes, a jump to a return carries the
   * outcome itself, and what nobody jumps to any more is left out: neighbours stay in one cache line.
   *
   * `entries` are the instructions that flags and schedules begin at; `addressOf` tells where they went.
   */
  link(
    codeBase: number,
    entries: Iterable<number>,
  ): { words: Uint32Array; addressOf: (instruction: number) => number } {
    const words = this.#words;
    const place = new Uint32Array(this.#count);
    for (const entry of entries) place[entry] = 1;
    let live = 0;
    for (let i = 0; i < this.#count; i++) {
      const op = words[i * INSTRUCTION_WORDS];
      if (place[i] === 1 || (op !== Op.return && op !== Op.jump)) place[i] = ++live;
    }
    const addressOf = (instruction: number) => codeBase + ((place[instruction] as number) - 1) * INSTRUCTION_BYTES;
    const next = (target: number): number => {
      const at = target * INSTRUCTION_WORDS;
      if (words[at] === Op.return) return (words[at + 1] as number) * 2 + 1;
      // Linked already: all jumps go forward, and this loop goes backward.
      return words[at] === Op.jump ? (words[at + 3] as number) : addressOf(target);
    };
    const linked = new Uint32Array(live * INSTRUCTION_WORDS);
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = i * INSTRUCTION_WORDS;
      const op = (words[at] as number) & 0xff;
      if (op !== Op.return && op !== Op.split && op !== Op.progress) {
        const met = next(words[at + 3] as number);
        const unmet = next(words[at + 4] as number);
        words[at + 3] = met;
        words[at + 4] = unmet;
        if ((met & unmet & 1) === 1 && op !== Op.jump) words[at] = (words[at] as number) | OP_FINAL;
      }
      if (place[i] !== 0)
        linked.set(words.subarray(at, at + INSTRUCTION_WORDS), ((place[i] as number) - 1) * INSTRUCTION_WORDS);
    }
    return { words: linked, addressOf };
  }

  #target(position: number, label: Label | undefined): void {
    if (label === undefined) {
      this.#words[position] = this.#count;
      return;
    }
    this.#words[position] = UNPLACED;
    label.uses.push(position);
  }

  #room(): number {
    const at = this.#count * INSTRUCTION_WORDS;
    if (at + INSTRUCTION_WORDS > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#count++;
    return at;
  }
}
