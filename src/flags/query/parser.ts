/** Parses nikunjy queries, well-formed or not, into the tree the reference recovers (spec/flags.md §8.3). */

import type { BadNode, CompareOp, QueryNode, QueryValue } from './ast.ts';
import { isInvalidOperation } from './invalid-operation.ts';
import { tokenize } from './lexer.ts';
import { TokenKind } from './token.ts';
import { isIn, setOf, TokenCursor } from './token-cursor.ts';
import type { ItemKind } from './values.ts';
import { doubleValue, listValue, longValue, stringText } from './values.ts';

/** Deepest nesting of parentheses (and of what recovery reads as one: `not`, a leading space). */
export const MAX_QUERY_DEPTH = 1_000;

/**
 * Thrown for a query nested deeper than {@link MAX_QUERY_DEPTH}; the reference has no limit but its memory. The message
 * is the flag's PARSE_ERROR text.
 */
export class QueryTooDeep extends Error {
  override readonly name = 'QueryTooDeep';
  readonly depth: number;

  constructor(depth: number) {
    super(`targeting query exceeds the maximum nesting depth (${depth} > ${MAX_QUERY_DEPTH})`);
    this.depth = depth;
  }
}

/**
 * The text a rule's query is parsed from (spec/flags.md §5.1): every line without its leading spaces, joined by nothing.
 * Only U+0020 counts as a space; a rule whose trimmed query is empty matches everybody.
 */
export function trimQuery(text: string): string {
  let trimmed = '';
  let at = 0;
  for (;;) {
    while (text.charCodeAt(at) === 0x20) at++;
    const end = text.indexOf('\n', at);
    if (end < 0) return trimmed + text.slice(at);
    trimmed += text.slice(at, end);
    at = end + 1;
  }
}

/**
 * Parses a trimmed query. Malformed text is no error: it yields the tree that recovery leaves, with `bad` nodes where
 * nothing could be made of it. Time and memory are linear in the length of the text.
 *
 * @throws QueryTooDeep when parentheses nest deeper than {@link MAX_QUERY_DEPTH}; nothing else is thrown.
 */
export function parseQuery(trimmed: string): QueryNode {
  return new Parser(new TokenCursor(tokenize(trimmed))).query();
}

const { EOF, LP, RP, DOT, DASH, LB, RB, PR, NOT, LOG, BOOL, NULL, EQ, IN } = TokenKind;
const { ATTR, VERSION, STRING, DOUBLE, INT, EXP, COMMA, SP } = TokenKind;
const QUERY_FIRST = setOf(NOT, SP, LP, ATTR);
const VALUE_FIRST = setOf(BOOL, NULL, VERSION, STRING, DOUBLE, DASH, INT, LB);
const INSIDE_PARENS = setOf(SP, RP);

/** The operators in the order of their token types. */
const OPERATORS: readonly CompareOp[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'co', 'sw', 'ew', 'in'];

/**
 * Where a procedure stands, which is all of the specification's context stack that matters.
 *
 * `next`: what may follow the procedure, as far as its callers may end with it (`nextSet`); an insertion is tried
 * against it. `stop`: where recovery stops, the follow sets of all callers together (EOF always stops it).
 */
interface Place {
  readonly next: number;
  readonly stop: number;
  /** Parentheses around this place. */
  readonly depth: number;
}

const ROOT: Place = { next: setOf(EOF), stop: 0, depth: 0 };

/**
 * One procedure for each rule of the grammar. A procedure that meets an error skips tokens up to `stop` and returns; its
 * caller goes on as if nothing had happened, which is why malformed queries often still have a meaning.
 *
 * Recursion happens for parentheses only; chains and lists are loops.
 */
class Parser {
  readonly #tokens: TokenCursor;
  /** Whether the operand parsed last ended in recovery: then no `and`/`or` is read behind it. */
  #recovered = false;

  constructor(tokens: TokenCursor) {
    this.#tokens = tokens;
  }

  query(): QueryNode {
    return this.#chain(ROOT);
  }

  /** `query(0)`: an operand and the chain behind it. */
  #chain(place: Place): QueryNode {
    const tokens = this.#tokens;
    const first = this.#operand(place);
    if (this.#recovered || !this.#atLogical()) return first;
    const terms: QueryNode[] = [first];
    const ops: ('and' | 'or')[] = [];
    const right = { next: place.next | (1 << SP), stop: place.stop | (1 << SP), depth: place.depth };
    do {
      tokens.pos++;
      ops.push(tokens.textAt(tokens.pos) === 'or' ? 'or' : 'and');
      tokens.pos++;
      if (!tokens.match(SP, QUERY_FIRST)) {
        terms.push(this.#bad('a condition'));
        tokens.recover(place.stop);
        this.#recovered = true;
        return { kind: 'chain', terms, ops };
      }
      terms.push(this.#operand(right));
    } while (this.#atLogical());
    this.#recovered = false;
    return { kind: 'chain', terms, ops };
  }

  #atLogical(): boolean {
    return this.#tokens.next === SP && this.#tokens.second === LOG;
  }

  /** `query(4)`: one comparison, presence test or parenthesis. Sets `#recovered`. */
  #operand(place: Place): QueryNode {
    const tokens = this.#tokens;
    if (!tokens.sync(QUERY_FIRST)) return this.#badOperand(place, 'a condition');
    if (tokens.next !== ATTR) return this.#paren(place);
    // The shape is decided before anything is consumed: a path, one space, `pr` or an operator.
    let at = tokens.pos + 1;
    while (tokens.kindAt(at) === DOT && tokens.kindAt(at + 1) === ATTR) at += 2;
    const verb = tokens.kindAt(at + 1);
    const isComparison = verb >= EQ && verb <= IN;
    if (tokens.kindAt(at) !== SP || !(isComparison || verb === PR)) {
      const wanted = tokens.kindAt(at) === SP ? at + 1 : at;
      return this.#badOperand(place, wanted === at ? 'a space and an operator' : 'an operator', wanted);
    }
    const path = this.#path(at);
    tokens.pos = at + 2;
    if (verb === PR) {
      this.#recovered = false;
      return { kind: 'present', path };
    }
    return this.#compare(place, path, OPERATORS[verb - EQ] as CompareOp);
  }

  /** The names of the tokens from here up to `end`. */
  #path(end: number): string[] {
    const tokens = this.#tokens;
    const path = [tokens.textAt(tokens.pos)];
    for (let i = tokens.pos + 2; i < end; i += 2) path.push(tokens.textAt(i));
    return path;
  }

  /** The rest of a comparison, behind its operator. */
  #compare(place: Place, path: string[], op: CompareOp): QueryNode {
    const tokens = this.#tokens;
    if (!tokens.match(SP, VALUE_FIRST)) {
      const value: QueryValue = { kind: 'abort', problem: tokens.expected('a value') };
      tokens.recover(place.stop);
      this.#recovered = true;
      return { kind: 'compare', path, op, value };
    }
    let value = this.#value(place);
    if (value.kind === 'nothing' && isInvalidOperation(op, 'nothing')) {
      value = { kind: 'invalid', problem: `${op} does not apply to a number` };
    }
    this.#recovered = false;
    return { kind: 'compare', path, op, value };
  }

  /** A parenthesis, or what recovery reads as one: both `(` and `)` may be missing. */
  #paren(place: Place): QueryNode {
    const tokens = this.#tokens;
    const begin = tokens.pos;
    if (tokens.next === NOT) tokens.pos++;
    if (!tokens.sync((1 << SP) | (1 << LP))) return this.#badOperand(place, '"("');
    if (tokens.next === SP) tokens.pos++;
    if (!tokens.match(LP, QUERY_FIRST)) return this.#badOperand(place, '"("');
    // The reference looks at the next token before it looks at the outcome of this.
    tokens.sync(QUERY_FIRST);
    if (tokens.next === SP) {
      if (!isIn(QUERY_FIRST, tokens.second)) return this.#badOperand(place, 'a condition', tokens.pos + 1);
      tokens.pos++;
    } else if (!isIn(QUERY_FIRST, tokens.next)) {
      return this.#badOperand(place, 'a condition');
    }
    const childBegin = tokens.pos;
    const depth = place.depth + 1;
    if (depth > MAX_QUERY_DEPTH) throw new QueryTooDeep(Math.max(depth, tokens.nesting()));
    const inner = this.#chain({ next: INSIDE_PARENS, stop: place.stop | INSIDE_PARENS, depth });
    const childEnd = tokens.pos;
    this.#recovered = !this.#closeParen(place);
    if (this.#recovered) tokens.recover(place.stop);
    // A NOT that deletion or recovery swallowed counts too: `(x eq 1 not)` is negated.
    const negate = tokens.find(NOT, begin, childBegin) >= 0 || tokens.find(NOT, childEnd, tokens.pos) >= 0;
    return { kind: 'paren', negate, inner };
  }

  #closeParen(place: Place): boolean {
    const tokens = this.#tokens;
    if (!tokens.sync(INSIDE_PARENS)) return false;
    if (tokens.next === SP) tokens.pos++;
    return tokens.match(RP, (1 << SP) | place.next);
  }

  #value(place: Place): QueryValue {
    const tokens = this.#tokens;
    const stop = place.stop | (1 << SP);
    if (!tokens.sync(VALUE_FIRST)) return this.#badValue(stop);
    const at = tokens.pos;
    switch (tokens.next) {
      case BOOL:
        tokens.pos++;
        return { kind: 'bool', value: tokens.textAt(at) === 'true' };
      case NULL:
        tokens.pos++;
        return { kind: 'null' };
      case VERSION:
        tokens.pos++;
        return { kind: 'version', text: tokens.textAt(at) };
      case STRING:
        tokens.pos++;
        return { kind: 'string', text: stringText(tokens.textAt(at)) };
      case DOUBLE:
        tokens.pos++;
        return doubleValue(tokens.textAt(at));
      case LB:
        return this.#list(stop);
      default:
        return this.#long((1 << SP) | place.next, stop);
    }
  }

  /**
   * `DASH? INT EXP?`. Its text is that of all its tokens together, so an exponent, a token deleted before the INT, an
   * inserted INT and whatever recovery swallows each make it no integer.
   */
  #long(next: number, stop: number): QueryValue {
    const tokens = this.#tokens;
    const begin = tokens.pos;
    if (tokens.next === DASH) tokens.pos++;
    const number = tokens.pos;
    const problem = tokens.next === INT ? undefined : tokens.expected('an integer');
    if (!tokens.match(INT, next | (1 << EXP))) tokens.recover(stop);
    else if (tokens.next === EXP) {
      tokens.pos++;
      return { kind: 'invalid', problem: 'an exponent needs a decimal point, as in 1.0e5' };
    }
    if (problem !== undefined) return { kind: 'invalid', problem };
    return longValue(number === begin ? tokens.textAt(number) : `-${tokens.textAt(number)}`);
  }

  #list(stop: number): QueryValue {
    const tokens = this.#tokens;
    const kind = tokens.second;
    if (kind !== INT && kind !== DOUBLE && kind !== STRING) return this.#badValue(stop, tokens.pos + 1);
    tokens.pos++;
    return listValue(kind, this.#items(kind, stop));
  }

  /**
   * The items behind `[`. Each is its own node in the reference and takes the first token of the list's type among its
   * tokens, also one that recovery swallowed; the first error ends the list.
   */
  #items(kind: ItemKind, stop: number): (string | undefined)[] {
    const tokens = this.#tokens;
    const items: (string | undefined)[] = [];
    for (;;) {
      const begin = tokens.pos;
      if (tokens.sync(1 << kind)) {
        const follower = tokens.second;
        if (follower === COMMA || follower === RB) {
          items.push(tokens.textAt(tokens.pos));
          tokens.pos += 2;
          if (follower === RB) return items;
          continue;
        }
      }
      tokens.recover(stop);
      const at = tokens.find(kind, begin, tokens.pos);
      items.push(at < 0 ? undefined : tokens.textAt(at));
      return items;
    }
  }

  #badOperand(place: Place, wanted: string, at = this.#tokens.pos): BadNode {
    const node = this.#bad(wanted, at);
    this.#tokens.recover(place.stop);
    this.#recovered = true;
    return node;
  }

  #bad(wanted: string, at = this.#tokens.pos): BadNode {
    return { kind: 'bad', problem: this.#tokens.expected(wanted, at) };
  }

  #badValue(stop: number, at = this.#tokens.pos): QueryValue {
    const tokens = this.#tokens;
    const problem = tokens.expected(at === tokens.pos ? 'a value' : 'a number or a string', at);
    tokens.recover(stop);
    return { kind: 'abort', problem };
  }
}
