/** The parser's reading head: lookahead, and the reference's three repairs of a token stream (spec/flags.md §8.3). */

import type { TokenList } from './token.ts';
import { TokenKind } from './token.ts';

/** Longest piece of the query that a message quotes. */
const MAX_QUOTED = 24;

/** A set of token types: bit n stands for type n. */
export function setOf(...kinds: TokenKind[]): number {
  return kinds.reduce<number>((set, kind) => set | (1 << kind), 0);
}

export function isIn(set: number, kind: TokenKind): boolean {
  return (set & (1 << kind)) !== 0;
}

/** INVARIANT: `pos` never passes the first of the two EOF that end the list, so looking two ahead is always in range. */
export class TokenCursor {
  readonly #tokens: TokenList;
  readonly #kinds: readonly TokenKind[];
  /** Index of the next token. */
  pos = 0;

  constructor(tokens: TokenList) {
    this.#tokens = tokens;
    this.#kinds = tokens.kinds;
  }

  /** Type of the token at an index, which may be one or two past the next token. */
  kindAt(index: number): TokenKind {
    return this.#kinds[index] as TokenKind;
  }

  /** Type of the next token. */
  get next(): TokenKind {
    return this.kindAt(this.pos);
  }

  /** Type of the token after the next. */
  get second(): TokenKind {
    return this.kindAt(this.pos + 1);
  }

  textAt(index: number): string {
    const { text, starts, ends } = this.#tokens;
    return text.slice(starts[index], ends[index]);
  }

  /** Makes sure that a token of the set is next, by deleting one token if need be; false when that does not help. */
  sync(set: number): boolean {
    if (isIn(set, this.next)) return true;
    if (!isIn(set, this.second)) return false;
    this.pos++;
    return true;
  }

  /** Takes a token of the type: the next; the one after, deleting one; or one imagined before a token of `follow`. */
  match(kind: TokenKind, follow: number): boolean {
    if (this.next === kind) this.pos++;
    else if (this.second === kind) this.pos += 2;
    else return isIn(follow, this.next);
    return true;
  }

  /** Skips to a token of the set, or to the end. */
  recover(stop: number): void {
    const end = stop | (1 << TokenKind.EOF);
    while (!isIn(end, this.next)) this.pos++;
  }

  /** Index of the first token of the type from `begin` up to `end`; -1 when there is none. */
  find(kind: TokenKind, begin: number, end: number): number {
    for (let i = begin; i < end; i++) {
      if (this.#kinds[i] === kind) return i;
    }
    return -1;
  }

  /** How deep parentheses nest in the whole text: the number a reader can check. */
  nesting(): number {
    let depth = 0;
    let deepest = 0;
    for (const kind of this.#kinds) {
      if (kind === TokenKind.LP) deepest = Math.max(deepest, ++depth);
      else if (kind === TokenKind.RP && depth > 0) depth--;
    }
    return deepest;
  }

  /** Says what was wanted in place of the token at `index`, with its offset in the text (UTF-16 units, from 0). */
  expected(wanted: string, index = this.pos): string {
    const { text, starts, droppedAt } = this.#tokens;
    const offset = starts[index] ?? text.length;
    const token = this.textAt(index);
    const quoted = token.length > MAX_QUOTED ? `${token.slice(0, MAX_QUOTED)}…` : token;
    const found = this.kindAt(index) === TokenKind.EOF ? 'the query ends' : `found "${quoted}"`;
    const dropped = droppedAt >= 0 && droppedAt < offset ? this.#describeDropped(droppedAt) : '';
    return `expected ${wanted} at offset ${offset}, ${found}${dropped}`;
  }

  /** A quote of the wrong kind or a tab is the usual cause of what fails later, and invisible among the tokens. */
  #describeDropped(at: number): string {
    const code = this.#tokens.text.codePointAt(at) ?? 0;
    const shown = code <= 0x20 ? `U+${code.toString(16).toUpperCase().padStart(4, '0')}` : String.fromCodePoint(code);
    return ` (${shown} at offset ${at} begins no token and was skipped)`;
  }
}
