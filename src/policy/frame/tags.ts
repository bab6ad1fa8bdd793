/**
 * The frame of the guest interface `edict-core/1` in numbers; assembly/policy/tags.ts says the same for guests, a test holds
 * the two equal, and docs/policy-abi.md has the tables.
 *
 *   frame   u16 magic, u8 version, u8 kind, u32 total length, u32 fields; then the fields. All little-endian
 *   field   u16 tag, u16 flags, u32 length, bytes, padding to a multiple of four
 *   pairs   u32 count; for each: u32 name offset, name length, value offset, value length, relative to the block; then bytes
 *   names   u32 count; for each: u32 offset, length; then bytes
 */

export const MAGIC = 0xed1c;
export const FRAME_VERSION = 1;
export const HEAD_BYTES = 12;
export const FIELD_BYTES = 8;

/** What a frame is about. */
export const FrameKind = { input: 1, output: 2, hostData: 3 } as const;

/** Flag of a field: whoever does not know its tag must not go on. */
export const CRITICAL = 1;

/** Fields of input frames. */
export const Input = {
  requestId: 1,
  route: 2,
  tenant: 3,
  policy: 4,
  params: 5,
  api: 6,
  auth: 7,
  metadata: 8,
  deadline: 9,
  traceparent: 10,
  requestHeaders: 16,
  path: 17,
  method: 18,
  authority: 19,
  scheme: 20,
  vhost: 21,
  requestBody: 22,
  requestBodyFlags: 23,
  downstream: 24,
  upstream: 25,
  overlay: 26,
  responseHeaders: 32,
  status: 33,
  responseBody: 34,
  responseBodyFlags: 35,
  upstreamResponse: 36,
  chunk: 48,
  chunkIndex: 49,
  chunkFlags: 50,
  streamId: 51,
  total: 52,
  fresh: 53,
  clientIp: 54,
} as const;

/** Fields of output frames. */
export const Output = {
  headersSet: 64,
  headersAppend: 65,
  headersRemove: 66,
  path: 67,
  host: 68,
  method: 69,
  upstreamName: 70,
  upstreamSlot: 71,
  queryAdd: 72,
  querySet: 73,
  queryRemove: 74,
  body: 75,
  bodyParts: 76,
  status: 77,
  analytics: 78,
  dynamicMetadata: 79,
  headerFilter: 80,
  immediateStatus: 81,
  fault: 82,
  terminate: 83,
  metadataPatch: 84,
  auth: 85,
  overlaySet: 86,
  overlayRemove: 87,
  overlayAppend: 88,
} as const;

/** Fields of host data frames, with which pending calls are resumed. */
export const HostData = { result: 96, error: 97 } as const;

/** Bits of the body flags. */
export const BodyFlag = { present: 1, endOfStream: 2, truncated: 4, encoded: 8 } as const;

/** Bit of the chunk flags; the same as that of a body, as is `encoded`. */
export const CHUNK_END_OF_STREAM = 2;

/** Kinds of body parts: `u8 kind, 3 bytes 0, u32 length, bytes, padding`, or `u8 kind, 3 bytes 0, u32 offset, u32 length`. */
export const BodyPart = { literal: 0, slice: 1 } as const;

/** What a guest answers below zero (docs/policy-abi.md). */
export const GuestCode = {
  internal: -1,
  version: -2,
  decode: -3,
  params: -4,
  phase: -5,
  handle: -6,
  memory: -7,
  host: -8,
  limit: -9,
  cancelled: -10,
  pending: -100,
} as const;

/** What host functions answer below zero. */
export const HostCode = {
  denied: -20,
  'not-found': -21,
  'too-large': -22,
  limit: -23,
  deadline: -24,
  conflict: -25,
  unavailable: -26,
  'bad-argument': -27,
} as const;
