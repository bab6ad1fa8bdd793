import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { policyRules } from '../../../src/wasm/core-abi.ts';
import { type ModuleRules, verifyModule } from '../../../src/wasm/verify-module.ts';
import { assembleText, binary } from './support/wat.ts';

const EXPORTS = `
  (func (export "edict_abi_version") (result i32) (i32.const 65536))
  (func (export "edict_input") (param i32) (result i32) (i32.const 1024))
  (func (export "edict_output_ptr") (result i32) (i32.const 2048))
  (func (export "edict_init") (param i32) (result i32) (i32.const 1))
  (func (export "edict_modes") (param i32) (result i32) (i32.const 86))
  (func (export "edict_call") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "edict_destroy") (param i32) (result i32) (i32.const 0))`;
const MEMORY = '(memory (export "memory") 1)';
const LOG = new Map([['edict.log', { params: ['i32', 'i32', 'i32'], results: [] } as const]]);

/** The outcome of verification: 'taken', or why not. */
function verdict(text: string, rules: ModuleRules = policyRules(LOG)): string {
  return verdictOf(assembleText(`(module ${text})`), rules);
}

function verdictOf(bytes: Uint8Array, rules: ModuleRules, sha256: string | false = false): string {
  try {
    verifyModule(bytes, rules, sha256);
    return 'taken';
  } catch (caught) {
    expect(caught).toMatchObject({ code: 'MODULE_REJECTED' });
    return (caught as Error).message;
  }
}

describe('a policy module (WH-01)', () => {
  it('is taken when it exports the interface and imports what was granted', () => {
    expect(verdict(MEMORY + EXPORTS)).toBe('taken');
    const imports = `
      (import "edict" "log" (func (param i32 i32 i32)))
      (import "env" "abort" (func (param i32 i32 i32 i32)))
      (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))`;
    expect(verdict(imports + MEMORY + EXPORTS)).toBe('taken');
  });

  it('is refused with every import that was not granted, in one message (P-73)', () => {
    const imports = `
      (import "edict" "kv_get" (func (param i32 i32) (result i32)))
      (import "edict" "log" (func (param i32 i32 i32)))
      (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
      (import "edict" "log" (memory 1 2))
      (import "env" "__indirect_function_table" (table 1 funcref))
      (import "env" "__stack_pointer" (global (mut i32)))`;
    expect(verdict(imports + EXPORTS)).toContain(
      'it imports edict.kv_get, env.emscripten_resize_heap, edict.log (memory), env.__indirect_function_table (table), ' +
        'env.__stack_pointer (global); only what was granted of edict, env, wasi_snapshot_preview1 is linked',
    );
  });

  it.each(['kv_get', 'http_call', 'flag', 'random', 'now_ms', 'hmac', 'meta_get', 'counter_add', 'resource_get'])(
    'is refused when it imports edict.%s without the grant, and taken with it (P-73)',
    (name) => {
      const text = `(import "edict" "${name}" (func (param i32) (result i32))) ${MEMORY} ${EXPORTS}`;
      expect(verdict(text)).toContain(`it imports edict.${name};`);
      expect(verdict(text, policyRules(new Map([[`edict.${name}`, 'function']])))).toBe('taken');
    },
  );

  it('is refused when it imports a granted function as another type, and both types are told', () => {
    expect(verdict(`(import "edict" "log" (func (param i32 i64) (result f64))) ${MEMORY} ${EXPORTS}`)).toContain(
      'edict.log as (i32, i64) -> f64 where (i32, i32, i32) -> () is asked for',
    );
  });

  it('is refused with every export that is missing, and with every one of another type', () => {
    expect(verdict(MEMORY)).toContain(
      'it does not export edict_abi_version, edict_input, edict_output_ptr, edict_init, edict_modes, edict_call, edict_destroy',
    );
    expect(verdict('(func (export "memory"))')).toContain('it does not export memory, edict_abi_version');
    const wrong = EXPORTS.replace('"edict_call") (param i32 i32 i32)', '"edict_call") (param i32 i64)');
    expect(verdict(MEMORY + wrong)).toContain(
      'it exports edict_call as (i32, i64) -> i32 where (i32, i32, i32) -> i32 is asked for',
    );
  });

  it('may export what is optional, of the right type only', () => {
    const gc = (type: string) => `${MEMORY} ${EXPORTS} (func (export "edict_gc") ${type})`;
    expect(verdict(gc('(result i32) (i32.const 0)'))).toBe('taken');
    expect(verdict(gc('(param i32)'))).toContain('it exports edict_gc as (i32) -> () where () -> i32 is asked for');
    expect(verdict(`${MEMORY} ${EXPORTS} (global (export "edict_gc") i32 (i32.const 0))`)).toContain(
      'it does not export edict_gc',
    );
  });

  it('may not start itself unless it is allowed to', () => {
    const text = `${MEMORY} ${EXPORTS} (func $begin) (start $begin)`;
    expect(verdict(text)).toContain('it has a start function');
    expect(verdict(text, policyRules(LOG, true))).toBe('taken');
  });
});

describe('a refusal', () => {
  it('shows names of the module without what a terminal would obey, and no more than a screen of them', () => {
    const names = Array.from({ length: 500 }, (_, index) => `(import "env" "\\1b[31m${index}" (func))`).join('');
    const message = verdict(names + MEMORY + EXPORTS);
    expect(message).toContain('it imports env.\\u001b[31m0, env.\\u001b[31m1,');
    expect(message.length).toBeLessThan(6_000);
    expect(message).not.toContain('\u001b');
  });
});

describe('limits', () => {
  it('of memory hold for its start, and for its maximum unless that is injected (P-57)', () => {
    const memory = (limits: string) => `(memory (export "memory") ${limits}) ${EXPORTS}`;
    const declared = { ...policyRules(LOG), injectsMaximum: false };
    for (const limits of ['1', '256', '1 256', '1 65536']) expect(verdict(memory(limits)), limits).toBe('taken');
    expect(verdict(memory('257'))).toContain('its memory starts with 257 pages, more than 256 pages');
    expect(verdict(memory('1 256'), declared)).toBe('taken');
    expect(verdict(memory('1'), declared)).toContain('its memory maximum is not declared');
    expect(verdict(memory('1 257'), declared)).toContain('its memory maximum is 257, more than 256 pages');
    expect(verdict(memory('1 2 shared'))).toContain('its memory is shared');
    expect(verdict(memory('i64 1 2'))).toContain('64-bit addresses');
  });

  it('take an imported memory only where one is provided, under its name (P-57)', () => {
    const text = `(import "env" "memory" (memory 1)) (export "memory" (memory 0)) ${EXPORTS}`;
    expect(verdict(text)).toContain('it imports env.memory (memory)');
    expect(verdict(text, { ...policyRules(LOG), importedMemory: 'env.memory' })).toBe('taken');
    expect(verdict(text, { ...policyRules(LOG), importedMemory: 'env.other' })).toContain('env.memory (memory)');
    const large = text.replace('(memory 1)', '(memory 300)');
    expect(verdict(large, { ...policyRules(LOG), importedMemory: 'env.memory' })).toContain('starts with 300 pages');
  });

  it('of bytes, functions, tables and entries stop one above and not at the limit (WH-10)', () => {
    const rules = policyRules(LOG);
    const bytes = assembleText(`(module ${MEMORY} ${EXPORTS})`);
    expect(verdictOf(bytes, { ...rules, maxBytes: bytes.length })).toBe('taken');
    expect(verdictOf(bytes, { ...rules, maxBytes: bytes.length - 1 })).toContain(
      `it has ${bytes.length} bytes, more than ${bytes.length - 1}`,
    );
    expect(verdictOf(new Uint8Array(4 * 1024 * 1024 + 1), rules)).toContain('4194305 bytes, more than 4194304');
    const functions = (count: number) => `${MEMORY} ${EXPORTS} ${'(func)'.repeat(count - 7)}`;
    expect(verdict(functions(20_000))).toBe('taken');
    expect(verdict(functions(20_001))).toContain('it has 20001 functions, more than 20000');
    const tables = (count: number, size: number) => `${MEMORY} ${EXPORTS} ${`(table ${size} funcref)`.repeat(count)}`;
    expect(verdict(tables(16, 4_096))).toBe('taken');
    expect(verdict(tables(17, 1))).toContain('it has 17 tables, more than 16');
    expect(verdict(tables(2, 32_769))).toContain('its tables start with 65538 entries, more than 65536');
  });
});

describe('the hash', () => {
  const bytes = assembleText(`(module ${MEMORY} ${EXPORTS})`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');

  it('is looked at before anything is read, so that only the pinned bytes are parsed', () => {
    expect(verdictOf(bytes, policyRules(LOG), sha256)).toBe('taken');
    const noise = Uint8Array.of(1, 2, 3);
    expect(verdictOf(noise, policyRules(LOG), sha256)).toContain('its sha256 is');
    expect(verdictOf(noise, policyRules(LOG))).toContain('truncated');
  });
});

describe('proposals a policy cannot use', () => {
  it.each([
    ['tags', binary([13, 1, 0, 0]), 'it uses exception handling'],
    ['imported tags', binary([2, 1, 1, 0x61, 1, 0x62, 4, 0, 0]), 'it uses exception handling'],
    ['structs', binary([1, 1, 0x5f, 0]), 'it uses GC types'],
    ['recursive types', binary([1, 1, 0x4e, 0]), 'it uses GC types'],
    ['typed references', binary([1, 1, 0x60, 1, 0x64, 0, 0]), 'it uses GC types'],
    ['a table with an initial value', binary([4, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b]), 'it uses GC types'],
    ['exception references', binary([1, 1, 0x60, 1, 0x69, 0]), 'it uses exception handling'],
    ['two memories', binary([5, 2, 0, 1, 0, 1]), 'it defines 2 memories'],
    [
      'a memory beside an imported one',
      binary([2, 1, 1, 0x61, 1, 0x62, 2, 0, 1], [5, 1, 0, 1]),
      'beside an imported one',
    ],
    ['an unknown section', binary([14, 0]), 'section 14 is unknown'],
  ])('are named in the refusal: %s', (_, bytes, text) => {
    expect(verdictOf(bytes, policyRules(LOG))).toContain(text);
  });
});

describe('sections that contradict each other', () => {
  const VOID = [1, 1, 0x60, 0, 0] as const;
  it.each([
    ['functions without bodies', binary(VOID, [3, 1, 0]), 'it declares 1 functions and has 0'],
    ['bodies without functions', binary(VOID, [10, 1, 2, 0, 0x0b]), 'it declares 0 functions and has 1'],
    ['another count of data', binary([12, 2], [11, 1, 1, 0]), 'it announces 2 data segments and has 1'],
    ['a type that is not there', binary([3, 1, 0], [10, 1, 2, 0, 0x0b]), 'there is no type 0'],
    ['an export of nothing', binary([7, 1, 1, 0x61, 3, 0]), 'export "a" is global 0, which there is not'],
    ['one name twice', binary(VOID, [3, 1, 0], [7, 2, 1, 0x61, 0, 0, 1, 0x61, 0, 0]), 'it exports "a" twice'],
    ['a start that is not there', binary([8, 0]), 'its start function is 0, which there is not'],
    ['a section twice', binary(VOID, VOID), 'section 1 is repeated or out of order'],
    ['sections out of order', binary([5, 1, 0, 1], VOID), 'section 1 is repeated or out of order'],
    ['a section with a rest', binary([5, 1, 0, 1, 0]), 'a section has more in it than it says'],
  ])('are refused: %s', (_, bytes, text) => {
    expect(verdictOf(bytes, policyRules(LOG))).toContain(text);
  });
});
