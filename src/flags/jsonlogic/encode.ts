/**
 * Writes a JSONLogic rule into the image, in the layout of assembly/flags/value.ts, for the interpreter in the guest.
 *
 * Two things are decided here once instead of at each evaluation. Maps of one member carry their operator's number. And a
 * `var` with a constant name becomes a slot, so that the context need not be copied as a tree: but only in positions that
 * are certainly evaluated, and evaluated with the context as data. Everything else stays as written, because operators
 * hand it on as data (list literals, objects of several members) or evaluate it with other data (the logic of `filter`
 * and its kin).
 *
 * Children of an array or object are one block, and blocks follow each other in the order of the walk: the guest's
 * verification relies on that (assembly/flags/jsonlogic-verify.ts).
 */

import type { JsonValue } from '../../internal/json.ts';
import type { Pool } from '../image/pool.ts';
import { ENTRY_BYTES, Tag, VALUE_BYTES } from '../image/pool.ts';
import type { SlotTable } from '../image/slots.ts';
import { nestingDepth } from './nesting.ts';
import { OPERATOR_CODES, SLOT_OR_CODE } from './operators.ts';
import { branchesOf, mayYieldMap, singleMember, TreeReads } from './reads.ts';
import { isNeverIndex, variablePieces } from './variable-path.ts';

/** Levels of arrays and objects a rule may have; the guest's stack holds many times that. */
export const MAX_RULE_NESTING = 512;

export interface EncodedJsonLogic {
  readonly problem: undefined;
  /** Absolute guest address of the rule's value. */
  readonly rule: number;
  /** Indexes of the slots the rule reads, each once. */
  readonly slots: readonly number[];
  /** Top-level attributes the context tree must hold; empty: the rule needs no tree. */
  readonly roots: readonly string[] | 'all';
}

/** The rule cannot be compiled; its flag answers PARSE_ERROR with this text. */
export interface RejectedJsonLogic {
  readonly problem: string;
}

/** Encodes a rule; what it needs of the context comes with it. */
export function encodeJsonLogic(rule: JsonValue, pool: Pool, slots: SlotTable): EncodedJsonLogic | RejectedJsonLogic {
  const depth = nestingDepth(rule);
  if (depth > MAX_RULE_NESTING) {
    return { problem: `targeting query exceeds the maximum nesting depth (${depth} > ${MAX_RULE_NESTING})` };
  }
  return new Encoder(pool, slots).encode(rule);
}

/** Encoded arrays only: nothing inside to evaluate, so the array is its own value. */
const PLAIN_ARRAY = 1;

/** Attributes that are recomputed for queries (spec/flags.md §7.4). */
const COMPUTED_NAMES: ReadonlySet<string> = new Set(['key', 'targetingKey', 'anonymous']);

/** How a child is used: evaluated with the context as data, or handed on as written. */
type Use = 'evaluated' | 'raw';

class Encoder {
  readonly #pool: Pool;
  readonly #slots: SlotTable;
  readonly #used = new Set<number>();
  readonly #reads = new TreeReads();

  constructor(pool: Pool, slots: SlotTable) {
    this.#pool = pool;
    this.#slots = slots;
  }

  encode(rule: JsonValue): EncodedJsonLogic {
    const address = this.#pool.reserve(VALUE_BYTES, 8);
    this.#write(address, rule, 'evaluated');
    return { problem: undefined, rule: address, slots: [...this.#used], roots: this.#reads.roots };
  }

  #write(address: number, node: JsonValue, use: Use): void {
    const pool = this.#pool;
    if (node === null) pool.writeTag(address, Tag.null);
    else if (typeof node === 'boolean') pool.writeTag(address, node ? Tag.true : Tag.false);
    else if (typeof node === 'number') pool.writeNumber(address, Tag.float, node);
    else if (typeof node === 'string') pool.writeString(address, node);
    else if (Array.isArray(node)) this.#writeArray(address, node, () => use);
    else {
      const operation = singleMember(node);
      if (operation === undefined) this.#writeData(address, Object.entries(node));
      else if (use === 'raw') this.#writeRawOperation(address, operation);
      else this.#writeOperation(address, operation);
    }
  }

  #writeArray(address: number, items: readonly JsonValue[], useOf: (index: number) => Use): void {
    const block = this.#pool.reserve(items.length * VALUE_BYTES, 8);
    this.#pool.writeRef(address, Tag.array, items.length, block, items.every(isConstant) ? PLAIN_ARRAY : 0);
    for (const [i, item] of items.entries()) this.#write(block + i * VALUE_BYTES, item, useOf(i));
  }

  /** Objects of no or several members are not operations, and nothing inside them is evaluated in place. */
  #writeData(address: number, members: readonly (readonly [string, JsonValue])[]): void {
    const block = this.#pool.reserve(members.length * ENTRY_BYTES, 8);
    this.#pool.writeRef(address, Tag.map, members.length, block);
    for (const [i, [name, member]] of members.entries()) {
      const entry = block + i * ENTRY_BYTES;
      this.#writeKey(entry, name);
      this.#write(entry + 8, member, 'raw');
    }
  }

  #writeRawOperation(address: number, [name, operand]: readonly [string, JsonValue]): void {
    this.#write(this.#openOperation(address, name, OPERATOR_CODES.get(name) ?? 0), operand, 'raw');
  }

  /** Writes the map and its key; gives where the operand goes. */
  #openOperation(address: number, name: string, code: number): number {
    const entry = this.#pool.reserve(ENTRY_BYTES, 8);
    this.#pool.writeRef(address, Tag.map, 1, entry, code);
    this.#writeKey(entry, name);
    return entry + 8;
  }

  #writeKey(entry: number, name: string): void {
    const ref = this.#pool.string(name);
    this.#pool.setU32(entry, ref.ptr);
    this.#pool.setU32(entry + 4, ref.bytes);
  }

  #writeOperation(address: number, operation: readonly [string, JsonValue]): void {
    const [name, operand] = operation;
    if (name === 'var' && this.#writeSlot(address, operand)) return;
    const code = OPERATOR_CODES.get(name);
    if (code === undefined) {
      this.#writeRawOperation(address, operation);
      return;
    }
    this.#noteReads(name, operand);
    const at = this.#openOperation(address, name, code);
    const useOf = operandUse(name, operand);
    if (Array.isArray(operand) && useOf !== 'evaluated') this.#writeArray(at, operand, useOf);
    else this.#write(at, operand, useOf === 'evaluated' ? 'evaluated' : 'raw');
  }

  /** A `var` of a constant name as a slot, with its default when it has one; false when that is not possible. */
  #writeSlot(address: number, operand: JsonValue): boolean {
    const [path, ...rest] = Array.isArray(operand) ? operand : [operand];
    if (typeof path !== 'string' || rest.length > 1) return false;
    const pieces = variablePieces(path);
    // The context is a map, so its member may have any name; further down an array may be in the way.
    if (pieces.length === 0 || !pieces.slice(1).every(isNeverIndex)) return false;
    const [fallback] = rest;
    if (pieces.length > 1 && COMPUTED_NAMES.has(pieces[0] as string)) {
      // Strings and a boolean, whatever the context says: there is nothing below them. A default must not be written in place
      // of the operation, though: as the first operand of `all`, `map` and their kin a bare value means something else.
      if (fallback !== undefined) return false;
      this.#pool.writeTag(address, Tag.null);
      return true;
    }
    if (fallback === undefined) {
      this.#writeSlotRef(address, pieces);
      return true;
    }
    const at = this.#openOperation(address, 'var', SLOT_OR_CODE);
    const block = this.#pool.reserve(2 * VALUE_BYTES, 8);
    this.#pool.writeRef(at, Tag.array, 2, block);
    this.#writeSlotRef(block, pieces);
    this.#write(block + VALUE_BYTES, fallback, 'evaluated');
    return true;
  }

  #writeSlotRef(address: number, pieces: readonly string[]): void {
    const slot = this.#slots.forVariable(pieces);
    this.#used.add(slot);
    this.#pool.writeRef(address, Tag.slot, 0, slot);
  }

  /** What an evaluated operation reads from the tree besides what its operands do. */
  #noteReads(name: string, operand: JsonValue): void {
    const args = Array.isArray(operand) ? operand : undefined;
    switch (name) {
      case 'var':
        this.#reads.key(operand);
        break;
      case 'missing':
        this.#reads.keys(operand);
        break;
      case 'missing_some':
        if (args === undefined) this.#reads.all();
        else this.#reads.keys(args[1] ?? null);
        break;
      case 'filter':
      case 'all':
      case 'none':
      case 'some':
        this.#reads.substitution(args?.[1] ?? null);
        break;
      case 'if':
      case '?:':
        if (args !== undefined && branchesOf(args).some(mayYieldMap)) this.#reads.all();
        break;
      case 'set': {
        // The member's value is evaluated a second time, whatever came out of the first.
        const member = args === undefined ? operand : (args[2] ?? null);
        if (typeof member === 'object' && member !== null) this.#reads.all();
      }
    }
  }
}

/**
 * How an operation uses its operand: `evaluated` as a whole, or element by element; `raw` when it will fail on it anyway.
 */
function operandUse(name: string, operand: JsonValue): 'evaluated' | ((index: number) => Use) {
  const raw = (): Use => 'raw';
  const inOrder = Array.isArray(operand) ? operand : undefined;
  switch (name) {
    case 'and':
    case 'or':
    case 'if':
    case '?:':
      return inOrder === undefined ? raw : () => 'evaluated';
    case 'filter':
    case 'map':
    case 'all':
    case 'none':
    case 'some':
      return (index) => (index === 0 && isMap(inOrder?.[0]) ? 'evaluated' : 'raw');
    case 'reduce':
      // The first value is evaluated like the list, and only when it is an object.
      return (index) => ((index === 0 || index === 2) && isMap(inOrder?.[index]) ? 'evaluated' : 'raw');
    default:
      return 'evaluated';
  }
}

function isMap(node: JsonValue | undefined): boolean {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** Whether a node evaluates to itself. */
function isConstant(node: JsonValue): boolean {
  if (Array.isArray(node)) return node.every(isConstant);
  return singleMember(node) === undefined;
}
