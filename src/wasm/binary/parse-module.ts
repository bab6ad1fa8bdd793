/** Reads everything a module declares, and where its function bodies are, without compiling any of it. */

import { skipConstant } from './constant.ts';
import { readBodies, readData, readElements, readExports, readImports } from './entries.ts';
import type { Draft, ParsedModule } from './model.ts';
import { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';
import { SECTION, type Section, scanSections } from './sections.ts';
import { readFunctionType, readGlobal, readMemory, readTable } from './types.ts';

/** Throws `MODULE_REJECTED` when the bytes are no module, or use a proposal that Edict does not take. */
export function parseModule(bytes: Uint8Array): ParsedModule {
  const sections = scanSections(bytes);
  const draft: Draft = {
    types: [],
    imports: [],
    functions: [],
    importedFunctions: 0,
    tables: [],
    memories: [],
    globals: [],
    exports: new Map(),
    start: undefined,
    elementSegments: 0,
    dataSegments: 0,
    dataCount: undefined,
    bodies: [],
    references: new Set(),
  };
  for (const section of sections) {
    if (section.id === SECTION.CUSTOM) continue;
    const reader = new ByteReader(bytes, section.start, section.end);
    readSection(section.id, reader, draft);
    reader.expectEnd();
  }
  return finish(bytes, sections, draft);
}

function readSection(id: number, reader: ByteReader, draft: Draft): void {
  if (id === SECTION.START) draft.start = reader.varU32();
  else if (id === SECTION.DATA_COUNT) draft.dataCount = reader.varU32();
  else {
    const count = reader.varU32();
    if (id === SECTION.TYPE) for (let i = 0; i < count; i++) draft.types.push(readFunctionType(reader));
    else if (id === SECTION.IMPORT) readImports(reader, count, draft);
    else if (id === SECTION.FUNCTION) for (let i = 0; i < count; i++) draft.functions.push(reader.varU32());
    else if (id === SECTION.TABLE) for (let i = 0; i < count; i++) draft.tables.push(readTable(reader, false));
    else if (id === SECTION.MEMORY) readMemories(reader, count, draft);
    else if (id === SECTION.GLOBAL) readGlobals(reader, count, draft);
    else if (id === SECTION.EXPORT) readExports(reader, count, draft);
    else if (id === SECTION.ELEMENT) readElements(reader, count, draft);
    else if (id === SECTION.CODE) readBodies(reader, count, draft);
    else readData(reader, count, draft);
  }
}

function readMemories(reader: ByteReader, count: number, draft: Draft): void {
  // Which of several is the exported one is not worth finding out: guests have one.
  if (count > 1) throw moduleRefused(`it defines ${count} memories`, reader.position);
  if (count === 1) draft.memories.push(readMemory(reader, false));
}

function readGlobals(reader: ByteReader, count: number, draft: Draft): void {
  for (let i = 0; i < count; i++) {
    const global = readGlobal(reader, false);
    skipConstant(reader, draft.globals.length, draft.references);
    draft.globals.push(global);
  }
}

/** What sections say of each other. */
function finish(bytes: Uint8Array, sections: readonly Section[], draft: Draft): ParsedModule {
  const { memories, dataCount, ...rest } = draft;
  if (memories.length > 1) throw moduleRefused('it has a memory of its own beside an imported one, or several');
  const defined = draft.functions.length - draft.importedFunctions;
  if (draft.bodies.length !== defined)
    throw moduleRefused(`it declares ${defined} functions and has ${draft.bodies.length}`);
  if (dataCount !== undefined && dataCount !== draft.dataSegments)
    throw moduleRefused(`it announces ${dataCount} data segments and has ${draft.dataSegments}`);
  for (const type of draft.functions) if (type >= draft.types.length) throw moduleRefused(`there is no type ${type}`);
  const counts = {
    function: draft.functions.length,
    table: draft.tables.length,
    memory: memories.length,
    global: draft.globals.length,
  };
  // INVARIANT: no index reaches past what the module itself has, so nothing that metering appends can be named by it.
  for (const [name, { kind, index }] of draft.exports)
    if (index >= counts[kind]) throw moduleRefused(`export "${name}" is ${kind} ${index}, which there is not`);
  if (draft.start !== undefined && draft.start >= counts.function)
    throw moduleRefused(`its start function is ${draft.start}, which there is not`);
  return { bytes, sections, memory: memories[0], ...rest };
}
