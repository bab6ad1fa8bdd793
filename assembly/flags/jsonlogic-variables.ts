/** `var` and what is built on it: `missing`, `missing_some`, `set`, and the pre-substitution of `filter` and its kin. */

import { arenaAlloc, arenaMark, arenaRelease, spend } from './arena';
import { enter, evaluate, leave } from './jsonlogic';
import { EMPTY_ARRAY_CELL, NULL_CELL, copyValue } from './jsonlogic-cells';
import { isPrimitive, notANumber, strictNumber, truncateToInt } from './jsonlogic-compare';
import { PARSE_OK, parseFloatText, parseStatus } from './jsonlogic-parse-float';
import { sameBytes } from './jsonlogic-strings';
import { toText } from './jsonlogic-text';
import {
  ENTRY_BYTES,
  TAG_ARRAY,
  TAG_MAP,
  TAG_NULL,
  VALUE_BYTES,
  auxOf,
  countOf,
  isNumber,
  isString,
  ptrOf,
  tagOf,
  writeRef,
} from './value';

const KEY_BYTES: usize = ENTRY_BYTES - VALUE_BYTES;
const DOT: u8 = 0x2e;

/** `var`: the value along the path, the default, or null. */
export function lookUp(operand: usize, data: usize): usize {
  let key = evaluate(operand, data);
  if (key == 0) return 0;
  const tag = tagOf(key);
  let fallback: usize = NULL_CELL;
  if (tag == TAG_NULL) return isPrimitive(tagOf(data)) ? data : NULL_CELL;
  if (isNumber(tag)) {
    key = toText(key);
    if (key == 0) return 0;
  } else if (tag == TAG_ARRAY) {
    const count = countOf(key);
    if (count == 0) return data;
    key = ptrOf(key);
    if (count == 2) fallback = key + VALUE_BYTES;
    if (!isString(tagOf(key))) return 0;
  } else if (!isString(tag)) {
    return tagOf(data) == TAG_NULL ? NULL_CELL : 0;
  } else if (countOf(key) == 0) return data;
  return tagOf(data) == TAG_NULL ? fallback : walk(ptrOf(key), countOf(key), data, fallback);
}

/** Follows the pieces between dots; empty pieces are skipped. */
function walk(path: usize, bytes: u32, data: usize, fallback: usize): usize {
  if (!spend(<i32>(bytes >> 4))) return 0;
  const end = path + bytes;
  let current = data;
  let at = path;
  while (at < end) {
    const piece = at;
    while (at < end && load<u8>(at) != DOT) at++;
    const length = <u32>(at++ - piece);
    if (length == 0) continue;
    const tag = tagOf(current);
    if (tag == TAG_MAP) {
      if (!spend(<i32>(countOf(current) >> 2))) return 0;
      const entry = findEntry(current, piece, length);
      if (entry == 0) return fallback;
      current = entry + KEY_BYTES;
    } else if (tag == TAG_ARRAY) {
      const index = truncateToInt(parseFloatText(piece, length));
      if (parseStatus != PARSE_OK || index < 0 || index >= <i64>countOf(current)) return fallback;
      current = ptrOf(current) + <usize>index * VALUE_BYTES;
    } else return fallback;
    if (tagOf(current) <= TAG_NULL) return fallback;
  }
  return current;
}

/** The entry of that name, or 0. */
function findEntry(map: usize, name: usize, bytes: u32): usize {
  let entry = ptrOf(map);
  for (let left = countOf(map); left > 0; left--) {
    if (load<u32>(entry, 4) == bytes && sameBytes(<usize>load<u32>(entry), name, bytes)) return entry;
    entry += ENTRY_BYTES;
  }
  return 0;
}

/** `var` with a default, its constant name already resolved to a slot. The default is evaluated first: it may fail. */
export function opSlotOr(operand: usize, data: usize): usize {
  const slot = ptrOf(operand);
  const fallback = evaluate(slot + VALUE_BYTES, data);
  if (fallback == 0) return 0;
  const value = evaluate(slot, data);
  return tagOf(value) == TAG_NULL ? fallback : value;
}

/** Copies the keys that name nothing to `out`; how many they are, -1 when evaluation ended. */
function collectMissing(keys: usize, count: u32, out: usize, data: usize): i32 {
  if (!spend(<i32>count)) return -1;
  let to = out;
  for (let i: u32 = 0; i < count; i++) {
    const key = keys + <usize>i * VALUE_BYTES;
    const mark = arenaMark();
    const value = lookUp(key, data);
    if (value == 0) return -1;
    const missing = tagOf(value) == TAG_NULL;
    arenaRelease(mark);
    if (!missing) continue;
    copyValue(to, key);
    to += VALUE_BYTES;
  }
  return <i32>((to - out) / VALUE_BYTES);
}

export function opMissing(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const single = isString(tagOf(value));
  if (!single && tagOf(value) != TAG_ARRAY) return 0;
  const count = single ? 1 : countOf(value);
  if (count == 0) return EMPTY_ARRAY_CELL;
  const out = arenaAlloc(VALUE_BYTES + <usize>count * VALUE_BYTES);
  if (out == 0) return 0;
  const missing = collectMissing(single ? value : ptrOf(value), count, out + VALUE_BYTES, data);
  if (missing < 0) return 0;
  writeRef(out, TAG_ARRAY, missing, out + VALUE_BYTES, 0);
  return out;
}

/** The missing keys while fewer than the wanted number were found, else none. */
export function opMissingSome(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0 || tagOf(value) != TAG_ARRAY || countOf(value) < 2) return 0;
  const wanted = truncateToInt(strictNumber(ptrOf(value)));
  if (notANumber) return 0;
  const keys = ptrOf(value) + VALUE_BYTES;
  if (tagOf(keys) != TAG_ARRAY || countOf(keys) == 0) return EMPTY_ARRAY_CELL;
  const count = countOf(keys);
  const out = arenaAlloc(VALUE_BYTES + <usize>count * VALUE_BYTES);
  if (out == 0) return 0;
  const missing = collectMissing(ptrOf(keys), count, out + VALUE_BYTES, data);
  if (missing < 0) return 0;
  if (wanted <= <i64>count - missing) return EMPTY_ARRAY_CELL;
  writeRef(out, TAG_ARRAY, missing, out + VALUE_BYTES, 0);
  return out;
}

/** A copy of the map with one member set; the value is evaluated a second time. */
export function opSet(operand: usize, data: usize): usize {
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const count = tagOf(value) == TAG_ARRAY ? countOf(value) : 0;
  if (count == 0) return NULL_CELL;
  const map = ptrOf(value);
  const name = map + VALUE_BYTES;
  if (count < 3 || tagOf(map) != TAG_MAP || !isString(tagOf(name))) return map;
  const member = evaluate(name + VALUE_BYTES, data);
  if (member == 0) return 0;

  const members = countOf(map);
  if (!spend(<i32>members)) return 0;
  const out = arenaAlloc(VALUE_BYTES + (<usize>members + 1) * ENTRY_BYTES);
  if (out == 0) return 0;
  const entries = out + VALUE_BYTES;
  memory.copy(entries, ptrOf(map), <usize>members * ENTRY_BYTES);
  const known = findEntry(map, ptrOf(name), countOf(name));
  const entry = entries + (known == 0 ? <usize>members * ENTRY_BYTES : known - ptrOf(map));
  store<u32>(entry, <u32>ptrOf(name));
  store<u32>(entry, countOf(name), 4);
  copyValue(entry + KEY_BYTES, member);
  writeRef(out, TAG_MAP, members + <u32>(known == 0), entries, 0);
  return out;
}

// @ts-ignore: decorator
@inline
function isVar(entry: usize): bool {
  if (load<u32>(entry, 4) != 3) return false;
  const name = <usize>load<u32>(entry);
  return load<u16>(name) == 0x6176 && load<u8>(name, 2) == 0x72;
}

/** A `var` that pre-substitution leaves alone: "" or a path that starts with a dot. */
function isRelative(value: usize): bool {
  return isString(tagOf(value)) && (countOf(value) == 0 || load<u8>(ptrOf(value)) == DOT);
}

/**
 * `solve`: logic with every `var` replaced that names something in the outer data. Shares what does not change; the
 * logic itself when nothing does.
 */
export function solve(logic: usize, data: usize): usize {
  const tag = tagOf(logic);
  const isMap = tag == TAG_MAP;
  if (!isMap && tag != TAG_ARRAY) return logic;
  const count = countOf(logic);
  if (count == 0) return logic;
  if (!enter() || !spend(<i32>count)) return 0;
  const stride = isMap ? ENTRY_BYTES : VALUE_BYTES;
  const parts = ptrOf(logic);
  let out: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const part = parts + <usize>i * stride;
    const value = part + (stride - VALUE_BYTES);
    let solved = value;
    if (isMap && isVar(part)) {
      if (isRelative(value)) continue;
      const found = lookUp(value, data);
      if (found == 0) return 0;
      if (tagOf(found) == TAG_NULL) continue;
      leave();
      return found;
    }
    solved = solve(value, data);
    if (solved == 0) return 0;
    if (solved == value) continue;
    if (out == 0) {
      out = arenaAlloc(VALUE_BYTES + <usize>count * stride);
      if (out == 0) return 0;
      memory.copy(out + VALUE_BYTES, parts, <usize>count * stride);
      // The operator stays the same; an array may no longer be plain.
      writeRef(out, tag, count, out + VALUE_BYTES, isMap ? auxOf(logic) : 0);
    }
    copyValue(out + VALUE_BYTES + (part - parts) + (stride - VALUE_BYTES), solved);
  }
  leave();
  return out == 0 ? logic : out;
}
