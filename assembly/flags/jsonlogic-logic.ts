/** `and`, `or`, `!`, `!!`, `if`, and the comparisons. Operands are looked at where they are: no arena for constants. */

import { arenaMark, arenaRelease } from './arena';
import { applyLogic, evaluate } from './jsonlogic';
import { FALSE_CELL, NULL_CELL, booleanCell } from './jsonlogic-cells';
import { JL_EQ, JL_GE, JL_GT, JL_LE, JL_LT, JL_NE, JL_STRICT_EQ, JL_STRICT_NE, PLAIN_ARRAY } from './jsonlogic-codes';
import { isLess, isLessOrEqual, isTruthy, looseEqual, strictEqual } from './jsonlogic-compare';
import { TAG_ARRAY, TAG_MAP, VALUE_BYTES, auxOf, countOf, ptrOf, tagOf } from './value';

/** The first falsy value, else the last. */
export function opAnd(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  let last: usize = NULL_CELL;
  let element = ptrOf(operand);
  for (let left = countOf(operand); left > 0; left--) {
    last = evaluate(element, data);
    if (last == 0 || !isTruthy(last)) return last;
    element += VALUE_BYTES;
  }
  return last;
}

/** The first truthy value, else the last. */
export function opOr(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  let last: usize = NULL_CELL;
  let element = ptrOf(operand);
  for (let left = countOf(operand); left > 0; left--) {
    last = evaluate(element, data);
    if (last == 0 || isTruthy(last)) return last;
    element += VALUE_BYTES;
  }
  return last;
}

/** `!` (negate) and `!!`: the first element of a non-empty array, or the value itself. */
export function opNot(operand: usize, data: usize, negate: bool): usize {
  const mark = arenaMark();
  let value: usize = 0;
  if (tagOf(operand) == TAG_ARRAY && auxOf(operand) != PLAIN_ARRAY && countOf(operand) != 0) {
    let element = ptrOf(operand);
    for (let left = countOf(operand); left > 0; left--) {
      const result = evaluate(element, data);
      if (result == 0) return 0;
      if (value == 0) value = result;
      element += VALUE_BYTES;
    }
  } else {
    value = evaluate(operand, data);
    if (value == 0) return 0;
    if (tagOf(value) == TAG_ARRAY && countOf(value) != 0) value = ptrOf(value);
  }
  const truthy = isTruthy(value);
  arenaRelease(mark);
  return booleanCell(truthy != negate);
}

/** Pairs of condition and branch, then perhaps an else. */
export function opIf(operand: usize, data: usize): usize {
  if (tagOf(operand) != TAG_ARRAY) return 0;
  let clause = ptrOf(operand);
  let left = countOf(operand);
  for (; left > 1; left -= 2) {
    const mark = arenaMark();
    const condition = evaluate(clause, data);
    if (condition == 0) return 0;
    const met = isTruthy(condition);
    arenaRelease(mark);
    if (met) return branch(clause + VALUE_BYTES, data);
    clause += VALUE_BYTES * 2;
  }
  return left == 1 ? branch(clause, data) : NULL_CELL;
}

/** A branch that comes out as a map is applied once more. */
function branch(clause: usize, data: usize): usize {
  const value = evaluate(clause, data);
  return value != 0 && tagOf(value) == TAG_MAP ? applyLogic(value, data) : value;
}

/** The eight comparisons of two operands; the ordering ones take three as "between". */
export function opCompare(code: u32, operand: usize, data: usize): usize {
  const mark = arenaMark();
  let a: usize = 0;
  let b: usize = 0;
  let c: usize = 0;
  let count: u32 = 0;
  if (tagOf(operand) == TAG_ARRAY && auxOf(operand) != PLAIN_ARRAY) {
    count = countOf(operand);
    let element = ptrOf(operand);
    for (let i: u32 = 0; i < count; i++) {
      const value = evaluate(element, data);
      if (value == 0) return 0;
      if (i == 0) a = value;
      else if (i == 1) b = value;
      else if (i == 2) c = value;
      element += VALUE_BYTES;
    }
  } else {
    const value = evaluate(operand, data);
    if (value == 0) return 0;
    if (tagOf(value) != TAG_ARRAY) {
      // The strict ones take anything; the others insist on an array.
      return code == JL_STRICT_EQ ? FALSE_CELL : code == JL_STRICT_NE ? booleanCell(true) : 0;
    }
    count = countOf(value);
    a = ptrOf(value);
    b = a + VALUE_BYTES;
    c = b + VALUE_BYTES;
  }
  const met = count < 2 ? code == JL_NE || code == JL_STRICT_NE : compare(code, a, b, c, count == 3);
  arenaRelease(mark);
  return booleanCell(met);
}

function compare(code: u32, a: usize, b: usize, c: usize, between: bool): bool {
  switch (code) {
    case JL_EQ:
      return looseEqual(a, b);
    case JL_NE:
      return !looseEqual(a, b);
    case JL_STRICT_EQ:
      return strictEqual(a, b);
    case JL_STRICT_NE:
      return !strictEqual(a, b);
    case JL_LT:
      return isLess(a, b) && (!between || isLess(b, c));
    case JL_LE:
      return isLessOrEqual(a, b) && (!between || isLessOrEqual(b, c));
    case JL_GT:
      return (!between || isLess(c, b)) && isLess(b, a);
    case JL_GE:
      return (!between || isLessOrEqual(c, b)) && isLessOrEqual(b, a);
    default:
      return false;
  }
}
