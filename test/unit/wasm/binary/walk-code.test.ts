import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ParsedModule } from '../../../../src/wasm/binary/model.ts';
import * as op from '../../../../src/wasm/binary/opcodes.ts';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import { type CodeVisitor, walkBody } from '../../../../src/wasm/binary/walk-code.ts';
import { leb } from '../../../../src/wasm/binary/writer.ts';
import { assembleText, binary } from '../support/wat.ts';

/** What a visitor is told, as text with offsets from the first instruction. */
function events(module: ParsedModule, position = 0): string[] {
  const told: string[] = [];
  let first = 0;
  const tell = (text: string, at: number) => told.push(`${text} ${at - first}`);
  const visitor: CodeVisitor = {
    begin: (at, locals, groups) => {
      first = at;
      told.push(`begin ${locals}/${groups}`);
    },
    loop: (at) => tell('loop', at),
    endLoop: (at) => tell('endLoop', at),
    call: (at, callee) => tell(`call ${callee}`, at),
    callIndirect: (at) => tell('callIndirect', at),
    growMemory: (at) => tell('grow', at),
    bulk: (at) => tell('bulk', at),
    end: (at) => tell('end', at),
  };
  walkBody(module, position, visitor);
  return told;
}

/** A module with one of everything an index can name, and one function of this code behind `unreachable`. */
function moduleOf(...code: number[]): Uint8Array<ArrayBuffer> {
  const body = [0x01, 0x01, 0x7f, 0x00, ...code, 0x00, 0x0b];
  return binary(
    [1, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f],
    [3, 1, 0],
    [4, 1, 0x70, 0, 1],
    [5, 1, 0, 1],
    [6, 1, 0x7f, 1, 0x41, 0, 0x0b],
    [9, 1, 3, 0, 1, 0],
    [12, 1],
    [10, 1, body.length, ...body],
    [11, 1, 1, 0],
  );
}

const accepts = (bytes: Uint8Array): true | string => {
  try {
    events(parseModule(bytes));
    return true;
  } catch (caught) {
    return (caught as Error).message;
  }
};

/** Immediates of each kind that are valid in {@link moduleOf}. */
const IMMEDIATES: Readonly<Record<number, readonly number[]>> = {
  [op.NONE]: [],
  [op.LABEL]: [0],
  [op.FUNCTION]: [0],
  [op.LOCAL]: [0],
  [op.GLOBAL]: [0],
  [op.TABLE]: [0],
  [op.MEMORY]: [0],
  [op.DATA_SEGMENT]: [0],
  [op.ELEMENT_SEGMENT]: [0],
  [op.LABELS]: [2, 0, 0, 0],
  [op.TYPE_TABLE]: [0, 0],
  [op.VALUE_TYPES]: [1, 0x7f],
  [op.REFERENCE_TYPE]: [0x70],
  [op.MEMORY_ARGUMENT]: [0, 0x80, 0x01],
  [op.MEMORY_ARGUMENT_LANE]: [0, 4, 1],
  [op.S32]: [0x80, 0x7f],
  [op.S64]: [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
  [op.BYTES_1]: [1],
  [op.BYTES_4]: [1, 2, 3, 4],
  [op.BYTES_8]: [1, 2, 3, 4, 5, 6, 7, 8],
  [op.BYTES_16]: Array.from({ length: 16 }, (_, index) => index),
  [op.MEMORY_MEMORY]: [0, 0],
  [op.TABLE_TABLE]: [0, 0],
  [op.DATA_MEMORY]: [0, 0],
  [op.ELEMENT_TABLE]: [0, 0],
};

/** Operations that open or close something, so that they cannot stand alone. */
const BRACKETS: readonly number[] = [0x02, 0x03, 0x04, 0x05, 0x0b];

describe('the tables of operations', () => {
  const tables = [
    ['of one byte', [], op.PLAIN],
    ['behind 0xFC', [0xfc], op.AFTER_FC],
    ['behind 0xFD', [0xfd], op.AFTER_FD],
  ] as const;

  it.each(tables)('agree with the engine about every operation %s', (_, prefix, table) => {
    const different: string[] = [];
    let known = 0;
    for (let code = 0; code < table.length + 16; code++) {
      const kind = table[code] ?? op.UNKNOWN;
      // Refused families are the engine's business, and a prefix is no operation.
      if (kind >= op.PREFIX_FC || (prefix.length === 0 && BRACKETS.includes(code))) continue;
      const number = prefix.length === 0 ? [code] : [...prefix, ...leb(code)];
      const bytes = moduleOf(...number, ...(IMMEDIATES[kind] ?? []));
      if (prefix.length === 0 && code > 255) continue;
      const isKnown = accepts(bytes) === true;
      if (isKnown) known++;
      if (isKnown !== WebAssembly.validate(bytes)) different.push(`${number.map((byte) => byte.toString(16))}`);
    }
    expect(different).toEqual([]);
    expect(known).toBeGreaterThan(prefix[0] === 0xfc ? 17 : 170);
  });

  it('refuse an unknown operation with its place', () => {
    expect(accepts(moduleOf(0x27))).toMatch(/operation 0x27 is unknown \(at byte \d+\)/);
    expect(accepts(moduleOf(0xfc, 0x13))).toMatch(/operation 0xfc 19 is unknown \(at byte \d+\)/);
    expect(accepts(moduleOf(0xfd, 0x9a, 0x01))).toMatch(/operation 0xfd 154 is unknown \(at byte \d+\)/);
    expect(accepts(moduleOf(0xff))).toContain('operation 0xff is unknown');
  });

  it.each([
    ['exception handling', [0x06, 0x40, 0x0b], 'it uses exception handling'],
    ['throw', [0x08, 0], 'it uses exception handling'],
    ['try_table', [0x1f, 0x40, 0, 0x0b], 'it uses exception handling'],
    ['struct.new', [0xfb, 0x00, 0x00], 'it uses GC types'],
    ['call_ref', [0x14, 0x00], 'it uses GC types'],
    ['ref.as_non_null', [0xd4], 'it uses GC types'],
    ['atomic loads', [0xfe, 0x10, 2, 0], 'it uses threads'],
    ['relaxed SIMD', [0xfd, 0x80, 0x02], 'it uses relaxed SIMD'],
    ['a second memory', [0x28, 0x42, 1, 0], 'it uses more than one memory'],
    ['the size of a second memory', [0x3f, 1], 'it uses more than one memory'],
  ])('refuse %s with the reason', (_, code, text) => {
    expect(accepts(moduleOf(...code))).toContain(text);
  });
});

describe('an index', () => {
  it.each([
    ['local', [0x20, 1]],
    ['global', [0x23, 1]],
    ['global', [0x24, 1]],
    ['function', [0x10, 1]],
    ['function', [0xd2, 1]],
    ['table', [0x25, 1]],
    ['type', [0x11, 2, 0]],
    ['table', [0x11, 0, 1]],
    ['type', [0x02, 2, 0x0b]],
    ['data segment', [0xfc, 8, 1, 0]],
    ['data segment', [0xfc, 9, 1]],
    ['element segment', [0xfc, 12, 1, 0]],
    ['element segment', [0xfc, 13, 1]],
  ])('past the last %s is refused: %j', (what, code) => {
    expect(accepts(moduleOf(...code))).toContain(`there is no ${what} ${what === 'type' ? 2 : 1}`);
  });
});

describe('a walk', () => {
  it('tells loops, calls, growth and bulk instructions in order, with their places', () => {
    const module = parseModule(
      assembleText(`(module
        (import "env" "host" (func $host (param i32)))
        (memory 1) (table 2 funcref) (elem declare func $host)
        (func (param i32 i64) (result i32) (local f32 f32 v128)
          (block (loop (if (i32.const 1) (then (loop (call $host (i32.const 2)))))) )
          (memory.fill (i32.const 0) (i32.const 0) (i32.const 9))
          (call_indirect (param i32) (i32.const 0) (i32.const 1))
          (drop (table.grow 0 (ref.null func) (i32.const 1)))
          (return (memory.grow (i32.const 1)))))`),
    );
    expect(events(module)).toEqual([
      'begin 5/2',
      'loop 4',
      'loop 10',
      'call 0 12',
      'endLoop 14',
      'endLoop 16',
      'bulk 24',
      'callIndirect 31',
      'bulk 38',
      'grow 44',
      'end 47',
    ]);
  });

  it('goes through block types of every form', () => {
    const bytes = assembleText(
      `(module (func (param i32) (result i32)
      (local.get 0) (block (param i32) (result i32 i64) (i64.const 1)) (drop)
      (loop (param i32) (result i32)) (if (result i32) (then (i32.const 1)) (else (i32.const 2)))
      (block (result f64) (f64.const 1)) (drop)))`.replace('(if', '(if'),
    );
    expect(events(parseModule(bytes)).filter((text) => text.startsWith('loop'))).toHaveLength(1);
  });

  it('does not mind a hundred thousand blocks inside each other', () => {
    const depth = 100_000;
    const code = [
      ...Array.from({ length: depth }, () => [0x02, 0x40]).flat(),
      ...Array.from({ length: depth }, () => 0x0b),
    ];
    const body = [0, ...code, 0x0b];
    const section = [1, ...leb(body.length), ...body];
    const module = parseModule(
      Uint8Array.from([...binary([1, 1, 0x60, 0, 0], [3, 1, 0]), 10, ...leb(section.length), ...section]),
    );
    expect(events(module)).toEqual(['begin 0/0', `end ${code.length}`]);
  });

  it('refuses code behind the last end, code without one, and too many locals', () => {
    const withBody = (...body: number[]) => binary([1, 1, 0x60, 0, 0], [3, 1, 0], [10, 1, body.length, ...body]);
    expect(accepts(withBody(0, 0x0b, 0x0b))).toContain('goes on after its end');
    expect(accepts(withBody(0, 0x02, 0x40, 0x0b))).toContain('truncated');
    expect(accepts(withBody(1, 0xd1, 0x86, 0x03, 0x7f, 0x0b))).toContain('more than 50000 locals');
    expect(accepts(withBody(1, 0xd0, 0x86, 0x03, 0x7f, 0x0b))).toBe(true);
    expect(accepts(withBody(2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 2, 0x7f, 0x0b))).toContain('locals');
  });

  it('goes through every function of the kernel', () => {
    const module = parseModule(readFileSync(new URL('../../../../wasm/flags.wasm', import.meta.url)));
    let loops = 0;
    for (let position = 0; position < module.bodies.length; position++)
      loops += events(module, position).filter((text) => text.startsWith('loop')).length;
    expect(module.bodies.length).toBeGreaterThan(50);
    expect(loops).toBeGreaterThan(50);
  });
});
