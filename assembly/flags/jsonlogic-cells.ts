/** Fixed values the operators answer with, and the cells they make: 16 bytes each, laid out as in value.ts. */

import { arenaAlloc, arenaEnd } from './arena';
import { TAG_FLOAT, VALUE_BYTES, ptrOf, tagOf, writeNumber, writeRef } from './value';

/**
 * What `{"-":[]}` and `{"/":[]}` yield: the 0 of another number type. It prints as 0 and equals itself, but is no number to
 * any operator and cannot be evaluated.
 */
export const TAG_SPECIAL_ZERO: u32 = 15;

export const NULL_CELL = memory.data<u32>([1, 0, 0, 0]);
export const FALSE_CELL = memory.data<u32>([2, 0, 0, 0]);
export const TRUE_CELL = memory.data<u32>([3, 0, 0, 0]);
export const ZERO_CELL = memory.data<u32>([5, 0, 0, 0]);
export const ONE_CELL = memory.data<u32>([5, 0, 0, 0x3ff00000]);
export const EMPTY_STRING_CELL = memory.data<u32>([6, 0, 0, 0]);
export const EMPTY_ARRAY_CELL = memory.data<u32>([8, 0, 0, 0]);
export const EMPTY_MAP_CELL = memory.data<u32>([9, 0, 0, 0]);
export const SPECIAL_ZERO_CELL = memory.data<u32>([15, 0, 0, 0]);

// @ts-ignore: decorator
@inline
export function booleanCell(value: bool): usize {
  return value ? TRUE_CELL : FALSE_CELL;
}

/** A number in the arena, or 0. */
export function numberCell(value: f64): usize {
  const cell = arenaAlloc(VALUE_BYTES);
  if (cell != 0) writeNumber(cell, value);
  return cell;
}

/** A string, array or map in the arena, or 0. */
export function refCell(tag: u32, count: u32, ptr: usize): usize {
  const cell = arenaAlloc(VALUE_BYTES);
  if (cell != 0) writeRef(cell, tag, count, ptr, 0);
  return cell;
}

// @ts-ignore: decorator
@inline
export function copyValue(to: usize, from: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u64>(from, 8), 8);
}

/** Whether a copied value stays whole when everything allocated since `mark` is freed. */
export function outlives(value: usize, mark: usize): bool {
  const tag = tagOf(value);
  if (tag <= TAG_FLOAT || tag == TAG_SPECIAL_ZERO) return true;
  const ptr = ptrOf(value);
  return ptr < mark || ptr >= arenaEnd;
}
