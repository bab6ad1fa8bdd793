/**
 * The evaluation loop: runs one flag's program to its outcome.
 *
 * Every program ends: `verify.ts` has checked that all jumps go strictly forward.
 *
 * Inside a program the next instruction is chosen by a branch, with the load inside each arm on purpose: the processor then
 * runs ahead of a comparison, where a select would wait for it (the prototype took twice as long). At a program's end it
 * is the other way round.
 */

import {
  INSTRUCTION_BYTES,
  NO_OUTCOME,
  OP_BOOL,
  OP_BUCKET,
  OP_FINAL,
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
  OP_JSONLOGIC,
  OP_JUMP,
  OP_NIL,
  OP_NO_KEY,
  OP_PRESENT,
  OP_PROGRESS,
  OP_QUERY,
  OP_RESOLVE,
  OP_RESOLVE_TREE,
  OP_RETURN,
  OP_SCHEDULE,
  OP_SEMVER_EQ,
  OP_SEMVER_GE,
  OP_SEMVER_GT,
  OP_SEMVER_LE,
  OP_SEMVER_LT,
  OP_SEMVER_NE,
  OP_SPLIT,
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
  OP_WINDOW,
} from './abi';
import { fault } from './arena';
import { takeDate } from './date';
import { matchJsonLogic } from './jsonlogic';
import { beginQuery, left, resolveSlot, resolveTree } from './paths';
import { isOutside, latestDue, progressOutcome, splitOutcome } from './rollout';
import { SEMVER_INVALID, semverCompare } from './semver';
import { textCompare, textContains, textEndsWith, textEquals, textIn, textStartsWith } from './text';
import { TAG_INT, TAG_KEEP, TAG_MISSING, TAG_NULL, TAG_TRUE, countOf, isNumber, isString, numberOf, tagOf } from './value';

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

/** Runs from the instruction at `pc`; `seed` and `hash` as in `splitOutcome`, `slots` the slot values, `root` the tree. */
export function run(pc: usize, slots: usize, root: usize, seed: u32, hash: usize): u32 {
  while (true) {
    const word = load<u32>(pc);
    const slot = word >> 8;
    const value = slot != 0 ? slots + (<usize>slot << 4) : left;
    const a = load<u32>(pc, 4);
    const b = load<u32>(pc, 8);
    let met = false;
    switch (word & 0x7f) {
      case OP_JUMP:
        met = true;
        break;
      case OP_PRESENT:
        met = !isNilTag(tagOf(value));
        break;
      case OP_NIL:
        met = isNilTag(tagOf(value));
        break;
      case OP_BOOL:
        met = tagOf(value) == a;
        break;
      case OP_STRING_EQ:
        met = isString(tagOf(value)) && textEquals(value, a, b);
        break;
      case OP_STRING_NE:
        met = isString(tagOf(value)) && !textEquals(value, a, b);
        break;
      case OP_STRING_GT:
        met = isString(tagOf(value)) && textCompare(value, a, b) > 0;
        break;
      case OP_STRING_LT:
        met = isString(tagOf(value)) && textCompare(value, a, b) < 0;
        break;
      case OP_STRING_GE:
        met = isString(tagOf(value)) && textCompare(value, a, b) >= 0;
        break;
      case OP_STRING_LE:
        met = isString(tagOf(value)) && textCompare(value, a, b) <= 0;
        break;
      case OP_STRING_CO:
        met = isString(tagOf(value)) && textContains(value, a, b);
        break;
      case OP_STRING_SW:
        met = isString(tagOf(value)) && textStartsWith(value, a, b);
        break;
      case OP_STRING_EW:
        met = isString(tagOf(value)) && textEndsWith(value, a, b);
        break;
      case OP_STRING_IN:
        met = isString(tagOf(value)) && textIn(value, a, b);
        break;
      case OP_SEMVER_EQ:
      case OP_SEMVER_NE:
      case OP_SEMVER_GT:
      case OP_SEMVER_LT:
      case OP_SEMVER_GE:
      case OP_SEMVER_LE:
        met = isString(tagOf(value)) && semverMet(word & 0x7f, semverCompare(value, a));
        break;
      case OP_INT_EQ:
        met = isNumber(tagOf(value)) && integerOf(value) == load<i64>(pc, 4);
        break;
      case OP_INT_NE:
        met = isNumber(tagOf(value)) && integerOf(value) != load<i64>(pc, 4);
        break;
      case OP_INT_GT:
        met = isNumber(tagOf(value)) && integerOf(value) > load<i64>(pc, 4);
        break;
      case OP_INT_LT:
        met = isNumber(tagOf(value)) && integerOf(value) < load<i64>(pc, 4);
        break;
      case OP_INT_GE:
        met = isNumber(tagOf(value)) && integerOf(value) >= load<i64>(pc, 4);
        break;
      case OP_INT_LE:
        met = isNumber(tagOf(value)) && integerOf(value) <= load<i64>(pc, 4);
        break;
      case OP_INT_IN:
        met = tagOf(value) == TAG_INT && intIn(value, a, b);
        break;
      case OP_FLOAT_EQ:
        met = isNumber(tagOf(value)) && numberOf(value) == load<f64>(pc, 4);
        break;
      case OP_FLOAT_NE:
        met = isNumber(tagOf(value)) && numberOf(value) != load<f64>(pc, 4);
        break;
      case OP_FLOAT_GT:
        met = isNumber(tagOf(value)) && numberOf(value) > load<f64>(pc, 4);
        break;
      case OP_FLOAT_LT:
        met = isNumber(tagOf(value)) && numberOf(value) < load<f64>(pc, 4);
        break;
      case OP_FLOAT_GE:
        met = isNumber(tagOf(value)) && numberOf(value) >= load<f64>(pc, 4);
        break;
      case OP_FLOAT_LE:
        met = isNumber(tagOf(value)) && numberOf(value) <= load<f64>(pc, 4);
        break;
      case OP_FLOAT_IN:
        met = isNumber(tagOf(value)) && floatIn(value, a, b);
        break;
      case OP_QUERY:
        beginQuery(slots, a);
        met = true;
        break;
      case OP_RESOLVE:
        met = resolveSlot(value);
        break;
      case OP_RESOLVE_TREE:
        met = resolveTree(root, a, b);
        break;
      case OP_JSONLOGIC:
        met = matchJsonLogic(a, b != 0 ? root : 0, slots) == 1;
        break;
      case OP_RETURN:
        return a;
      case OP_SPLIT:
        return splitOutcome(value, a, seed, hash);
      case OP_PROGRESS:
        return progressOutcome(value, a, seed, hash, slots + (<usize>b << 4));
      case OP_WINDOW:
        if (isOutside(value, a)) return b;
        met = true;
        break;
      case OP_SCHEDULE: {
        const target = latestDue(value, a, b);
        if (target != 0) {
          pc = target;
          continue;
        }
        met = true;
        break;
      }
      case OP_BUCKET: {
        const tag = tagOf(value);
        if (!isString(tag)) return isAbsent(tag) ? load<u32>(a) : load<u32>(a, 4);
        const empty = load<u32>(a, 8);
        if (empty != NO_OUTCOME && countOf(value) == 0) return empty;
        met = true;
        break;
      }
      case OP_NO_KEY:
        if (countOf(value) == 0) return a;
        met = true;
        break;
    }
    if (fault != 0) return NO_OUTCOME;
    // Both ways end here: a select, because which way a user goes is what no branch predictor knows.
    if ((word & OP_FINAL) != 0) return (met ? load<u32>(pc, 12) : load<u32>(pc, 16)) >> 1;
    let next: u32;
    if (met) next = load<u32>(pc, 12);
    else next = load<u32>(pc, 16);
    if ((next & 1) != 0) return next >> 1;
    pc = <usize>next;
  }
}

/** A bucketingKey that leads nowhere, as against a member that is no string (null included). */
// @ts-ignore: decorator
@inline
function isAbsent(tag: u32): bool {
  return tag == TAG_MISSING || tag >= TAG_KEEP;
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
