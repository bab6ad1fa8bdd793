/**
 * Checks an image once, when it is loaded, so that running it needs no checks: known operations, slots and outcomes in
 * range, every operand inside the image, jumps strictly forward (so every program ends).
 *
 * The image comes from our own compiler; the check holds the blast radius of a bug there, or of a corrupted copy, to a
 * refused load.
 */

import {
  ABI_VERSION,
  CONSTANT_SLOT_BYTES,
  FLAG_RECORD_BYTES,
  HEADER_BYTES,
  IMAGE_BASE,
  INSTRUCTION_BYTES,
  MAGIC,
  NO_HASH,
  NO_OUTCOME,
  OP_BOOL,
  OP_BUCKET,
  OP_FINAL,
  OP_FLOAT_EQ,
  OP_FLOAT_IN,
  OP_INT_EQ,
  OP_INT_IN,
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
  OP_SEMVER_LE,
  OP_SPLIT,
  OP_STRING_EQ,
  OP_STRING_EW,
  OP_STRING_IN,
  OP_WINDOW,
  PROGRESS_BYTES,
  PROGRESS_END_OUTCOME,
  PROGRESS_INITIAL_OUTCOME,
  SCHEDULE_ENTRY_BYTES,
  SEMVER_BYTES,
  SEMVER_PRE,
  SEMVER_PRE_BYTES,
  SPLIT_ENTRY_BYTES,
  SPLIT_HEADER_BYTES,
  WINDOW_BYTES,
} from './abi';
import { verifyRule } from './jsonlogic-verify';
import { TAG_ASCII, TAG_FLOAT, TAG_SLOT, TAG_TEXT, VALUE_BYTES, countOf, ptrOf, tagOf } from './value';

export const LOAD_OK: i32 = 0;
export const LOAD_NO_MEMORY: i32 = 1;
export const LOAD_HEADER: i32 = 2;
export const LOAD_FLAG: i32 = 3;
export const LOAD_SLOT: i32 = 4;
export const LOAD_INSTRUCTION: i32 = 5;

/** Most tree-path entries a query may leave on the stack: a query is at most 64 KiB of text in practice. */
const MAX_PATH_STACK: u32 = 1 << 20;

let imageEnd: usize = 0;
let codeStart: usize = 0;
let codeEnd: usize = 0;
let slotCount: u32 = 0;
let outcomeCount: u32 = 0;

/** Whether `bytes` from `ptr` lie inside the image, without overflow. */
function inImage(ptr: u32, bytes: u64): bool {
  return <usize>ptr >= IMAGE_BASE && <u64>ptr + bytes <= <u64>imageEnd;
}

function isOutcome(outcome: u32): bool {
  return outcome < outcomeCount;
}

/** An outcome, or a later instruction of the code region. */
function isNext(pc: usize, next: u32): bool {
  return (next & 1) != 0 ? isOutcome(next >> 1) : isForward(pc, next);
}

/** A later instruction of the code region. */
function isForward(pc: usize, target: u32): bool {
  return <usize>target > pc && isInstruction(target);
}

function isInstruction(target: u32): bool {
  return <usize>target >= codeStart && <usize>target < codeEnd && (<usize>target - codeStart) % INSTRUCTION_BYTES == 0;
}

function areStrings(list: u32, count: u32): bool {
  if (!inImage(list, <u64>count * 8)) return false;
  for (let i: u32 = 0; i < count; i++) {
    const item = <usize>list + (<usize>i << 3);
    if (!inImage(load<u32>(item), load<u32>(item, 4))) return false;
  }
  return true;
}

function verifySplit(table: u32): bool {
  if (!inImage(table, SPLIT_HEADER_BYTES)) return false;
  const count = load<u32>(table, 4);
  if (!isOutcome(load<u32>(table, 8))) return false;
  if (!inImage(table, SPLIT_HEADER_BYTES + <u64>count * SPLIT_ENTRY_BYTES)) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (!isOutcome(load<u32>(<usize>table + SPLIT_HEADER_BYTES + <usize>i * SPLIT_ENTRY_BYTES, 8))) return false;
  }
  return true;
}

function verifySchedule(pc: usize, table: u32, count: u32): bool {
  if (!inImage(table, <u64>count * SCHEDULE_ENTRY_BYTES)) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (!isForward(pc, load<u32>(<usize>table + <usize>i * SCHEDULE_ENTRY_BYTES, 12))) return false;
  }
  return true;
}

function verifyVersion(table: u32): bool {
  if (!inImage(table, SEMVER_BYTES)) return false;
  const pre = load<u32>(table, SEMVER_PRE);
  return pre == 0 || inImage(pre, load<u32>(table, SEMVER_PRE_BYTES));
}

/** Outcomes of OP_BUCKET: two, and a third or NO_OUTCOME. */
function verifyBucket(table: u32): bool {
  if (!inImage(table, 12)) return false;
  const empty = load<u32>(table, 8);
  return isOutcome(load<u32>(table)) && isOutcome(load<u32>(table, 4)) && (empty == NO_OUTCOME || isOutcome(empty));
}

function verifyInstruction(pc: usize): bool {
  const word = load<u32>(pc);
  const op = word & 0x7f;
  const a = load<u32>(pc, 4);
  const b = load<u32>(pc, 8);
  if (word >> 8 >= slotCount) return false;
  if (op == OP_RETURN) return isOutcome(a);
  if (op == OP_SPLIT) return verifySplit(a);
  if (op == OP_PROGRESS) {
    return (
      b < slotCount &&
      inImage(a, PROGRESS_BYTES) &&
      isOutcome(load<u32>(a, PROGRESS_INITIAL_OUTCOME)) &&
      isOutcome(load<u32>(a, PROGRESS_END_OUTCOME))
    );
  }
  const met = load<u32>(pc, 12);
  const unmet = load<u32>(pc, 16);
  if (!isNext(pc, met) || !isNext(pc, unmet)) return false;
  if ((word & OP_FINAL) != 0 && (met & unmet & 1) == 0) return false;
  if (op == OP_JUMP || op == OP_PRESENT || op == OP_NIL || op == OP_BOOL || op == OP_RESOLVE) return true;
  if (op >= OP_STRING_EQ && op <= OP_STRING_EW) return inImage(a, b);
  if (op == OP_STRING_IN) return areStrings(a, b);
  if (op >= OP_SEMVER_EQ && op <= OP_SEMVER_LE) return verifyVersion(a);
  if (op >= OP_INT_EQ && op < OP_INT_IN) return true;
  if (op >= OP_FLOAT_EQ && op < OP_FLOAT_IN) return true;
  if (op == OP_INT_IN || op == OP_FLOAT_IN) return inImage(a, <u64>b * 8);
  if (op == OP_QUERY) return a <= MAX_PATH_STACK;
  if (op == OP_RESOLVE_TREE) return b > 0 && areStrings(a, b);
  if (op == OP_JSONLOGIC) return inImage(a, VALUE_BYTES) && verifyRule(a, IMAGE_BASE, imageEnd, slotCount);
  if (op == OP_WINDOW) return inImage(a, WINDOW_BYTES) && isOutcome(b);
  if (op == OP_SCHEDULE) return verifySchedule(pc, a, b);
  if (op == OP_BUCKET) return verifyBucket(a);
  return op == OP_NO_KEY && isOutcome(a);
}

/** Enrichment constants are scalars and strings; deep ones go through the context tree. */
function verifyConstant(entry: usize): bool {
  const value = entry + 8;
  if (load<u32>(entry) >= slotCount || load<u32>(entry) == 0) return false;
  const tag = tagOf(value);
  if (tag == TAG_ASCII || tag == TAG_TEXT) return inImage(<u32>ptrOf(value), countOf(value));
  if (tag <= TAG_FLOAT || isMarker(tag)) return true;
  // A slot that refers to a slot means nothing.
  return tag != TAG_SLOT && verifyRule(value, IMAGE_BASE, imageEnd, slotCount);
}

function isMarker(tag: u32): bool {
  return tag == 10 || tag == 11;
}

/** LOAD_OK, or what is wrong with the `bytes` at IMAGE_BASE. */
export function verifyImage(bytes: u32): i32 {
  imageEnd = IMAGE_BASE + bytes;
  if (bytes < HEADER_BYTES || load<u32>(IMAGE_BASE) != MAGIC || load<u32>(IMAGE_BASE, 4) != ABI_VERSION) return LOAD_HEADER;
  if (load<u32>(IMAGE_BASE, 8) != bytes) return LOAD_HEADER;
  const flagCount = load<u32>(IMAGE_BASE, 12);
  const flags = load<u32>(IMAGE_BASE, 16);
  slotCount = load<u32>(IMAGE_BASE, 20);
  codeStart = <usize>load<u32>(IMAGE_BASE, 24);
  codeEnd = <usize>load<u32>(IMAGE_BASE, 28);
  outcomeCount = load<u32>(IMAGE_BASE, 32);
  const hashSeeds = load<u32>(IMAGE_BASE, 36);
  const hashCount = load<u32>(IMAGE_BASE, 40);
  const constants = load<u32>(IMAGE_BASE, 44);
  const constantCount = load<u32>(IMAGE_BASE, 48);
  if (slotCount == 0 || slotCount > 0xffffff || codeStart > codeEnd || codeStart < IMAGE_BASE || codeEnd > imageEnd) {
    return LOAD_HEADER;
  }
  if ((codeEnd - codeStart) % INSTRUCTION_BYTES != 0 || (hashCount & 15) != 0) return LOAD_HEADER;
  if (!inImage(flags, <u64>flagCount * FLAG_RECORD_BYTES)) return LOAD_HEADER;
  if (!inImage(hashSeeds, <u64>hashCount * 4)) return LOAD_HEADER;
  if (!inImage(constants, <u64>constantCount * CONSTANT_SLOT_BYTES)) return LOAD_HEADER;
  const batchOrder = load<u32>(IMAGE_BASE, 52);
  if (!inImage(batchOrder, <u64>flagCount * 4)) return LOAD_HEADER;

  for (let i: u32 = 0; i < flagCount; i++) {
    const record = <usize>flags + <usize>i * FLAG_RECORD_BYTES;
    const hashIndex = load<u32>(record, 8);
    if (load<u32>(<usize>batchOrder + (<usize>i << 2)) >= flagCount) return LOAD_FLAG;
    if (!isInstruction(load<u32>(record)) || (hashIndex != NO_HASH && hashIndex >= hashCount)) return LOAD_FLAG;
  }
  for (let i: u32 = 0; i < constantCount; i++) {
    if (!verifyConstant(<usize>constants + <usize>i * CONSTANT_SLOT_BYTES)) return LOAD_SLOT;
  }
  for (let pc = codeStart; pc < codeEnd; pc += INSTRUCTION_BYTES) {
    if (!verifyInstruction(pc)) return LOAD_INSTRUCTION;
  }
  return LOAD_OK;
}
