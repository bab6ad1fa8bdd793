/** The exports of a component as typed calls, whichever way they are reached. */

import type { EndReason } from '../model/phases.ts';
import type {
  WitBytes,
  WitChunk,
  WitChunkChange,
  WitModes,
  WitPolicyInfo,
  WitRequestAction,
  WitRequestInput,
  WitResponseAction,
  WitResponseChunkAction,
  WitResponseInput,
  WitResult,
} from './wit-values.ts';

/** Every function may throw: traps, and whatever the glue between finds wrong. */
export interface GuestPort {
  /** How header values are handed over here. */
  bytesOf(latin1: string): WitBytes;
  plan(info: WitPolicyInfo, paramsJson: string): readonly [scope: string, shareKey: string];
  init(info: WitPolicyInfo, paramsJson: string): WitResult<readonly [handle: number, modes: WitModes]>;
  destroy(handle: number): void;
  onRequestHeaders(handle: number, input: WitRequestInput): WitResult<WitRequestAction | undefined>;
  onRequestBody(handle: number, input: WitRequestInput): WitResult<WitRequestAction | undefined>;
  onResponseHeaders(handle: number, input: WitResponseInput): WitResult<WitResponseAction | undefined>;
  onResponseBody(handle: number, input: WitResponseInput): WitResult<WitResponseAction | undefined>;
  needsMoreRequestData(handle: number, streamId: number, fresh: Uint8Array, total: bigint): boolean;
  needsMoreResponseData(handle: number, streamId: number, fresh: Uint8Array, total: bigint): boolean;
  onRequestChunk(handle: number, input: WitRequestInput, part: WitChunk): WitResult<WitChunkChange | undefined>;
  onResponseChunk(
    handle: number,
    input: WitResponseInput,
    part: WitChunk,
  ): WitResult<WitResponseChunkAction | undefined>;
  onStreamEnd(handle: number, streamId: number, reason: EndReason): void;
  exportState(handle: number): Uint8Array | undefined;
  importState(handle: number, state: Uint8Array): boolean;
}

/** The answer of a component is not what its type says, or larger than an answer may be. */
export class LiftFault extends Error {
  readonly code: 'DECODE' | 'OUTPUT_TOO_LARGE';

  constructor(message: string, code: 'DECODE' | 'OUTPUT_TOO_LARGE' = 'DECODE') {
    super(message);
    this.code = code;
  }
}
