/** Finds the first syntax error of a JSON text, in the words of Go's scanner and with its place. */

/** Go refuses deeper nesting with this very text. */
const MAX_DEPTH = 10_000;
const CONTROL_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  "'": "\\'",
};

export interface JsonSyntaxError {
  readonly message: string;
  /** Index of the offending character; the text's length when it ends too early. */
  readonly offset: number;
}

/**
 * The reason `text` is no JSON document, or `undefined` when it is one. `JSON.parse` says that something is wrong; its words
 * and whether it gives a place depend on the JavaScript engine, so this second pass is run over texts it refused.
 */
export function findJsonSyntaxError(text: string): JsonSyntaxError | undefined {
  const scanner = new Scanner(text);
  return scanner.document();
}

/** What may come next, outside of strings, numbers and literals. */
type Expect = 'value' | 'value-or-]' | 'key' | 'key-or-}' | 'colon' | 'comma-or-close' | 'end';

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonSyntaxError | undefined {
    // An explicit stack: nesting is the writer's to choose, and must not overflow ours.
    const open: ('{' | '[')[] = [];
    let expect: Expect = 'value';
    for (;;) {
      this.#skipSpace();
      const char = this.#text[this.#at];
      if (char === undefined) return expect === 'end' ? undefined : this.#ended();
      const container = open.at(-1);
      switch (expect) {
        case 'end':
          return this.#invalid('after top-level value');
        case 'colon':
          if (char !== ':') return this.#invalid('after object key');
          this.#at += 1;
          expect = 'value';
          continue;
        case 'comma-or-close':
          if (char === ',') {
            this.#at += 1;
            expect = container === '{' ? 'key' : 'value';
            continue;
          }
          if (char !== (container === '{' ? '}' : ']')) {
            return this.#invalid(container === '{' ? 'after object key:value pair' : 'after array element');
          }
          break;
        case 'key-or-}':
        case 'key':
          if (expect === 'key-or-}' && char === '}') break;
          if (char !== '"') return this.#invalid('looking for beginning of object key string');
          {
            const error = this.#string();
            if (error !== undefined) return error;
          }
          expect = 'colon';
          continue;
        default:
          if (expect === 'value-or-]' && char === ']') break;
          if (char === '{' || char === '[') {
            if (open.length === MAX_DEPTH) return { message: 'exceeded max depth', offset: this.#at };
            open.push(char);
            this.#at += 1;
            expect = char === '{' ? 'key-or-}' : 'value-or-]';
            continue;
          }
          {
            const error = this.#scalar(char);
            if (error !== undefined) return error;
          }
          expect = container === undefined ? 'end' : 'comma-or-close';
          continue;
      }
      // A closing bracket: the container was a value itself.
      this.#at += 1;
      open.pop();
      expect = open.length === 0 ? 'end' : 'comma-or-close';
    }
  }

  #scalar(first: string): JsonSyntaxError | undefined {
    if (first === '"') return this.#string();
    if (first === 't') return this.#literal('true');
    if (first === 'f') return this.#literal('false');
    if (first === 'n') return this.#literal('null');
    if (first === '-' || isDigit(first)) return this.#number();
    return this.#invalid('looking for beginning of value');
  }

  #string(): JsonSyntaxError | undefined {
    for (this.#at += 1; ; this.#at += 1) {
      const char = this.#text[this.#at];
      if (char === undefined) return this.#ended();
      if (char === '"') {
        this.#at += 1;
        return undefined;
      }
      if (char < ' ') return this.#invalid('in string literal');
      if (char !== '\\') continue;
      this.#at += 1;
      const code = this.#text[this.#at];
      if (code === undefined) return this.#ended();
      if (!'"\\/bfnrtu'.includes(code)) return this.#invalid('in string escape code');
      if (code !== 'u') continue;
      for (let i = 0; i < 4; i += 1) {
        this.#at += 1;
        const digit = this.#text[this.#at];
        if (digit === undefined) return this.#ended();
        if (!/[0-9A-Fa-f]/.test(digit)) return this.#invalid('in \\u hexadecimal character escape');
      }
    }
  }

  #literal(word: string): JsonSyntaxError | undefined {
    for (let i = 1; i < word.length; i += 1) {
      this.#at += 1;
      const char = this.#text[this.#at];
      if (char === undefined) return this.#ended();
      if (char !== word[i]) return this.#invalid(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.#at += 1;
    return undefined;
  }

  #number(): JsonSyntaxError | undefined {
    if (this.#text[this.#at] === '-') this.#at += 1;
    // After a leading zero the number is over; a further digit is what follows a value wrongly.
    if (this.#text[this.#at] === '0') this.#at += 1;
    else if (!this.#digits()) return this.#wanted('in numeric literal');
    if (this.#text[this.#at] === '.') {
      this.#at += 1;
      if (!this.#digits()) return this.#wanted('after decimal point in numeric literal');
    }
    if (this.#text[this.#at] === 'e' || this.#text[this.#at] === 'E') {
      this.#at += 1;
      if (this.#text[this.#at] === '+' || this.#text[this.#at] === '-') this.#at += 1;
      if (!this.#digits()) return this.#wanted('in exponent of numeric literal');
    }
    return undefined;
  }

  /** Skips digits; false when there is none. */
  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#text[this.#at])) this.#at += 1;
    return this.#at > start;
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char !== ' ' && char !== '\n' && char !== '\t' && char !== '\r') return;
      this.#at += 1;
    }
  }

  #wanted(where: string): JsonSyntaxError {
    return this.#at >= this.#text.length ? this.#ended() : this.#invalid(where);
  }

  #ended(): JsonSyntaxError {
    return { message: 'unexpected end of JSON input', offset: this.#text.length };
  }

  #invalid(where: string): JsonSyntaxError {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) as number);
    return { message: `invalid character ${quoteChar(char)} ${where}`, offset: this.#at };
  }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

function quoteChar(char: string): string {
  const known = CONTROL_ESCAPES[char];
  if (known !== undefined) return `'${known}'`;
  if (char < ' ' || char === '\x7f') return `'\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}'`;
  return `'${char}'`;
}
