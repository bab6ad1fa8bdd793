/**
 * The frame of the guest interface `edict-core/1` in numbers; src/policy/frame/tags.ts says the same for the host, and a test
 * holds the two equal. Layouts are in docs/policy-abi.md.
 */

export const ABI_VERSION: u32 = 65_536;

export const MAGIC: u32 = 0xed1c;
export const FRAME_VERSION: u32 = 1;
export const HEAD_BYTES: u32 = 12;
export const FIELD_BYTES: u32 = 8;
export const CRITICAL: u32 = 1;

export const KIND_INPUT: u32 = 1;
export const KIND_OUTPUT: u32 = 2;
export const KIND_HOST_DATA: u32 = 3;

export const IN_REQUEST_ID: u32 = 1;
export const IN_ROUTE: u32 = 2;
export const IN_TENANT: u32 = 3;
export const IN_POLICY: u32 = 4;
export const IN_PARAMS: u32 = 5;
export const IN_API: u32 = 6;
export const IN_AUTH: u32 = 7;
export const IN_METADATA: u32 = 8;
export const IN_DEADLINE: u32 = 9;
export const IN_TRACEPARENT: u32 = 10;
export const IN_REQUEST_HEADERS: u32 = 16;
export const IN_PATH: u32 = 17;
export const IN_METHOD: u32 = 18;
export const IN_AUTHORITY: u32 = 19;
export const IN_SCHEME: u32 = 20;
export const IN_VHOST: u32 = 21;
export const IN_REQUEST_BODY: u32 = 22;
export const IN_REQUEST_BODY_FLAGS: u32 = 23;
export const IN_DOWNSTREAM: u32 = 24;
export const IN_UPSTREAM: u32 = 25;
export const IN_OVERLAY: u32 = 26;
export const IN_RESPONSE_HEADERS: u32 = 32;
export const IN_STATUS: u32 = 33;
export const IN_RESPONSE_BODY: u32 = 34;
export const IN_RESPONSE_BODY_FLAGS: u32 = 35;
export const IN_UPSTREAM_RESPONSE: u32 = 36;
export const IN_CHUNK: u32 = 48;
export const IN_CHUNK_INDEX: u32 = 49;
export const IN_CHUNK_FLAGS: u32 = 50;
export const IN_STREAM_ID: u32 = 51;
export const IN_TOTAL: u32 = 52;
export const IN_FRESH: u32 = 53;
export const IN_CLIENT_IP: u32 = 54;

export const OUT_HEADERS_SET: u32 = 64;
export const OUT_HEADERS_APPEND: u32 = 65;
export const OUT_HEADERS_REMOVE: u32 = 66;
export const OUT_PATH: u32 = 67;
export const OUT_HOST: u32 = 68;
export const OUT_METHOD: u32 = 69;
export const OUT_UPSTREAM_NAME: u32 = 70;
export const OUT_UPSTREAM_SLOT: u32 = 71;
export const OUT_QUERY_ADD: u32 = 72;
export const OUT_QUERY_SET: u32 = 73;
export const OUT_QUERY_REMOVE: u32 = 74;
export const OUT_BODY: u32 = 75;
export const OUT_BODY_PARTS: u32 = 76;
export const OUT_STATUS: u32 = 77;
export const OUT_ANALYTICS: u32 = 78;
export const OUT_DYNAMIC_METADATA: u32 = 79;
export const OUT_HEADER_FILTER: u32 = 80;
export const OUT_IMMEDIATE_STATUS: u32 = 81;
export const OUT_FAULT: u32 = 82;
export const OUT_TERMINATE: u32 = 83;
export const OUT_METADATA_PATCH: u32 = 84;
export const OUT_AUTH: u32 = 85;
export const OUT_OVERLAY_SET: u32 = 86;
export const OUT_OVERLAY_REMOVE: u32 = 87;
export const OUT_OVERLAY_APPEND: u32 = 88;

export const DATA_RESULT: u32 = 96;
export const DATA_ERROR: u32 = 97;

export const BODY_PRESENT: u32 = 1;
export const BODY_END_OF_STREAM: u32 = 2;
export const BODY_TRUNCATED: u32 = 4;
export const BODY_ENCODED: u32 = 8;
export const CHUNK_END_OF_STREAM: u32 = 2;

export const PART_LITERAL: u32 = 0;
export const PART_SLICE: u32 = 1;

export const ERROR_INTERNAL: i32 = -1;
export const ERROR_VERSION: i32 = -2;
export const ERROR_DECODE: i32 = -3;
export const ERROR_PARAMS: i32 = -4;
export const ERROR_PHASE: i32 = -5;
export const ERROR_HANDLE: i32 = -6;
export const ERROR_MEMORY: i32 = -7;
export const ERROR_HOST: i32 = -8;
export const ERROR_LIMIT: i32 = -9;
export const ERROR_CANCELLED: i32 = -10;
export const PENDING: i32 = -100;

export const HOST_DENIED: i32 = -20;
export const HOST_NOT_FOUND: i32 = -21;
export const HOST_TOO_LARGE: i32 = -22;
export const HOST_LIMIT: i32 = -23;
export const HOST_DEADLINE: i32 = -24;
export const HOST_CONFLICT: i32 = -25;
export const HOST_UNAVAILABLE: i32 = -26;
export const HOST_BAD_ARGUMENT: i32 = -27;
