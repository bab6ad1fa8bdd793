/**
 * What a hook answers. `change()`, `respond(status)`, `terminate()` begin an answer; methods add to it and can be chained.
 * There is one action, begun anew each time, so a hook finishes one before it begins another.
 */

import { Region } from './arena';
import { Block } from './blocks';
import { Bytes } from './bytes';
import { fail } from './failure';
import { quote } from './json';
import {
  FRAME_VERSION,
  HEAD_BYTES,
  KIND_OUTPUT,
  MAGIC,
  OUT_ANALYTICS,
  OUT_AUTH,
  OUT_BODY,
  OUT_BODY_PARTS,
  OUT_DYNAMIC_METADATA,
  OUT_FAULT,
  OUT_HEADERS_APPEND,
  OUT_HEADERS_REMOVE,
  OUT_HEADERS_SET,
  OUT_HEADER_FILTER,
  OUT_HOST,
  OUT_IMMEDIATE_STATUS,
  OUT_METADATA_PATCH,
  OUT_METHOD,
  OUT_OVERLAY_APPEND,
  OUT_OVERLAY_REMOVE,
  OUT_OVERLAY_SET,
  OUT_PATH,
  OUT_QUERY_ADD,
  OUT_QUERY_REMOVE,
  OUT_QUERY_SET,
  OUT_STATUS,
  OUT_TERMINATE,
  OUT_UPSTREAM_NAME,
  OUT_UPSTREAM_SLOT,
  PART_LITERAL,
  PART_SLICE,
} from './tags';

/** Anything a hook can return. */
export abstract class Answer {
  /** Where the frame is, after `finish`. */
  ptr: usize = 0;

  /** Completes the frame; its length. */
  abstract finish(): u32;
}

export class Action extends Answer {
  private out: Region = new Region(4096);
  private parts: Region = new Region(256);
  private set: Block = new Block(4);
  private append: Block = new Block(4);
  private remove: Block = new Block(2);
  private queryAdd: Block = new Block(4);
  private querySet: Block = new Block(4);
  private queryRemove: Block = new Block(2);
  private shownSet: Block = new Block(4);
  private shownAppend: Block = new Block(4);
  private shownRemove: Block = new Block(2);
  private fields: u32 = 0;
  private rare: bool = false;

  /** Begins anew. */
  begin(): this {
    this.out.clear();
    this.out.take(HEAD_BYTES);
    this.fields = 0;
    this.set.clear();
    this.append.clear();
    this.remove.clear();
    if (!this.rare) return this;
    this.rare = false;
    this.parts.clear();
    this.queryAdd.clear();
    this.querySet.clear();
    this.queryRemove.clear();
    this.shownSet.clear();
    this.shownAppend.clear();
    this.shownRemove.clear();
    return this;
  }

  /** Replaces all values of a header. Values are byte strings: a character beyond U+00FF fails the hook. */
  setHeader(name: string, value: string): this {
    if (!this.set.header(name, value)) fail('a header holds a character of more than one byte');
    return this;
  }

  /** The same with bytes, for example of another header. */
  setHeaderBytes(name: string, value: Bytes): this {
    if (!this.set.headerBytes(name, value.ptr, value.length)) fail('a header name is not ASCII');
    return this;
  }

  /** Adds a value at the end of those of a header. */
  appendHeader(name: string, value: string): this {
    if (!this.append.header(name, value)) fail('a header holds a character of more than one byte');
    return this;
  }

  /** Removes a header with all its values; it wins over setting and adding in the same answer. */
  removeHeader(name: string): this {
    if (!this.remove.name(name)) fail('a header name is not ASCII');
    return this;
  }

  /** What later policies see in place of a header, while the wire does not change. */
  showHeader(name: string, value: string): this {
    this.rare = true;
    if (!this.shownSet.header(name, value)) fail('a header holds a character of more than one byte');
    return this;
  }

  /** Adds a value to what later policies see. */
  showHeaderToo(name: string, value: string): this {
    this.rare = true;
    if (!this.shownAppend.header(name, value)) fail('a header holds a character of more than one byte');
    return this;
  }

  /** Takes a header out of what later policies see. */
  hideHeader(name: string): this {
    this.rare = true;
    if (!this.shownRemove.name(name)) fail('a header name is not ASCII');
    return this;
  }

  /** With `?` it replaces path and query, without it the path alone. */
  path(path: string): this {
    return this.text(OUT_PATH, path);
  }

  host(host: string): this {
    return this.text(OUT_HOST, host);
  }

  method(method: string): this {
    return this.text(OUT_METHOD, method);
  }

  upstream(name: string): this {
    return this.text(OUT_UPSTREAM_NAME, name);
  }

  /** The sandbox target of the API, or its main one. */
  sandbox(yes: bool = true): this {
    return this.number(OUT_UPSTREAM_SLOT, yes ? 1 : 0);
  }

  addQuery(name: string, value: string): this {
    this.rare = true;
    this.queryAdd.text(name);
    this.queryAdd.text(value);
    return this;
  }

  setQuery(name: string, value: string): this {
    this.rare = true;
    this.querySet.text(name);
    this.querySet.text(value);
    return this;
  }

  removeQuery(name: string): this {
    this.rare = true;
    this.queryRemove.text(name);
    return this;
  }

  /** Of the response; not of an answer begun with `respond`, which has one. */
  status(status: u32): this {
    return this.number(OUT_STATUS, status);
  }

  /** Replaces the body; no bytes clear it. */
  body(bytes: Bytes): this {
    return this.field(OUT_BODY, bytes.ptr, bytes.length);
  }

  /** Replaces the body by a text. */
  bodyText(text: string): this {
    return this.text(OUT_BODY, text);
  }

  clearBody(): this {
    return this.field(OUT_BODY, 0, 0);
  }

  /** Puts the new body together: a text here, `partOfBody` there. The body itself is not copied in the guest. */
  addText(text: string): this {
    this.rare = true;
    this.parts.u32(PART_LITERAL);
    const place = this.parts.used;
    this.parts.u32(0);
    this.parts.utf8(text);
    store<u32>(this.parts.start + place, this.parts.used - place - 4);
    this.parts.pad();
    return this;
  }

  /** A slice of the body (or chunk) that the hook was given. */
  partOfBody(offset: u32, length: u32): this {
    this.rare = true;
    this.parts.u32(PART_SLICE);
    this.parts.u32(offset);
    this.parts.u32(length);
    return this;
  }

  /** Members to merge into the analytics of the exchange, as a JSON object. */
  analytics(json: string): this {
    return this.text(OUT_ANALYTICS, json);
  }

  /** Members by namespace, as a JSON object of objects. */
  dynamicMetadata(json: string): this {
    return this.text(OUT_DYNAMIC_METADATA, json);
  }

  /** Which headers analytics may see: only those named, or all but those. */
  filterHeaders(allow: bool, names: string[]): this {
    const block = new Block(2);
    for (let i = 0; i < names.length; i++) if (!block.name(names[i])) fail('a header name is not ASCII');
    this.open(OUT_HEADER_FILTER, 4 + block.length);
    this.out.u32(allow ? 0 : 1);
    block.write(this.out);
    this.out.pad();
    return this;
  }

  /** A JSON merge patch over the shared metadata: an object, `null` deletes a key. */
  patchMetadata(json: string): this {
    return this.text(OUT_METADATA_PATCH, json);
  }

  /** A new layer of authentication, as a JSON object. */
  auth(json: string): this {
    return this.text(OUT_AUTH, json);
  }

  /** Makes an immediate response a fault. */
  fault(code: u32, type: string, message: string, description: string): this {
    const texts = ',"type":' + quote(type) + ',"message":' + quote(message) + ',"description":' + quote(description);
    return this.text(OUT_FAULT, '{"code":' + code.toString() + texts + '}');
  }

  /** An answer that is always the same: made once, given as often as you like at the cost of nothing. */
  prepare(): PreparedAction {
    const length = this.finish();
    const copy = heap.alloc(length);
    memory.copy(copy, this.ptr, length);
    return new PreparedAction(copy, length);
  }

  finish(): u32 {
    this.block(OUT_HEADERS_SET, this.set);
    this.block(OUT_HEADERS_APPEND, this.append);
    this.block(OUT_HEADERS_REMOVE, this.remove);
    if (this.rare) this.finishRare();
    const out = this.out;
    store<u32>(out.start, MAGIC | (FRAME_VERSION << 16) | (KIND_OUTPUT << 24));
    store<u32>(out.start, out.used, 4);
    store<u32>(out.start, this.fields, 8);
    this.ptr = out.start;
    return out.used;
  }

  /** For what begins an answer. */
  number(tag: u32, value: u32): this {
    this.open(tag, 4);
    this.out.u32(value);
    return this;
  }

  field(tag: u32, ptr: usize, length: u32): this {
    this.open(tag, length);
    this.out.bytes(ptr, length);
    this.out.pad();
    return this;
  }

  private finishRare(): void {
    this.block(OUT_QUERY_ADD, this.queryAdd);
    this.block(OUT_QUERY_SET, this.querySet);
    this.block(OUT_QUERY_REMOVE, this.queryRemove);
    this.block(OUT_OVERLAY_SET, this.shownSet);
    this.block(OUT_OVERLAY_APPEND, this.shownAppend);
    this.block(OUT_OVERLAY_REMOVE, this.shownRemove);
    if (this.parts.used > 0) this.field(OUT_BODY_PARTS, this.parts.start, this.parts.used);
  }

  private open(tag: u32, length: u32): void {
    this.out.u32(tag);
    this.out.u32(length);
    this.fields++;
  }

  private text(tag: u32, text: string): this {
    const place = this.out.used + 4;
    this.open(tag, 0);
    this.out.utf8(text);
    store<u32>(this.out.start + place, this.out.used - place - 4);
    this.out.pad();
    return this;
  }

  private block(tag: u32, block: Block): void {
    if (block.isEmpty) return;
    this.open(tag, block.length);
    block.write(this.out);
    this.out.pad();
  }
}

/** A finished frame of its own. It stays for as long as the module; make them in the constructor of a policy. */
export class PreparedAction extends Answer {
  constructor(
    frame: usize,
    private length: u32,
  ) {
    super();
    this.ptr = frame;
  }

  finish(): u32 {
    return this.length;
  }

  /** Gives its memory back. */
  drop(): void {
    if (this.length == 0) return;
    heap.free(this.ptr);
    this.length = 0;
  }
}

const action = new Action();

/** Begins changes of the message; in chunk hooks, what becomes of the chunk. */
export function change(): Action {
  return action.begin();
}

/** Begins a response in place of everything else. Its headers are those you set and append. */
export function respond(status: u32): Action {
  return action.begin().number(OUT_IMMEDIATE_STATUS, status);
}

/** Delivers this chunk, then ends the response. */
export function terminate(): Action {
  return action.begin().field(OUT_TERMINATE, 0, 0);
}
