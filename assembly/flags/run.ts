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
  NO_OUTCOME,
  OP_BUCKET,
  OP_FINAL,
  OP_JSONLOGIC,
  OP_JUMP,
  OP_NO_KEY,
  OP_PROGRESS,
  OP_QUERY,
  OP_RESOLVE,
  OP_RESOLVE_TREE,
  OP_RETURN,
  OP_SCHEDULE,
  OP_SPLIT,
  OP_WINDOW,
} from './abi';
import { fault } from './arena';
import { holds, isCondition } from './conditions';
import { matchJsonLogic } from './jsonlogic';
import { beginQuery, left, resolveSlot, resolveTree } from './paths';
import { isOutside, latestDue, progressOutcome, splitOutcome } from './rollout';
import { TAG_KEEP, TAG_MISSING, countOf, isString, tagOf } from './value';

/** Runs from the instruction at `pc`; `seed` and `hash` as in `splitOutcome`, `slots` the slot values, `root` the tree. */
export function run(pc: usize, slots: usize, root: usize, seed: u32, hash: usize): u32 {
  while (true) {
    const word = load<u32>(pc);
    const slot = word >> 8;
    const value = slot != 0 ? slots + (<usize>slot << 4) : left;
    const a = load<u32>(pc, 4);
    const b = load<u32>(pc, 8);
    const op = word & 0x7f;
    let met = false;
    if (isCondition(op)) met = holds(pc, op, value);
    else
      switch (op) {
      case OP_JUMP:
        met = true;
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
