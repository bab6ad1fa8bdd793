/**
 * Requests of guests and the answers they are resumed with: frames of kind "host data" with the fields below
 * (docs/policy-host.md).
 */

import { FieldReader } from '../../policy/frame/field-reader.ts';
import { CRITICAL, FIELD_BYTES, FRAME_VERSION, FrameKind, HEAD_BYTES, MAGIC } from '../../policy/frame/tags.ts';
import type { HeaderPair } from '../../policy/model/headers.ts';

/** Fields of a request, and of its answer from `status` on. */
export const HttpField = {
  method: 112,
  url: 113,
  requestHeaders: 114,
  requestBody: 115,
  /** Milliseconds as u32. */
  timeoutMs: 116,
  status: 120,
  responseHeaders: 121,
  responseBody: 122,
} as const;

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Uint8Array | undefined;
  readonly timeoutMs: number | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: Uint8Array;
}

/** The request in a frame, or undefined when it is none. Bytes of the frame may be kept. */
export function decodeHttpRequest(bytes: Uint8Array): HttpRequest | undefined {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = fieldsOf(frame);
  if (fields === undefined) return undefined;
  const reader = new FieldReader();
  reader.open(frame, frame.length);
  const at = (tag: number): readonly [number, number] | undefined => fields.get(tag);
  const text = (tag: number): string | undefined => {
    const place = at(tag);
    return place && reader.text(...place);
  };
  const headers = at(HttpField.requestHeaders);
  const body = at(HttpField.requestBody);
  const timeoutMs = at(HttpField.timeoutMs);
  const request = {
    method: text(HttpField.method) ?? 'GET',
    url: text(HttpField.url) ?? '',
    headers: headers === undefined ? [] : reader.pairs(...headers, false),
    body: body && reader.copy(...body),
    timeoutMs: timeoutMs && reader.number(...timeoutMs),
  };
  return reader.fault === undefined ? request : undefined;
}

export function encodeHttpResponse({ status, headers, body }: HttpResponse): Uint8Array {
  const number = Buffer.alloc(4);
  number.writeUInt32LE(status);
  return encodeFrame([
    [HttpField.status, number],
    [HttpField.responseHeaders, encodePairs(headers)],
    [HttpField.responseBody, body],
  ]);
}

/** What a guest writes; here for tests, tools and guests that are TypeScript. */
export function encodeHttpRequest(request: Partial<HttpRequest> & { readonly url: string }): Uint8Array {
  const { method = 'GET', url, headers = [], body, timeoutMs } = request;
  const fields: [number, Uint8Array][] = [
    [HttpField.method, Buffer.from(method, 'utf8')],
    [HttpField.url, Buffer.from(url, 'utf8')],
    [HttpField.requestHeaders, encodePairs(headers)],
  ];
  if (body !== undefined) fields.push([HttpField.requestBody, body]);
  if (timeoutMs !== undefined) {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(timeoutMs);
    fields.push([HttpField.timeoutMs, number]);
  }
  return encodeFrame(fields);
}

/** The answer in a frame, or undefined when it is none. */
export function decodeHttpResponse(bytes: Uint8Array): HttpResponse | undefined {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = fieldsOf(frame);
  const status = fields?.get(HttpField.status);
  const headers = fields?.get(HttpField.responseHeaders);
  const body = fields?.get(HttpField.responseBody);
  if (status === undefined || headers === undefined || body === undefined) return undefined;
  const reader = new FieldReader();
  reader.open(frame, frame.length);
  const response = {
    status: reader.number(...status),
    headers: reader.pairs(...headers, false),
    body: reader.copy(...body),
  };
  return reader.fault === undefined ? response : undefined;
}

/** Start and length of each field by its tag; undefined when the frame is not well made. */
function fieldsOf(frame: Buffer): ReadonlyMap<number, readonly [number, number]> | undefined {
  if (frame.length < HEAD_BYTES) return undefined;
  const head = (MAGIC | (FRAME_VERSION << 16) | (FrameKind.hostData << 24)) >>> 0;
  if (frame.readUInt32LE(0) !== head || frame.readUInt32LE(4) !== frame.length) return undefined;
  const count = frame.readUInt32LE(8);
  const known: ReadonlySet<number> = new Set(Object.values(HttpField));
  const fields = new Map<number, readonly [number, number]>();
  let at = HEAD_BYTES;
  for (let field = 0; field < count; field++) {
    if (at + FIELD_BYTES > frame.length) return undefined;
    const tag = frame.readUInt16LE(at);
    const isCritical = (frame.readUInt16LE(at + 2) & CRITICAL) !== 0;
    const length = frame.readUInt32LE(at + 4);
    const start = at + FIELD_BYTES;
    if (start + length > frame.length || fields.has(tag) || (isCritical && !known.has(tag))) return undefined;
    fields.set(tag, [start, length]);
    at = start + Math.ceil(length / 4) * 4;
  }
  return at === frame.length ? fields : undefined;
}

function encodeFrame(fields: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const size = fields.reduce((sum, [, bytes]) => sum + FIELD_BYTES + Math.ceil(bytes.length / 4) * 4, HEAD_BYTES);
  const frame = Buffer.alloc(size);
  frame.writeUInt32LE((MAGIC | (FRAME_VERSION << 16) | (FrameKind.hostData << 24)) >>> 0, 0);
  frame.writeUInt32LE(size, 4);
  frame.writeUInt32LE(fields.length, 8);
  let at = HEAD_BYTES;
  for (const [tag, bytes] of fields) {
    frame.writeUInt16LE(tag, at);
    frame.writeUInt32LE(bytes.length, at + 4);
    frame.set(bytes, at + FIELD_BYTES);
    at += FIELD_BYTES + Math.ceil(bytes.length / 4) * 4;
  }
  return new Uint8Array(frame.buffer, frame.byteOffset, frame.length);
}

/** Characters are bytes. */
function encodePairs(pairs: readonly HeaderPair[]): Uint8Array {
  const texts = pairs.flat().map((text) => Buffer.from(text, 'latin1'));
  const head = 4 + pairs.length * 16;
  const block = Buffer.alloc(texts.reduce((sum, text) => sum + text.length, head));
  block.writeUInt32LE(pairs.length, 0);
  let at = head;
  for (const [index, text] of texts.entries()) {
    block.writeUInt32LE(at, 4 + index * 8);
    block.writeUInt32LE(text.length, 8 + index * 8);
    block.set(text, at);
    at += text.length;
  }
  return block;
}
