/** Generates the code of a nikunjy query: short-circuits become forward jumps, constants are settled here. */

import { Op, SEMVER_BYTES } from '../image/abi.ts';
import type { Pool } from '../image/pool.ts';
import { Label, type Program } from '../image/program.ts';
import type { SlotTable } from '../image/slots.ts';
import type { CompareNode, CompareOp, QueryNode } from '../query/ast.ts';
import { isInvalidOperation } from '../query/invalid-operation.ts';
import { lowerCase } from '../query/lower-case.ts';
import { parseVersion, type Version } from '../query/version.ts';
import type { FlagReads } from './flag-reads.ts';

const ORDER: readonly CompareOp[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le'];
/** Names whose query value is recomputed, so never a map: a longer path through them aborts (spec/flags.md §7.4). */
const RECOMPUTED = new Set(['key', 'targetingKey', 'anonymous']);

const byteOrder = new TextEncoder();

/** How the query's paths are resolved; chosen once a query (spec/flags.md §8.5). */
type Resolution =
  /** Only single names: slots are read directly and nothing is remembered. */
  | 'direct'
  /** `left` is remembered; slots say KEEP and ABORT. */
  | 'left'
  /** Paths of three or more names beside others: what they leave on the stack matters, so the tree is walked. */
  | 'tree';

/** Emits `node` so that it goes on at `met` or `unmet`. */
export function emitQuery(
  node: QueryNode,
  program: Program,
  pool: Pool,
  slots: SlotTable,
  reads: FlagReads,
  met: Label,
  unmet: Label,
): void {
  new QueryCode(node, program, pool, slots, reads, unmet).begin(met);
}

class QueryCode {
  readonly #root: QueryNode;
  readonly #program: Program;
  readonly #pool: Pool;
  readonly #slots: SlotTable;
  readonly #reads: FlagReads;
  /** Where an aborted or invalid query goes: false, whatever encloses it. */
  readonly #abort: Label;
  readonly #resolution: Resolution;
  readonly #stackEntries: number;

  constructor(node: QueryNode, program: Program, pool: Pool, slots: SlotTable, reads: FlagReads, abort: Label) {
    this.#root = node;
    this.#program = program;
    this.#pool = pool;
    this.#slots = slots;
    this.#reads = reads;
    this.#abort = abort;
    const paths: (readonly string[])[] = [];
    collectPaths(node, paths);
    let longest = 0;
    let entries = 0;
    for (const path of paths) {
      longest = Math.max(longest, path.length);
      entries += path.length - 1;
    }
    this.#resolution = longest < 2 ? 'direct' : longest > 2 && paths.length > 1 ? 'tree' : 'left';
    this.#stackEntries = this.#resolution === 'tree' ? entries : 0;
  }

  begin(met: Label): void {
    if (this.#resolution !== 'direct') this.#program.emit(Op.query, 0, this.#stackEntries, 0);
    this.#emit(this.#root, met, this.#abort);
  }

  #emit(node: QueryNode, met: Label, unmet: Label): void {
    switch (node.kind) {
      case 'bad':
        this.#program.jump(this.#abort);
        return;
      case 'paren':
        this.#emit(node.inner, node.negate ? unmet : met, node.negate ? met : unmet);
        return;
      case 'present':
        this.#program.emit(Op.present, this.#resolve(node.path), 0, 0, met, unmet);
        return;
      case 'compare':
        this.#compare(node, met, unmet);
        return;
      case 'chain': {
        // After term i: true goes on behind the next `and`, false behind the next `or`; without one the chain is decided.
        const { terms, ops } = node;
        const starts = terms.map(() => new Label());
        const afterTrue: Label[] = new Array(terms.length);
        const afterFalse: Label[] = new Array(terms.length);
        let nextAnd = met;
        let nextOr = unmet;
        for (let i = terms.length - 1; i >= 0; i--) {
          afterTrue[i] = nextAnd;
          afterFalse[i] = nextOr;
          const start = starts[i] as Label;
          if (i > 0) {
            if (ops[i - 1] === 'and') nextAnd = start;
            else nextOr = start;
          }
        }
        for (let i = 0; i < terms.length; i++) {
          this.#program.place(starts[i] as Label);
          this.#emit(terms[i] as QueryNode, afterTrue[i] as Label, afterFalse[i] as Label);
        }
      }
    }
  }

  /** Emits the path's resolution and gives the slot to compare: 0 is the remembered `left`. */
  #resolve(path: readonly string[]): number {
    const [root = ''] = path;
    if (this.#resolution === 'tree') {
      this.#reads.root(root);
      const names = this.#pool.reserve(path.length * 8);
      for (const [i, name] of path.entries()) {
        const ref = this.#pool.string(name);
        this.#pool.setU32(names + i * 8, ref.ptr);
        this.#pool.setU32(names + i * 8 + 4, ref.bytes);
      }
      this.#program.emit(Op.resolveTree, 0, names, path.length, undefined, this.#abort);
      return 0;
    }
    if (path.length > 1 && RECOMPUTED.has(root)) {
      this.#program.jump(this.#abort);
      return 0;
    }
    const slot = this.#reads.slot(this.#slots.forQuery(path));
    if (this.#resolution === 'direct') return slot;
    this.#program.emit(Op.resolve, slot, 0, 0, undefined, this.#abort);
    return 0;
  }

  #compare(node: CompareNode, met: Label, unmet: Label): void {
    const { op, value } = node;
    const order = ORDER.indexOf(op);
    const program = this.#program;
    // Decided by the text alone: no need to resolve, except that an abort on the way is false as well.
    if (value.kind === 'abort' || value.kind === 'invalid' || isInvalidOperation(op, value.kind)) {
      program.jump(this.#abort);
      return;
    }
    const slot = this.#resolve(node.path);
    switch (value.kind) {
      case 'null':
        if (op === 'eq') program.emit(Op.nil, slot, 0, 0, met, unmet);
        else program.emit(Op.nil, slot, 0, 0, unmet, met);
        return;
      case 'bool':
        // The tags of false and true are 2 and 3; a value of another kind is a mismatch for `ne` too.
        program.emit(Op.bool, slot, value.value === (op === 'eq') ? 3 : 2, 0, met, unmet);
        return;
      case 'string': {
        if (op === 'in') break;
        const ref = this.#pool.string(lowerCase(value.text));
        program.emit(stringOp(op, order), slot, ref.ptr, ref.bytes, met, unmet);
        return;
      }
      case 'version': {
        const version = parseVersion(value.text);
        // A part beyond uint64: no attribute equals, precedes or follows it.
        if (version === undefined) break;
        program.emit(
          Op.semverEq + order,
          slot,
          this.#pool.table(`version ${value.text}`, () => this.#version(version)),
          0,
          met,
          unmet,
        );
        return;
      }
      case 'int':
        if (op === 'in') break;
        program.emitInt(Op.intEq + order, slot, value.value, met, unmet);
        return;
      case 'float':
        if (op === 'in') break;
        program.emitFloat(Op.floatEq + order, slot, value.value, met, unmet);
        return;
      case 'strings':
        if (op !== 'in') break;
        program.emit(
          Op.stringIn,
          slot,
          this.#pool.table(`strings ${JSON.stringify(value.items)}`, () => this.#stringList(value.items)),
          value.items.length,
          met,
          unmet,
        );
        return;
      case 'ints':
        if (op !== 'in') break;
        program.emit(
          Op.intIn,
          slot,
          this.#pool.table(`ints ${value.items.join()}`, () =>
            this.#list(value.items, (at, item) => this.#pool.setI64(at, item)),
          ),
          value.items.length,
          met,
          unmet,
        );
        return;
      case 'floats':
        if (op !== 'in') break;
        program.emit(
          Op.floatIn,
          slot,
          this.#pool.table(`floats ${value.items.join()}`, () =>
            this.#list(value.items, (at, item) => this.#pool.setF64(at, item)),
          ),
          value.items.length,
          met,
          unmet,
        );
        return;
      case 'nothing':
        break;
    }
    program.jump(unmet);
  }

  #version(version: Version): number {
    const table = this.#pool.reserve(SEMVER_BYTES, 8);
    this.#pool.setI64(table, version.major);
    this.#pool.setI64(table + 8, version.minor);
    this.#pool.setI64(table + 16, version.patch);
    if (version.prerelease !== '') {
      const ref = this.#pool.string(version.prerelease);
      this.#pool.setU32(table + 24, ref.ptr);
      this.#pool.setU32(table + 28, ref.bytes);
    }
    return table;
  }

  /** Pairs (ptr, bytes) sorted by length, then bytes, for the guest's binary search. */
  #stringList(items: readonly string[]): number {
    const sorted = items
      .map((item) => byteOrder.encode(item))
      .map((bytes, i) => ({ bytes, text: items[i] as string }))
      .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
    const list = this.#pool.reserve(items.length * 8);
    for (const [i, { text }] of sorted.entries()) {
      const ref = this.#pool.string(text);
      this.#pool.setU32(list + i * 8, ref.ptr);
      this.#pool.setU32(list + i * 8 + 4, ref.bytes);
    }
    return list;
  }

  #list<T>(items: readonly T[], write: (address: number, item: T) => void): number {
    const list = this.#pool.reserve(items.length * 8, 8);
    for (const [i, item] of items.entries()) write(list + i * 8, item);
    return list;
  }
}

function stringOp(op: CompareOp, order: number): number {
  if (op === 'co') return Op.stringCo;
  if (op === 'sw') return Op.stringSw;
  if (op === 'ew') return Op.stringEw;
  return Op.stringEq + order;
}

function collectPaths(node: QueryNode, paths: (readonly string[])[]): void {
  if (node.kind === 'paren') collectPaths(node.inner, paths);
  else if (node.kind === 'chain') for (const term of node.terms) collectPaths(term, paths);
  else if (node.kind !== 'bad') paths.push(node.path);
}
