/** Turns the texts of literals into right values (spec/flags.md §8.6): nothing is left to decide per evaluation. */

import type { QueryValue } from './ast.ts';
import { TokenKind } from './token.ts';

/** The element types of a list. */
export type ItemKind = typeof TokenKind.INT | typeof TokenKind.DOUBLE | typeof TokenKind.STRING;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** Digits of the largest int64. Longer texts are out of range (no token has leading zeros) and not worth converting. */
const INT64_DIGITS = 19;

/** The value of `-?[0-9]+`; `undefined` when it is no int64. */
export function parseInt64(text: string): bigint | undefined {
  if (text.length > INT64_DIGITS + 1) return undefined;
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** A DOUBLE alone: one that overflows is a missing value, not a malformed one. */
export function doubleValue(text: string): QueryValue {
  const value = Number(text);
  return Number.isFinite(value) ? { kind: 'float', value } : { kind: 'nothing' };
}

/** An INT with its optional DASH. */
export function longValue(text: string): QueryValue {
  const value = parseInt64(text);
  return value === undefined ? { kind: 'invalid', problem: outOfRange(text, 'an int64') } : { kind: 'int', value };
}

/** The text between the quotes. Escapes stay as they are written: the reference never decodes them. */
export function stringText(text: string): string {
  return text.slice(1, -1);
}

/** A list of one type; an item is `undefined` where recovery left none. The first faulty item decides. */
export function listValue(kind: ItemKind, items: readonly (string | undefined)[]): QueryValue {
  switch (kind) {
    case TokenKind.STRING:
      return listOf(items, stringText, (texts) => ({ kind: 'strings', items: texts }), '');
    case TokenKind.INT:
      return listOf(items, parseInt64, (values) => ({ kind: 'ints', items: values }), 'an int64');
    case TokenKind.DOUBLE:
      return listOf(items, parseFinite, (values) => ({ kind: 'floats', items: values }), 'a double');
  }
}

function parseFinite(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function listOf<T>(
  items: readonly (string | undefined)[],
  parse: (text: string) => T | undefined,
  build: (values: T[]) => QueryValue,
  type: string,
): QueryValue {
  const values: T[] = [];
  for (const [i, text] of items.entries()) {
    if (text === undefined) return { kind: 'abort', problem: `item ${i + 1} of the list is missing` };
    const value = parse(text);
    if (value === undefined) return { kind: 'invalid', problem: outOfRange(text, type) };
    values.push(value);
  }
  return build(values);
}

function outOfRange(text: string, type: string): string {
  return `${text.length > 32 ? `${text.slice(0, 32)}…` : text} is out of the range of ${type}`;
}
