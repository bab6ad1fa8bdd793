/**
 * Checks an encoded value once, when an image is loaded: afterwards no evaluation reads outside the image.
 *
 * Order rule: the children of arrays and maps are one block each, and blocks lie in the order in which a walk that
 * visits parents before children, children in order, comes to them; strings lie anywhere. So the walk only ever moves up
 * and ends after one pass over the image, whatever its bytes say; a limit on the depth bounds the recursion.
 */

import { JL_SLOT_OR, PLAIN_ARRAY, JL_VAR, operatorOf } from './jsonlogic-codes';
import {
  ENTRY_BYTES,
  TAG_ARRAY,
  TAG_FLOAT,
  TAG_MAP,
  TAG_MISSING,
  TAG_SLOT,
  VALUE_BYTES,
  auxOf,
  countOf,
  isString,
  ptrOf,
  tagOf,
} from './value';

/** Rules nest 512 levels at most, contexts 64. */
const MAX_NESTING: i32 = 512;

let imageStart: usize = 0;
let imageLimit: usize = 0;
let slotLimit: u32 = 0;
/** Where the next block may begin. */
let cursor: usize = 0;

/** Whether the value and everything below it lies in the image, with known tags and operators and slots below `slotCount`. */
export function verifyRule(value: usize, imageBase: usize, imageEnd: usize, slotCount: u32): bool {
  imageStart = imageBase;
  imageLimit = imageEnd;
  slotLimit = slotCount;
  cursor = value + VALUE_BYTES;
  return isInside(value, VALUE_BYTES) && verifyValue(value, 0);
}

function isInside(ptr: usize, bytes: u64): bool {
  return ptr >= imageStart && <u64>ptr + bytes <= <u64>imageLimit;
}

/** Takes the next block of children; false when it is not where the walk expects it. */
function takeBlock(ptr: usize, bytes: u64): bool {
  if (ptr < cursor || !isInside(ptr, bytes)) return false;
  cursor = ptr + <usize>bytes;
  return true;
}

function verifyValue(value: usize, depth: i32): bool {
  const tag = tagOf(value);
  if (isString(tag)) return isInside(ptrOf(value), countOf(value));
  if (tag == TAG_SLOT) return ptrOf(value) != 0 && ptrOf(value) < <usize>slotLimit;
  if (tag != TAG_ARRAY && tag != TAG_MAP) return tag != TAG_MISSING && tag <= TAG_FLOAT;
  if (depth == MAX_NESTING) return false;
  return tag == TAG_ARRAY ? verifyArray(value, depth) : verifyMap(value, depth);
}

function verifyArray(value: usize, depth: i32): bool {
  const count = countOf(value);
  if (auxOf(value) > PLAIN_ARRAY || (count != 0 && !takeBlock(ptrOf(value), <u64>count * VALUE_BYTES))) return false;
  let element = ptrOf(value);
  for (let i: u32 = 0; i < count; i++) {
    if (!verifyValue(element, depth + 1)) return false;
    element += VALUE_BYTES;
  }
  return true;
}

function verifyMap(value: usize, depth: i32): bool {
  const count = countOf(value);
  if (count != 0 && !takeBlock(ptrOf(value), <u64>count * ENTRY_BYTES)) return false;
  let entry = ptrOf(value);
  for (let i: u32 = 0; i < count; i++) {
    if (!isInside(load<u32>(entry), load<u32>(entry, 4))) return false;
    if (!verifyValue(entry + (ENTRY_BYTES - VALUE_BYTES), depth + 1)) return false;
    entry += ENTRY_BYTES;
  }
  return auxOf(value) == 0 || (count == 1 && verifyOperator(value));
}

/** The number belongs to the name; a slot with a default has exactly these two operands. */
function verifyOperator(map: usize): bool {
  const entry = ptrOf(map);
  const code = operatorOf(load<u32>(entry), load<u32>(entry, 4));
  if (auxOf(map) != JL_SLOT_OR) return auxOf(map) == code;
  const operand = entry + (ENTRY_BYTES - VALUE_BYTES);
  return code == JL_VAR && tagOf(operand) == TAG_ARRAY && countOf(operand) == 2 && tagOf(ptrOf(operand)) == TAG_SLOT;
}
