/** Reads from a module's bytes what the WebAssembly API does not tell: memory limits and where static data ends. */

const MEMORY_SECTION = 5;
const DATA_SECTION = 11;
const I32_CONST = 0x41;
const END = 0x0b;

/**
 * `{ imports, exports, memory: { initial, maximum }, dataEnd }` of a module that defines its memory: names as text, memory in
 * pages (`maximum` undefined when not declared), `dataEnd` the address after the last byte of static data.
 */
export function inspectModule(bytes) {
  const module = new WebAssembly.Module(bytes);
  const facts = {
    imports: WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`),
    exports: WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`),
    memory: undefined,
    dataEnd: 0,
  };
  // The module has just compiled, so its structure is sound; only the shapes asc emits are read below.
  const reader = new Reader(bytes, 8);
  while (!reader.done) {
    const section = reader.byte();
    const end = reader.unsigned() + reader.offset;
    if (section === MEMORY_SECTION && reader.unsigned() > 0) {
      const limited = (reader.byte() & 1) === 1;
      facts.memory = { initial: reader.unsigned(), maximum: limited ? reader.unsigned() : undefined };
    } else if (section === DATA_SECTION) {
      for (let count = reader.unsigned(); count > 0; count--)
        facts.dataEnd = Math.max(facts.dataEnd, dataSegment(reader));
    }
    reader.offset = end;
  }
  return facts;
}

/** Reads one active segment of memory 0 and gives the address after it. */
function dataSegment(reader) {
  if (reader.unsigned() !== 0 || reader.byte() !== I32_CONST) {
    throw new Error('a data segment is not placed at a constant address');
  }
  const address = reader.unsigned();
  if (reader.byte() !== END) throw new Error('a data segment is not placed at a constant address');
  const length = reader.unsigned();
  reader.offset += length;
  return address + length;
}

class Reader {
  constructor(bytes, offset) {
    this.bytes = bytes;
    this.offset = offset;
  }

  get done() {
    return this.offset >= this.bytes.length;
  }

  byte() {
    return this.bytes[this.offset++];
  }

  /** LEB128. `i32.const` is signed, but addresses are positive and read the same. */
  unsigned() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}
