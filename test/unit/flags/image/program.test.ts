import { describe, expect, it } from 'vitest';
import { INSTRUCTION_BYTES, INSTRUCTION_WORDS, OP_FINAL, Op } from '../../../../src/flags/image/abi.ts';
import { Label, Program } from '../../../../src/flags/image/program.ts';

const BASE = 1_000;

interface Instruction {
  readonly op: number;
  readonly slot: number;
  readonly a: number;
  readonly b: number;
  readonly met: number;
  readonly unmet: number;
}

/** Links and reads back; targets inside are indexes of linked instructions, outcomes are texts. */
function link(program: Program, entries: readonly number[] = [0]) {
  const { words, addressOf } = program.link(BASE, entries);
  const linked: Instruction[] = [];
  for (let at = 0; at < words.length; at += INSTRUCTION_WORDS) {
    const [word = 0, a = 0, b = 0, met = 0, unmet = 0] = words.subarray(at, at + INSTRUCTION_WORDS);
    linked.push({ op: word & 0xff, slot: word >>> 8, a, b, met, unmet });
  }
  return { linked, indexOf: (instruction: number) => (addressOf(instruction) - BASE) / INSTRUCTION_BYTES };
}

const address = (index: number) => BASE + index * INSTRUCTION_BYTES;
const outcome = (number: number) => number * 2 + 1;

describe('labels', () => {
  it('mean the instruction placed behind them', () => {
    const program = new Program();
    const yes = new Label();
    const no = new Label();
    program.emit(Op.present, 3, 0, 0, yes, no);
    program.place(no);
    program.emit(Op.split, 1, 100, 0);
    program.place(yes);
    program.emit(Op.split, 2, 200, 0);
    const { linked } = link(program);
    expect(linked[0]).toMatchObject({ op: Op.present, slot: 3, met: address(2), unmet: address(1) });
  });

  it('may be used many times and share a place', () => {
    const program = new Program();
    const one = new Label();
    const two = new Label();
    for (let i = 0; i < 5; i++) program.emit(Op.present, i + 1, 0, 0, undefined, i % 2 === 0 ? one : two);
    program.emit(Op.split, 1, 100, 0);
    program.place(one);
    program.place(two);
    program.emit(Op.split, 1, 200, 0);
    const { linked } = link(program);
    expect(linked.slice(0, 5).map(({ unmet }) => unmet)).toEqual(new Array(5).fill(address(6)));
    expect(linked.slice(0, 5).map(({ met }) => met)).toEqual([1, 2, 3, 4, 5].map(address));
  });

  it('left out mean the next instruction', () => {
    const program = new Program();
    program.emit(Op.noKey, 1, 9, 0);
    program.emit(Op.split, 1, 100, 0);
    expect(link(program).linked[0]).toMatchObject({ met: address(1), unmet: address(1) });
  });
});

describe('operands', () => {
  it('of 64 bits lie in place of a and b', () => {
    const program = new Program();
    const end = new Label();
    program.emitInt(Op.intEq, 1, -2n, end, end);
    program.emitFloat(Op.floatEq, 1, -0, end, end);
    program.emitInt(Op.intEq, 1, 2n ** 63n - 1n, end, end);
    program.place(end);
    program.emit(Op.split, 1, 100, 0);
    const operands = link(program, [0, 1, 2]).linked.slice(0, 3);
    expect(operands.map(({ a, b }) => [a, b])).toEqual([
      [0xffff_fffe, 0xffff_ffff],
      [0, 0x8000_0000],
      [0xffff_ffff, 0x7fff_ffff],
    ]);
  });

  it('keep slots of 24 bits apart from the operation', () => {
    const program = new Program();
    const end = new Label();
    program.emit(Op.schedule, 0xff_ffff, 7, 8, end, end);
    program.place(end);
    program.emit(Op.split, 1, 100, 0);
    expect(link(program).linked[0]).toMatchObject({ op: Op.schedule, slot: 0xff_ffff, a: 7, b: 8 });
  });
});

describe('linking', () => {
  it('turns a jump to a return into the outcome itself and leaves the return out', () => {
    const program = new Program();
    const no = new Label();
    program.emit(Op.present, 1, 0, 0, undefined, no);
    program.return(4);
    program.place(no);
    program.return(5);
    const { linked } = link(program);
    expect(linked).toEqual([{ op: Op.present | OP_FINAL, slot: 1, a: 0, b: 0, met: outcome(4), unmet: outcome(5) }]);
  });

  it('marks as final only what ends both ways', () => {
    const program = new Program();
    const no = new Label();
    program.emit(Op.present, 1, 0, 0, undefined, no);
    program.return(4);
    program.place(no);
    program.emit(Op.split, 1, 100, 0);
    expect(link(program).linked[0]).toMatchObject({ op: Op.present, met: outcome(4), unmet: address(1) });
  });

  it('follows a jump to a jump, however long the chain, and leaves the jumps out', () => {
    const program = new Program();
    const labels = Array.from({ length: 50 }, () => new Label());
    program.emit(Op.present, 1, 0, 0, labels[0], labels[0]);
    for (let i = 0; i < 49; i++) {
      program.place(labels[i] as Label);
      program.jump(labels[i + 1] as Label);
    }
    program.place(labels[49] as Label);
    program.emit(Op.split, 1, 100, 0);
    const { linked } = link(program);
    expect(linked).toHaveLength(2);
    expect(linked[0]).toMatchObject({ met: address(1), unmet: address(1) });
  });

  it('follows a chain of jumps to a return', () => {
    const program = new Program();
    const one = new Label();
    const two = new Label();
    program.emit(Op.nil, 1, 0, 0, one, one);
    program.place(one);
    program.jump(two);
    program.place(two);
    program.return(7);
    expect(link(program).linked).toEqual([
      { op: Op.nil | OP_FINAL, slot: 1, a: 0, b: 0, met: outcome(7), unmet: outcome(7) },
    ]);
  });

  it('keeps a return or a jump that a flag begins at', () => {
    const program = new Program();
    program.return(3);
    const end = new Label();
    program.jump(end);
    program.place(end);
    program.return(4);
    const { linked, indexOf } = link(program, [0, 1]);
    expect(linked).toHaveLength(2);
    expect(linked[0]).toMatchObject({ op: Op.return, a: 3 });
    expect(linked[1]).toMatchObject({ op: Op.jump, met: outcome(4), unmet: outcome(4) });
    expect([indexOf(0), indexOf(1)]).toEqual([0, 1]);
  });

  it('tells where an entry went when what lay before it is gone', () => {
    const program = new Program();
    const no = new Label();
    program.emit(Op.present, 1, 0, 0, undefined, no);
    program.return(1);
    program.place(no);
    program.return(2);
    const second = program.next;
    program.emit(Op.split, 1, 100, 0);
    const { linked, indexOf } = link(program, [0, second]);
    expect(linked).toHaveLength(2);
    expect(indexOf(second)).toBe(1);
    expect(linked[1]).toMatchObject({ op: Op.split, a: 100 });
  });

  it('leaves every jump going strictly forward', () => {
    const program = new Program();
    const labels = Array.from({ length: 200 }, () => new Label());
    for (let i = 0; i < 200; i++) {
      program.place(labels[i] as Label);
      const far = labels[Math.min(199, i + 1 + ((i * 7) % 31))] as Label;
      if (i === 199) program.return(0);
      else if (i % 3 === 0) program.jump(far);
      else program.emit(Op.present, 1, 0, 0, far, labels[i + 1]);
    }
    const { linked } = link(program);
    expect(linked.length).toBeGreaterThan(100);
    for (const [i, { met, unmet }] of linked.entries()) {
      for (const next of [met, unmet]) if ((next & 1) === 0) expect(next).toBeGreaterThan(address(i));
    }
  });

  it('takes more instructions than the first buffer holds', () => {
    const program = new Program();
    const end = new Label();
    for (let i = 0; i < 10_000; i++) program.emit(Op.present, i + 1, i, 0, undefined, end);
    program.place(end);
    program.return(1);
    const { linked } = link(program);
    expect(linked).toHaveLength(10_000);
    expect(linked[9_999]).toMatchObject({ slot: 10_000, a: 9_999, met: outcome(1), unmet: outcome(1) });
    expect(linked[0]).toMatchObject({ met: address(1), unmet: outcome(1) });
  });
});
