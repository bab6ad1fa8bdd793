/**
 * A component that is one core module, called straight through the canonical ABI: no generated code between, and the module
 * is verified and metered like any other.
 */

import { GuestMemory } from '../../wasm/memory.ts';
import { END_REASONS, type EndReason } from '../model/phases.ts';
import { CanonicalMemory } from './canonical-memory.ts';
import type { WitType } from './canonical-types.ts';
import { type GuestPort, LiftFault } from './guest-port.ts';
import {
  chunkResult,
  initParams,
  initResult,
  planResult,
  requestChunkParams,
  requestParams,
  requestResult,
  responseChunkParams,
  responseChunkResult,
  responseParams,
  responseResult,
  stateResult,
} from './wit-layout.ts';
import type { WitChunk, WitPolicyInfo, WitRequestInput, WitResponseInput } from './wit-values.ts';

/** The interface that a policy exports, as core modules name it. */
export const GUEST_INTERFACE = 'edict:policy/guest@0.1.0';

export type GuestFunction =
  | 'plan'
  | 'init'
  | 'destroy'
  | 'on-request-headers'
  | 'on-request-body'
  | 'on-response-headers'
  | 'on-response-body'
  | 'needs-more-request-data'
  | 'needs-more-response-data'
  | 'on-request-chunk'
  | 'on-response-chunk'
  | 'on-stream-end'
  | 'export-state'
  | 'import-state';

type CoreFunction = (...args: (number | bigint)[]) => number;

/** Exports that verification has found, by name. */
export type ComponentExports = Readonly<Record<string, unknown>> & {
  readonly memory: WebAssembly.Memory;
  readonly cabi_realloc: CoreFunction;
};

/** A function with the one that frees what it answered. */
interface Export {
  readonly call: CoreFunction;
  readonly done: CoreFunction | undefined;
}

export class DirectPort implements GuestPort {
  readonly #exports: Readonly<Record<GuestFunction, Export>>;
  readonly #memory: CanonicalMemory;

  constructor(exports: ComponentExports, maxAnswerBytes: number) {
    this.#memory = new CanonicalMemory(new GuestMemory(exports.memory), exports.cabi_realloc, maxAnswerBytes);
    const named = (name: GuestFunction): Export => ({
      call: exports[`${GUEST_INTERFACE}#${name}`] as CoreFunction,
      done: exports[`cabi_post_${GUEST_INTERFACE}#${name}`] as CoreFunction | undefined,
    });
    this.#exports = {
      plan: named('plan'),
      init: named('init'),
      destroy: named('destroy'),
      'on-request-headers': named('on-request-headers'),
      'on-request-body': named('on-request-body'),
      'on-response-headers': named('on-response-headers'),
      'on-response-body': named('on-response-body'),
      'needs-more-request-data': named('needs-more-request-data'),
      'needs-more-response-data': named('needs-more-response-data'),
      'on-request-chunk': named('on-request-chunk'),
      'on-response-chunk': named('on-response-chunk'),
      'on-stream-end': named('on-stream-end'),
      'export-state': named('export-state'),
      'import-state': named('import-state'),
    };
  }

  /** Header values are written as they are. */
  bytesOf(latin1: string): string {
    return latin1;
  }

  plan(info: WitPolicyInfo, paramsJson: string): ReturnType<GuestPort['plan']> {
    return this.#call('plan', initParams, { info, paramsJson }, planResult);
  }

  init(info: WitPolicyInfo, paramsJson: string): ReturnType<GuestPort['init']> {
    return this.#call('init', initParams, { info, paramsJson }, initResult);
  }

  destroy(handle: number): void {
    this.#exports.destroy.call(handle);
  }

  onRequestHeaders(handle: number, input: WitRequestInput): ReturnType<GuestPort['onRequestHeaders']> {
    return this.#call('on-request-headers', requestParams, { handle, input }, requestResult);
  }

  onRequestBody(handle: number, input: WitRequestInput): ReturnType<GuestPort['onRequestBody']> {
    return this.#call('on-request-body', requestParams, { handle, input }, requestResult);
  }

  onResponseHeaders(handle: number, input: WitResponseInput): ReturnType<GuestPort['onResponseHeaders']> {
    return this.#call('on-response-headers', responseParams, { handle, input }, responseResult);
  }

  onResponseBody(handle: number, input: WitResponseInput): ReturnType<GuestPort['onResponseBody']> {
    return this.#call('on-response-body', responseParams, { handle, input }, responseResult);
  }

  needsMoreRequestData(handle: number, streamId: number, fresh: Uint8Array, total: bigint): boolean {
    return this.#ask('needs-more-request-data', handle, streamId, fresh, total);
  }

  needsMoreResponseData(handle: number, streamId: number, fresh: Uint8Array, total: bigint): boolean {
    return this.#ask('needs-more-response-data', handle, streamId, fresh, total);
  }

  onRequestChunk(handle: number, input: WitRequestInput, part: WitChunk): ReturnType<GuestPort['onRequestChunk']> {
    return this.#call('on-request-chunk', requestChunkParams, { handle, input, part }, chunkResult);
  }

  onResponseChunk(handle: number, input: WitResponseInput, part: WitChunk): ReturnType<GuestPort['onResponseChunk']> {
    return this.#call('on-response-chunk', responseChunkParams, { handle, input, part }, responseChunkResult);
  }

  onStreamEnd(handle: number, streamId: number, reason: EndReason): void {
    this.#exports['on-stream-end'].call(handle, streamId, END_REASONS.indexOf(reason));
  }

  exportState(handle: number): Uint8Array | undefined {
    const { call, done } = this.#exports['export-state'];
    return this.#take(call(handle), stateResult, done);
  }

  importState(handle: number, state: Uint8Array): boolean {
    const place = this.#place(state);
    return this.#exports['import-state'].call(handle, place, state.length) !== 0;
  }

  #ask(name: GuestFunction, handle: number, streamId: number, fresh: Uint8Array, total: bigint): boolean {
    return this.#exports[name].call(handle, streamId, this.#place(fresh), fresh.length, total) !== 0;
  }

  #call<P, R>(name: GuestFunction, params: WitType<P>, values: P, result: WitType<R>): R {
    const memory = this.#memory;
    const place = memory.allocate(params.size, params.align);
    params.store(memory, place, values);
    const { call, done } = this.#exports[name];
    return this.#take(call(place), result, done);
  }

  /** Reads an answer and tells the guest that it was read. */
  #take<R>(place: number, type: WitType<R>, done: CoreFunction | undefined): R {
    const memory = this.#memory;
    const start = place >>> 0;
    memory.beginAnswer();
    if (start === 0) throw new LiftFault('the guest answered from nowhere');
    memory.checkArray(start, 1, type.size, type.align);
    const value = type.load(memory, start);
    done?.(start);
    return value;
  }

  #place(bytes: Uint8Array): number {
    const place = this.#memory.allocate(bytes.length, 1);
    this.#memory.write(place, bytes);
    return place;
  }
}
