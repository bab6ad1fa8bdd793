/** `+ - * / % max min abs`: numbers are doubles; strings count as far as they read as one. */

import { arenaMark, arenaRelease, fault } from './arena';
import { evaluate } from './jsonlogic';
import { NULL_CELL, ONE_CELL, SPECIAL_ZERO_CELL, ZERO_CELL, numberCell } from './jsonlogic-cells';
import { notANumber, strictNumber } from './jsonlogic-compare';
import { TAG_ARRAY, VALUE_BYTES, countOf, ptrOf, tagOf } from './value';

/** The result in place of everything allocated since `mark`; 0 when an operand was no number. */
function settle(mark: usize, value: f64): usize {
  if (notANumber || fault != 0) return 0;
  arenaRelease(mark);
  return numberCell(value);
}

export function opAdd(operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  if (tagOf(value) != TAG_ARRAY) return settle(mark, strictNumber(value));
  let sum: f64 = 0;
  let element = ptrOf(value);
  for (let left = countOf(value); left > 0; left--) {
    sum += strictNumber(element);
    element += VALUE_BYTES;
  }
  return settle(mark, sum);
}

export function opSubtract(operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const count = tagOf(value) == TAG_ARRAY ? countOf(value) : 0;
  if (count == 0) return SPECIAL_ZERO_CELL;
  let element = ptrOf(value);
  let rest = strictNumber(element);
  if (count == 1) return settle(mark, -1 * rest);
  for (let left = count - 1; left > 0; left--) {
    element += VALUE_BYTES;
    rest -= strictNumber(element);
  }
  return settle(mark, rest);
}

export function opMultiply(operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const count = tagOf(value) == TAG_ARRAY ? countOf(value) : 0;
  if (count == 0) return ONE_CELL;
  let product: f64 = 1;
  let element = ptrOf(value);
  for (let left = count; left > 0; left--) {
    product *= strictNumber(element);
    element += VALUE_BYTES;
  }
  return settle(mark, product);
}

export function opDivide(operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const count = tagOf(value) == TAG_ARRAY ? countOf(value) : 0;
  if (count == 0) return SPECIAL_ZERO_CELL;
  let element = ptrOf(value);
  let quotient = strictNumber(element);
  for (let left = count - 1; left > 0; left--) {
    element += VALUE_BYTES;
    quotient /= strictNumber(element);
  }
  return settle(mark, quotient);
}

export function opModulo(operand: usize, data: usize): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0 || tagOf(value) != TAG_ARRAY || countOf(value) < 2) return 0;
  const dividend = strictNumber(ptrOf(value));
  const divisor = strictNumber(ptrOf(value) + VALUE_BYTES);
  return settle(mark, dividend % divisor);
}

/** `max` (greatest) and `min`; a first NaN stays, as nothing compares above or below it. */
export function opExtreme(operand: usize, data: usize, greatest: bool): usize {
  const mark = arenaMark();
  const value = evaluate(operand, data);
  if (value == 0) return 0;
  const count = tagOf(value) == TAG_ARRAY ? countOf(value) : 0;
  if (count == 0) return NULL_CELL;
  let element = ptrOf(value);
  let best = strictNumber(element);
  for (let left = count - 1; left > 0; left--) {
    element += VALUE_BYTES;
    const number = strictNumber(element);
    if (greatest ? number > best : number < best) best = number;
  }
  return settle(mark, best);
}

export function opAbs(operand: usize, data: usize): usize {
  const mark = arenaMark();
  let value = evaluate(operand, data);
  if (value == 0) return 0;
  if (tagOf(value) == TAG_ARRAY) {
    if (countOf(value) == 0) return ZERO_CELL;
    value = ptrOf(value);
  }
  return settle(mark, abs(strictNumber(value)));
}
