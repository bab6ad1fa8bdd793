/** JSONLogic operators by number; src/flags/jsonlogic/operators.ts is the same table for the host, a test holds them equal. */

export const JL_UNKNOWN: u32 = 0;
export const JL_AND: u32 = 1;
export const JL_OR: u32 = 2;
export const JL_NOT: u32 = 3;
export const JL_TRUTHY: u32 = 4;
export const JL_EQ: u32 = 5;
export const JL_NE: u32 = 6;
export const JL_STRICT_EQ: u32 = 7;
export const JL_STRICT_NE: u32 = 8;
export const JL_LT: u32 = 9;
export const JL_LE: u32 = 10;
export const JL_GT: u32 = 11;
export const JL_GE: u32 = 12;
export const JL_IN: u32 = 13;
export const JL_VAR: u32 = 14;
export const JL_IF: u32 = 15;
export const JL_TERNARY: u32 = 16;
export const JL_ADD: u32 = 17;
export const JL_SUBTRACT: u32 = 18;
export const JL_MULTIPLY: u32 = 19;
export const JL_DIVIDE: u32 = 20;
export const JL_MODULO: u32 = 21;
export const JL_MAX: u32 = 22;
export const JL_MIN: u32 = 23;
export const JL_ABS: u32 = 24;
export const JL_CAT: u32 = 25;
export const JL_SUBSTR: u32 = 26;
export const JL_MERGE: u32 = 27;
export const JL_MISSING: u32 = 28;
export const JL_MISSING_SOME: u32 = 29;
export const JL_FILTER: u32 = 30;
export const JL_MAP: u32 = 31;
export const JL_ALL: u32 = 32;
export const JL_NONE: u32 = 33;
export const JL_SOME: u32 = 34;
export const JL_REDUCE: u32 = 35;
export const JL_SET: u32 = 36;
export const JL_CONTAINS_ALL: u32 = 37;
export const JL_CONTAINS_ANY: u32 = 38;
export const JL_CONTAINS_NONE: u32 = 39;

/** Encoded rules only: `{"var": [name, default]}` of a constant name; the operand is the array [SLOT, default]. */
export const JL_SLOT_OR: u32 = 40;

/** `aux` of an encoded array without anything to evaluate inside: it evaluates to itself. Arrays of contexts have aux 0. */
export const PLAIN_ARRAY: u32 = 1;

/** Names in order of their numbers, from 1, a space behind each. One literal: a joined one would be built at start. */
const NAMES =
  'and or ! !! == != === !== < <= > >= in var if ?: + - * / % max min abs cat substr merge missing missing_some filter map all none some reduce set contains_all contains_any contains_none ';

/** Finds maps that came with the context; encoded rules carry the number. JL_UNKNOWN when there is no such operator. */
export function operatorOf(name: usize, bytes: u32): u32 {
  let at = changetype<usize>(NAMES);
  for (let code: u32 = JL_AND; code <= JL_CONTAINS_NONE; code++) {
    let same: u32 = 0;
    while (same < bytes && load<u16>(at) != 0x20 && load<u16>(at) == load<u8>(name + same)) {
      at += 2;
      same++;
    }
    if (same == bytes && load<u16>(at) == 0x20) return code;
    while (load<u16>(at) != 0x20) at += 2;
    at += 2;
  }
  return JL_UNKNOWN;
}
