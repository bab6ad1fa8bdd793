/**
 * A plain interpreter of query trees, written after spec/flags.md §8.4–8.7 sentence by sentence and for no other
 * virtue: the judge of the parser here, and of the compiled kernel elsewhere. It shares nothing with src/ but the type
 * of the tree.
 */

import { readFileSync } from 'node:fs';
import type { CompareNode, CompareOp, QueryNode, QueryValue } from '../../../../src/flags/query/ast.ts';
import { compareSemver, parseSemver } from './semver.ts';

/** What queries see of a context: Int is a bigint, Float a number, maps and arrays are as JSON has them. */
export type QueryData = ReadonlyMap<string, unknown>;

const TWO_63 = 2 ** 63;
const INT64_MIN = -(2n ** 63n);

/** §7.1, 7.2 and 7.4: conversion of the caller's context, enrichment on top, and the recomputed members. */
export function queryData(
  context: Readonly<Record<string, unknown>>,
  enrichment: Readonly<Record<string, unknown>> = {},
): QueryData {
  const data = new Map<string, unknown>();
  for (const [name, value] of Object.entries(context)) {
    const isInt = typeof value === 'number' && Number.isInteger(value) && value >= -TWO_63 && value < TWO_63;
    data.set(name, isInt ? BigInt(value) : value);
  }
  for (const [name, value] of Object.entries(enrichment)) data.set(name, value);
  const { targetingKey } = context;
  const key = typeof targetingKey === 'string' ? targetingKey : '';
  data.set('anonymous', data.get('anonymous') === true);
  data.set('key', key);
  data.set('targetingKey', key);
  return data;
}

/** What evaluating a query comes to; all but `true` mean that the rule does not match. */
export type Outcome = 'true' | 'false' | 'invalid' | 'abort';

/** Whether the query matches. */
export function interpret(query: QueryNode, data: QueryData): boolean {
  return interpretFully(query, data) === 'true';
}

/** The same, but tells apart why a query is false: the relay's validation refuses `invalid` and `abort` (§13.1). */
export function interpretFully(query: QueryNode, data: QueryData): Outcome {
  try {
    const interpreter = new Interpreter(data);
    const result = interpreter.visit(query);
    if (interpreter.invalid) return 'invalid';
    return result ? 'true' : 'false';
  } catch (error) {
    if (error instanceof Abort) return 'abort';
    throw error;
  }
}

class Abort extends Error {}

class Interpreter {
  /** Sticky: once set, the answer is false whatever the logic says. */
  invalid = false;
  readonly #root: QueryData;
  // The two variables that live across comparisons (§8.5).
  #left: unknown = undefined;
  #stack: unknown[] = [];

  constructor(root: QueryData) {
    this.#root = root;
  }

  visit(node: QueryNode): boolean {
    switch (node.kind) {
      case 'bad':
        throw new Abort();
      case 'paren':
        return this.visit(node.inner) !== node.negate;
      case 'chain': {
        const [first, ...rest] = node.terms;
        let result = this.visit(first as QueryNode);
        for (const [i, term] of rest.entries()) {
          if (result !== (node.ops[i] === 'or')) result = this.visit(term);
        }
        return result;
      }
      case 'present':
        this.#resolve(node.path);
        return !isNil(this.#left);
      case 'compare':
        return this.#compare(node);
    }
  }

  #resolve(path: readonly string[]): void {
    for (const name of path.slice(0, -1)) {
      const current = this.#stack.length === 0 ? this.#root : this.#stack.at(-1);
      if (isNil(current)) return;
      this.#stack.push(member(current, name));
    }
    const current = this.#stack.length === 0 ? this.#root : this.#stack.pop();
    if (isNil(current)) return;
    this.#left = member(current, path.at(-1) as string);
    this.#stack = [];
  }

  #compare({ path, op, value }: CompareNode): boolean {
    this.#resolve(path);
    if (value.kind === 'abort') throw new Abort();
    if (value.kind === 'invalid') this.invalid = true;
    if (this.invalid) return false;
    const result = apply(op, this.#left, value);
    if (result === 'inv') this.invalid = true;
    return result === true;
  }
}

function isNil(value: unknown): boolean {
  return value === undefined || value === null;
}

function member(map: unknown, name: string): unknown {
  if (map instanceof Map) return map.get(name);
  if (typeof map !== 'object' || Array.isArray(map)) throw new Abort();
  return Object.hasOwn(map as object, name) ? (map as Record<string, unknown>)[name] : undefined;
}

type Cell = boolean | 'mis' | 'inv';

/** The table of §8.7, row by row. The columns `inv` do not look at the left side. */
function apply(op: CompareOp, left: unknown, value: QueryValue): Cell {
  const isEquality = op === 'eq' || op === 'ne';
  const isTextual = op === 'co' || op === 'sw' || op === 'ew';
  switch (value.kind) {
    case 'null':
      return isEquality ? isNil(left) === (op === 'eq') : 'inv';
    case 'bool':
      if (!isEquality) return 'inv';
      return typeof left === 'boolean' ? (left === value.value) === (op === 'eq') : 'mis';
    case 'string':
      return op !== 'in' && typeof left === 'string' ? compareText(op, left, value.text) : 'mis';
    case 'strings':
      return op === 'in' && typeof left === 'string' ? value.items.includes(left) : 'mis';
    case 'version': {
      if (isTextual || op === 'in') return 'inv';
      const a = typeof left === 'string' ? parseSemver(left) : undefined;
      const b = parseSemver(value.text);
      return a && b ? ordered(op, compareSemver(a, b)) : 'mis';
    }
    case 'int': {
      if (isTextual) return 'inv';
      const a = toInt(left);
      return op === 'in' || a === undefined ? 'mis' : ordered(op, a < value.value ? -1 : a > value.value ? 1 : 0);
    }
    case 'ints':
      if (isTextual) return 'inv';
      return op === 'in' && typeof left === 'bigint' ? value.items.includes(left) : 'mis';
    case 'float': {
      if (isTextual) return 'inv';
      const a = toFloat(left);
      return op === 'in' || a === undefined ? 'mis' : ordered(op, a < value.value ? -1 : a > value.value ? 1 : 0);
    }
    case 'floats': {
      if (isTextual) return 'inv';
      const a = toFloat(left);
      return op === 'in' && a !== undefined ? value.items.some((item) => item === a) : 'mis';
    }
    case 'nothing':
      return isTextual ? 'inv' : 'mis';
    case 'invalid':
    case 'abort':
      throw new Error('settled before the operator');
  }
}

function ordered(op: CompareOp, order: number): Cell {
  switch (op) {
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'gt':
      return order > 0;
    case 'lt':
      return order < 0;
    case 'ge':
      return order >= 0;
    case 'le':
      return order <= 0;
    default:
      throw new Error(`${op} orders nothing`);
  }
}

/** Go compares bytes: text is lowered by code point, then only its UTF-8 counts. */
function compareText(op: CompareOp, left: string, right: string): Cell {
  const a = Buffer.from(lower(left));
  const b = Buffer.from(lower(right));
  if (op === 'co') return a.includes(b);
  if (op === 'sw') return a.subarray(0, b.length).equals(b);
  if (op === 'ew') return a.length >= b.length && a.subarray(a.length - b.length).equals(b);
  return ordered(op, Buffer.compare(a, b));
}

function toInt(left: unknown): bigint | undefined {
  if (typeof left === 'bigint') return left;
  if (typeof left !== 'number') return undefined;
  // What amd64 answers beyond the range of an int64.
  return Math.abs(left) < TWO_63 ? BigInt(Math.trunc(left)) : INT64_MIN;
}

function toFloat(left: unknown): number | undefined {
  return typeof left === 'bigint' ? Number(left) : typeof left === 'number' ? left : undefined;
}

const LOWER = readLowerTable();

/** By the published table, so that the judge does not depend on the Unicode version of the running Node. */
export function lower(text: string): string {
  return Array.from(text, (character) => LOWER.get(character) ?? character).join('');
}

function readLowerTable(): Map<string, string> {
  const file = new URL('../../../conformance/vectors/unicode15-simple-lower.txt', import.meta.url);
  const table = new Map<string, string>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [upper, lowered] = line.trim().split(/\s+/);
    if (!upper || !lowered) continue;
    table.set(String.fromCodePoint(parseInt(upper, 16)), String.fromCodePoint(parseInt(lowered, 16)));
  }
  return table;
}
