/**
 * Stateful path resolution of nikunjy queries (spec: §8.5): `left` and the stack live across the comparisons of one query.
 *
 * Only queries with dotted paths come here; the others read their slots directly. Two-name paths leave the stack empty,
 * so a slot (which says KEEP or ABORT) is enough. Longer paths can leave maps or nil behind for the next path to start
 * from: those queries walk the context tree.
 */

import { arenaAlloc, fault, spend } from './arena';
import {
  ENTRY_BYTES,
  TAG_ABORT,
  TAG_KEEP,
  TAG_MAP,
  TAG_MISSING,
  TAG_NULL,
  countOf,
  ptrOf,
  tagOf,
} from './value';

/** The value the current comparison sees; `nil` is slot 0, which is always MISSING. */
export let left: usize = 0;
let nil: usize = 0;
let stack: usize = 0;
let depth: u32 = 0;
let capacity: u32 = 0;

/** Must be called when regions move: what a query left behind points into the old ones. */
export function forgetPaths(nilValue: usize): void {
  nil = nilValue;
  left = nilValue;
  depth = 0;
  capacity = 0;
}

/** Begins a query whose tree paths can leave at most `most` entries on the stack. */
export function beginQuery(nilValue: usize, most: u32): void {
  nil = nilValue;
  left = nilValue;
  depth = 0;
  stack = most > 0 ? arenaAlloc(most * 4) : 0;
  capacity = stack != 0 ? most : 0;
}

/** False when the path aborts the query. */
export function resolveSlot(value: usize): bool {
  const tag = tagOf(value);
  if (tag == TAG_ABORT) return false;
  if (tag != TAG_KEEP) left = value;
  return true;
}

/** A member of a map value, or 0. */
export function memberOf(map: usize, name: usize, nameBytes: u32): usize {
  const count = countOf(map);
  let entry = ptrOf(map);
  spend(<i32>count);
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(entry, 4) == nameBytes && memory.compare(<usize>load<u32>(entry), name, nameBytes) == 0) return entry + 8;
    entry += ENTRY_BYTES;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function isNil(value: usize): bool {
  return value == 0 || tagOf(value) == TAG_NULL || tagOf(value) == TAG_MISSING;
}

/** Walks `count` names (pairs of ptr, bytes) from the top of the stack or the root; false when the query aborts. */
export function resolveTree(root: usize, names: usize, count: u32): bool {
  if (fault != 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    const last = i == count - 1;
    let current: usize;
    if (depth == 0) current = root;
    else if (last) current = <usize>load<u32>(stack + (<usize>--depth << 2));
    else current = <usize>load<u32>(stack + (<usize>(depth - 1) << 2));
    if (isNil(current)) return true;
    if (tagOf(current) != TAG_MAP) return false;
    const name = names + (<usize>i << 3);
    const found = memberOf(current, <usize>load<u32>(name), load<u32>(name, 4));
    if (last) {
      left = isNil(found) ? nil : found;
      depth = 0;
    } else {
      if (depth >= capacity) return false;
      store<u32>(stack + (<usize>depth << 2), <u32>found);
      depth++;
    }
  }
  return true;
}
