/** Drives the JSONLogic interpreter of the guest alone: encodes rules and contexts, places them, asks for the match. */

import { IMAGE_BASE, Pool, Tag, VALUE_BYTES } from '../../../src/flags/image/pool.ts';
import type { SlotSource } from '../../../src/flags/image/slots.ts';
import { SlotTable } from '../../../src/flags/image/slots.ts';
import { writeValue } from '../../../src/flags/image/write-value.ts';
import type { EncodedJsonLogic } from '../../../src/flags/jsonlogic/encode.ts';
import { encodeJsonLogic } from '../../../src/flags/jsonlogic/encode.ts';
import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { hasOwn, isJsonObject } from '../../../src/internal/json.ts';
import { buildGuest } from './build-guest.ts';

const PAGE_BYTES = 65_536;
const SLOTS_BASE = 4 * 1024 * 1024;
const DATA_BASE = 8 * 1024 * 1024;
const ARENA_BASE = 16 * 1024 * 1024;
const ARENA_BYTES = 4 * 1024 * 1024;

export const FAULT_NONE = 0;
export const FAULT_MEMORY = 1;
export const FAULT_STEPS = 2;
export const PLENTY_OF_STEPS = 5_000_000;

interface GuestExports {
  readonly memory: WebAssembly.Memory;
  readonly fault: { readonly value: number };
  readonly steps: { readonly value: number };
  readonly formattedBytes: { readonly value: number };
  readonly parseStatus: { readonly value: number };
  arenaInit(base: number, end: number): void;
  arenaReset(budget: number): void;
  arenaAlloc(bytes: number): number;
  arenaMark(): number;
  matchJsonLogic(rule: number, data: number, slots: number): number;
  operatorOf(name: number, bytes: number): number;
  formatFloat(value: number): number;
  parseFloatText(start: number, bytes: number): number;
  verifyRule(value: number, base: number, end: number, slots: number): number;
}

/**
 * How a rule reaches its data.
 *
 * - `pruned`: as in production: slots, and a tree of the attributes the encoder asked for (none: no tree).
 * - `whole`: slots, and the whole tree.
 * - `tree`: no slots; the rule itself is written as plain data, so that operators are looked up by name.
 */
export type Mode = 'pruned' | 'whole' | 'tree';

export const MODES: readonly Mode[] = ['pruned', 'whole', 'tree'];

export interface Outcome {
  readonly matches: boolean;
  readonly fault: number;
}

export class JsonLogicRig {
  readonly guest: GuestExports;
  readonly module: WebAssembly.Module;

  private constructor(module: WebAssembly.Module) {
    this.module = module;
    this.guest = new WebAssembly.Instance(module).exports as unknown as GuestExports;
    const pages = this.guest.memory.buffer.byteLength / PAGE_BYTES;
    this.guest.memory.grow((ARENA_BASE + ARENA_BYTES) / PAGE_BYTES - pages);
    this.guest.arenaInit(ARENA_BASE, ARENA_BASE + ARENA_BYTES);
  }

  static async start(): Promise<JsonLogicRig> {
    return new JsonLogicRig(await buildGuest('test/unit/guest/jsonlogic-guest'));
  }

  /** Gives the arena `bytes` from now on. */
  limitArena(bytes: number = ARENA_BYTES): void {
    this.guest.arenaInit(ARENA_BASE, ARENA_BASE + bytes);
  }

  /** Evaluates a rule against the map that queries see (spec/flags.md §7.4). */
  run(rule: JsonValue, data: JsonObject, mode: Mode = 'pruned', budget = PLENTY_OF_STEPS): Outcome {
    return this.prepare(rule, data, mode)(budget);
  }

  matches(rule: JsonValue, data: JsonObject = {}, mode: Mode = 'pruned'): boolean {
    const { matches, fault } = this.run(rule, data, mode);
    if (fault !== FAULT_NONE) throw new Error(`fault ${fault} in ${JSON.stringify(rule)}`);
    return matches;
  }

  /** Places rule and data once; the function given evaluates them. */
  prepare(rule: JsonValue, data: JsonObject, mode: Mode = 'pruned'): (budget?: number) => Outcome {
    const slots = new SlotTable();
    const pool = new Pool();
    const { rule: address, roots } = mode === 'tree' ? writeRule(rule, pool) : encoded(rule, pool, slots);
    this.place(IMAGE_BASE, pool);
    if (this.guest.verifyRule(address, IMAGE_BASE, pool.end, slots.sources.length) === 0) {
      throw new Error(`the guest refuses the encoding of ${JSON.stringify(rule)}`);
    }
    this.place(SLOTS_BASE, slotValues(slots, data));
    const tree = roots.length > 0 ? this.placeTree(mode === 'pruned' ? pruned(data, roots) : data) : 0;
    return (budget = PLENTY_OF_STEPS) => {
      this.guest.arenaReset(budget);
      const matches = this.guest.matchJsonLogic(address, tree, SLOTS_BASE) === 1;
      return { matches, fault: this.guest.fault.value };
    };
  }

  placeTree(data: JsonObject): number {
    const pool = new Pool(DATA_BASE);
    const root = pool.reserve(VALUE_BYTES, 8);
    writeValue(pool, root, data, true);
    this.place(DATA_BASE, pool);
    return root;
  }

  place(address: number, pool: Pool): void {
    new Uint8Array(this.guest.memory.buffer, address).set(pool.toBytes());
  }

  /** Writes text where rules otherwise are; its address and length. */
  placeText(text: string): [number, number] {
    const pool = new Pool(DATA_BASE, text.length * 3 + 16);
    const { ptr, bytes } = pool.string(text);
    this.place(DATA_BASE, pool);
    return [ptr, bytes];
  }

  /** `str` of a number, as the guest spells it. */
  format(value: number): string {
    this.guest.arenaReset(PLENTY_OF_STEPS);
    const ptr = this.guest.formatFloat(value);
    return Buffer.from(this.guest.memory.buffer, ptr, this.guest.formattedBytes.value).toString('latin1');
  }

  /** `pf` of a text: value, and status 0 fine, 1 syntax, 2 range. */
  parse(text: string): { value: number; status: number } {
    this.guest.arenaReset(PLENTY_OF_STEPS);
    const value = this.guest.parseFloatText(...this.placeText(text));
    return { value, status: this.guest.parseStatus.value };
  }
}

function encoded(rule: JsonValue, pool: Pool, slots: SlotTable): EncodedJsonLogic {
  const result = encodeJsonLogic(rule, pool, slots);
  if (result.problem !== undefined) throw new Error(result.problem);
  return result;
}

function writeRule(rule: JsonValue, pool: Pool): Pick<EncodedJsonLogic, 'rule' | 'roots'> {
  const address = pool.reserve(VALUE_BYTES, 8);
  writeValue(pool, address, rule, true);
  return { rule: address, roots: 'all' };
}

function pruned(data: JsonObject, roots: readonly string[] | 'all'): JsonObject {
  return roots === 'all' ? data : Object.fromEntries(Object.entries(data).filter(([name]) => roots.includes(name)));
}

/** What the host writes into the slots: `data` is already the map of §7.4. */
function slotValues(slots: SlotTable, data: JsonObject): Pool {
  const pool = new Pool(SLOTS_BASE);
  const first = pool.reserve(slots.sources.length * VALUE_BYTES, 8);
  for (const [i, source] of slots.sources.entries()) {
    const value = source === undefined ? undefined : read(source, data);
    const address = first + i * VALUE_BYTES;
    if (value === undefined) pool.writeTag(address, Tag.missing);
    else writeValue(pool, address, value, true);
  }
  return pool;
}

function read(source: SlotSource, data: JsonObject): JsonValue | undefined {
  if (source.kind === 'targetingKey' || source.kind === 'anonymous') return data[source.kind];
  let value: JsonValue | undefined = data;
  for (const name of source.path) {
    if (!isJsonObject(value) || !hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** The map that queries see (spec/flags.md §7.1, §7.2, §7.4). */
export function queryData(context: JsonObject, enrichment: JsonObject = {}): JsonObject {
  const entries = Object.entries(context).map(([name, value]) => [name, Object.is(value, -0) ? 0 : value] as const);
  const custom: JsonObject = Object.fromEntries([...entries, ...Object.entries(enrichment)]);
  const key = typeof context.targetingKey === 'string' ? context.targetingKey : '';
  return { ...custom, anonymous: custom.anonymous === true, key, targetingKey: key };
}
