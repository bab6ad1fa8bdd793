/** What a guest is told, as input frames: of an instance when it is made, of an exchange when a hook is called. */

import type { JsonObject } from '../../internal/json.ts';
import type {
  ApiInfo,
  Chunk,
  ExchangeFacts,
  HookInput,
  PolicyInfo,
  RequestSnapshot,
  ResponseSnapshot,
} from '../model/inputs.ts';
import type { InstanceInit } from '../model/instance.ts';
import { directionOf, Phase } from '../model/phases.ts';
import type { Body } from '../model/views.ts';
import type { DeclaredInputs } from './declared-inputs.ts';
import { type FrameMemory, FrameWriter } from './frame-writer.ts';
import { BodyFlag, CHUNK_END_OF_STREAM, FrameKind, HEAD_BYTES, Input } from './tags.ts';

/** Head, identity, request line and the headers of most messages; more is asked for when it does not do. */
const USUAL_BYTES = 4_096;

/** Where a frame may go: asks the guest for room. 0 when it has none. */
export type Arena = (size: number) => number;

/** Gives the length of the frame it wrote; 0 when the arena had no room. */
export interface HookEncoder {
  /** The frame of a hook. */
  encode(memory: FrameMemory, arena: Arena, phase: Phase, input: HookInput): number;
  /** The frame of `edict_plan` and `edict_init`. */
  encodeInit(memory: FrameMemory, arena: Arena, init: InstanceInit): number;
}

export class InputEncoder implements HookEncoder {
  readonly #writer = new FrameWriter();
  readonly #inputs: DeclaredInputs;
  readonly #headers: 'all' | readonly string[];
  readonly #requestBody: boolean;
  readonly #responseBody: boolean;
  /** Room asked for beside bodies; grows to what messages need. */
  #room = USUAL_BYTES;
  #api: ApiInfo | undefined;
  #apiJson = '';

  constructor(inputs: DeclaredInputs) {
    const { headers = [], body = false } = inputs;
    this.#inputs = inputs;
    this.#headers = headers === 'all' ? headers : headers.map((name) => name.toLowerCase());
    this.#requestBody = body === true || body === 'request';
    this.#responseBody = body === true || body === 'response';
  }

  /** The frame of a hook. */
  encode(memory: FrameMemory, arena: Arena, phase: Phase, input: HookInput): number {
    const bodies = this.#bodyBytes(phase, input);
    for (;;) {
      const size = this.#room + bodies;
      const ptr = arena(size);
      if (ptr === 0) return 0;
      this.#writer.begin(memory, ptr, size);
      this.#write(phase, input);
      if (!this.#writer.overflows) return this.#writer.end(FrameKind.input);
      this.#room *= 2;
    }
  }

  /** The frame of `edict_plan` and `edict_init`. */
  encodeInit(memory: FrameMemory, arena: Arena, { info, params }: InstanceInit): number {
    const texts: [number, string][] = [
      [Input.policy, JSON.stringify(policyFacts(info))],
      [Input.params, JSON.stringify(params)],
      [Input.api, JSON.stringify(info.api)],
    ];
    let size = HEAD_BYTES;
    for (const [, text] of texts) size += text.length * 3 + 16;
    const ptr = arena(size);
    if (ptr === 0) return 0;
    const writer = this.#writer;
    writer.begin(memory, ptr, size);
    for (const [tag, text] of texts) writer.text(tag, text);
    return writer.end(FrameKind.input);
  }

  #write(phase: Phase, input: HookInput): void {
    const writer = this.#writer;
    const { exchange, request, response, chunk, pending } = input;
    if (phase === Phase.needsMoreRequestData || phase === Phase.needsMoreResponseData) {
      // Only what is new: copying what is held back again and again would grow with its square.
      if (pending === undefined) return;
      writer.u32(Input.streamId, pending.streamId);
      writer.f64(Input.total, pending.total);
      writer.bytes(Input.fresh, pending.fresh);
      return;
    }
    writer.text(Input.requestId, exchange.requestId);
    writer.text(Input.route, exchange.routeName);
    writer.text(Input.tenant, exchange.tenant);
    writer.f64(Input.deadline, exchange.deadline);
    if (exchange.traceparent !== undefined) writer.text(Input.traceparent, exchange.traceparent);
    if (exchange.clientIp !== undefined) writer.text(Input.clientIp, exchange.clientIp);
    writer.text(Input.path, request.path);
    writer.text(Input.method, request.method);
    writer.text(Input.authority, request.authority);
    writer.text(Input.scheme, request.scheme);
    if (input.vhost !== undefined) writer.text(Input.vhost, input.vhost);
    if (this.#headers.length > 0) writer.headers(Input.requestHeaders, request.headers, this.#headers);
    if (this.#sendsRequestBody(phase)) this.#body(Input.requestBody, Input.requestBodyFlags, request.body);
    if (response !== undefined && directionOf(phase) === 'response') {
      writer.u32(Input.status, response.status);
      if (this.#headers.length > 0) writer.headers(Input.responseHeaders, response.headers, this.#headers);
      if (this.#sendsResponseBody(phase)) this.#body(Input.responseBody, Input.responseBodyFlags, response.body);
    }
    if (chunk !== undefined && (phase === Phase.requestBodyChunk || phase === Phase.responseBodyChunk)) {
      writer.bytes(Input.chunk, chunk.data);
      writer.f64(Input.chunkIndex, chunk.index);
      writer.u32(Input.chunkFlags, chunkFlags(chunk));
      writer.u32(Input.streamId, chunk.streamId);
    }
    this.#writeRare(input);
  }

  /** What few policies declare. */
  #writeRare({ exchange, gathered, downstream, upstream, upstreamResponse }: HookInput): void {
    const writer = this.#writer;
    const inputs = this.#inputs;
    if (inputs.api === true) writer.text(Input.api, this.#apiText(exchange));
    if (inputs.auth === true && gathered.auth.length > 0) writer.text(Input.auth, JSON.stringify(gathered.auth));
    if (inputs.metadata !== undefined && inputs.metadata.length > 0) {
      writer.text(Input.metadata, JSON.stringify(declaredMembers(gathered.metadata, inputs.metadata)));
    }
    if (this.#headers === 'all' && gathered.overlay.size > 0) {
      writer.headers(Input.overlay, gathered.overlay, this.#headers);
    }
    if (inputs.downstream === true && downstream !== undefined) {
      writer.nested(Input.downstream, FrameKind.input, () => this.#snapshot(downstream));
    }
    if (inputs.upstream !== true) return;
    if (upstream !== undefined) writer.text(Input.upstream, JSON.stringify(upstream));
    if (upstreamResponse !== undefined) {
      writer.nested(Input.upstreamResponse, FrameKind.input, () => this.#responseSnapshot(upstreamResponse));
    }
  }

  #snapshot(request: RequestSnapshot): void {
    const writer = this.#writer;
    // Whoever declares the snapshot gets its headers whole: its use is to see what others took away.
    writer.headers(Input.requestHeaders, request.headers, 'all');
    writer.text(Input.path, request.path);
    writer.text(Input.method, request.method);
    writer.text(Input.authority, request.authority);
    writer.text(Input.scheme, request.scheme);
  }

  #responseSnapshot(response: ResponseSnapshot): void {
    this.#writer.headers(Input.responseHeaders, response.headers, 'all');
    this.#writer.u32(Input.status, response.status);
  }

  #body(tag: number, flagsTag: number, body: Body): void {
    if (body.present) this.#writer.bytes(tag, body.content);
    let flags = body.present ? BodyFlag.present : 0;
    if (body.endOfStream) flags |= BodyFlag.endOfStream;
    if (body.truncated) flags |= BodyFlag.truncated;
    if (body.encoded === true) flags |= BodyFlag.encoded;
    this.#writer.u32(flagsTag, flags);
  }

  #bodyBytes(phase: Phase, { request, response, chunk, pending }: HookInput): number {
    let size = 0;
    if (this.#sendsRequestBody(phase)) size += request.body.content.length;
    if (response !== undefined && this.#sendsResponseBody(phase)) size += response.body.content.length;
    return size + (chunk?.data.length ?? 0) + (pending?.fresh.length ?? 0);
  }

  /** In its own phase, and to the hooks that see the answer to it. */
  #sendsRequestBody(phase: Phase): boolean {
    return (
      this.#requestBody &&
      (phase === Phase.requestBody || phase === Phase.responseHeaders || phase === Phase.responseBody)
    );
  }

  #sendsResponseBody(phase: Phase): boolean {
    return this.#responseBody && phase === Phase.responseBody;
  }

  /** Exchanges of one route share one object, so it is written out once. */
  #apiText({ api, resolvedOperation, resolutionAttributes }: ExchangeFacts): string {
    if (resolvedOperation !== undefined) return JSON.stringify({ ...api, resolvedOperation, resolutionAttributes });
    if (api !== this.#api) {
      this.#api = api;
      this.#apiJson = JSON.stringify(api);
    }
    return this.#apiJson;
  }
}

function chunkFlags({ endOfStream, encoded }: Chunk): number {
  return (endOfStream ? CHUNK_END_OF_STREAM : 0) | (encoded === true ? BodyFlag.encoded : 0);
}

function policyFacts({ name, version, routeName, attachedTo, tenant }: PolicyInfo): JsonObject {
  return { name, version, route: routeName, attachedTo, tenant };
}

function declaredMembers(metadata: Readonly<JsonObject>, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.filter((key) => Object.hasOwn(metadata, key)).map((key) => [key, metadata[key] as JsonObject[string]]),
  );
}
