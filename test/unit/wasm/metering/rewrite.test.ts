import { describe, expect, it } from 'vitest';
import { functionNames } from '../../../../src/wasm/binary/function-names.ts';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import {
  FUEL_EXPORT,
  isOutOfFuel,
  type MeteringOptions,
  meteringKey,
  meterModule,
  PAUSE_EXPORT,
} from '../../../../src/wasm/metering/rewrite.ts';
import { CORPUS, corpusImports, type Program } from '../support/corpus.ts';
import { assemble, assembleText, binary } from '../support/wat.ts';

const BUDGET = 2 ** 31 - 1;

/** What the calls of each program use together. A change here is a change of METERING_VERSION. */
const RECORDED_FUEL = {
  loops: 71,
  recursion: 100_466,
  tables: 15,
  memory: 20_010,
  values: 13,
  traps: 3,
  hosts: 45,
  empty: 0,
  bare: 1,
};

type Guest = Record<string, (...args: (number | bigint)[]) => unknown> & {
  readonly memory: WebAssembly.Memory;
  readonly [FUEL_EXPORT]: WebAssembly.Global;
};

function meter(text: string, options?: MeteringOptions): Uint8Array<ArrayBuffer> {
  return meterModule(parseModule(assembleText(text)), options).bytes;
}

function start(bytes: Uint8Array<ArrayBuffer>, imports = corpusImports()): Guest {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as unknown as Guest;
}

function metered(text: string, options?: MeteringOptions): Guest {
  return start(meter(text, options));
}

/** Answer and fuel of each call, all on one instance. */
function answers(guest: Guest, { calls }: Program): { answer: unknown; used: number }[] {
  return calls.map(([name, args]) => {
    if (guest[FUEL_EXPORT] !== undefined) guest[FUEL_EXPORT].value = BUDGET;
    let answer: unknown;
    try {
      answer = guest[name]!(...args);
    } catch (caught) {
      expect(caught).toBeInstanceOf(WebAssembly.RuntimeError);
      answer = 'trap';
    }
    return { answer, used: BUDGET - (guest[FUEL_EXPORT]?.value ?? BUDGET) };
  });
}

/** What one call used. */
function usedBy(guest: Guest, name: string, ...args: (number | bigint)[]): number {
  guest[FUEL_EXPORT].value = BUDGET;
  guest[name]!(...args);
  return BUDGET - guest[FUEL_EXPORT].value;
}

/** What ended the call: its answer, or the kind of error and whether fuel was out. */
function endOf(guest: Guest, budget: number, name: string, ...args: (number | bigint)[]): unknown {
  guest[FUEL_EXPORT].value = budget;
  try {
    return guest[name]!(...args);
  } catch (caught) {
    return `${(caught as Error).constructor.name}${isOutOfFuel(guest[FUEL_EXPORT].value) ? ', out of fuel' : ''}`;
  }
}

const LOOP_FOR_EVER = '(module (func (export "spin") (loop (br 0))))';

describe('a metered module (P-56)', () => {
  it.each(Object.entries(CORPUS))(
    'answers as it did, validates, and uses the same fuel in every run: %s',
    (_, program) => {
      const plain = assembleText(program.text);
      const { bytes } = meterModule(parseModule(plain));
      expect(WebAssembly.validate(bytes)).toBe(true);
      const expected = program.calls.map(([, , answer]) => answer);
      expect(answers(start(plain), program).map(({ answer }) => answer)).toEqual(expected);
      const first = answers(start(bytes), program);
      expect(first.map(({ answer }) => answer)).toEqual(expected);
      for (const { used } of first) expect(used).toBeGreaterThan(0);
      const module = new WebAssembly.Module(bytes);
      for (let run = 0; run < 3; run++) {
        const guest = new WebAssembly.Instance(module, corpusImports()).exports as unknown as Guest;
        expect(answers(guest, program)).toEqual(first);
      }
    },
  );

  it('uses the fuel that was once recorded, whatever version of Node runs it', () => {
    const used = Object.entries(CORPUS).map(([name, program]) => [
      name,
      answers(start(meter(program.text)), program).reduce((sum, { used }) => sum + used, 0),
    ]);
    expect(Object.fromEntries(used)).toEqual(RECORDED_FUEL);
  });

  it('is the same to the byte whenever it is made, and parses as what it was and one global more', () => {
    for (const { text } of Object.values(CORPUS)) {
      const before = parseModule(assembleText(text));
      const { bytes } = meterModule(before);
      expect(Buffer.compare(bytes, meterModule(parseModule(assembleText(text))).bytes)).toBe(0);
      const after = parseModule(bytes);
      expect(after.globals).toHaveLength(before.globals.length + 1);
      expect(after.globals.at(-1)).toEqual({ type: 'i32', mutable: true, imported: false });
      expect(after.exports.get(FUEL_EXPORT)).toEqual({ kind: 'global', index: before.globals.length });
      expect([...after.exports].slice(0, -1)).toEqual([...before.exports]);
      expect(after.functions).toEqual(before.functions);
      expect(after.imports).toEqual(before.imports);
    }
  });

  it('keeps custom sections and the names of functions, also in the stack of a trap', () => {
    const plain = assembleText(CORPUS['traps']!.text);
    const bytes = meterModule(parseModule(Uint8Array.from([...plain, 0, 6, 4, 0x6e, 0x6f, 0x74, 0x65, 7]))).bytes;
    const module = parseModule(bytes);
    expect(module.sections.map(({ name }) => name)).toEqual(expect.arrayContaining(['name', 'note']));
    expect(functionNames(module).get(0)).toBe('culprit');
    const guest = start(bytes);
    guest[FUEL_EXPORT].value = BUDGET;
    try {
      guest['divide']!(1, 0);
      expect.fail('it must trap');
    } catch (caught) {
      expect((caught as Error).stack).toContain('culprit');
    }
  });

  it('loses hints for single instructions, whose offsets no longer hold', () => {
    const name = [...'metadata.code.branch_hint'].map((letter) => letter.charCodeAt(0));
    const bytes = binary([1, 1, 0x60, 0, 0], [3, 1, 0], [0, name.length, ...name, 0], [10, 1, 2, 0, 0x0b]);
    const ids = (from: Uint8Array) => parseModule(from).sections.map(({ id }) => id);
    expect(ids(bytes)).toEqual([1, 3, 0, 10]);
    expect(ids(meterModule(parseModule(bytes)).bytes)).toEqual([1, 3, 6, 7, 10]);
    expect(ids(meterModule(parseModule(bytes), { fuel: false }).bytes)).toEqual([1, 3, 0, 10]);
  });
});

describe('fuel', () => {
  it('is 1 at each function entry and each turn of a loop', () => {
    const guest = metered(CORPUS['loops']!.text);
    expect(usedBy(guest, 'sum', 0)).toBe(2);
    expect(usedBy(guest, 'sum', 10)).toBe(1 + 11);
    expect(usedBy(guest, 'nested', 7)).toBe(1 + 7 + 49);
    const recursion = metered(CORPUS['recursion']!.text);
    expect(usedBy(recursion, 'fib', 5)).toBe(15);
    expect(usedBy(recursion, 'down', 1_000)).toBe(1_001);
  });

  it('is 10 more for a host call, also through a table and in tail position', () => {
    const guest = metered(CORPUS['hosts']!.text);
    expect(usedBy(guest, 'direct', 1)).toBe(11);
    expect(usedBy(guest, 'tail', 1)).toBe(11);
    expect(usedBy(guest, 'through', 0, 1)).toBe(11);
    // The table might hold a function of the host, so each call through it costs as much; the callee its own entry.
    expect(usedBy(guest, 'through', 1, 1)).toBe(12);
    expect(usedBy(metered(CORPUS['tables']!.text), 'apply', 0, 1)).toBe(2);
  });

  it('is 10,000 more for growing, and follows the length of bulk instructions', () => {
    const memory = CORPUS['memory']!.text;
    expect(usedBy(metered(memory), 'grow', 1)).toBe(10_001);
    const fill = metered(`(module (memory 2) (table 2 funcref)
      (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
      (func (export "grow") (param i32) (drop (table.grow (ref.null func) (local.get 0)))))`);
    for (const [length, cost] of [
      [0, 1],
      [255, 1],
      [256, 2],
      [65_536, 257],
    ] as const) {
      expect(usedBy(fill, 'fill', length)).toBe(1 + cost);
    }
    expect(usedBy(fill, 'grow', 512)).toBe(1 + 3);
  });

  it('is charged before what it pays for: a fill that it does not cover fills nothing', () => {
    const guest = metered(
      '(module (memory (export "memory") 1) (func (export "fill") (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536))))',
    );
    expect(endOf(guest, 200, 'fill')).toBe('RuntimeError, out of fuel');
    expect(new Uint8Array(guest.memory.buffer).some((byte) => byte !== 0)).toBe(false);
  });

  it('grows with straight code, so that a loop around a megabyte of it is no bargain', () => {
    const long = `(module (func (export "run") (param i32) (local f64)
      (loop ${'(local.set 1 (f64.sqrt (local.get 1)))'.repeat(20_000)}
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;
    const guest = metered(long);
    // 100,000 bytes a turn.
    expect(usedBy(guest, 'run', 10)).toBeGreaterThan(10 * 1_560);
    expect(usedBy(guest, 'run', 10)).toBeLessThan(10 * 1_600);
    const frame = `(module (func $big (export "run") (param i32) (local ${'i64 '.repeat(40_000)})
      (if (local.get 0) (then (call $big (i32.sub (local.get 0) (i32.const 1)))))))`;
    expect(usedBy(metered(frame), 'run', 0)).toBe(1 + Math.floor(40_001 / 64));
  });

  it('runs out exactly where it runs out, and is negative then', () => {
    const guest = metered(CORPUS['loops']!.text);
    expect(endOf(guest, 12, 'sum', 10)).toBe(55);
    expect(guest[FUEL_EXPORT].value).toBe(0);
    expect(endOf(guest, 11, 'sum', 10)).toBe('RuntimeError, out of fuel');
    expect(guest[FUEL_EXPORT].value).toBe(-1);
    expect(endOf(guest, 0, 'sum', 0)).toBe('RuntimeError, out of fuel');
  });

  it('tells its own trap from the guest and from a stack overflow', () => {
    const guest = metered(CORPUS['traps']!.text);
    expect(endOf(guest, 100, 'stop')).toBe('RuntimeError');
    expect(endOf(guest, 100, 'divide', 1, 0)).toBe('RuntimeError');
    expect(endOf(guest, BUDGET, 'deep', 1)).toBe('RangeError');
    expect(endOf(guest, 1_000, 'deep', 1)).toBe('RuntimeError, out of fuel');
  });

  it('of the largest charges does not wrap around to plenty', () => {
    const guest = metered(`(module (memory 1) (func (export "fill") (param i32)
      (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))`);
    for (const length of [-1, -(2 ** 31), 2 ** 31 - 1]) {
      expect(endOf(guest, 0, 'fill', length)).toBe('RuntimeError, out of fuel');
      expect(endOf(guest, 1_000, 'fill', length)).toBe('RuntimeError, out of fuel');
      expect(guest[FUEL_EXPORT].value).toBeLessThan(0);
    }
    // With fuel for it the engine itself refuses the range.
    expect(endOf(guest, BUDGET, 'fill', -1)).toBe('RuntimeError');
  });

  it('before the host sets it is nothing, or what a start function may use', () => {
    const text = '(module (func $begin (loop (br 0))) (start $begin) (func (export "one") (result i32) (i32.const 1)))';
    expect(() => metered(text)).toThrow(WebAssembly.RuntimeError);
    expect(() => metered(text, { startFuel: 100_000 })).toThrow(WebAssembly.RuntimeError);
    const quick = text.replace('(loop (br 0))', '');
    expect(() => metered(quick)).toThrow(WebAssembly.RuntimeError);
    expect(metered(quick, { startFuel: 1 })['one']).toBeTypeOf('function');
    expect(() => metered(CORPUS['bare']!.text)['one']!()).toThrow(WebAssembly.RuntimeError);
  });

  it('cannot be touched by the guest: no index reaches it', () => {
    const code = (...bytes: number[]) =>
      binary([1, 1, 0x60, 0, 0], [3, 1, 0], [10, 1, bytes.length + 2, 0, ...bytes, 0x0b]);
    for (const bytes of [
      code(0x41, 0xff, 0x00, 0x24, 0),
      code(0x23, 0, 0x1a),
      binary([7, 1, 1, 0x61, 3, 0]),
      binary([5, 1, 0, 1], [11, 1, 0, 0x23, 0, 0x0b, 0]),
    ]) {
      expect(() => meterModule(parseModule(bytes))).toThrow(/there is no global 0|which there is not/);
    }
    // Nor does the scratch local of bulk instructions.
    const fill = [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0];
    const peek = binary(
      [1, 1, 0x60, 0, 0],
      [3, 1, 0],
      [5, 1, 0, 1],
      [10, 1, fill.length + 5, 0, ...fill, 0x20, 0, 0x1a, 0x0b],
    );
    expect(() => meterModule(parseModule(peek))).toThrow('there is no local 0');
  });

  it('is not taken from a module that has an export of this name', () => {
    const text = `(module (global (export "${FUEL_EXPORT}") (mut i32) (i32.const 0)))`;
    expect(() => meter(text)).toThrow(`it exports ${FUEL_EXPORT} itself`);
    expect(WebAssembly.validate(meter(text, { fuel: false }))).toBe(true);
  });
});

describe('maxima (P-57)', () => {
  const grow = (memory: string) => `(module ${memory}
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size)))`;

  it.each([
    ['missing', '1', 256],
    ['higher', '1 65536', 256],
    ['lower', '1 8', 8],
    ['equal', '256 256', 256],
  ])('of a memory of the module are enforced when the declared one is %s', (_, limits, maximum) => {
    const guest = metered(grow(`(memory (export "memory") ${limits})`));
    guest[FUEL_EXPORT].value = BUDGET;
    const size = guest['size']!() as number;
    expect(guest['grow']!(maximum + 1 - size)).toBe(-1);
    expect(guest['grow']!(maximum - size)).toBe(size);
    expect(guest['grow']!(1)).toBe(-1);
  });

  it('of an imported memory are enforced: one without a maximum, or with a higher one, does not link', () => {
    const bytes = meter(grow('(import "env" "memory" (memory 1))'), { maxPages: 16 });
    expect(parseModule(bytes).memory).toMatchObject({ imported: true, minimum: 1, maximum: 16 });
    const link = (limits: { initial: number; maximum?: number }) =>
      start(bytes, { env: { memory: new WebAssembly.Memory(limits) } });
    expect(() => link({ initial: 1 })).toThrow('maximum');
    expect(() => link({ initial: 1, maximum: 17 })).toThrow('maximum');
    const guest = link({ initial: 1, maximum: 16 });
    guest[FUEL_EXPORT].value = BUDGET;
    expect(guest['grow']!(15)).toBe(1);
    expect(guest['grow']!(1)).toBe(-1);
  });

  it('of tables are enforced as well', () => {
    const text = `(module (table 1 funcref) (table 1 5 externref)
      (func (export "grow") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))`;
    expect(parseModule(meter(text)).tables).toMatchObject([{ maximum: 65_536 }, { maximum: 5 }]);
    const guest = metered(text, { maxTableEntries: 100 });
    guest[FUEL_EXPORT].value = BUDGET;
    expect(guest['grow']!(100)).toBe(-1);
    expect(guest['grow']!(99)).toBe(1);
    expect(parseModule(meter('(module (import "e" "t" (table 1 funcref)))')).tables).toMatchObject([
      { maximum: 65_536 },
    ]);
  });

  it('below the minimum are a refusal', () => {
    expect(() => meter(grow('(memory 257)'))).toThrow('its memory starts with 257, more than 256');
    expect(() => meter('(module (table 100 funcref))', { maxTableEntries: 99 })).toThrow('its table starts with 100');
    expect(() => meterModule(parseModule(assemble('shared-memory')))).toThrow('it uses threads: its memory is shared');
  });

  it('come without fuel where fuel is not wanted', () => {
    const plain = assembleText(grow('(memory 1)'));
    const { bytes, checks } = meterModule(parseModule(plain), { fuel: false });
    expect(checks).toBe(0);
    expect(bytes.length).toBeLessThanOrEqual(plain.length + 4);
    expect(Object.keys(start(bytes))).toEqual(['grow', 'size']);
    expect(parseModule(bytes).memory).toMatchObject({ maximum: 256 });
  });
});

describe('a pausing module', () => {
  it.each(Object.entries(CORPUS))('answers and uses fuel as one that traps: %s (P-56)', (_, program) => {
    const before = parseModule(assembleText(program.text));
    const { bytes } = meterModule(before, { pauses: true });
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(answers(start(bytes), program)).toEqual(answers(start(meter(program.text)), program));
    const after = parseModule(bytes);
    // One more of each, behind what was there: no index shifts.
    expect(after.functions).toEqual([...before.functions, before.types.length]);
    expect(after.tables).toHaveLength(before.tables.length + 1);
    expect(after.tables.at(-1)).toMatchObject({ minimum: 1, maximum: 1 });
    expect(after.exports.get(PAUSE_EXPORT)).toEqual({ kind: 'table', index: before.tables.length });
    expect(after.imports).toEqual(before.imports);
  });

  it('whose host has put nothing into its table ends as one that traps', () => {
    const guest = metered(LOOP_FOR_EVER, { pauses: true });
    expect(endOf(guest, 1_000, 'spin')).toBe('RuntimeError, out of fuel');
  });

  it('cannot have either export itself', () => {
    for (const name of [FUEL_EXPORT, PAUSE_EXPORT]) {
      const text = `(module (func (export "${name}")))`;
      expect(() => meter(text)).toThrow(`it exports ${name} itself`);
      expect(() => meter(text, { pauses: true })).toThrow(`it exports ${name} itself`);
    }
  });
});

describe('a module that cannot be metered is refused with the reason', () => {
  it.each([
    ['threads', '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))', 'it uses threads'],
    ['exception handling', '(module (func (try (do) (catch_all))))', 'it uses exception handling'],
    [
      'relaxed SIMD',
      '(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))',
      'relaxed',
    ],
  ])('%s', (_, text, reason) => {
    let bytes: Uint8Array<ArrayBuffer>;
    expect(() => {
      bytes = assembleText(text);
      meterModule(parseModule(bytes));
    }).toThrow(reason);
  });

  it('when it would grow past the limit', () => {
    const text = `(module (import "e" "f" (func)) (func ${'(call 0)'.repeat(100_000)}))`;
    expect(() => meter(text, { maxBytes: 1_000_000 })).toThrow('more than 1000000 bytes with its meters');
    expect(meter(text).length).toBeGreaterThan(1_000_000);
  });

  it('when no local is left to measure bulk instructions with', () => {
    const text = (locals: number) =>
      `(module (memory 1) (func (local ${'i32 '.repeat(locals)}) (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))))`;
    expect(WebAssembly.validate(meter(text(49_999)))).toBe(true);
    expect(() => meter(text(50_000))).toThrow('no local left');
  });
});

describe('the key under which a metered module is kept', () => {
  it('differs with every option that changes its bytes', () => {
    const options: MeteringOptions[] = [
      {},
      { maxPages: 16 },
      { maxTableEntries: 9 },
      { startFuel: 5 },
      { fuel: false },
      { pauses: true },
    ];
    expect(new Set(options.map(meteringKey)).size).toBe(options.length);
    expect(meteringKey()).toBe(meteringKey({ maxPages: 256 }));
    expect(meteringKey({ maxBytes: 5 })).toBe(meteringKey());
  });
});
