/** Walks a function's instructions once, from its locals to its last `end`, and tells a visitor what meters need to know. */

import type { Body, ParsedModule } from './model.ts';
import * as op from './opcodes.ts';
import { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';
import { readReferenceType, readValueType } from './types.ts';

/** Offsets are into the module's bytes; `at` is where the instruction begins. */
export interface CodeVisitor {
  /** The instructions begin at `at`; `locals` counts parameters and declared locals, `groups` the declarations. */
  begin(at: number, locals: number, groups: number): void;
  /** A loop whose first instruction is at `inside`. */
  loop(inside: number): void;
  /** The innermost open loop ends at `at`. */
  endLoop(at: number): void;
  call(at: number, callee: number): void;
  callIndirect(at: number): void;
  growMemory(at: number): void;
  /** A bulk instruction on memory or table, with the number of bytes or entries on top of the stack. */
  bulk(at: number): void;
  end(at: number): void;
}

/** What V8 takes, parameters included. */
export const MAX_LOCALS = 50_000;

/**
 * `position` is the index of the body among the module's own functions. Time and memory grow with the body's bytes and
 * with nothing else: nesting is a counter and a list, not recursion. Throws `MODULE_REJECTED` at an unknown operation.
 *
 * INVARIANT: every index of function, local, global, table and segment is checked against what the module itself has.
 */
export function walkBody(module: ParsedModule, position: number, visitor: CodeVisitor): void {
  new Walk(module, module.bodies[position]!).run(position, visitor);
}

class Walk {
  readonly #module: ParsedModule;
  readonly #reader: ByteReader;
  #locals = 0;

  constructor(module: ParsedModule, body: Body) {
    this.#module = module;
    this.#reader = new ByteReader(module.bytes, body.start, body.end);
  }

  run(position: number, visitor: CodeVisitor): void {
    const reader = this.#reader;
    const type = this.#module.types[this.#module.functions[this.#module.importedFunctions + position]!]!;
    this.#locals = type.params.length;
    const groups = this.#readLocals();
    visitor.begin(reader.position, this.#locals, groups);
    // One entry an open block: whether it is a loop. The function itself is none of them.
    const open: boolean[] = [];
    for (;;) {
      const at = reader.position;
      const opcode = reader.u8();
      this.#immediates(op.PLAIN[opcode]!, opcode, at, visitor);
      if (opcode > op.OP.RETURN_CALL_INDIRECT) {
        if (opcode === op.OP.MEMORY_GROW) visitor.growMemory(at);
      } else if (opcode === op.OP.LOOP) {
        open.push(true);
        visitor.loop(reader.position);
      } else if (opcode === op.OP.BLOCK || opcode === op.OP.IF) open.push(false);
      else if (opcode === op.OP.CALL_INDIRECT || opcode === op.OP.RETURN_CALL_INDIRECT) visitor.callIndirect(at);
      else if (opcode === op.OP.END) {
        const isLoop = open.pop();
        if (isLoop === true) visitor.endLoop(at);
        else if (isLoop === undefined) {
          visitor.end(at);
          break;
        }
      }
    }
    if (!reader.done) throw moduleRefused('a function goes on after its end', reader.position);
  }

  #readLocals(): number {
    const reader = this.#reader;
    const groups = reader.varU32();
    for (let left = groups; left > 0; left--) {
      this.#locals += reader.varU32();
      if (this.#locals > MAX_LOCALS)
        throw moduleRefused(`a function has more than ${MAX_LOCALS} locals`, reader.position);
      readValueType(reader);
    }
    return groups;
  }

  #immediates(kind: number, opcode: number, at: number, visitor: CodeVisitor): void {
    const reader = this.#reader;
    const module = this.#module;
    switch (kind) {
      case op.NONE:
        break;
      case op.LOCAL:
        this.#index('local', this.#locals, at);
        break;
      case op.S32:
        reader.varS32();
        break;
      case op.MEMORY_ARGUMENT:
        this.#memoryArgument(at);
        break;
      case op.LABEL:
        // Whether there is such a label is left to the engine: a depth names nothing outside its function.
        reader.varU32();
        break;
      case op.BLOCK_TYPE:
        this.#blockType();
        break;
      case op.GLOBAL:
        this.#index('global', module.globals.length, at);
        break;
      case op.FUNCTION: {
        const callee = reader.varU32();
        if (callee >= module.functions.length) throw moduleRefused(`there is no function ${callee}`, at);
        if (opcode !== op.OP.REF_FUNC) visitor.call(at, callee);
        break;
      }
      case op.TYPE_TABLE:
        this.#index('type', module.types.length, at);
        this.#index('table', module.tables.length, at);
        break;
      case op.TABLE:
        this.#index('table', module.tables.length, at);
        break;
      case op.MEMORY:
        this.#memory(at);
        break;
      case op.LABELS:
        for (let left = reader.varU32(); left > 0; left--) reader.varU32();
        reader.varU32();
        break;
      case op.VALUE_TYPES:
        for (let left = reader.varU32(); left > 0; left--) readValueType(reader);
        break;
      case op.REFERENCE_TYPE:
        readReferenceType(reader);
        break;
      case op.S64:
        reader.skipS64();
        break;
      case op.BYTES_4:
        reader.skip(4);
        break;
      case op.BYTES_8:
        reader.skip(8);
        break;
      case op.PREFIX_FC:
        this.#afterFc(at, visitor);
        break;
      case op.PREFIX_FD:
        this.#afterFd(at, visitor);
        break;
      default:
        this.#rareImmediates(kind, opcode, at);
        break;
    }
  }

  /** What only operations behind a prefix have, and refusals. */
  #rareImmediates(kind: number, opcode: number, at: number): void {
    const reader = this.#reader;
    const module = this.#module;
    switch (kind) {
      case op.MEMORY_ARGUMENT_LANE:
        this.#memoryArgument(at);
        reader.skip(1);
        break;
      case op.BYTES_1:
        reader.skip(1);
        break;
      case op.BYTES_16:
        reader.skip(16);
        break;
      case op.MEMORY_MEMORY:
        this.#memory(at);
        this.#memory(at);
        break;
      case op.TABLE_TABLE:
        this.#index('table', module.tables.length, at);
        this.#index('table', module.tables.length, at);
        break;
      case op.DATA_MEMORY:
        this.#index('data segment', module.dataSegments, at);
        this.#memory(at);
        break;
      case op.DATA_SEGMENT:
        this.#index('data segment', module.dataSegments, at);
        break;
      case op.ELEMENT_TABLE:
        this.#index('element segment', module.elementSegments, at);
        this.#index('table', module.tables.length, at);
        break;
      case op.ELEMENT_SEGMENT:
        this.#index('element segment', module.elementSegments, at);
        break;
      default:
        throw moduleRefused(op.REFUSED[kind] ?? `operation 0x${opcode.toString(16)} is unknown`, at);
    }
  }

  #afterFc(at: number, visitor: CodeVisitor): void {
    const code = this.#reader.varU32();
    const kind = op.AFTER_FC[code] ?? op.UNKNOWN;
    if (kind === op.NONE) return;
    this.#immediatesAfter(0xfc, code, kind, at, visitor);
    const isBulk = code !== 9 && code !== 13 && code !== 16;
    if (isBulk) visitor.bulk(at);
  }

  #afterFd(at: number, visitor: CodeVisitor): void {
    const code = this.#reader.varU32();
    this.#immediatesAfter(0xfd, code, op.AFTER_FD[code] ?? op.UNKNOWN, at, visitor);
  }

  #immediatesAfter(prefix: number, code: number, kind: number, at: number, visitor: CodeVisitor): void {
    if (kind === op.UNKNOWN) throw moduleRefused(`operation 0x${prefix.toString(16)} ${code} is unknown`, at);
    this.#immediates(kind, code, at, visitor);
  }

  #index(what: string, count: number, at: number): void {
    const index = this.#reader.varU32();
    if (index >= count) throw moduleRefused(`there is no ${what} ${index}`, at);
  }

  /** The index of a memory, which can only be the first. */
  #memory(at: number): void {
    if (this.#reader.varU32() !== 0) throw moduleRefused('it uses more than one memory', at);
    if (this.#module.memory === undefined) throw moduleRefused('it uses a memory and has none', at);
  }

  /** Alignment and offset; bit 6 of the alignment would announce the index of a memory. */
  #memoryArgument(at: number): void {
    if (this.#reader.varU32() >= 64) throw moduleRefused('it uses more than one memory', at);
    this.#reader.varU32();
  }

  /** None, one value type, or the index of a function type. */
  #blockType(): void {
    const reader = this.#reader;
    const at = reader.position;
    const byte = reader.bytes[at]!;
    if (at < reader.end && (byte & 0xc0) === 0x40) {
      reader.skip(1);
      if (byte === 0x40) return;
      reader.position = at;
      readValueType(reader);
      return;
    }
    const index = reader.varS32(33);
    if (index < 0 || index >= this.#module.types.length) throw moduleRefused(`there is no type ${index}`, at);
  }
}
