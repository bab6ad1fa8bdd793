/** Reads the entries of the longer sections: imports, exports, element and data segments, function bodies. */

import { skipConstant } from './constant.ts';
import { type Draft, EXTERNAL_KINDS, type ExternalKind } from './model.ts';
import type { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';
import { readGlobal, readMemory, readReferenceType, readTable } from './types.ts';

const TAG_KIND = 4;

function readKind(reader: ByteReader, subject: string): ExternalKind {
  const at = reader.position;
  const byte = reader.u8();
  if (byte === TAG_KIND) throw moduleRefused('it uses exception handling', at);
  const kind = EXTERNAL_KINDS[byte];
  if (kind === undefined) throw moduleRefused(`${subject} is of an unknown kind`, at);
  return kind;
}

export function readImports(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const module = reader.name();
    const name = reader.name();
    const kind = readKind(reader, 'an import');
    if (kind === 'function') {
      const type = reader.varU32();
      draft.functions.push(type);
      draft.importedFunctions++;
      draft.imports.push({ module, name, kind, type: draft.types[type] });
      continue;
    }
    if (kind === 'memory') draft.memories.push(readMemory(reader, true));
    else if (kind === 'table') draft.tables.push(readTable(reader, true));
    else draft.globals.push(readGlobal(reader, true));
    draft.imports.push({ module, name, kind, type: undefined });
  }
}

export function readExports(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const name = reader.name();
    const kind = readKind(reader, `export "${name}"`);
    if (draft.exports.has(name)) throw moduleRefused(`it exports "${name}" twice`, reader.position);
    draft.exports.set(name, { kind, index: reader.varU32() });
  }
}

/** Bit 0: passive or declarative. Bit 1: names its table, or is declarative. Bit 2: expressions instead of indices. */
export function readElements(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const at = reader.position;
    const flags = reader.varU32();
    if (flags > 7) throw moduleRefused('an element segment is of an unknown kind', at);
    const isActive = (flags & 1) === 0;
    if (isActive && (flags & 2) !== 0) reader.varU32();
    if (isActive) skipConstant(reader, draft.globals.length, draft.references);
    const hasExpressions = (flags & 4) !== 0;
    if ((flags & 3) !== 0) {
      if (hasExpressions) readReferenceType(reader);
      else if (reader.u8() !== 0) throw moduleRefused('an element segment is of an unknown kind', at);
    }
    for (let left = reader.varU32(); left > 0; left--) {
      if (hasExpressions) skipConstant(reader, draft.globals.length, draft.references);
      else draft.references.add(reader.varU32());
    }
    draft.elementSegments++;
  }
}

/** 0: active in memory 0. 1: passive. 2: active in a memory it names. */
export function readData(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const at = reader.position;
    const flags = reader.varU32();
    if (flags > 2) throw moduleRefused('a data segment is of an unknown kind', at);
    if (flags === 2) reader.varU32();
    if (flags !== 1) skipConstant(reader, draft.globals.length, draft.references);
    reader.skip(reader.varU32());
    draft.dataSegments++;
  }
}

export function readBodies(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const length = reader.varU32();
    const start = reader.position;
    reader.skip(length);
    draft.bodies.push({ start, end: reader.position });
  }
}
