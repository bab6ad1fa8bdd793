/** Reads what a module asks for and offers, before anything is compiled: imports, exports, memory limits, start function. */

import { EdictError } from '../errors.ts';

/** What the loader checks of a module (https://webassembly.github.io/spec/core/binary/modules.html). */
export interface ModuleFacts {
  /** `module.name` of each import, with its kind behind unless it is a function. */
  readonly imports: readonly string[];
  readonly exports: ReadonlyMap<string, 'function' | 'table' | 'memory' | 'global'>;
  /** Limits of the memory the module defines, in pages of 64 KiB; undefined when it defines none. */
  readonly memory:
    | { readonly minimum: number; readonly maximum: number | undefined; readonly shared: boolean }
    | undefined;
  readonly hasStart: boolean;
}

const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;
const EXPORT_SECTION = 7;
const START_SECTION = 8;
const EXPORT_KINDS = ['function', 'table', 'memory', 'global'] as const;

/** Throws `MODULE_REJECTED` when the bytes are no module. */
export function inspectModule(bytes: Uint8Array): ModuleFacts {
  const reader = new Reader(bytes);
  if (reader.u32le() !== 0x6d736100 || reader.u32le() !== 1) throw rejected('it is not a version 1 WebAssembly module');
  const imports: string[] = [];
  const exports = new Map<string, 'function' | 'table' | 'memory' | 'global'>();
  let memory: ModuleFacts['memory'];
  let hasStart = false;
  while (!reader.done) {
    const section = reader.u8();
    const end = reader.varU32() + reader.position;
    if (section === IMPORT_SECTION) {
      for (let left = reader.varU32(); left > 0; left--) {
        const name = `${reader.name()}.${reader.name()}`;
        const kind = reader.importType();
        imports.push(kind === 'function' ? name : `${name} (${kind})`);
      }
    } else if (section === MEMORY_SECTION) {
      const count = reader.varU32();
      // Which of several is the exported one is not worth finding out: Edict's guests have one.
      if (count > 1) throw rejected(`it defines ${count} memories`);
      if (count === 1) memory = reader.memory();
    } else if (section === EXPORT_SECTION) {
      for (let left = reader.varU32(); left > 0; left--) {
        const name = reader.name();
        const kind = EXPORT_KINDS[reader.u8()];
        reader.varU32();
        if (kind === undefined) throw rejected(`export "${name}" is of an unknown kind`);
        exports.set(name, kind);
      }
    } else if (section === START_SECTION) hasStart = true;
    reader.position = end;
  }
  return { imports, exports, memory, hasStart };
}

function rejected(text: string): EdictError {
  return new EdictError('MODULE_REJECTED', `the module was refused: ${text}`);
}

class Reader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  get position(): number {
    return this.#position;
  }

  set position(position: number) {
    if (position < this.#position || position > this.#bytes.length) throw rejected('a section passes its end');
    this.#position = position;
  }

  u8(): number {
    const byte = this.#bytes[this.#position++];
    if (byte === undefined) throw rejected('it is truncated');
    return byte;
  }

  u32le(): number {
    return this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24);
  }

  /** Unsigned LEB128, at most five bytes. */
  varU32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw rejected('a number is malformed');
  }

  name(): string {
    const length = this.varU32();
    const start = this.#position;
    this.position = start + length;
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  /** Limits of a memory of 32-bit addresses and pages of 64 KiB. */
  memory(): { minimum: number; maximum: number | undefined; shared: boolean } {
    const flags = this.u8();
    if (flags > 3) throw rejected('its memory is of an unknown kind');
    const minimum = this.varU32();
    return { minimum, maximum: (flags & 1) === 1 ? this.varU32() : undefined, shared: (flags & 2) === 2 };
  }

  /** Passes over the type of an import and gives its kind. */
  importType(): (typeof EXPORT_KINDS)[number] {
    const kind = EXPORT_KINDS[this.u8()];
    if (kind === undefined) throw rejected('an import is of an unknown kind');
    if (kind === 'function') this.varU32();
    else if (kind === 'memory') this.memory();
    else {
      // A global's type and mutability; a table's element type, then its limits.
      this.u8();
      const flags = this.u8();
      if (kind === 'table') {
        this.varU32();
        if ((flags & 1) === 1) this.varU32();
      }
    }
    return kind;
  }
}
