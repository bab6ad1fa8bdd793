/**
 * What a hook may look at: a reader over the frame. Texts are made when asked for; whatever the manifest does not declare is
 * absent, which reads as empty, and `null` where it is an object.
 */

import { Bytes } from './bytes';
import { Frame } from './frame';
import { Headers } from './headers';
import { Json } from './json';
import {
  BODY_ENCODED,
  BODY_END_OF_STREAM,
  BODY_PRESENT,
  BODY_TRUNCATED,
  CHUNK_END_OF_STREAM,
  IN_API,
  IN_AUTH,
  IN_AUTHORITY,
  IN_CHUNK,
  IN_CHUNK_FLAGS,
  IN_CHUNK_INDEX,
  IN_CLIENT_IP,
  IN_DEADLINE,
  IN_DOWNSTREAM,
  IN_FRESH,
  IN_METADATA,
  IN_METHOD,
  IN_OVERLAY,
  IN_PATH,
  IN_REQUEST_BODY,
  IN_REQUEST_BODY_FLAGS,
  IN_REQUEST_HEADERS,
  IN_REQUEST_ID,
  IN_RESPONSE_BODY,
  IN_RESPONSE_BODY_FLAGS,
  IN_RESPONSE_HEADERS,
  IN_ROUTE,
  IN_SCHEME,
  IN_STATUS,
  IN_STREAM_ID,
  IN_TENANT,
  IN_TOTAL,
  IN_TRACEPARENT,
  IN_UPSTREAM,
  IN_UPSTREAM_RESPONSE,
  IN_VHOST,
  KIND_INPUT,
} from './tags';

/** The body of a message. */
export class Body extends Bytes {
  constructor(
    ptr: usize,
    length: u32,
    private flags: u32,
  ) {
    super(ptr, length);
  }

  /** False: not sent, not buffered, or not declared. */
  get present(): bool {
    return (this.flags & BODY_PRESENT) != 0;
  }

  get endOfStream(): bool {
    return (this.flags & BODY_END_OF_STREAM) != 0;
  }

  /** The limit was hit before the end. */
  get truncated(): bool {
    return (this.flags & BODY_TRUNCATED) != 0;
  }

  /** The bytes are still in a content coding. */
  get encoded(): bool {
    return (this.flags & BODY_ENCODED) != 0;
  }
}

/** One object for all hooks; keep texts and copies, never the object or its views. */
export class Input {
  private frame: Frame = new Frame();
  private requestHeaders: Headers = new Headers();
  private answerHeaders: Headers = new Headers();
  private overlayHeaders: Headers = new Headers();

  open(ptr: usize, length: u32): bool {
    return this.frame.open(ptr, length, KIND_INPUT);
  }

  get requestId(): string {
    return this.frame.text(IN_REQUEST_ID);
  }

  get route(): string {
    return this.frame.text(IN_ROUTE);
  }

  get tenant(): string {
    return this.frame.text(IN_TENANT);
  }

  /** Epoch milliseconds. */
  get deadline(): f64 {
    return this.frame.f64(IN_DEADLINE);
  }

  get traceparent(): string {
    return this.frame.text(IN_TRACEPARENT);
  }

  get clientIp(): string {
    return this.frame.text(IN_CLIENT_IP);
  }

  /** With the query. */
  get path(): string {
    return this.frame.text(IN_PATH);
  }

  get method(): string {
    return this.frame.text(IN_METHOD);
  }

  get authority(): string {
    return this.frame.text(IN_AUTHORITY);
  }

  get scheme(): string {
    return this.frame.text(IN_SCHEME);
  }

  get vhost(): string {
    return this.frame.text(IN_VHOST);
  }

  /** Of the request. */
  get headers(): Headers {
    return this.requestHeaders.open(this.frame.ptr(IN_REQUEST_HEADERS), this.frame.bytes(IN_REQUEST_HEADERS));
  }

  /** Of the request. */
  get body(): Body {
    return this.bodyOf(IN_REQUEST_BODY, IN_REQUEST_BODY_FLAGS);
  }

  get status(): u32 {
    return this.frame.u32(IN_STATUS);
  }

  get responseHeaders(): Headers {
    return this.answerHeaders.open(this.frame.ptr(IN_RESPONSE_HEADERS), this.frame.bytes(IN_RESPONSE_HEADERS));
  }

  get responseBody(): Body {
    return this.bodyOf(IN_RESPONSE_BODY, IN_RESPONSE_BODY_FLAGS);
  }

  /** What earlier policies showed to later ones beside the wire. */
  get overlay(): Headers {
    return this.overlayHeaders.open(this.frame.ptr(IN_OVERLAY), this.frame.bytes(IN_OVERLAY));
  }

  /** The client's request as it came. */
  get downstream(): Input | null {
    return this.nested(IN_DOWNSTREAM);
  }

  /** The upstream's answer as it came: its status and response headers. */
  get upstreamResponse(): Input | null {
    return this.nested(IN_UPSTREAM_RESPONSE);
  }

  /** `name`, `url` and `basePath`. */
  get upstream(): Json {
    return this.json(IN_UPSTREAM);
  }

  get api(): Json {
    return this.json(IN_API);
  }

  /** Layers of authentication, the newest first. */
  get auth(): Json {
    return this.json(IN_AUTH);
  }

  /** The declared keys of the shared metadata. */
  get metadata(): Json {
    return this.json(IN_METADATA);
  }

  get chunk(): Bytes {
    return new Bytes(this.frame.ptr(IN_CHUNK), this.frame.bytes(IN_CHUNK));
  }

  /** From 0 for each direction. */
  get chunkIndex(): f64 {
    return this.frame.f64(IN_CHUNK_INDEX);
  }

  get isLastChunk(): bool {
    return (this.frame.u32(IN_CHUNK_FLAGS) & CHUNK_END_OF_STREAM) != 0;
  }

  get streamId(): u32 {
    return this.frame.u32(IN_STREAM_ID);
  }

  /** Bytes that came since the last question. */
  get fresh(): Bytes {
    return new Bytes(this.frame.ptr(IN_FRESH), this.frame.bytes(IN_FRESH));
  }

  /** Bytes held back, the fresh ones included. */
  get total(): f64 {
    return this.frame.f64(IN_TOTAL);
  }

  private bodyOf(tag: u32, flags: u32): Body {
    return new Body(this.frame.ptr(tag), this.frame.bytes(tag), this.frame.u32(flags));
  }

  private json(tag: u32): Json {
    return Json.parse(this.frame.ptr(tag), this.frame.bytes(tag));
  }

  private nested(tag: u32): Input | null {
    if (!this.frame.has(tag)) return null;
    const input = new Input();
    return input.open(this.frame.ptr(tag), this.frame.bytes(tag)) ? input : null;
  }
}
