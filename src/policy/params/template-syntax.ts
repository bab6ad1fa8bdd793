/** The syntax of templates in parameters: `{{ env "PORT" | default "8080" }}` inside any text. */

/** A call with its arguments; a value that is piped in comes last. */
export interface Call {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Term[];
}

export type Term = { readonly kind: 'text'; readonly text: string } | Call;

/** Plain text, or a template to be filled in. */
export type Segment = string | Term;

/** Deepest nesting of parentheses. */
const MAX_DEPTH = 8;
const MAX_TOKENS = 256;

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|`([^`]*)`|([A-Za-z_][A-Za-z0-9_]*)|(-?\d+(?:\.\d+)?)|([|()]))/y;

/** Throws an `Error` with the reason; a text without `{{` is one segment. */
export function parseTemplate(text: string): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', at)) {
    if (open > at) segments.push(text.slice(at, open));
    const scan = tokens(text, open + 2);
    segments.push(new Parser(scan.tokens).whole());
    at = scan.end;
  }
  if (at < text.length || segments.length === 0) segments.push(text.slice(at));
  return segments;
}

type Token = { readonly kind: 'text' | 'word' | 'mark'; readonly text: string };

/** Reads to the closing braces; texts may hold braces of their own. */
function tokens(text: string, from: number): { readonly tokens: readonly Token[]; readonly end: number } {
  const found: Token[] = [];
  let at = from;
  for (;;) {
    const close = /\s*\}\}/y;
    close.lastIndex = at;
    if (close.test(text)) return { tokens: found, end: close.lastIndex };
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error('a template is not closed, or holds something that is no word and no text');
    if (found.length >= MAX_TOKENS) throw new Error('a template is too long');
    found.push(tokenOf(match));
    at = TOKEN.lastIndex;
  }
}

function tokenOf([, quoted, raw, word, number, mark]: RegExpExecArray): Token {
  if (quoted !== undefined) return { kind: 'text', text: unquoted(quoted) };
  if (raw !== undefined) return { kind: 'text', text: raw };
  if (word !== undefined) return { kind: 'word', text: word };
  return number !== undefined ? { kind: 'text', text: number } : { kind: 'mark', text: mark as string };
}

function unquoted(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new Error('a quoted text in a template has an escape that JSON does not know');
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  whole(): Term {
    const term = this.#pipeline(0);
    if (this.#at < this.#tokens.length) throw new Error('a template has something left over');
    return term;
  }

  #pipeline(depth: number): Term {
    if (depth > MAX_DEPTH) throw new Error('a template is nested too deep');
    let value = this.#command(depth);
    while (this.#peek('|')) {
      this.#at += 1;
      const next = this.#command(depth);
      if (next.kind === 'text') throw new Error('a template pipes a value into a text');
      value = { ...next, args: [...next.args, value] };
    }
    return value;
  }

  #command(depth: number): Term {
    const first = this.#tokens[this.#at++];
    if (first === undefined) throw new Error('a template is empty, or ends too early');
    if (first.kind === 'text') return { kind: 'text', text: first.text };
    if (first.text === '(') return this.#closed(depth);
    if (first.kind === 'mark') throw new Error(`a template has an unexpected ${first.text}`);
    const args: Term[] = [];
    for (let next = this.#tokens[this.#at]; next !== undefined; next = this.#tokens[this.#at]) {
      if (next.text === '|' || next.text === ')') if (next.kind === 'mark') break;
      this.#at += 1;
      if (next.kind === 'text') args.push({ kind: 'text', text: next.text });
      else if (next.kind === 'mark') args.push(this.#closed(depth));
      else throw new Error(`a template has the word ${next.text} where a text belongs`);
    }
    return { kind: 'call', name: first.text, args };
  }

  #closed(depth: number): Term {
    const inner = this.#pipeline(depth + 1);
    if (!this.#peek(')')) throw new Error('a template has a parenthesis that is not closed');
    this.#at += 1;
    return inner;
  }

  #peek(mark: string): boolean {
    const next = this.#tokens[this.#at];
    return next?.kind === 'mark' && next.text === mark;
  }
}
