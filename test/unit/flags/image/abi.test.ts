/** Compiler, host and guest agree on the contract: the guest's own sources are read as text. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../../src/flags/image/abi.ts';
import { ENTRY_BYTES, IMAGE_BASE, Tag, VALUE_BYTES } from '../../../../src/flags/image/pool.ts';
import { readManifest } from '../../../../src/wasm/module.ts';

function constants(file: string): Map<string, number> {
  const source = readFileSync(new URL(`../../../../assembly/flags/${file}`, import.meta.url), 'utf8');
  const found = source.matchAll(/^export const (\w+): \w+ = (-?[\w]+);/gm);
  return new Map(Array.from(found, ([, name = '', value = '']) => [name, Number(value.replaceAll('_', ''))]));
}

/** `stringEq` → `STRING_EQ`. */
function shout(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

const guest = constants('abi.ts');
const values = constants('value.ts');

describe('the guest’s abi.ts', () => {
  it('is read whole', () => {
    expect(guest.size).toBeGreaterThan(70);
    expect([...guest.values()].every(Number.isFinite)).toBe(true);
    expect(values.get('TAG_ABORT')).toBe(11);
  });

  it('has every number of the compiler’s abi.ts under the same name', () => {
    const hostOnly = new Set(['INSTRUCTION_WORDS', 'OUTCOME_WORDS', 'FLAG_WORDS', 'NONE']);
    const numbers = Object.entries(abi).filter((entry) => typeof entry[1] === 'number' && !hostOnly.has(entry[0]));
    expect(numbers.length).toBeGreaterThan(15);
    expect(Object.fromEntries(numbers)).toEqual(Object.fromEntries(numbers.map(([name]) => [name, guest.get(name)])));
    expect(abi.INSTRUCTION_WORDS * 4).toBe(guest.get('INSTRUCTION_BYTES'));
    expect(IMAGE_BASE).toBe(guest.get('IMAGE_BASE'));
  });

  it('knows every operation the compiler emits, by the same code', () => {
    for (const [name, code] of Object.entries(abi.Op)) {
      const guestName = { jsonLogic: 'JSONLOGIC' }[name] ?? shout(name);
      expect(guest.get(`OP_${guestName}`), name).toBe(code);
    }
  });

  it('has no operation that the compiler lacks, but for the members of an order run', () => {
    const operations = [...guest].filter(([name]) => name.startsWith('OP_') && name !== 'OP_FINAL');
    const emitted = new Set<number>(Object.values(abi.Op));
    for (const [, base] of [abi.Op.stringEq, abi.Op.semverEq, abi.Op.intEq, abi.Op.floatEq].entries()) {
      for (let i = 1; i < 6; i++) emitted.add(base + i);
    }
    expect(new Set(operations.map(([, code]) => code))).toEqual(emitted);
    expect(operations).toHaveLength(emitted.size);
  });

  it('orders every family of comparisons eq, ne, gt, lt, ge, le', () => {
    for (const family of ['STRING', 'SEMVER', 'INT', 'FLOAT']) {
      const codes = ['EQ', 'NE', 'GT', 'LT', 'GE', 'LE'].map((order) => guest.get(`OP_${family}_${order}`) as number);
      expect(codes.map((code) => code - (codes[0] as number))).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it('keeps operation codes clear of the bit that ends a program', () => {
    for (const [name, code] of guest)
      if (name.startsWith('OP_') && name !== 'OP_FINAL') expect(code).toBeLessThan(abi.OP_FINAL);
  });

  it('is of the version the manifest names', async () => {
    const { flags } = await readManifest();
    expect(flags.abi).toBe(guest.get('ABI_VERSION'));
  });
});

describe('the guest’s value.ts', () => {
  it('has the tags of the pool, neither more nor less', () => {
    const tags = Object.entries(Tag).map(([name, tag]): [string, number] => [`TAG_${shout(name)}`, tag]);
    expect([...values].filter(([name]) => name.startsWith('TAG_'))).toEqual(tags);
  });

  it('has the sizes of the pool', () => {
    expect(values.get('VALUE_BYTES')).toBe(VALUE_BYTES);
    expect(values.get('ENTRY_BYTES')).toBe(ENTRY_BYTES);
  });
});
