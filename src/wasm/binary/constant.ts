/** Constant expressions: what initialises a global, places a segment or fills a table. */

import type { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';
import { readReferenceType } from './types.ts';

const END = 0x0b;

/** Passes over one; the functions it refers to go into `references`, the globals it reads are below `globals`. */
export function skipConstant(reader: ByteReader, globals: number, references: Set<number>): void {
  for (;;) {
    const at = reader.position;
    const opcode = reader.u8();
    if (opcode === END) return;
    if (opcode === 0x41) reader.varS32();
    else if (opcode === 0x42) reader.skipS64();
    else if (opcode === 0x43) reader.skip(4);
    else if (opcode === 0x44) reader.skip(8);
    else if (opcode === 0xd0) readReferenceType(reader);
    else if (opcode === 0xd2) references.add(reader.varU32());
    else if (opcode === 0x23) {
      const index = reader.varU32();
      if (index >= globals) throw moduleRefused(`there is no global ${index}`, at);
    } else if (opcode === 0xfd && reader.varU32() === 12) reader.skip(16);
    // Addition, subtraction and multiplication of i32 and i64 (extended constant expressions).
    else if (!(opcode >= 0x6a && opcode <= 0x6c) && !(opcode >= 0x7c && opcode <= 0x7e)) {
      throw moduleRefused(`operation 0x${opcode.toString(16)} in a constant`, at);
    }
  }
}
