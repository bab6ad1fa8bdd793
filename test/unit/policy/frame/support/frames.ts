/** Frames written and read a second time, by code that shares nothing with the host's but the numbers of the tags. */

import { Output } from '../../../../../src/policy/frame/tags.ts';
import type { Action } from '../../../../../src/policy/model/actions.ts';
import type { HeaderPair } from '../../../../../src/policy/model/headers.ts';

export interface Field {
  readonly tag: number;
  readonly flags?: number;
  readonly bytes: Uint8Array;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export function frame(kind: number, fields: readonly Field[]): Buffer {
  const parts = fields.map(({ tag, flags = 0, bytes }) => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(tag, 0);
    head.writeUInt16LE(flags, 2);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  });
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x1c, 0xed, 1, kind]), u32(content.length + 12), u32(fields.length), content]);
}

/** A block whose bytes stand in reverse order of the entries: nobody may rely on their order. */
function block(entries: readonly (readonly string[])[], encoding: 'latin1' | 'utf8'): Buffer {
  const words = entries.flat().length * 8;
  const head = Buffer.alloc(4 + words);
  head.writeUInt32LE(entries.length, 0);
  const contents: Buffer[] = [];
  let offset = 4 + words;
  const texts = entries.flat();
  for (let i = texts.length - 1; i >= 0; i--) {
    const bytes = Buffer.from(texts[i] as string, encoding);
    head.writeUInt32LE(offset, 4 + i * 8);
    head.writeUInt32LE(bytes.length, 8 + i * 8);
    contents.push(bytes);
    offset += bytes.length;
  }
  return Buffer.concat([head, ...contents]);
}

export const pairBlock = (pairs: readonly HeaderPair[], encoding: 'latin1' | 'utf8' = 'latin1'): Buffer =>
  block(pairs, encoding);

export const nameBlock = (names: readonly string[], encoding: 'latin1' | 'utf8' = 'latin1'): Buffer =>
  block(
    names.map((name) => [name]),
    encoding,
  );

/** The output frame that says what an action says. */
export function encodeAction(action: Action): Buffer {
  const fields: Field[] = [];
  const add = (tag: number, bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined) fields.push({ tag, bytes });
  };
  const text = (value: string | undefined) => (value === undefined ? undefined : Buffer.from(value, 'utf8'));
  const json = (value: unknown) => (value === undefined ? undefined : Buffer.from(JSON.stringify(value), 'utf8'));
  const pairs = (list: readonly HeaderPair[] | undefined, encoding: 'latin1' | 'utf8') =>
    list === undefined ? undefined : pairBlock(list, encoding);
  const names = (list: readonly string[] | undefined, encoding: 'latin1' | 'utf8') =>
    list === undefined ? undefined : nameBlock(list, encoding);
  if (action.kind === 'immediate') {
    add(Output.immediateStatus, u32(action.status));
    add(Output.headersSet, pairs(action.headers, 'latin1'));
    add(Output.fault, json(action.fault));
  }
  if (action.kind === 'request-changes' || action.kind === 'response-changes') {
    add(Output.headersSet, pairs(action.headers?.set, 'latin1'));
    add(Output.headersAppend, pairs(action.headers?.append, 'latin1'));
    add(Output.headersRemove, names(action.headers?.remove, 'latin1'));
    add(Output.overlaySet, pairs(action.overlay?.set, 'latin1'));
    add(Output.overlayAppend, pairs(action.overlay?.append, 'latin1'));
    add(Output.overlayRemove, names(action.overlay?.remove, 'latin1'));
    add(Output.auth, json(action.auth));
  }
  if (action.kind === 'request-changes') {
    add(Output.path, text(action.path));
    add(Output.host, text(action.host));
    add(Output.method, text(action.method));
    add(Output.upstreamName, text(action.upstreamName));
    if (action.upstreamSlot !== undefined) add(Output.upstreamSlot, u32(action.upstreamSlot === 'main' ? 0 : 1));
    add(Output.queryAdd, pairs(action.queryAdd, 'utf8'));
    add(Output.querySet, pairs(action.querySet, 'utf8'));
    add(Output.queryRemove, names(action.queryRemove, 'utf8'));
  }
  if (action.kind === 'response-changes' && action.status !== undefined) add(Output.status, u32(action.status));
  if (action.kind === 'terminate') add(Output.terminate, Buffer.alloc(0));
  add(Output.body, action.body);
  add(Output.metadataPatch, json(action.metadataPatch));
  const filter = action.observations?.analyticsHeaderFilter;
  add(Output.analytics, json(action.observations?.analyticsMetadata));
  add(Output.dynamicMetadata, json(action.observations?.dynamicMetadata));
  if (filter !== undefined) {
    add(Output.headerFilter, Buffer.concat([u32(filter.mode === 'allow' ? 0 : 1), nameBlock(filter.names)]));
  }
  // The order of fields has no meaning.
  return frame(2, fields.reverse());
}

/** Field contents by tag; throws where a frame is not what the interface says. */
export function readFrame(bytes: Buffer, kind = 1): Map<number, Buffer> {
  if (bytes.readUInt16LE(0) !== 0xed1c || bytes[2] !== 1 || bytes[3] !== kind) throw new Error('not such a frame');
  if (bytes.readUInt32LE(4) !== bytes.length) throw new Error('wrong length');
  const fields = new Map<number, Buffer>();
  let at = 12;
  for (let left = bytes.readUInt32LE(8); left > 0; left--) {
    const tag = bytes.readUInt16LE(at);
    const length = bytes.readUInt32LE(at + 4);
    if (fields.has(tag)) throw new Error(`field ${tag} twice`);
    fields.set(tag, bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
    for (; at % 4 !== 0; at++) if (bytes[at] !== 0) throw new Error('padding is not zero');
  }
  if (at !== bytes.length) throw new Error('fields do not fill the frame');
  return fields;
}

export function readPairs(block: Buffer): HeaderPair[] {
  const part = (at: number): string => {
    const offset = block.readUInt32LE(at);
    return block.toString('latin1', offset, offset + block.readUInt32LE(at + 4));
  };
  return Array.from({ length: block.readUInt32LE(0) }, (_, i) => [part(4 + i * 16), part(12 + i * 16)] as const);
}
