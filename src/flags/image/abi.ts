/** The compiler's half of the contract with the kernel; assembly/flags/abi.ts draws the layouts. A test holds them equal. */

export const ABI_VERSION = 1;
export const MAGIC = 0x54434445;
export const HEADER_BYTES = 64;
export const FLAG_RECORD_BYTES = 16;
export const CONSTANT_SLOT_BYTES = 24;
export const INSTRUCTION_WORDS = 5;
export const INSTRUCTION_BYTES = INSTRUCTION_WORDS * 4;
export const NO_HASH = 0xffffffff;
export const NO_OUTCOME = 0xffffffff;

/** Bit of the operation byte: both nexts are outcomes. */
export const OP_FINAL = 0x80;

/** Operation codes. `eq` codes of a family begin a run in the order eq ne gt lt ge le. */
export const Op = {
  jump: 1,
  present: 2,
  nil: 3,
  bool: 4,
  stringEq: 5,
  stringCo: 11,
  stringSw: 12,
  stringEw: 13,
  stringIn: 14,
  semverEq: 15,
  intEq: 21,
  intIn: 27,
  floatEq: 28,
  floatIn: 34,
  query: 35,
  resolve: 36,
  resolveTree: 37,
  jsonLogic: 38,
  return: 48,
  split: 49,
  progress: 50,
  window: 51,
  schedule: 52,
  bucket: 53,
  noKey: 54,
} as const;

/** Results of the kernel's `evaluate` below zero. */
export const RESULT_STEPS = -1;
export const RESULT_MEMORY = -2;

export const SPLIT_HEADER_BYTES = 12;
export const SPLIT_ENTRY_BYTES = 12;
export const SEMVER_BYTES = 32;
export const PROGRESS_BYTES = 56;
export const WINDOW_BYTES = 32;
export const SCHEDULE_ENTRY_BYTES = 16;

/** Words of one outcome record: flag, name, value, rule name (NONE: none), rule index + 1, facts. */
export const OUTCOME_WORDS = 6;
/** Words of one flag row in the host's table; see FlagRow. */
export const FLAG_WORDS = 10;
export const NONE = 0xffffffff;

/** Columns of a flag row. */
export const FlagColumn = {
  /** Outcome + 1 of a flag that needs no guest call; 0 = call. */
  constantOutcome: 0,
  /** Range of the flag's slots in `lists`. */
  slotsStart: 1,
  slotsCount: 2,
  /** Range of the tree roots (indexes into `rootNames`) in `lists`. */
  rootsStart: 3,
  rootsCount: 4,
  /** Bits below. */
  bits: 5,
  /** Range of the flag's JSON text in `text`. */
  textStart: 6,
  textEnd: 7,
  /** Content digest, two halves. */
  digestLow: 8,
  digestHigh: 9,
} as const;

export const FlagBit = {
  /** Reads the clock. */
  time: 1,
  /** Reads the context tree. */
  tree: 2,
  /** … of every attribute. */
  allRoots: 4,
  /** trackEvents is false. */
  untracked: 8,
  /** The flag itself is broken: it answers an error whatever the context. */
  broken: 16,
  /** Hashes the targeting key: the batch hashes it for all such flags at once. */
  hashes: 32,
} as const;
