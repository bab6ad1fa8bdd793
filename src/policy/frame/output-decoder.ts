/**
 * What a guest answered, from an output frame to an action. Total: any bytes give an action or a failure, no read leaves the
 * frame, and nothing the frame says can make the answer larger than the frame and its limits.
 */

import type { Action, FaultRecord, Observations, RequestChanges } from '../model/actions.ts';
import { type PolicyFailure, type PolicyFailureCode, policyFailure } from '../model/failure.ts';
import type { HeaderChanges, HeaderPair } from '../model/headers.ts';
import { directionOf, Phase } from '../model/phases.ts';
import { FieldReader } from './field-reader.ts';
import { readAuthLayer, readFault, readNamespaces } from './json-fields.ts';
import { BodyPart, CRITICAL, FIELD_BYTES, FRAME_VERSION, FrameKind, HEAD_BYTES, MAGIC, Output } from './tags.ts';

/** How much a guest may answer. */
export interface OutputLimits {
  /** Of the frame without its body. */
  readonly frameBytes: number;
  readonly bodyBytes: number;
}

export const OUTPUT_LIMITS: OutputLimits = { frameBytes: 1_048_576, bodyBytes: 10_485_760 };

const NO_BYTES = new Uint8Array(0);

/** Tags from 64 up, one bit each. */
function bits(...tags: readonly number[]): number {
  return tags.reduce((mask, tag) => mask | (1 << (tag - Output.headersSet)), 0);
}

const EVERYWHERE = bits(Output.analytics, Output.dynamicMetadata, Output.headerFilter, Output.metadataPatch);
const TERMINATE = bits(Output.terminate);
const BODY = bits(Output.body, Output.bodyParts);
const MESSAGE = bits(
  ...[Output.headersSet, Output.headersAppend, Output.headersRemove],
  ...[Output.overlaySet, Output.overlayAppend, Output.overlayRemove, Output.auth],
);

/** Which fields each kind of answer can have; any other would have no effect, so it is refused (P-08). */
const ALLOWED: Readonly<Record<Action['kind'], number>> = {
  'request-changes':
    EVERYWHERE |
    MESSAGE |
    BODY |
    bits(Output.path, Output.host, Output.method, Output.upstreamName, Output.upstreamSlot) |
    bits(Output.queryAdd, Output.querySet, Output.queryRemove),
  'response-changes': EVERYWHERE | MESSAGE | BODY | bits(Output.status),
  immediate:
    EVERYWHERE | BODY | bits(Output.headersSet, Output.headersAppend, Output.immediateStatus) | bits(Output.fault),
  forward: EVERYWHERE | BODY,
  terminate: EVERYWHERE | BODY | TERMINATE,
};

type Mutable<T> = { -readonly [M in keyof T]: T[M] };

/** An action while its fields are read: everything any kind can have. */
interface Draft extends Mutable<Omit<RequestChanges, 'kind' | 'headers' | 'overlay' | 'observations'>> {
  kind: Action['kind'];
  headers?: Mutable<HeaderChanges> | HeaderPair[];
  overlay?: Mutable<HeaderChanges>;
  observations?: Mutable<Observations>;
  status?: number;
  fault?: FaultRecord;
}

const NO_DRAFT: Draft = { kind: 'forward' };

/** What makes an action of an answer. */
export interface AnswerDecoder {
  /** The longest frame worth copying out of a guest. */
  readonly maxFrameBytes: number;
  /** The first `length` bytes of `frame`, which nobody writes to meanwhile; `source` is what slices of the body refer to. */
  decode(frame: Buffer, length: number, phase: Phase, source?: Uint8Array): Action | PolicyFailure;
}

/** Decodes one frame after another; `source` is what slices of the body refer to. */
export class OutputDecoder implements AnswerDecoder {
  readonly #limits: OutputLimits;
  readonly #reader = new FieldReader();
  #draft: Draft = NO_DRAFT;
  #immediateStatus: number | undefined;
  #source: Uint8Array = NO_BYTES;
  #bodyBytes = 0;

  constructor(limits: OutputLimits = OUTPUT_LIMITS) {
    this.#limits = limits;
  }

  /** The longest frame worth copying out of a guest. */
  get maxFrameBytes(): number {
    return this.#limits.frameBytes + this.#limits.bodyBytes;
  }

  /**
   * `frame` begins with `length` bytes of the answer, a copy: nobody writes to it meanwhile. Bytes and texts of the action are
   * copies of their own.
   */
  decode(frame: Buffer, length: number, phase: Phase, source: Uint8Array = NO_BYTES): Action | PolicyFailure {
    if (length > this.maxFrameBytes) return tooLarge('the answer', length, this.maxFrameBytes);
    this.#draft = { kind: 'forward' };
    this.#immediateStatus = undefined;
    this.#source = source;
    this.#bodyBytes = 0;
    const answer = this.#decode(frame, length, phase);
    // Between hooks nothing here keeps the bodies of an exchange alive.
    this.#draft = NO_DRAFT;
    this.#source = NO_BYTES;
    return answer;
  }

  #decode(frame: Buffer, length: number, phase: Phase): Action | PolicyFailure {
    const reader = this.#reader;
    reader.open(frame, length);
    const seen = this.#readFields(reader);
    if (reader.fault !== undefined) return reader.fault;
    if (length - this.#bodyBytes > this.#limits.frameBytes) {
      return tooLarge('the answer without its body', length - this.#bodyBytes, this.#limits.frameBytes);
    }
    const action = this.#action(phase, seen);
    const extra = seen & ~ALLOWED[action.kind];
    if (extra !== 0) {
      const tag = 31 - Math.clz32(extra) + Output.headersSet;
      return policyFailure('ACTION_INVALID', `field ${tag} has no meaning in ${action.kind}`);
    }
    return action;
  }

  /** The tags that were there, one bit each. */
  #readFields(reader: FieldReader): number {
    const { end } = reader;
    if (end < HEAD_BYTES) return reader.fail('DECODE', `the answer of ${end} bytes has no head`);
    const kind = reader.u32(0);
    if (kind !== (MAGIC | (FRAME_VERSION << 16) | (FrameKind.output << 24)) >>> 0) {
      return reader.fail('DECODE', 'the answer does not begin like an output frame of version 1');
    }
    if (reader.u32(4) !== end) return reader.fail('DECODE', `the head says ${reader.u32(4)} bytes of ${end}`);
    const count = reader.u32(8);
    let unknown: Set<number> | undefined;
    let seen = 0;
    let at = HEAD_BYTES;
    for (let field = 0; field < count; field++) {
      if (at + FIELD_BYTES > end) return reader.fail('DECODE', `field ${field} of ${count} is not there`);
      const word = reader.u32(at);
      const tag = word & 0xffff;
      const length = reader.u32(at + 4);
      const start = at + FIELD_BYTES;
      if (start + length > end) return reader.fail('DECODE', `field ${tag} passes the end of the answer`);
      if (tag >= Output.headersSet && tag <= Output.overlayAppend) {
        const bit = 1 << (tag - Output.headersSet);
        if ((seen & bit) !== 0) return reader.fail('DECODE', `field ${tag} is there twice`);
        seen |= bit;
        this.#field(reader, tag, start, length);
        if (reader.fault !== undefined) return 0;
      } else {
        if (((word >>> 16) & CRITICAL) !== 0) return reader.fail('DECODE', `field ${tag} is critical and unknown`);
        unknown ??= new Set();
        if (unknown.has(tag)) return reader.fail('DECODE', `field ${tag} is there twice`);
        unknown.add(tag);
      }
      at = start + ((length + 3) & ~3);
    }
    if (at !== end) return reader.fail('DECODE', `the fields end at ${at}, the answer at ${end}`);
    return seen;
  }

  #field(reader: FieldReader, tag: number, start: number, length: number): void {
    const draft = this.#draft;
    switch (tag) {
      case Output.headersSet:
        this.#headers().set = reader.pairs(start, length, false);
        return;
      case Output.headersAppend:
        this.#headers().append = reader.pairs(start, length, false);
        return;
      case Output.headersRemove:
        this.#headers().remove = reader.names(start, length, false);
        return;
      case Output.path:
        draft.path = reader.text(start, length);
        return;
      case Output.host:
        draft.host = reader.text(start, length);
        return;
      case Output.method:
        draft.method = reader.text(start, length);
        return;
      case Output.upstreamName:
        draft.upstreamName = reader.text(start, length);
        return;
      case Output.upstreamSlot:
        draft.upstreamSlot = reader.oneOf(start, length, ['main', 'sandbox']);
        return;
      case Output.queryAdd:
        draft.queryAdd = reader.pairs(start, length, true);
        return;
      case Output.querySet:
        draft.querySet = reader.pairs(start, length, true);
        return;
      case Output.queryRemove:
        draft.queryRemove = reader.names(start, length, true);
        return;
      case Output.body:
        this.#takeBody(reader, reader.copy(start, length), length);
        return;
      case Output.bodyParts:
        this.#takeBody(reader, this.#joinParts(reader, start, length), length);
        return;
      case Output.status:
        draft.status = reader.number(start, length);
        return;
      case Output.immediateStatus:
        this.#immediateStatus = reader.number(start, length);
        return;
      default:
        this.#rareField(reader, tag, start, length);
    }
  }

  #rareField(reader: FieldReader, tag: number, start: number, length: number): void {
    const draft = this.#draft;
    switch (tag) {
      case Output.overlaySet:
        this.#overlay().set = reader.pairs(start, length, false);
        return;
      case Output.overlayAppend:
        this.#overlay().append = reader.pairs(start, length, false);
        return;
      case Output.overlayRemove:
        this.#overlay().remove = reader.names(start, length, false);
        return;
      case Output.analytics:
        this.#observations().analyticsMetadata = reader.json(start, length);
        return;
      case Output.dynamicMetadata:
        this.#observations().dynamicMetadata = readNamespaces(reader, start, length);
        return;
      case Output.headerFilter:
        this.#observations().analyticsHeaderFilter = {
          mode: reader.oneOf(start, Math.min(length, 4), ['allow', 'deny']),
          names: reader.names(start + 4, length - 4, false),
        };
        return;
      case Output.fault:
        draft.fault = readFault(reader, start, length);
        return;
      case Output.metadataPatch:
        draft.metadataPatch = reader.json(start, length);
        return;
      case Output.auth:
        draft.auth = readAuthLayer(reader, start, length);
        return;
      default:
        // `terminate`: being there is all it says.
        if (length !== 0) reader.fail('DECODE', `field ${tag} is not empty`);
    }
  }

  #headers(): Mutable<HeaderChanges> {
    this.#draft.headers ??= {};
    return this.#draft.headers as Mutable<HeaderChanges>;
  }

  #overlay(): Mutable<HeaderChanges> {
    this.#draft.overlay ??= {};
    return this.#draft.overlay;
  }

  #observations(): Mutable<Observations> {
    this.#draft.observations ??= {};
    return this.#draft.observations;
  }

  #takeBody(reader: FieldReader, body: Uint8Array, fieldBytes: number): void {
    if (this.#draft.body !== undefined) reader.fail('DECODE', 'the body is there whole and in parts');
    else if (body.length > this.#limits.bodyBytes) {
      reader.fault ??= tooLarge('the body', body.length, this.#limits.bodyBytes);
    }
    this.#draft.body = body;
    this.#bodyBytes = fieldBytes;
  }

  /** Literal bytes and slices of the body the hook was given, put together once. */
  #joinParts(reader: FieldReader, start: number, length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    const end = start + length;
    const source = this.#source;
    let total = 0;
    for (let at = start; at < end; ) {
      if (at + 8 > end) return reader.failBytes('DECODE', 'a part of the body is cut off');
      const kind = reader.u32(at);
      let part: Uint8Array;
      if (kind === BodyPart.literal) {
        const bytes = reader.u32(at + 4);
        if (at + 8 + bytes > end) return reader.failBytes('DECODE', 'a part of the body passes the end of its field');
        part = reader.view(at + 8, bytes);
        at += 8 + ((bytes + 3) & ~3);
      } else if (kind === BodyPart.slice) {
        if (at + 12 > end) return reader.failBytes('DECODE', 'a part of the body is cut off');
        const offset = reader.u32(at + 4);
        const bytes = reader.u32(at + 8);
        if (offset + bytes > source.length) {
          return reader.failBytes('DECODE', `a part takes bytes ${offset} to ${offset + bytes} of ${source.length}`);
        }
        part = source.subarray(offset, offset + bytes);
        at += 12;
      } else return reader.failBytes('DECODE', `a part of the body is of the unknown kind ${kind}`);
      total += part.length;
      // Slices may repeat, so the sum is bounded before anything is put together.
      if (total > this.#limits.bodyBytes) {
        reader.fault ??= tooLarge('the body', total, this.#limits.bodyBytes);
        return NO_BYTES;
      }
      parts.push(part);
    }
    const body = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }

  /** Says of which kind the draft is; whether it may have the fields it has is seen afterwards. */
  #action(phase: Phase, seen: number): Action {
    const draft = this.#draft;
    if (this.#immediateStatus !== undefined) {
      draft.kind = 'immediate';
      draft.status = this.#immediateStatus;
      if (draft.headers !== undefined) {
        const { set = [], append = [] } = draft.headers as HeaderChanges;
        draft.headers = [...set, ...append];
      }
    } else if (phase === Phase.requestBodyChunk || phase === Phase.responseBodyChunk) {
      draft.kind = (seen & TERMINATE) === 0 ? 'forward' : 'terminate';
    } else draft.kind = directionOf(phase) === 'request' ? 'request-changes' : 'response-changes';
    return draft as Action;
  }
}

function tooLarge(what: string, bytes: number, limit: number): PolicyFailure {
  const code: PolicyFailureCode = 'OUTPUT_TOO_LARGE';
  return policyFailure(code, `${what} has ${bytes} bytes, more than ${limit}`);
}
