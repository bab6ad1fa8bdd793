/** The one scan over a module's sections: header, order, and where the content of each begins and ends. */

import { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';

/** Identifiers of the core specification; https://webassembly.github.io/spec/core/binary/modules.html#sections */
export const SECTION = {
  CUSTOM: 0,
  TYPE: 1,
  IMPORT: 2,
  FUNCTION: 3,
  TABLE: 4,
  MEMORY: 5,
  GLOBAL: 6,
  EXPORT: 7,
  START: 8,
  ELEMENT: 9,
  CODE: 10,
  DATA: 11,
  DATA_COUNT: 12,
} as const;

const TAG_SECTION = 13;

export interface Section {
  readonly id: number;
  /** Of the content, behind identifier and length; for a custom section behind its name. */
  readonly start: number;
  readonly end: number;
  /** Where the section begins with its identifier. */
  readonly head: number;
  /** Of a custom section. */
  readonly name: string;
}

/** The place of a section in a module; they come in this order, each at most once, custom ones anywhere. */
export function rankOf(id: number): number {
  // The count of data segments was added later and stands before the code that needs it.
  if (id === SECTION.DATA_COUNT) return SECTION.ELEMENT + 0.5;
  return id;
}

/** Throws `MODULE_REJECTED` when the bytes are no module of version 1. */
export function scanSections(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes);
  if (reader.u32le() !== 0x6d736100 || reader.u32le() !== 1)
    throw moduleRefused('it is not a version 1 WebAssembly module', 0);
  const sections: Section[] = [];
  let rank = 0;
  while (!reader.done) {
    const head = reader.position;
    const id = reader.u8();
    const length = reader.varU32();
    if (length > bytes.length - reader.position) throw moduleRefused('a section passes its end', reader.position);
    const content = reader.part(length);
    if (id === SECTION.CUSTOM) {
      const name = content.name();
      sections.push({ id, start: content.position, end: content.end, head, name });
      continue;
    }
    if (id === TAG_SECTION) throw moduleRefused('it uses exception handling', head);
    if (id > SECTION.DATA_COUNT) throw moduleRefused(`section ${id} is unknown`, head);
    if (rankOf(id) <= rank) throw moduleRefused(`section ${id} is repeated or out of order`, head);
    rank = rankOf(id);
    sections.push({ id, start: content.position, end: content.end, head, name: '' });
  }
  return sections;
}
