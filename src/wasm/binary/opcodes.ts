/** Which operations there are and what follows each in the code; one table per prefix. */

/** What stands behind an opcode. Values from {@link EXCEPTION} on are no immediates but reasons to refuse. */
export const UNKNOWN = 0;
export const NONE = 1;
export const BLOCK_TYPE = 2;
/** Indices, by what they name. */
export const LABEL = 3;
export const FUNCTION = 4;
export const LOCAL = 5;
export const GLOBAL = 6;
export const TABLE = 7;
export const MEMORY = 8;
export const DATA_SEGMENT = 9;
export const ELEMENT_SEGMENT = 10;
export const LABELS = 11;
/** A type, then a table. */
export const TYPE_TABLE = 12;
export const VALUE_TYPES = 13;
export const REFERENCE_TYPE = 14;
export const MEMORY_ARGUMENT = 15;
export const MEMORY_ARGUMENT_LANE = 16;
export const S32 = 17;
export const S64 = 18;
export const BYTES_1 = 19;
export const BYTES_4 = 20;
export const BYTES_8 = 21;
export const BYTES_16 = 22;
/** Two indices of the same kind, or of the two kinds named. */
export const MEMORY_MEMORY = 23;
export const TABLE_TABLE = 24;
export const DATA_MEMORY = 25;
export const ELEMENT_TABLE = 26;
export const PREFIX_FC = 27;
export const PREFIX_FD = 28;
export const EXCEPTION = 29;
export const GC = 30;
export const THREADS = 31;
export const RELAXED = 32;

type Entry = readonly [from: number, to: number, immediates: number];

function tableOf(size: number, ...entries: readonly Entry[]): Uint8Array {
  const table = new Uint8Array(size);
  for (const [from, to, immediates] of entries) table.fill(immediates, from, to + 1);
  return table;
}

/** Operations the walk or the rewriter must know by name. */
export const OP = {
  UNREACHABLE: 0x00,
  BLOCK: 0x02,
  LOOP: 0x03,
  IF: 0x04,
  ELSE: 0x05,
  END: 0x0b,
  CALL: 0x10,
  CALL_INDIRECT: 0x11,
  RETURN_CALL: 0x12,
  RETURN_CALL_INDIRECT: 0x13,
  LOCAL_GET: 0x20,
  LOCAL_SET: 0x21,
  LOCAL_TEE: 0x22,
  GLOBAL_GET: 0x23,
  GLOBAL_SET: 0x24,
  MEMORY_GROW: 0x40,
  I32_CONST: 0x41,
  I32_LT_S: 0x48,
  I32_ADD: 0x6a,
  I32_SUB: 0x6b,
  I32_SHR_U: 0x76,
  REF_FUNC: 0xd2,
} as const;

/** Operations of one byte. */
export const PLAIN: Uint8Array = tableOf(
  256,
  [0x00, 0x01, NONE],
  [0x02, 0x04, BLOCK_TYPE],
  [0x05, 0x05, NONE],
  [0x06, 0x0a, EXCEPTION],
  [0x0b, 0x0b, NONE],
  [0x0c, 0x0d, LABEL],
  [0x0e, 0x0e, LABELS],
  [0x0f, 0x0f, NONE],
  [0x10, 0x10, FUNCTION],
  [0x11, 0x11, TYPE_TABLE],
  [0x12, 0x12, FUNCTION],
  [0x13, 0x13, TYPE_TABLE],
  // Calls through typed references belong to the same family of proposals as garbage collection.
  [0x14, 0x15, GC],
  [0x18, 0x19, EXCEPTION],
  [0x1a, 0x1b, NONE],
  [0x1c, 0x1c, VALUE_TYPES],
  [0x1f, 0x1f, EXCEPTION],
  [0x20, 0x22, LOCAL],
  [0x23, 0x24, GLOBAL],
  [0x25, 0x26, TABLE],
  [0x28, 0x3e, MEMORY_ARGUMENT],
  [0x3f, 0x40, MEMORY],
  [0x41, 0x41, S32],
  [0x42, 0x42, S64],
  [0x43, 0x43, BYTES_4],
  [0x44, 0x44, BYTES_8],
  [0x45, 0xc4, NONE],
  [0xd0, 0xd0, REFERENCE_TYPE],
  [0xd1, 0xd1, NONE],
  [0xd2, 0xd2, FUNCTION],
  [0xd3, 0xd6, GC],
  [0xfb, 0xfb, GC],
  [0xfc, 0xfc, PREFIX_FC],
  [0xfd, 0xfd, PREFIX_FD],
  [0xfe, 0xfe, THREADS],
);

/** Operations behind 0xFC. */
export const FC = {
  MEMORY_INIT: 8,
  MEMORY_COPY: 10,
  MEMORY_FILL: 11,
  TABLE_INIT: 12,
  TABLE_COPY: 14,
  TABLE_GROW: 15,
  TABLE_FILL: 17,
} as const;

export const AFTER_FC: Uint8Array = tableOf(
  18,
  [0, 7, NONE],
  [8, 8, DATA_MEMORY],
  [9, 9, DATA_SEGMENT],
  [10, 10, MEMORY_MEMORY],
  [11, 11, MEMORY],
  [12, 12, ELEMENT_TABLE],
  [13, 13, ELEMENT_SEGMENT],
  [14, 14, TABLE_TABLE],
  [15, 17, TABLE],
);

/** Operations behind 0xFD: 128-bit SIMD, whose numbers have gaps. */
export const AFTER_FD: Uint8Array = tableOf(
  0x114,
  [0x00, 0x0b, MEMORY_ARGUMENT],
  [0x0c, 0x0d, BYTES_16],
  [0x0e, 0x14, NONE],
  [0x15, 0x22, BYTES_1],
  [0x23, 0x53, NONE],
  [0x54, 0x5b, MEMORY_ARGUMENT_LANE],
  [0x5c, 0x5d, MEMORY_ARGUMENT],
  [0x5e, 0xff, NONE],
  [0x9a, 0x9a, UNKNOWN],
  [0xa2, 0xa2, UNKNOWN],
  [0xa5, 0xa6, UNKNOWN],
  [0xaf, 0xb0, UNKNOWN],
  [0xb2, 0xb4, UNKNOWN],
  [0xbb, 0xbb, UNKNOWN],
  [0xc2, 0xc2, UNKNOWN],
  [0xc5, 0xc6, UNKNOWN],
  [0xcf, 0xd0, UNKNOWN],
  [0xd2, 0xd4, UNKNOWN],
  [0xe2, 0xe2, UNKNOWN],
  [0xee, 0xee, UNKNOWN],
  // Their results may differ between machines, so nothing that must be repeatable can use them.
  [0x100, 0x113, RELAXED],
);

/** Why an operation of one of the refused families is refused. */
export const REFUSED: Readonly<Record<number, string>> = {
  [EXCEPTION]: 'it uses exception handling',
  [GC]: 'it uses GC types',
  [THREADS]: 'it uses threads',
  [RELAXED]: 'it uses relaxed SIMD, whose results differ between machines',
};
