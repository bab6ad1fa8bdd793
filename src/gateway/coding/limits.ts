/** How far a coded body may grow when it is decoded: a small body must not cost a large memory. */

/** What the owner of a gateway decides. */
export interface DecodingLimits {
  /** Largest decoded body, in bytes; of a streamed body, the most that one piece of it may decode to. */
  readonly maxDecompressedBytes: number;
}

export const DEFAULT_MAX_DECOMPRESSED_BYTES = 10_485_760;

/** Times the size it had on the wire. Text compresses ten times, rarely thirty; what grows more was made for that. */
const MAX_RATIO = 100;

/** Up to here the ratio says nothing: a short body of blanks is no bomb. */
const FREE_BYTES = 65_536;

/** How large a body of so many bytes on the wire may become. */
export function ceilingOf(wireBytes: number, { maxDecompressedBytes }: DecodingLimits): number {
  return Math.min(maxDecompressedBytes, ratioCeiling(wireBytes));
}

/** The ratio alone, for streams, whose whole size nobody bounds. */
export function ratioCeiling(wireBytes: number): number {
  return Math.max(FREE_BYTES, wireBytes * MAX_RATIO);
}
