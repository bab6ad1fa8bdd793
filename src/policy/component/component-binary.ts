/** Reads of a component's bytes what a host must know: its core modules, what it imports, and whether glue is needed to call it. */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';

/** What a component is made of. */
export interface ComponentParts {
  /** Every core module, those of components inside it too; views of the component's bytes. */
  readonly modules: readonly Uint8Array[];
  /** Names of its imports. */
  readonly imports: readonly string[];
  /** Which of its definitions need glue; empty when none does. */
  readonly needsGlue: string;
}

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const SECTION = { coreModule: 1, component: 4, canon: 8, import: 10 } as const;
/** Components inside components. */
const MAX_DEPTH = 8;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `MODULE_INVALID` when the bytes are no component. Code is not looked at. */
export function readComponent(bytes: Uint8Array): ComponentParts | PolicyFailure {
  const parts = { modules: [] as Uint8Array[], imports: [] as string[], needsGlue: '' };
  try {
    readSections(new Cursor(bytes), parts, 0);
  } catch (caught) {
    if (!(caught instanceof Malformed)) throw caught;
    return policyFailure('MODULE_INVALID', `it is no component: ${caught.message}`);
  }
  return parts;
}

type Draft = { -readonly [Part in keyof ComponentParts]: ComponentParts[Part] } & {
  readonly modules: Uint8Array[];
  readonly imports: string[];
};

function readSections(cursor: Cursor, parts: Draft, depth: number): void {
  if (depth > MAX_DEPTH) throw new Malformed('it is nested too deep');
  for (const byte of PREAMBLE) if (cursor.byte() !== byte) throw new Malformed('its first bytes are not those of one');
  while (!cursor.isAtEnd) {
    const id = cursor.byte();
    const section = cursor.take(cursor.u32());
    switch (id) {
      case SECTION.coreModule:
        parts.modules.push(section.rest());
        break;
      case SECTION.component:
        readSections(section, parts, depth + 1);
        break;
      case SECTION.canon:
        parts.needsGlue ||= glueOf(section);
        break;
      case SECTION.import:
        // Components inside get what the outer one gives them.
        if (depth === 0) readImports(section, parts.imports);
    }
  }
}

function readImports(cursor: Cursor, names: string[]): void {
  for (let count = cursor.u32(); count > 0; count--) {
    // 0: a name; 1: a name with a version behind, of an older encoding.
    if (cursor.byte() > 1) throw new Malformed('an import has no name');
    names.push(cursor.text());
    skipDescription(cursor);
  }
}

/** What kind of thing is imported, and its type. */
function skipDescription(cursor: Cursor): void {
  const kind = cursor.byte();
  // A module has one more byte, bounds of values and types have one that says what follows.
  const more = kind === 0x00 || kind === 0x02 || kind === 0x03 ? cursor.byte() : undefined;
  if (kind > 0x05) throw new Malformed(`an import is of the unknown kind ${kind}`);
  if (kind === 0x03 && more === 0x01) return;
  cursor.u32();
}

/** What of the definitions between core functions and component functions the direct binding does not do; '' for nothing. */
function glueOf(cursor: Cursor): string {
  for (let count = cursor.u32(); count > 0; count--) {
    const kind = cursor.byte();
    if (kind > 1 || cursor.byte() !== 0) return 'it uses resources or tasks';
    cursor.u32();
    for (let options = cursor.u32(); options > 0; options--) {
      const one = cursor.byte();
      if (one === 0x01 || one === 0x02) return 'its texts are not UTF-8';
      if (one > 0x05) return 'it uses tasks';
      if (one >= 0x03) cursor.u32();
    }
    if (kind === 0) cursor.u32();
  }
  return '';
}

class Malformed extends Error {}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Malformed('it ends early');
    return byte;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed('a number is too long');
  }

  take(length: number): Cursor {
    if (this.#at + length > this.#bytes.length) throw new Malformed('a part passes its end');
    this.#at += length;
    return new Cursor(this.#bytes.subarray(this.#at - length, this.#at));
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  text(): string {
    try {
      return utf8.decode(this.take(this.u32()).rest());
    } catch (caught) {
      if (caught instanceof Malformed) throw caught;
      throw new Malformed('a name is not UTF-8');
    }
  }
}
