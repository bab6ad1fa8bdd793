/** `filter`, `map`, `reduce`, `all`, `none`, `some`: logic applied to the elements of a list. */

import { arenaAlloc, arenaEnd, arenaMark, arenaRelease, spend } from './arena';
import { applyLogic, evaluate } from './jsonlogic';
import { EMPTY_ARRAY_CELL, NULL_CELL, ZERO_CELL, booleanCell, copyValue, outlives } from './jsonlogic-cells';
import { JL_ALL, JL_NONE, JL_SOME } from './jsonlogic-codes';
import { isTruthy, notANumber, strictNumber } from './jsonlogic-compare';
import { toText } from './jsonlogic-text';
import { solve } from './jsonlogic-variables';
import {
  ENTRY_BYTES,
  TAG_ARRAY,
  TAG_ASCII,
  TAG_FALSE,
  TAG_MAP,
  TAG_NULL,
  TAG_SLOT,
  TAG_TRUE,
  VALUE_BYTES,
  countOf,
  isNumber,
  isString,
  ptrOf,
  tagOf,
  writeNumber,
  writeRef,
  writeTag,
} from './value';

/** The list to go through: a literal array as it stands, or what a map comes to; null for anything else. */
function subject(operand: usize, data: usize): usize {
  const first = ptrOf(operand);
  const tag = tagOf(first);
  if (tag == TAG_ARRAY) return first;
  return tag == TAG_MAP || tag == TAG_SLOT ? evaluate(first, data) : NULL_CELL;
}

export function opFilter(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  if (countOf(operand) < 2) return EMPTY_ARRAY_CELL;
  const list = subject(operand, data);
  if (list == 0) return 0;
  if (tagOf(list) == TAG_NULL) return EMPTY_ARRAY_CELL;
  if (tagOf(list) != TAG_ARRAY) return 0;
  const count = countOf(list);
  const out = arenaAlloc(VALUE_BYTES + <usize>count * VALUE_BYTES);
  if (out == 0 || !spend(<i32>count)) return 0;
  const start = arenaMark();
  const logic = solve(ptrOf(operand) + VALUE_BYTES, data);
  if (logic == 0) return 0;
  let item = ptrOf(list);
  let to = out + VALUE_BYTES;
  for (let i: u32 = 0; i < count; i++) {
    const mark = arenaMark();
    const result = evaluate(logic, item);
    if (result == 0) return 0;
    if (isTruthy(result)) {
      copyValue(to, item);
      to += VALUE_BYTES;
    }
    arenaRelease(mark);
    item += VALUE_BYTES;
  }
  arenaRelease(start);
  writeRef(out, TAG_ARRAY, <u32>((to - out) / VALUE_BYTES) - 1, out + VALUE_BYTES, 0);
  return out;
}

export function opMap(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  if (countOf(operand) < 2) return EMPTY_ARRAY_CELL;
  const list = subject(operand, data);
  if (list == 0) return 0;
  if (tagOf(list) == TAG_NULL) return EMPTY_ARRAY_CELL;
  if (tagOf(list) != TAG_ARRAY) return 0;
  const count = countOf(list);
  const out = arenaAlloc(VALUE_BYTES + <usize>count * VALUE_BYTES);
  if (out == 0 || !spend(<i32>count)) return 0;
  const logic = ptrOf(operand) + VALUE_BYTES;
  let item = ptrOf(list);
  let to = out + VALUE_BYTES;
  for (let i: u32 = 0; i < count; i++) {
    const mark = arenaMark();
    const result = evaluate(logic, item);
    if (result == 0) return 0;
    copyValue(to, result);
    if (outlives(to, mark)) arenaRelease(mark);
    item += VALUE_BYTES;
    to += VALUE_BYTES;
  }
  writeRef(out, TAG_ARRAY, count, out + VALUE_BYTES, 0);
  return out;
}

/** `all`, `none` and `some`; an empty list, null and every other falsy subject answer false, true, false. */
export function opEach(code: u32, operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY || countOf(operand) == 0) return 0;
  const start = arenaMark();
  const list = subject(operand, data);
  if (list == 0) return 0;
  if (!isTruthy(list)) return booleanCell(code == JL_NONE);
  if (countOf(operand) < 2 || tagOf(list) != TAG_ARRAY) return 0;
  const logic = solve(ptrOf(operand) + VALUE_BYTES, data);
  if (logic == 0) return 0;
  const count = countOf(list);
  if (!spend(<i32>count)) return 0;
  // `all` ends at the first falsy result, `none` and `some` at the first truthy one.
  const ends = code != JL_ALL;
  let met = code != JL_SOME;
  let item = ptrOf(list);
  for (let i: u32 = 0; i < count; i++) {
    const mark = arenaMark();
    const result = applyLogic(logic, item);
    if (result == 0) return 0;
    if (isTruthy(result) == ends) {
      met = !met;
      break;
    }
    arenaRelease(mark);
    item += VALUE_BYTES;
  }
  arenaRelease(start);
  return booleanCell(met);
}

const CURRENT = memory.data<u8>([0x63, 0x75, 0x72, 0x72, 0x65, 0x6e, 0x74]);
const ACCUMULATOR = memory.data<u8>([0x61, 0x63, 0x63, 0x75, 0x6d, 0x75, 0x6c, 0x61, 0x74, 0x6f, 0x72]);
const VALUE_TYPE = memory.data<u8>([0x76, 0x61, 0x6c, 0x75, 0x65, 0x54, 0x79, 0x70, 0x65]);
const BOOL = memory.data<u8>([0x62, 0x6f, 0x6f, 0x6c]);
const NUMBER = memory.data<u8>([0x6e, 0x75, 0x6d, 0x62, 0x65, 0x72]);
const STRING = memory.data<u8>([0x73, 0x74, 0x72, 0x69, 0x6e, 0x67]);

function writeKey(entry: usize, name: usize, bytes: u32): usize {
  store<u32>(entry, <u32>name);
  store<u32>(entry, bytes, 4);
  return entry + (ENTRY_BYTES - VALUE_BYTES);
}

/** Folds the list into an accumulator that keeps the kind of its first value: boolean, number or string. */
export function opReduce(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  if (countOf(operand) < 3) return ZERO_CELL;
  const logic = ptrOf(operand) + VALUE_BYTES;
  let initial = logic + VALUE_BYTES;
  if (tagOf(initial) == TAG_MAP || tagOf(initial) == TAG_SLOT) initial = evaluate(initial, data);
  if (initial == 0) return 0;
  const kind = tagOf(initial);
  if (kind != TAG_FALSE && kind != TAG_TRUE && !isNumber(kind) && !isString(kind)) return 0;

  // The logic sees {current, accumulator, valueType}; nothing it yields can keep hold of that map.
  const context = arenaAlloc(VALUE_BYTES + 3 * ENTRY_BYTES);
  if (context == 0) return 0;
  writeRef(context, TAG_MAP, 3, context + VALUE_BYTES, 0);
  const current = writeKey(context + VALUE_BYTES, CURRENT, 7);
  const accumulator = writeKey(context + VALUE_BYTES + ENTRY_BYTES, ACCUMULATOR, 11);
  const valueType = writeKey(context + VALUE_BYTES + 2 * ENTRY_BYTES, VALUE_TYPE, 9);
  copyValue(accumulator, initial);
  if (isNumber(kind)) writeRef(valueType, TAG_ASCII, 6, NUMBER, 0);
  else if (isString(kind)) writeRef(valueType, TAG_ASCII, 6, STRING, 0);
  else writeRef(valueType, TAG_ASCII, 4, BOOL, 0);

  const list = subject(operand, data);
  if (list == 0) return 0;
  if (tagOf(list) == TAG_NULL) return ZERO_CELL;
  if (tagOf(list) != TAG_ARRAY) return 0;
  const count = countOf(list);
  if (!spend(<i32>count)) return 0;
  const mark = arenaMark();
  let item = ptrOf(list);
  for (let i: u32 = 0; i < count; i++, item += VALUE_BYTES) {
    if (tagOf(item) == TAG_NULL) continue;
    copyValue(current, item);
    const result = applyLogic(logic, context);
    if (result == 0) return 0;
    if (isString(kind)) {
      const text = toText(result);
      if (text == 0) return 0;
      keepText(accumulator, text, mark);
      continue;
    }
    if (isNumber(kind)) writeNumber(accumulator, strictNumber(result));
    else writeTag(accumulator, isTruthy(result) ? TAG_TRUE : TAG_FALSE);
    if (notANumber) return 0;
    arenaRelease(mark);
  }
  return accumulator;
}

/** Moves a new text down to `mark`, where the last one was, so that a long fold needs no more arena than its longest text. */
function keepText(to: usize, text: usize, mark: usize): void {
  const bytes = countOf(text);
  const from = ptrOf(text);
  const tag = tagOf(text);
  if (from < mark || from >= arenaEnd) {
    writeRef(to, tag, bytes, from, 0);
    arenaRelease(mark);
    return;
  }
  spend(<i32>(bytes >> 4));
  memory.copy(mark, from, bytes);
  writeRef(to, tag, bytes, mark, 0);
  arenaRelease((mark + bytes + 7) & ~7);
}
