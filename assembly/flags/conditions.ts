/** The conditions of queries: one attribute against one constant (spec: §8.7). */

import {
  OP_BOOL,
  OP_FLOAT_EQ,
  OP_FLOAT_GE,
  OP_FLOAT_GT,
  OP_FLOAT_IN,
  OP_FLOAT_LE,
  OP_FLOAT_LT,
  OP_FLOAT_NE,
  OP_INT_EQ,
  OP_INT_GE,
  OP_INT_GT,
  OP_INT_IN,
  OP_INT_LE,
  OP_INT_LT,
  OP_INT_NE,
  OP_NIL,
  OP_PRESENT,
  OP_SEMVER_EQ,
  OP_SEMVER_GE,
  OP_SEMVER_GT,
  OP_SEMVER_LE,
  OP_SEMVER_LT,
  OP_SEMVER_NE,
  OP_STRING_CO,
  OP_STRING_EQ,
  OP_STRING_EW,
  OP_STRING_GE,
  OP_STRING_GT,
  OP_STRING_IN,
  OP_STRING_LE,
  OP_STRING_LT,
  OP_STRING_NE,
  OP_STRING_SW,
} from './abi';
import { SEMVER_INVALID, semverCompare } from './semver';
import { textCompare, textContains, textEndsWith, textEquals, textIn, textStartsWith } from './text';
import { TAG_INT, TAG_KEEP, TAG_MISSING, TAG_NULL, isNumber, isString, numberOf, tagOf } from './value';

/** The operations of this file are consecutive. */
// @ts-ignore: decorator
@inline
export function isCondition(op: u32): bool {
  return op - OP_PRESENT <= OP_FLOAT_IN - OP_PRESENT;
}

// @ts-ignore: decorator
@inline
function isNilTag(tag: u32): bool {
  return tag == TAG_NULL || tag == TAG_MISSING || tag == TAG_KEEP;
}

/** Int exactly, Float truncated toward zero; out of int64 it is -2^63, as on amd64 (spec: §8.7, §11.4). */
// @ts-ignore: decorator
@inline
function integerOf(value: usize): i64 {
  const number = numberOf(value);
  return abs(number) < 9223372036854775808.0 ? <i64>number : i64.MIN_VALUE;
}

function intIn(value: usize, list: usize, count: u32): bool {
  const wanted = integerOf(value);
  for (let i: u32 = 0; i < count; i++) if (load<i64>(list + (<usize>i << 3)) == wanted) return true;
  return false;
}

function floatIn(value: usize, list: usize, count: u32): bool {
  const wanted = numberOf(value);
  for (let i: u32 = 0; i < count; i++) if (load<f64>(list + (<usize>i << 3)) == wanted) return true;
  return false;
}

/** Whether a condition (`isCondition` of its operation) holds for the value. */
export function holds(pc: usize, op: u32, value: usize): bool {
  const a = load<u32>(pc, 4);
  const b = load<u32>(pc, 8);
  switch (op) {
    case OP_PRESENT:
      return !isNilTag(tagOf(value));
    case OP_NIL:
      return isNilTag(tagOf(value));
    case OP_BOOL:
      return tagOf(value) == a;
    case OP_STRING_EQ:
      return isString(tagOf(value)) && textEquals(value, a, b);
    case OP_STRING_NE:
      return isString(tagOf(value)) && !textEquals(value, a, b);
    case OP_STRING_GT:
      return isString(tagOf(value)) && textCompare(value, a, b) > 0;
    case OP_STRING_LT:
      return isString(tagOf(value)) && textCompare(value, a, b) < 0;
    case OP_STRING_GE:
      return isString(tagOf(value)) && textCompare(value, a, b) >= 0;
    case OP_STRING_LE:
      return isString(tagOf(value)) && textCompare(value, a, b) <= 0;
    case OP_STRING_CO:
      return isString(tagOf(value)) && textContains(value, a, b);
    case OP_STRING_SW:
      return isString(tagOf(value)) && textStartsWith(value, a, b);
    case OP_STRING_EW:
      return isString(tagOf(value)) && textEndsWith(value, a, b);
    case OP_STRING_IN:
      return isString(tagOf(value)) && textIn(value, a, b);
    case OP_SEMVER_EQ:
    case OP_SEMVER_NE:
    case OP_SEMVER_GT:
    case OP_SEMVER_LT:
    case OP_SEMVER_GE:
    case OP_SEMVER_LE:
      return isString(tagOf(value)) && semverMet(op, semverCompare(value, a));
    case OP_INT_EQ:
      return isNumber(tagOf(value)) && integerOf(value) == load<i64>(pc, 4);
    case OP_INT_NE:
      return isNumber(tagOf(value)) && integerOf(value) != load<i64>(pc, 4);
    case OP_INT_GT:
      return isNumber(tagOf(value)) && integerOf(value) > load<i64>(pc, 4);
    case OP_INT_LT:
      return isNumber(tagOf(value)) && integerOf(value) < load<i64>(pc, 4);
    case OP_INT_GE:
      return isNumber(tagOf(value)) && integerOf(value) >= load<i64>(pc, 4);
    case OP_INT_LE:
      return isNumber(tagOf(value)) && integerOf(value) <= load<i64>(pc, 4);
    case OP_INT_IN:
      return tagOf(value) == TAG_INT && intIn(value, a, b);
    case OP_FLOAT_EQ:
      return isNumber(tagOf(value)) && numberOf(value) == load<f64>(pc, 4);
    case OP_FLOAT_NE:
      return isNumber(tagOf(value)) && numberOf(value) != load<f64>(pc, 4);
    case OP_FLOAT_GT:
      return isNumber(tagOf(value)) && numberOf(value) > load<f64>(pc, 4);
    case OP_FLOAT_LT:
      return isNumber(tagOf(value)) && numberOf(value) < load<f64>(pc, 4);
    case OP_FLOAT_GE:
      return isNumber(tagOf(value)) && numberOf(value) >= load<f64>(pc, 4);
    case OP_FLOAT_LE:
      return isNumber(tagOf(value)) && numberOf(value) <= load<f64>(pc, 4);
    case OP_FLOAT_IN:
      return isNumber(tagOf(value)) && floatIn(value, a, b);
  }
  return false;
}

function semverMet(op: u32, order: i32): bool {
  if (order == SEMVER_INVALID) return false;
  switch (op) {
    case OP_SEMVER_EQ:
      return order == 0;
    case OP_SEMVER_NE:
      return order != 0;
    case OP_SEMVER_GT:
      return order > 0;
    case OP_SEMVER_LT:
      return order < 0;
    case OP_SEMVER_GE:
      return order >= 0;
    default:
      return order <= 0;
  }
}
