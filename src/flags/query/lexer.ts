/** Splits a nikunjy query into tokens (spec/flags.md §8.1), dropping what is none where the reference does. */

import { badEscape, DIGIT, fractionEnd, integerEnd, LETTER, NAME, traitsOf, versionEnd } from './literals.ts';
import type { TokenList } from './token.ts';
import { KEYWORDS, LONGEST_KEYWORD, TokenKind } from './token.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const EQUALS = 0x3d;
const UPPER_E = 0x45;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
const LOWER_U = 0x75;

/** Splits the whole text, in time linear in its length. Never throws: what is no token is dropped. */
export function tokenize(text: string): TokenList {
  const lexer = new Lexer(text);
  while (lexer.next());
  return lexer.finish();
}

class Lexer {
  readonly #text: string;
  readonly #kinds: TokenKind[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #at = 0;
  #droppedAt = -1;

  constructor(text: string) {
    this.#text = text;
  }

  finish(): TokenList {
    const end = this.#text.length;
    this.#add(TokenKind.EOF, end, end);
    this.#add(TokenKind.EOF, end, end);
    const lists = { kinds: this.#kinds, starts: this.#starts, ends: this.#ends };
    return { text: this.#text, ...lists, droppedAt: this.#droppedAt };
  }

  /** Takes one token, or drops one stretch that is none; false at the end. */
  next(): boolean {
    const at = this.#at;
    if (at >= this.#text.length) return false;
    const code = this.#text.charCodeAt(at);
    const traits = traitsOf(code);
    if (traits & LETTER) this.#word(at, code);
    else if (traits & DIGIT) this.#number(at);
    else this.#symbol(at, code);
    return true;
  }

  #add(kind: TokenKind, start: number, end: number): void {
    this.#kinds.push(kind);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#at = end;
  }

  /** Drops everything up to the offending character at `end`, and that character: a whole code point. */
  #drop(start: number, end: number): void {
    if (this.#droppedAt < 0) this.#droppedAt = start;
    this.#at = end + ((this.#text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }

  #word(start: number, code: number): void {
    const text = this.#text;
    let end = start + 1;
    while (traitsOf(text.charCodeAt(end)) & NAME) end++;
    let kind: TokenKind = TokenKind.ATTR;
    const length = end - start;
    if (length === 1) {
      // `e+5`: an attribute name cannot hold the plus, so only here the exponent is the longer token.
      if ((code === LOWER_E || code === UPPER_E) && text.charCodeAt(end) === PLUS) {
        const exponent = integerEnd(text, end + 1);
        if (exponent > end + 1) {
          kind = TokenKind.EXP;
          end = exponent;
        }
      }
    } else if (length <= LONGEST_KEYWORD) {
      kind = KEYWORDS.get(text.slice(start, end)) ?? TokenKind.ATTR;
    }
    this.#add(kind, start, end);
  }

  #number(start: number): void {
    const text = this.#text;
    const integer = integerEnd(text, start);
    if (text.charCodeAt(integer) !== POINT) {
      this.#add(TokenKind.INT, start, integer);
      return;
    }
    const version = versionEnd(text, integer);
    if (version > 0) {
      this.#add(TokenKind.VERSION, start, version);
      return;
    }
    const double = fractionEnd(text, integer);
    if (double > 0) this.#add(TokenKind.DOUBLE, start, double);
    else this.#add(TokenKind.INT, start, integer);
  }

  #symbol(start: number, code: number): void {
    switch (code) {
      case SPACE:
        this.#add(TokenKind.SP, start, start + 1);
        return;
      case 0x28:
        this.#add(TokenKind.LP, start, start + 1);
        return;
      case 0x29:
        this.#add(TokenKind.RP, start, start + 1);
        return;
      case 0x5b:
        this.#add(TokenKind.LB, start, start + 1);
        return;
      case 0x5d:
        this.#add(TokenKind.RB, start, start + 1);
        return;
      case POINT:
        this.#add(TokenKind.DOT, start, start + 1);
        return;
      case 0x0a:
        this.#add(TokenKind.NEWLINE, start, start + 1);
        return;
      case COMMA:
        this.#comma(start);
        return;
      case MINUS:
        this.#minus(start);
        return;
      case QUOTE:
        this.#string(start);
        return;
      case EQUALS:
        this.#comparison(start, TokenKind.EQ, undefined);
        return;
      case 0x21:
        this.#comparison(start, TokenKind.NE, undefined);
        return;
      case 0x3e:
        this.#comparison(start, TokenKind.GE, TokenKind.GT);
        return;
      case 0x3c:
        this.#comparison(start, TokenKind.LE, TokenKind.LT);
        return;
      default:
        this.#drop(start, start);
    }
  }

  #comma(start: number): void {
    let end = start + 1;
    while (this.#text.charCodeAt(end) === SPACE) end++;
    this.#add(TokenKind.COMMA, start, end);
  }

  #minus(start: number): void {
    const integer = integerEnd(this.#text, start + 1);
    const double = integer > start + 1 ? fractionEnd(this.#text, integer) : 0;
    if (double > 0) this.#add(TokenKind.DOUBLE, start, double);
    else this.#add(TokenKind.DASH, start, start + 1);
  }

  /** `withEquals` when "=" follows; otherwise `alone`, or no token at all (a lone `=` or `!`). */
  #comparison(start: number, withEquals: TokenKind, alone: TokenKind | undefined): void {
    if (this.#text.charCodeAt(start + 1) === EQUALS) this.#add(withEquals, start, start + 2);
    else if (alone !== undefined) this.#add(alone, start, start + 1);
    else this.#drop(start, start + 1);
  }

  #string(start: number): void {
    const text = this.#text;
    let at = start + 1;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#add(TokenKind.STRING, start, at + 1);
        return;
      }
      if (code !== BACKSLASH) {
        at++;
        continue;
      }
      const bad = badEscape(text, at);
      if (bad >= 0) {
        this.#drop(start, bad);
        return;
      }
      at += text.charCodeAt(at + 1) === LOWER_U ? 6 : 2;
    }
    this.#drop(start, text.length);
  }
}
