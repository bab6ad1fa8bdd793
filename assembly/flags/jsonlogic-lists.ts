/** `in`, `merge` and the `contains_*` family. */

import { arenaAlloc, arenaMark, arenaRelease, fault, spend } from './arena';
import { evaluate } from './jsonlogic';
import { FALSE_CELL, booleanCell, copyValue } from './jsonlogic-cells';
import { JL_CONTAINS_ALL, JL_CONTAINS_ANY, JL_CONTAINS_NONE, PLAIN_ARRAY } from './jsonlogic-codes';
import { DIFFERENT, INCOMPARABLE, SAME, isPrimitive, notANumber, sameElement, strictNumber } from './jsonlogic-compare';
import { containsText } from './jsonlogic-strings';
import { TAG_ARRAY, VALUE_BYTES, auxOf, countOf, isNumber, isString, ptrOf, tagOf, writeRef } from './value';

/** Substring of a string, or member of a list (whose arrays are ranges). */
export function opIn(operand: usize, data: usize): usize {
  const mark = arenaMark();
  let a: usize = 0;
  let b: usize = 0;
  let count: u32 = 0;
  if (tagOf(operand) == TAG_ARRAY && auxOf(operand) != PLAIN_ARRAY) {
    count = countOf(operand);
    let element = ptrOf(operand);
    for (let i: u32 = 0; i < count; i++) {
      const value = evaluate(element, data);
      if (value == 0) return 0;
      if (i == 0) a = value;
      else if (i == 1) b = value;
      element += VALUE_BYTES;
    }
  } else {
    const value = evaluate(operand, data);
    if (value == 0 || tagOf(value) != TAG_ARRAY) return 0;
    count = countOf(value);
    a = ptrOf(value);
    b = a + VALUE_BYTES;
  }
  if (count == 0) return 0;
  let found = DIFFERENT;
  if (count > 1) {
    if (isString(tagOf(b))) {
      if (!isString(tagOf(a))) return 0;
      found = <i32>containsText(ptrOf(b), countOf(b), ptrOf(a), countOf(a));
    } else if (tagOf(b) == TAG_ARRAY) found = findIn(a, b);
  }
  if (found == INCOMPARABLE || notANumber) return 0;
  arenaRelease(mark);
  return booleanCell(found == SAME);
}

function findIn(a: usize, list: usize): i32 {
  const count = countOf(list);
  if (!spend(<i32>count)) return INCOMPARABLE;
  const numeric = isNumber(tagOf(a));
  const number = numeric ? strictNumber(a) : 0;
  let element = ptrOf(list);
  for (let i: u32 = 0; i < count; i++) {
    let found = DIFFERENT;
    if (tagOf(element) == TAG_ARRAY) found = inRange(a, element);
    else if (numeric) found = <i32>(strictNumber(element) == number);
    else found = sameElement(element, a);
    if (notANumber || fault != 0) return INCOMPARABLE;
    if (found != DIFFERENT) return found;
    element += VALUE_BYTES;
  }
  return DIFFERENT;
}

/** Inclusive on both sides; the upper bound is not looked at when the lower one already fails. */
function inRange(a: usize, range: usize): i32 {
  if (countOf(range) < 2) return INCOMPARABLE;
  const number = strictNumber(a);
  const low = ptrOf(range);
  if (!(number >= strictNumber(low))) return DIFFERENT;
  return <i32>(strictNumber(low + VALUE_BYTES) >= number);
}

/** One list of all elements, arrays opened one level. */
export function opMerge(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const tag = tagOf(value);
  let list = value;
  let count: u32 = 1;
  if (tag == TAG_ARRAY) {
    list = ptrOf(value);
    count = countOf(value);
    if (count == 0) return value;
  } else if (!isPrimitive(tag)) return 0;

  let total: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const element = list + <usize>i * VALUE_BYTES;
    total += tagOf(element) == TAG_ARRAY ? countOf(element) : 1;
  }
  if (total > <u64>i32.MAX_VALUE / VALUE_BYTES) total = <u64>i32.MAX_VALUE / VALUE_BYTES;
  if (!spend(<i32>total)) return 0;
  const out = arenaAlloc(VALUE_BYTES + <usize>total * VALUE_BYTES);
  if (out == 0) return 0;
  writeRef(out, TAG_ARRAY, <u32>total, out + VALUE_BYTES, 0);
  let to = out + VALUE_BYTES;
  for (let i: u32 = 0; i < count; i++) {
    const element = list + <usize>i * VALUE_BYTES;
    if (tagOf(element) == TAG_ARRAY) {
      const bytes = <usize>countOf(element) * VALUE_BYTES;
      memory.copy(to, ptrOf(element), bytes);
      to += bytes;
    } else {
      copyValue(to, element);
      to += VALUE_BYTES;
    }
  }
  return out;
}

/** Whether all, any or none of the second list's elements are in the first. */
export function opContains(code: u32, operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const searched = ptrOf(value);
  const wanted = searched + VALUE_BYTES;
  if (
    tagOf(value) != TAG_ARRAY ||
    countOf(value) != 2 ||
    tagOf(searched) != TAG_ARRAY ||
    tagOf(wanted) != TAG_ARRAY
  ) {
    return booleanCell(code == JL_CONTAINS_NONE);
  }
  let element = ptrOf(wanted);
  let met = code != JL_CONTAINS_ANY;
  for (let left = countOf(wanted); left > 0; left--) {
    const found = findElement(searched, element);
    if (found == INCOMPARABLE) return 0;
    if ((found == SAME) != (code == JL_CONTAINS_ALL)) {
      met = !met;
      break;
    }
    element += VALUE_BYTES;
  }
  arenaRelease(mark);
  return met ? booleanCell(true) : FALSE_CELL;
}

function findElement(list: usize, wanted: usize): i32 {
  const count = countOf(list);
  if (!spend(<i32>count)) return INCOMPARABLE;
  let element = ptrOf(list);
  for (let i: u32 = 0; i < count; i++) {
    const found = sameElement(element, wanted);
    if (found != DIFFERENT) return found;
    element += VALUE_BYTES;
  }
  return DIFFERENT;
}
