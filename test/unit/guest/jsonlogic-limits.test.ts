/** What a JSONLogic evaluation may use up, and what the guest refuses to load. */

import { beforeAll, describe, expect, it } from 'vitest';
import { IMAGE_BASE, Pool, Tag, VALUE_BYTES } from '../../../src/flags/image/pool.ts';
import { SlotTable } from '../../../src/flags/image/slots.ts';
import { encodeJsonLogic, MAX_RULE_NESTING } from '../../../src/flags/jsonlogic/encode.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { Random, randomCase } from '../flags/jsonlogic/random-cases.ts';
import { FAULT_MEMORY, FAULT_NONE, FAULT_STEPS, JsonLogicRig, PLENTY_OF_STEPS } from './jsonlogic-rig.ts';

let rig: JsonLogicRig;
beforeAll(async () => {
  rig = await JsonLogicRig.start();
}, 120_000);

const endless: JsonValue = { if: [true, { var: 'loop' }] };

/** `rule` as the operand of `levels` negations, two by two. */
function nested(levels: number, rule: JsonValue): JsonValue {
  return levels === 0 ? rule : { '!': nested(levels - 1, rule) };
}

describe('an evaluation', () => {
  it('asks nothing of the host', () => {
    const { imports } = WebAssembly.Module as unknown as { imports(module: WebAssembly.Module): unknown[] };
    expect(imports(rig.module)).toEqual([]);
  });

  it('ends with a fault when data applied as logic goes on for ever', () => {
    const bodies: JsonValue[] = [
      endless,
      { if: [true, { '+': [1, endless] }] },
      { if: [{ filter: [endless, true] }, 1] },
      { if: [{ reduce: [endless, { var: 'current' }, 0] }, 1] },
      { if: [{ '==': [endless, 1] }, 1] },
      { if: [true, { set: [{}, 'a', endless] }] },
      { if: [{ cat: ['', { substr: [endless, 1] }] }, 1] },
    ];
    for (const loop of bodies) expect(rig.run(endless, { loop })).toEqual({ matches: false, fault: FAULT_STEPS });
    expect(rig.matches({ '==': [1, 1] })).toBe(true);
  });

  it('decides rules and data as deep as they may be', () => {
    expect(rig.matches(nested(MAX_RULE_NESTING - 1, { '==': 0 }))).toBe(false);
    expect(rig.matches(nested(MAX_RULE_NESTING - 1, { var: 'yes' }), { yes: true })).toBe(false);
    expect(rig.matches(nested(MAX_RULE_NESTING - 2, { var: 'yes' }), { yes: true })).toBe(true);
    let data: JsonValue = 'bottom';
    for (let i = 0; i < 63; i++) data = { a: [data] };
    const path = `data${'.a.0'.repeat(63)}`;
    expect(rig.matches({ '==': [{ var: path }, 'bottom'] }, { data })).toBe(true);
  });

  it('stops when its steps are used up, and says so', () => {
    const items = Array.from({ length: 1_000 }, (_, i) => i);
    const rule = { all: [{ var: 'items' }, { some: [items, { '==': [{ var: '' }, -1] }] }] };
    expect(rig.run(rule, { items }, 'pruned', 100)).toEqual({ matches: false, fault: FAULT_STEPS });
    expect(rig.run(rule, { items })).toEqual({ matches: false, fault: FAULT_NONE });
  });

  it('is decided the same whatever the budget, or faults: never wrong', () => {
    for (let seed = 1; seed < 500; seed++) {
      const { rule, data } = randomCase(seed);
      const evaluate = rig.prepare(rule, data);
      const whole = evaluate();
      for (const budget of [0, 1, 2, 5, 10, 20, 50]) {
        const outcome = evaluate(budget);
        if (outcome.fault === FAULT_NONE) expect(outcome).toEqual(whole);
        else expect(outcome).toEqual({ matches: false, fault: FAULT_STEPS });
      }
    }
  });

  it('pays for text that almost matches everywhere', () => {
    const text = 'a'.repeat(200_000);
    const needle = `${'a'.repeat(100_000)}b`;
    const rule = { in: [needle, { var: 'text' }] };
    expect(rig.run(rule, { text })).toEqual({ matches: false, fault: FAULT_STEPS });
  });

  it('stops when the arena is full, and writes nothing outside it', () => {
    const limit = 4_096;
    rig.limitArena(limit);
    const arena = rig.guest.arenaMark();
    const behind = new Uint8Array(rig.guest.memory.buffer, arena + limit, 65_536).fill(0xa5);
    try {
      const items = Array.from({ length: 50 }, (_, i) => `item-${i}`);
      const big = { map: [{ var: 'items' }, { cat: [{ var: '' }, 'x'.repeat(500)] }] };
      expect(rig.run(big, { items })).toEqual({ matches: false, fault: FAULT_MEMORY });
      for (let seed = 1; seed < 2_000; seed++) {
        const { rule, data } = randomCase(seed);
        const evaluate = rig.prepare(rule, data);
        for (const bytes of [0, 8, 16, 40, 128]) {
          rig.limitArena(bytes);
          const { matches, fault } = evaluate();
          if (fault !== FAULT_NONE) expect({ matches, fault }).toEqual({ matches: false, fault: FAULT_MEMORY });
        }
      }
      expect(behind.every((byte) => byte === 0xa5)).toBe(true);
    } finally {
      rig.limitArena();
    }
  });

  it('needs no arena for comparisons of attributes with constants', () => {
    const data = { age: 18, country: 'FR', beta: true };
    const rule = {
      and: [
        { '==': [{ var: 'country' }, 'FR'] },
        { '>=': [{ var: 'age' }, 18] },
        { '<': [1, { var: 'age' }, 99] },
        { in: [{ var: 'country' }, ['DE', 'FR']] },
        { or: [{ '!': [{ var: 'beta' }] }, { '!!': { var: 'beta' } }] },
        { '!==': [{ var: 'age' }, '18'] },
        { if: [{ var: 'beta' }, true, false] },
        { '==': [{ var: ['zz', 5] }, 5] },
      ],
    };
    rig.limitArena(0);
    try {
      expect(rig.run(rule, data)).toEqual({ matches: true, fault: FAULT_NONE });
    } finally {
      rig.limitArena();
    }
  });

  it('gives back what its parts no longer need: a long fold runs in a small arena', () => {
    const items = Array.from({ length: 20_000 }, (_, i) => ({ n: i, name: `name-${i}` }));
    const sum = {
      reduce: [{ var: 'items' }, { '+': [{ var: 'accumulator' }, { '*': [{ var: 'current.n' }, 1] }] }, 0],
    };
    const last = {
      reduce: [
        { var: 'items' },
        { cat: [{ var: 'current.name' }, '!', { substr: [{ var: 'accumulator' }, 0, 1] }] },
        '',
      ],
    };
    rig.limitArena(1_024);
    try {
      expect(rig.matches({ '==': [sum, 199_990_000] }, { items })).toBe(true);
      expect(rig.matches({ '===': [last, 'name-19999!n'] }, { items })).toBe(true);
      expect(
        rig.matches({ some: [{ var: 'items' }, { '===': [{ cat: [{ var: 'name' }, ''] }, 'name-19999'] }] }, { items }),
      ).toBe(true);
    } finally {
      rig.limitArena();
    }
  });

  it('leaves memory and arena as they were', () => {
    const before = rig.guest.memory.buffer.byteLength;
    rig.guest.arenaReset(PLENTY_OF_STEPS);
    const free = rig.guest.arenaMark();
    const { rule, data } = randomCase(7);
    const evaluate = rig.prepare(rule, data);
    for (let i = 0; i < 50_000; i++) evaluate();
    expect(rig.guest.arenaMark()).toBe(free);
    expect(rig.guest.memory.buffer.byteLength).toBe(before);
  });
});

describe('verification', () => {
  function verify(pool: Pool, address: number, slots = 100): boolean {
    rig.place(IMAGE_BASE, pool);
    return rig.guest.verifyRule(address, IMAGE_BASE, pool.end, slots) === 1;
  }

  function encode(rule: JsonValue): { pool: Pool; address: number; slots: SlotTable } {
    const pool = new Pool();
    const slots = new SlotTable();
    const encoded = encodeJsonLogic(rule, pool, slots);
    if (encoded.problem !== undefined) throw new Error(encoded.problem);
    return { pool, address: encoded.rule, slots };
  }

  it('accepts every encoded rule, and refuses it when the image is one byte shorter or a slot fewer', () => {
    const { pool, address, slots } = encode({
      and: [{ '==': [{ var: 'a' }, 'x'] }, { in: [{ var: ['b', 1] }, [1, 2]] }],
    });
    rig.place(IMAGE_BASE, pool);
    const count = slots.sources.length;
    expect(rig.guest.verifyRule(address, IMAGE_BASE, pool.end, count)).toBe(1);
    expect(rig.guest.verifyRule(address, IMAGE_BASE, pool.end - 1, count)).toBe(0);
    expect(rig.guest.verifyRule(address, IMAGE_BASE, pool.end, count - 1)).toBe(0);
    expect(rig.guest.verifyRule(address, address + 8, pool.end, count)).toBe(0);
  });

  it.each<[string, (pool: Pool, at: number) => void]>([
    ['an unknown tag', (pool, at) => pool.writeTag(at, 13)],
    ['a missing value', (pool, at) => pool.writeTag(at, Tag.missing)],
    ['a path marker', (pool, at) => pool.writeTag(at, Tag.keep)],
    ['slot 0', (pool, at) => pool.writeRef(at, Tag.slot, 0, 0)],
    ['a slot too high', (pool, at) => pool.writeRef(at, Tag.slot, 0, 100)],
    ['a string outside the image', (pool, at) => pool.writeRef(at, Tag.ascii, 4, 16)],
    ['a string past the end', (pool, at) => pool.writeRef(at, Tag.text, 64, at)],
    ['a string of 4 GiB', (pool, at) => pool.writeRef(at, Tag.text, 0xffffffff, at)],
    ['an array of 4 Gi elements', (pool, at) => pool.writeRef(at, Tag.array, 0xffffffff, at + VALUE_BYTES)],
    ['an array that contains itself', (pool, at) => pool.writeRef(at, Tag.array, 1, at)],
    ['a map before its parent', (pool, at) => pool.writeRef(at, Tag.map, 1, at - 8)],
    ['an array flag nobody knows', (pool, at) => pool.writeRef(at, Tag.array, 0, 0, 2)],
    ['an operator on an empty map', (pool, at) => pool.writeRef(at, Tag.map, 0, 0, 1)],
  ])('refuses %s', (_, spoil) => {
    const pool = new Pool();
    pool.reserve(64, 8);
    const at = pool.reserve(VALUE_BYTES, 8);
    spoil(pool, at);
    expect(verify(pool, at)).toBe(false);
  });

  it('refuses an operator number that is not the one of the name', () => {
    const { pool, address } = encode({ and: [] });
    expect(verify(pool, address)).toBe(true);
    pool.setU32(address + 12, 2);
    expect(verify(pool, address)).toBe(false);
    pool.setU32(address + 12, 40);
    expect(verify(pool, address)).toBe(false);
  });

  it('ends on nesting without end and on shared children', () => {
    const pool = new Pool();
    const levels = 100_000;
    const first = pool.reserve(levels * 2 * VALUE_BYTES, 8);
    // Each level holds the next one twice: a walk without an order would take 2^100000 steps.
    for (let i = 0; i < levels; i++) {
      const at = first + i * 2 * VALUE_BYTES;
      for (const value of [at, at + VALUE_BYTES]) pool.writeRef(value, Tag.array, 2, at + 2 * VALUE_BYTES);
    }
    expect(verify(pool, first)).toBe(false);
  });

  it('never lets a spoiled rule read or write outside: refused, or evaluated without a trap', () => {
    const random = new Random(11);
    for (let seed = 1; seed < 3_000; seed++) {
      const { rule, data } = randomCase(seed);
      const { pool, address, slots } = encode(rule);
      const evaluate = rig.prepare(rule, data);
      for (let i = 0; i < 4; i++) {
        const spoiled = pool.toBytes();
        for (let n = random.below(3); n >= 0; n--) spoiled[random.below(spoiled.length)] = random.below(256);
        new Uint8Array(rig.guest.memory.buffer, IMAGE_BASE).set(spoiled);
        if (rig.guest.verifyRule(address, IMAGE_BASE, pool.end, slots.sources.length) === 1) evaluate();
      }
    }
    expect(rig.matches({ '==': [1, 1] })).toBe(true);
  });
});
