/**
 * JSONLogic as GO Feature Flag evaluates it (spec: §9): the interpreter.
 *
 * An evaluated value is the address of a 16-byte cell: in the rule, in a slot, in the context tree, among the fixed cells
 * or in the arena. Cells are never changed once somebody can see them, so operators hand on addresses and copy nothing
 * they need not. Address 0 means that evaluation ended: a type error of the rule (which then does not match), or `fault`.
 */

import { arenaAlloc, arenaMark, arenaRelease, exhaust, fault, spend } from './arena';
import { opAbs, opAdd, opDivide, opExtreme, opModulo, opMultiply, opSubtract } from './jsonlogic-arithmetic';
import { EMPTY_MAP_CELL, NULL_CELL, copyValue, outlives } from './jsonlogic-cells';
import {
  JL_ABS,
  JL_ADD,
  JL_ALL,
  JL_AND,
  JL_CAT,
  JL_CONTAINS_ALL,
  JL_CONTAINS_ANY,
  JL_CONTAINS_NONE,
  JL_DIVIDE,
  JL_EQ,
  JL_FILTER,
  JL_GE,
  JL_GT,
  JL_IF,
  JL_IN,
  JL_LE,
  JL_LT,
  JL_MAP,
  JL_MAX,
  JL_MERGE,
  JL_MIN,
  JL_MISSING,
  JL_MISSING_SOME,
  JL_MODULO,
  JL_MULTIPLY,
  JL_NE,
  JL_NONE,
  JL_NOT,
  JL_OR,
  JL_REDUCE,
  JL_SET,
  JL_SLOT_OR,
  JL_SOME,
  JL_STRICT_EQ,
  JL_STRICT_NE,
  JL_SUBSTR,
  JL_SUBTRACT,
  JL_TERNARY,
  JL_TRUTHY,
  JL_UNKNOWN,
  JL_VAR,
  PLAIN_ARRAY,
  operatorOf,
} from './jsonlogic-codes';
import { forgetNotANumber } from './jsonlogic-compare';
import { opContains, opIn, opMerge } from './jsonlogic-lists';
import { opAnd, opCompare, opIf, opNot, opOr } from './jsonlogic-logic';
import { opEach, opFilter, opMap, opReduce } from './jsonlogic-loops';
import { hasFiniteNumbers } from './jsonlogic-result';
import { opCat, opSubstr } from './jsonlogic-text';
import { lookUp, opMissing, opMissingSome, opSet, opSlotOr } from './jsonlogic-variables';
import {
  ENTRY_BYTES,
  TAG_ABORT,
  TAG_ARRAY,
  TAG_KEEP,
  TAG_MAP,
  TAG_NULL,
  TAG_SLOT,
  TAG_TEXT,
  TAG_TRUE,
  VALUE_BYTES,
  auxOf,
  countOf,
  isNumber,
  isString,
  numberOf,
  ptrOf,
  tagOf,
  writeRef,
} from './value';

/** Deepest evaluation. Rules nest 512 levels at most, but data applied as logic can go on for ever. */
const MAX_DEPTH: i32 = 2_000;

let slotBase: usize = 0;
let depth: i32 = 0;

/**
 * Whether the rule matches: 1, or 0 (type errors, NaN and infinities in the result included). Read `fault` afterwards.
 * `data` is the context tree, 0 when the rule reads nothing but slots.
 */
export function matchJsonLogic(rule: usize, data: usize, slots: usize): i32 {
  slotBase = slots;
  depth = 0;
  forgetNotANumber();
  const mark = arenaMark();
  const result = evaluate(rule, data == 0 ? EMPTY_MAP_CELL : data);
  const met = result != 0 && matches(result) && fault == 0;
  arenaRelease(mark);
  return <i32>met;
}

/** Everything but false, null, "", 0 (not -0) and []; infinities and NaN cannot be printed, so they do not match. */
function matches(value: usize): bool {
  const tag = tagOf(value);
  if (tag <= TAG_TRUE) return tag == TAG_TRUE;
  if (isNumber(tag)) return reinterpret<u64>(numberOf(value)) != 0 && hasFiniteNumbers(value);
  if (isString(tag)) return countOf(value) != 0;
  if (tag == TAG_ARRAY) return countOf(value) != 0 && hasFiniteNumbers(value);
  return tag == TAG_MAP && hasFiniteNumbers(value);
}

/** Counts a level of recursion; false ends the evaluation. Each `true` is followed by `leave()`. */
export function enter(): bool {
  if (++depth > MAX_DEPTH) exhaust();
  return spend(1) && fault == 0;
}

// @ts-ignore: decorator
@inline
export function leave(): void {
  depth--;
}

/** `parse`: constants are themselves, maps are applied, arrays are evaluated element by element. */
export function evaluate(value: usize, data: usize): usize {
  const tag = tagOf(value);
  if (tag - TAG_NULL <= TAG_TEXT - TAG_NULL) return value;
  if (tag == TAG_SLOT) return slotValue(value);
  if (tag == TAG_MAP) return countOf(value) == 1 ? operate(value, data) : value;
  if (tag != TAG_ARRAY) return 0;
  return auxOf(value) == PLAIN_ARRAY || countOf(value) == 0 ? value : evaluateArray(value, data);
}

// @ts-ignore: decorator
@inline
function slotValue(value: usize): usize {
  const slot = slotBase + ptrOf(value) * VALUE_BYTES;
  const tag = tagOf(slot);
  return tag <= TAG_NULL || tag == TAG_KEEP || tag == TAG_ABORT ? NULL_CELL : slot;
}

function evaluateArray(value: usize, data: usize): usize {
  if (!enter()) return 0;
  const count = countOf(value);
  const out = arenaAlloc(VALUE_BYTES + <usize>count * VALUE_BYTES);
  if (out == 0) return 0;
  writeRef(out, TAG_ARRAY, count, out + VALUE_BYTES, 0);
  let element = ptrOf(value);
  let to = out + VALUE_BYTES;
  if (!spend(<i32>count)) return 0;
  for (let i: u32 = 0; i < count; i++) {
    const mark = arenaMark();
    const result = evaluate(element, data);
    if (result == 0) return 0;
    copyValue(to, result);
    if (outlives(to, mark)) arenaRelease(mark);
    element += VALUE_BYTES;
    to += VALUE_BYTES;
  }
  leave();
  return out;
}

/** `apply` of whatever an operator got where it wants logic; 0 when it is no map. */
export function applyLogic(logic: usize, data: usize): usize {
  if (tagOf(logic) != TAG_MAP) return 0;
  return countOf(logic) == 1 ? operate(logic, data) : logic;
}

/** Applies a map of one member. */
function operate(map: usize, data: usize): usize {
  if (!enter()) return 0;
  const entry = ptrOf(map);
  let code = auxOf(map);
  if (code == JL_UNKNOWN) code = operatorOf(load<u32>(entry), load<u32>(entry, 4));
  const result = dispatch(code, entry + (ENTRY_BYTES - VALUE_BYTES), data);
  leave();
  return result;
}

function dispatch(code: u32, operand: usize, data: usize): usize {
  switch (code) {
    case JL_AND:
      return opAnd(operand, data);
    case JL_OR:
      return opOr(operand, data);
    case JL_NOT:
      return opNot(operand, data, true);
    case JL_TRUTHY:
      return opNot(operand, data, false);
    case JL_EQ:
    case JL_NE:
    case JL_STRICT_EQ:
    case JL_STRICT_NE:
    case JL_LT:
    case JL_LE:
    case JL_GT:
    case JL_GE:
      return opCompare(code, operand, data);
    case JL_IN:
      return opIn(operand, data);
    case JL_VAR:
      return lookUp(operand, data);
    case JL_IF:
    case JL_TERNARY:
      return opIf(operand, data);
    case JL_ADD:
      return opAdd(operand, data);
    case JL_SUBTRACT:
      return opSubtract(operand, data);
    case JL_MULTIPLY:
      return opMultiply(operand, data);
    case JL_DIVIDE:
      return opDivide(operand, data);
    case JL_MODULO:
      return opModulo(operand, data);
    case JL_MAX:
      return opExtreme(operand, data, true);
    case JL_MIN:
      return opExtreme(operand, data, false);
    case JL_ABS:
      return opAbs(operand, data);
    case JL_CAT:
      return opCat(operand, data);
    case JL_SUBSTR:
      return opSubstr(operand, data);
    case JL_MERGE:
      return opMerge(operand, data);
    case JL_MISSING:
      return opMissing(operand, data);
    case JL_MISSING_SOME:
      return opMissingSome(operand, data);
    case JL_FILTER:
      return opFilter(operand, data);
    case JL_MAP:
      return opMap(operand, data);
    case JL_ALL:
    case JL_NONE:
    case JL_SOME:
      return opEach(code, operand, data);
    case JL_REDUCE:
      return opReduce(operand, data);
    case JL_SET:
      return opSet(operand, data);
    case JL_CONTAINS_ALL:
    case JL_CONTAINS_ANY:
    case JL_CONTAINS_NONE:
      return opContains(code, operand, data);
    case JL_SLOT_OR:
      return opSlotOr(operand, data);
    default:
      return 0;
  }
}
