/** The token types of a nikunjy query (spec/flags.md §8.1), and the list the lexer hands to the parser. */

/** Token types. All are below 31, so that a set of them is one small integer (`1 << kind`). */
export const TokenKind = {
  EOF: 0,
  LP: 1,
  RP: 2,
  DOT: 3,
  DASH: 4,
  LB: 5,
  RB: 6,
  PR: 7,
  NOT: 8,
  LOG: 9,
  BOOL: 10,
  NULL: 11,
  EQ: 12,
  NE: 13,
  GT: 14,
  LT: 15,
  GE: 16,
  LE: 17,
  CO: 18,
  SW: 19,
  EW: 20,
  IN: 21,
  ATTR: 22,
  VERSION: 23,
  STRING: 24,
  DOUBLE: 25,
  INT: 26,
  EXP: 27,
  NEWLINE: 28,
  COMMA: 29,
  SP: 30,
} as const;

export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind];

/** Three parallel lists instead of an object a token: queries are lexed by the ten thousand. */
export interface TokenList {
  readonly text: string;
  /** Ends with two EOF, so that looking two tokens ahead needs no bounds check. */
  readonly kinds: readonly TokenKind[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Offset of the first character that was dropped because no token begins with it; -1 when all were used. */
  readonly droppedAt: number;
}

/** Reserved in exactly these spellings: `Eq`, `AND` and `True` are attribute names. */
export const KEYWORDS: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ['pr', TokenKind.PR],
  ['not', TokenKind.NOT],
  ['NOT', TokenKind.NOT],
  ['and', TokenKind.LOG],
  ['or', TokenKind.LOG],
  ['true', TokenKind.BOOL],
  ['false', TokenKind.BOOL],
  ['null', TokenKind.NULL],
  ['in', TokenKind.IN],
  ['IN', TokenKind.IN],
  ['eq', TokenKind.EQ],
  ['EQ', TokenKind.EQ],
  ['ne', TokenKind.NE],
  ['NE', TokenKind.NE],
  ['gt', TokenKind.GT],
  ['GT', TokenKind.GT],
  ['lt', TokenKind.LT],
  ['LT', TokenKind.LT],
  ['ge', TokenKind.GE],
  ['GE', TokenKind.GE],
  ['le', TokenKind.LE],
  ['LE', TokenKind.LE],
  ['co', TokenKind.CO],
  ['CO', TokenKind.CO],
  ['sw', TokenKind.SW],
  ['SW', TokenKind.SW],
  ['ew', TokenKind.EW],
  ['EW', TokenKind.EW],
]);
export const LONGEST_KEYWORD = 5;
