/**
 * The flag evaluation kernel: the only exporter of the guest. Thin functions that place, verify, run.
 *
 *   guest memory
 *   0 ─ 65,536      static data of the guest (lower-case table)
 *   IMAGE_BASE      the image (see abi.ts)
 *                   slots: 16 bytes each; slot 0 is always MISSING
 *                   hashes: 4 bytes for each hash seed (batch only)
 *                   results: 4 bytes for each flag (batch only)
 *                   context: the tree's root value (16 bytes), then strings and trees the host writes
 *                   arena: temporaries of one evaluation
 *
 * Memory grows only in `reserve` and `load`, never while evaluating.
 */

import {
  ABI_VERSION,
  CONSTANT_SLOT_BYTES,
  FLAG_RECORD_BYTES,
  IMAGE_BASE,
  NO_HASH,
  OP_FINAL,
  OP_RETURN,
  RESULT_MEMORY,
  RESULT_STEPS,
  STEP_BUDGET,
} from './abi';
import { FAULT_MEMORY, arenaInit, arenaReset, fault } from './arena';
import { holds, isCondition } from './conditions';
import { setNow } from './date';
import { hashMany } from './hash';
import { forgetPaths } from './paths';
import { run } from './run';
import { forgetVersion } from './semver';
import { forgetLowered } from './text';
import { LOAD_NO_MEMORY, LOAD_OK, verifyImage } from './verify';
import { VALUE_BYTES, countOf, isString, ptrOf, tagOf } from './value';

const CONTEXT_BYTES: usize = 4 * 1024 * 1024;
const ARENA_BYTES: usize = 4 * 1024 * 1024;
const PAGE_BYTES: usize = 65_536;

let flagRecords: usize = 0;
let batchOrder: usize = 0;
let flagCount: u32 = 0;
let slotBase: usize = 0;
let slotCount: u32 = 0;
let hashSeeds: usize = 0;
let hashCount: u32 = 0;
let hashBase: usize = 0;
let resultBase: usize = 0;
let contextBase: usize = 0;
let contextLimit: usize = 0;

export function abiVersion(): u32 {
  return ABI_VERSION;
}

function growTo(end: usize): bool {
  const pages = (end + PAGE_BYTES - 1) / PAGE_BYTES;
  const missing = <i32>pages - memory.size();
  return missing <= 0 || memory.grow(missing) >= 0;
}

/** Makes room for an image of `bytes`; its address, or 0 when the memory maximum does not allow it. */
export function reserve(bytes: u32): usize {
  return growTo(IMAGE_BASE + bytes) ? IMAGE_BASE : 0;
}

/** Verifies the image copied to IMAGE_BASE and takes it into use: 0, or the reason it is refused (verify.ts). */
export function loadImage(bytes: u32): i32 {
  flagCount = 0;
  const verdict = verifyImage(bytes);
  if (verdict != LOAD_OK) return verdict;
  const slots = load<u32>(IMAGE_BASE, 20);
  const seeds = load<u32>(IMAGE_BASE, 40);
  const flags = load<u32>(IMAGE_BASE, 12);
  slotBase = (IMAGE_BASE + bytes + 15) & ~15;
  hashBase = slotBase + <usize>slots * VALUE_BYTES;
  resultBase = hashBase + <usize>seeds * 4;
  contextBase = (resultBase + <usize>flags * 4 + 15) & ~15;
  contextLimit = contextBase + CONTEXT_BYTES;
  if (!growTo(contextLimit + ARENA_BYTES)) return LOAD_NO_MEMORY;
  memory.fill(slotBase, 0, contextBase + VALUE_BYTES - slotBase);
  arenaInit(contextLimit, contextLimit + ARENA_BYTES);
  forgetLowered();
  forgetPaths(slotBase);

  flagRecords = load<u32>(IMAGE_BASE, 16);
  batchOrder = load<u32>(IMAGE_BASE, 52);
  slotCount = slots;
  hashSeeds = load<u32>(IMAGE_BASE, 36);
  hashCount = seeds;
  let constant = <usize>load<u32>(IMAGE_BASE, 44);
  for (let left = load<u32>(IMAGE_BASE, 48); left > 0; left--) {
    memory.copy(slotBase + <usize>load<u32>(constant) * VALUE_BYTES, constant + 8, VALUE_BYTES);
    constant += CONSTANT_SLOT_BYTES;
  }
  flagCount = flags;
  return LOAD_OK;
}

/** Where the host writes slot values. */
export function slots(): usize {
  return slotBase;
}

/** Where the host writes the tree's root value, and strings and trees behind it. */
export function context(): usize {
  return contextBase;
}

/** End of the context region. */
export function contextEnd(): usize {
  return contextLimit;
}

/** Where `evaluateAll` leaves its outcomes. */
export function results(): usize {
  return resultBase;
}

// @ts-ignore: decorator
@inline
function sameCondition(a: usize, b: usize): bool {
  return load<u64>(a) == load<u64>(b) && load<u32>(a, 8) == load<u32>(b, 8);
}

function runFlag(flag: u32, batch: bool): i32 {
  arenaReset(STEP_BUDGET);
  forgetLowered();
  const record = flagRecords + <usize>flag * FLAG_RECORD_BYTES;
  const hashIndex = load<u32>(record, 8);
  const hash = batch && hashIndex != NO_HASH ? hashBase + (<usize>hashIndex << 2) : 0;
  const outcome = run(load<u32>(record), slotBase, contextBase, load<u32>(record, 4), hash);
  if (fault != 0) return fault == FAULT_MEMORY ? RESULT_MEMORY : RESULT_STEPS;
  return <i32>outcome;
}

/** The outcome of one flag for the slots and tree now in place; below zero: RESULT_*. `now` in milliseconds since 1970. */
export function evaluate(flag: u32, now: f64): i32 {
  if (flag >= flagCount) unreachable();
  setNow(now);
  forgetVersion();
  return runFlag(flag, false);
}

/** Outcomes of all flags, written as i32 to `results()`; `targetingKey` is the slot to hash, 0 = none. Their count. */
export function evaluateAll(now: f64, targetingKey: u32): u32 {
  if (targetingKey >= slotCount) unreachable();
  setNow(now);
  forgetVersion();
  const key = slotBase + <usize>targetingKey * VALUE_BYTES;
  const hashed = targetingKey != 0 && isString(tagOf(key));
  if (hashed) hashMany(hashSeeds, hashBase, hashCount, ptrOf(key), countOf(key));
  arenaReset(STEP_BUDGET);
  forgetLowered();
  let known: usize = 0;
  let met = false;
  for (let i: u32 = 0; i < flagCount; i++) {
    const flag = load<u32>(batchOrder + (<usize>i << 2));
    const first = <usize>load<u32>(flagRecords + <usize>flag * FLAG_RECORD_BYTES);
    const result = resultBase + (<usize>flag << 2);
    const word = load<u32>(first);
    const op = word & 0x7f;
    if (op == OP_RETURN) {
      store<i32>(result, load<i32>(first, 4));
    } else if ((word & OP_FINAL) != 0 && isCondition(op)) {
      // In this order equal conditions are neighbours: many flags ask the same of a user, and it is answered once.
      if (known == 0 || !sameCondition(first, known)) {
        const slot = word >> 8;
        const value = slotBase + (<usize>slot << 4);
        met = holds(first, op, value);
        if (fault != 0) {
          // Left by the flag before, or the arena is full of other attributes' texts: alone it would begin afresh.
          arenaReset(STEP_BUDGET);
          forgetLowered();
          met = holds(first, op, value);
        }
        known = first;
      }
      const outcome = (met ? load<u32>(first, 12) : load<u32>(first, 16)) >> 1;
      store<i32>(result, fault == 0 ? <i32>outcome : RESULT_MEMORY);
    } else {
      store<i32>(result, runFlag(flag, hashed));
      known = 0;
    }
  }
  return flagCount;
}
