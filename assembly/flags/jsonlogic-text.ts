/** `cat` and `substr`. */

import { arenaAlloc, spend } from './arena';
import { evaluate } from './jsonlogic';
import { EMPTY_STRING_CELL, refCell } from './jsonlogic-cells';
import { notANumber, strictNumber, truncateToInt } from './jsonlogic-compare';
import { formatFloat, formattedBytes } from './jsonlogic-format-float';
import { countCodePoints, skipCodePoints, skipSpaces, trimEnd } from './jsonlogic-strings';
import {
  TAG_ARRAY,
  TAG_ASCII,
  TAG_NULL,
  TAG_TEXT,
  VALUE_BYTES,
  countOf,
  isNumber,
  isString,
  numberOf,
  ptrOf,
  tagOf,
} from './value';

/** `str`: a string value; 0 for booleans, arrays and maps. */
export function toText(value: usize): usize {
  const tag = tagOf(value);
  if (isString(tag)) return value;
  if (tag == TAG_NULL) return EMPTY_STRING_CELL;
  if (!isNumber(tag)) return 0;
  const text = formatFloat(numberOf(value));
  return text == 0 ? 0 : refCell(TAG_ASCII, formattedBytes, text);
}

/** Texts joined, then trimmed; a single one is not trimmed. */
export function opCat(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0 || isString(tagOf(value))) return value;
  if (tagOf(value) != TAG_ARRAY) return 0;
  const count = countOf(value);
  if (count == 0) return EMPTY_STRING_CELL;
  if (count == 1) return toText(ptrOf(value));

  const parts = arenaAlloc(<usize>count * 4);
  if (parts == 0) return 0;
  let bytes: u64 = 0;
  let tag = TAG_ASCII;
  let element = ptrOf(value);
  for (let i: u32 = 0; i < count; i++) {
    const text = toText(element);
    if (text == 0) return 0;
    store<u32>(parts + (<usize>i << 2), <u32>text);
    bytes += countOf(text);
    tag |= tagOf(text);
    element += VALUE_BYTES;
  }
  if (!spend(<i32>min(bytes >> 4, <u64>i32.MAX_VALUE))) return 0;
  // More than 4 GiB asked of an arena of a few MiB: fails there, whatever the number.
  const out = arenaAlloc(<usize>min(bytes, <u64>u32.MAX_VALUE));
  if (out == 0) return 0;
  let write = out;
  for (let i: u32 = 0; i < count; i++) {
    const text = <usize>load<u32>(parts + (<usize>i << 2));
    memory.copy(write, ptrOf(text), countOf(text));
    write += countOf(text);
  }
  const start = skipSpaces(out, write);
  return refCell(tag, <u32>(trimEnd(start, write) - start), start);
}

/** A slice by code points; from a negative start or end it counts from the end of the text. */
export function opSubstr(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0 || tagOf(value) != TAG_ARRAY || countOf(value) < 2) return 0;
  const text = toText(ptrOf(value));
  if (text == 0) return 0;
  let from = truncateToInt(strictNumber(ptrOf(value) + VALUE_BYTES));
  if (notANumber) return 0;
  const bytes = countOf(text);
  if (!spend(<i32>(bytes >> 3))) return 0;
  const start = ptrOf(text);
  const length = tagOf(text) == TAG_ASCII ? <i64>bytes : <i64>countCodePoints(start, bytes);
  if (from < 0) from += length;
  if (from < 0 || from > length) return text;
  let taken = length;
  if (countOf(value) == 3) {
    taken = truncateToInt(strictNumber(ptrOf(value) + VALUE_BYTES * 2));
    if (notANumber) return 0;
  }
  let to = taken < 0 ? length + taken : from + taken;
  if (to > length) to = length;
  if (to < from) return 0;
  if (tagOf(text) == TAG_ASCII) return refCell(TAG_ASCII, <u32>(to - from), start + <usize>from);
  const first = skipCodePoints(start, start + bytes, <i32>from);
  const last = skipCodePoints(first, start + bytes, <i32>(to - from));
  return refCell(TAG_TEXT, <u32>(last - first), first);
}
