/**
 * The contract between compiler, host and kernel: version, image header, record sizes, operation codes.
 * src/flags/image/abi.ts says the same for the host; a test holds the two equal.
 *
 *   image header (64 bytes at IMAGE_BASE, little-endian u32)
 *    0 magic "EDCT"    4 ABI version      8 image bytes       12 flags
 *   16 flag records   20 slots           24 first instruction 28 end of instructions
 *   32 outcomes       36 hash seeds      40 hash seeds count  44 constant slots
 *   48 constant slots count           52 batch order
 *
 *   flag record (16 bytes): first instruction, hash seed, index into the hash seeds (NO_HASH: none), 0
 *   batch order: one flag number each, so that equal first conditions are neighbours
 *   constant slot (24 bytes): slot, 0, value
 *   instruction (20 bytes): operation u8 + slot u24, a, b, next when true, next when false
 *     a next is the address of an instruction (a multiple of four), or outcome * 2 + 1 where the program ends
 */

export const ABI_VERSION: u32 = 1;

export const IMAGE_BASE: usize = 65_536;
export const MAGIC: u32 = 0x54434445;
export const HEADER_BYTES: u32 = 64;

export const FLAG_RECORD_BYTES: usize = 16;
export const CONSTANT_SLOT_BYTES: usize = 24;
export const INSTRUCTION_BYTES: usize = 20;
export const NO_HASH: u32 = 0xffffffff;
export const NO_OUTCOME: u32 = 0xffffffff;

/** Longest evaluation: steps of JSONLogic, map look-ups and tree walks. About 50 ms of work. */
export const STEP_BUDGET: i32 = 5_000_000;

// Results of `evaluate` below zero.
export const RESULT_STEPS: i32 = -1;
export const RESULT_MEMORY: i32 = -2;

/** Bit of the operation byte: both nexts are outcomes. */
export const OP_FINAL: u32 = 0x80;

// Conditions: go on at `t` or `f`.
export const OP_JUMP: u32 = 1;
export const OP_PRESENT: u32 = 2;
export const OP_NIL: u32 = 3;
export const OP_BOOL: u32 = 4;
export const OP_STRING_EQ: u32 = 5;
export const OP_STRING_NE: u32 = 6;
export const OP_STRING_GT: u32 = 7;
export const OP_STRING_LT: u32 = 8;
export const OP_STRING_GE: u32 = 9;
export const OP_STRING_LE: u32 = 10;
export const OP_STRING_CO: u32 = 11;
export const OP_STRING_SW: u32 = 12;
export const OP_STRING_EW: u32 = 13;
export const OP_STRING_IN: u32 = 14;
export const OP_SEMVER_EQ: u32 = 15;
export const OP_SEMVER_NE: u32 = 16;
export const OP_SEMVER_GT: u32 = 17;
export const OP_SEMVER_LT: u32 = 18;
export const OP_SEMVER_GE: u32 = 19;
export const OP_SEMVER_LE: u32 = 20;
export const OP_INT_EQ: u32 = 21;
export const OP_INT_NE: u32 = 22;
export const OP_INT_GT: u32 = 23;
export const OP_INT_LT: u32 = 24;
export const OP_INT_GE: u32 = 25;
export const OP_INT_LE: u32 = 26;
export const OP_INT_IN: u32 = 27;
export const OP_FLOAT_EQ: u32 = 28;
export const OP_FLOAT_NE: u32 = 29;
export const OP_FLOAT_GT: u32 = 30;
export const OP_FLOAT_LT: u32 = 31;
export const OP_FLOAT_GE: u32 = 32;
export const OP_FLOAT_LE: u32 = 33;
export const OP_FLOAT_IN: u32 = 34;
/** Begins a stateful query: left = nil, stack empty; `a` = most entries its tree paths can leave on the stack. */
export const OP_QUERY: u32 = 35;
/** left = the slot, unless KEEP; ABORT goes on at `f`. */
export const OP_RESOLVE: u32 = 36;
/** The same along a path in the context tree: `a` = `b` pairs (name ptr, name bytes). */
export const OP_RESOLVE_TREE: u32 = 37;
/** `a` = encoded rule, `b` = 1 when it reads the context tree. */
export const OP_JSONLOGIC: u32 = 38;

// Decisions: end with an outcome, or go on at `t`.
export const OP_RETURN: u32 = 48;
/** `a`: modulus, count, outcome when nothing fits, then (start, end, outcome) each. */
export const OP_SPLIT: u32 = 49;
/** `a`: PROGRESS_* below. The slot is the date. */
export const OP_PROGRESS: u32 = 50;
/** `a`: WINDOW_* below; outside → outcome `b`. */
export const OP_WINDOW: u32 = 51;
/** `a`: `b` entries (seconds i64, nanos u32, instruction u32), ascending; the last one due, else `t`. */
export const OP_SCHEDULE: u32 = 52;
/** `a`: outcomes for no such member, not a string, empty (NO_OUTCOME: empty is fine). */
export const OP_BUCKET: u32 = 53;
/** Empty bucketing value → outcome `a`. */
export const OP_NO_KEY: u32 = 54;

export const SPLIT_HEADER_BYTES: usize = 12;
export const SPLIT_ENTRY_BYTES: usize = 12;

// Parsed version of the OP_SEMVER_* operations, 32 bytes; prerelease ptr 0: none.
export const SEMVER_MAJOR: usize = 0; // u64
export const SEMVER_MINOR: usize = 8; // u64
export const SEMVER_PATCH: usize = 16; // u64
export const SEMVER_PRE: usize = 24;
export const SEMVER_PRE_BYTES: usize = 28;
export const SEMVER_BYTES: usize = 32;

// OP_PROGRESS table, 56 bytes.
export const PROGRESS_START_SECONDS: usize = 0; // i64
export const PROGRESS_END_SECONDS: usize = 8; // i64
export const PROGRESS_START_NANOS: usize = 16;
export const PROGRESS_END_NANOS: usize = 20;
export const PROGRESS_INITIAL: usize = 24; // f64, thousandths of a percent
export const PROGRESS_END: usize = 32; // f64
export const PROGRESS_PER_SECOND: usize = 40; // f64
export const PROGRESS_INITIAL_OUTCOME: usize = 48;
export const PROGRESS_END_OUTCOME: usize = 52;
export const PROGRESS_BYTES: usize = 56;

// OP_WINDOW table, 32 bytes.
export const WINDOW_START_SECONDS: usize = 0; // i64
export const WINDOW_END_SECONDS: usize = 8; // i64
export const WINDOW_START_NANOS: usize = 16;
export const WINDOW_END_NANOS: usize = 20;
export const WINDOW_HAS_START: usize = 24;
export const WINDOW_HAS_END: usize = 28;
export const WINDOW_BYTES: usize = 32;

export const SCHEDULE_ENTRY_BYTES: usize = 16;
