/** Truth, numbers and the comparisons of JSONLogic (spec: §9.1). */

import { spend } from './arena';
import { TAG_SPECIAL_ZERO } from './jsonlogic-cells';
import { PARSE_OK, parseFloatText, parseStatus } from './jsonlogic-parse-float';
import { isBlank, sameBytes } from './jsonlogic-strings';
import {
  TAG_ARRAY,
  TAG_FALSE,
  TAG_MAP,
  TAG_NULL,
  TAG_TRUE,
  countOf,
  isNumber,
  isString,
  numberOf,
  ptrOf,
  tagOf,
} from './value';

/** Set when a value that is neither number nor string was used as a number: the rule does not match. */
export let notANumber: bool = false;

export function forgetNotANumber(): void {
  notANumber = false;
}

// @ts-ignore: decorator
@inline
function isBoolean(tag: u32): bool {
  return tag - TAG_FALSE < 2;
}

export function isTruthy(value: usize): bool {
  const tag = tagOf(value);
  if (tag <= TAG_TRUE) return tag == TAG_TRUE;
  if (isNumber(tag)) return numberOf(value) != 0;
  return tag <= TAG_MAP && countOf(value) != 0;
}

/** `num`: numbers, and strings as far as they read as one; for the rest sets `notANumber`. */
export function strictNumber(value: usize): f64 {
  const tag = tagOf(value);
  if (isNumber(tag)) return numberOf(value);
  if (isString(tag)) return parseFloatText(ptrOf(value), countOf(value));
  notANumber = true;
  return 0;
}

/** `jsnum`: any value as a number, NaN when it is none. */
export function looseNumber(value: usize): f64 {
  const tag = tagOf(value);
  if (isNumber(tag)) return numberOf(value);
  if (tag <= TAG_TRUE) return tag == TAG_TRUE ? 1 : 0;
  if (!isString(tag)) return NaN;
  const number = parseFloatText(ptrOf(value), countOf(value));
  if (parseStatus == PARSE_OK) return number;
  return isBlank(ptrOf(value), countOf(value)) ? 0 : NaN;
}

/** Go's conversion of a double to int on amd64: what does not fit becomes the smallest. */
export function truncateToInt(value: f64): i64 {
  return value >= -9223372036854775808.0 && value < 9223372036854775808.0 ? <i64>value : i64.MIN_VALUE;
}

function sameString(a: usize, b: usize): bool {
  const bytes = countOf(a);
  return bytes == countOf(b) && spend(<i32>(bytes >> 5)) && sameBytes(ptrOf(a), ptrOf(b), bytes);
}

function stringLess(a: usize, b: usize): bool {
  const bytesA = countOf(a);
  const bytesB = countOf(b);
  const common = min(bytesA, bytesB);
  if (!spend(<i32>(common >> 4))) return false;
  const ptrA = ptrOf(a);
  const ptrB = ptrOf(b);
  for (let at: u32 = 0; at < common; at++) {
    const left = load<u8>(ptrA + at);
    const right = load<u8>(ptrB + at);
    if (left != right) return left < right;
  }
  return bytesA < bytesB;
}

/** `eq`, the loose one. */
export function looseEqual(a: usize, b: usize): bool {
  const tagA = tagOf(a);
  const tagB = tagOf(b);
  if (tagA == TAG_NULL || tagB == TAG_NULL) return tagA == tagB;
  if (isString(tagA) && isString(tagB)) return sameString(a, b);
  return looseNumber(a) == looseNumber(b);
}

export function isLess(a: usize, b: usize): bool {
  if (isString(tagOf(a)) && isString(tagOf(b))) return stringLess(a, b);
  return looseNumber(b) > looseNumber(a);
}

// @ts-ignore: decorator
@inline
export function isLessOrEqual(a: usize, b: usize): bool {
  return isLess(a, b) || looseEqual(a, b);
}

/** `===`: equal and of one kind; arrays and maps equal nothing. */
export function strictEqual(a: usize, b: usize): bool {
  const tagA = tagOf(a);
  const tagB = tagOf(b);
  if (isNumber(tagA)) return isNumber(tagB) && numberOf(a) == numberOf(b);
  if (isString(tagA)) return isString(tagB) && sameString(a, b);
  return tagA == tagB && tagA <= TAG_TRUE;
}

export const SAME: i32 = 1;
export const DIFFERENT: i32 = 0;
/** Two arrays, or two maps: the rule does not match. */
export const INCOMPARABLE: i32 = -1;

/** Equality of list elements: one kind and equal. */
export function sameElement(a: usize, b: usize): i32 {
  const tag = tagOf(a);
  if (tag == tagOf(b)) {
    if (tag == TAG_ARRAY || tag == TAG_MAP) return INCOMPARABLE;
    if (tag == TAG_SPECIAL_ZERO) return SAME;
  }
  return strictEqual(a, b) ? SAME : DIFFERENT;
}

/** Kinds that `var ""`-like operators count as primitive: boolean, number, string. */
// @ts-ignore: decorator
@inline
export function isPrimitive(tag: u32): bool {
  return isBoolean(tag) || isNumber(tag) || isString(tag);
}
