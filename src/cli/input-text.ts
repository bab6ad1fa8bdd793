/**
 * Reads the text of an evaluation's input where `JSON.parse` would lose what Go's decoder sees (spec/flags.md §10.1, §10.3):
 * members that come twice are decoded one into the other, dates are compared as they are written, and a number that fits no
 * double is quoted in the error.
 */

import { FLAG, type Shape } from '../flags/files/flag-shape.ts';
import { type MemberNames, matchMember, memberNames } from '../flags/member-names.ts';
import { emptyRecord, hasOwn, type JsonObject, type JsonValue } from '../internal/json.ts';

type Struct = Shape & { readonly kind: 'struct' };

const ANY: Shape = { kind: 'any' };
const FREE_MAP: Shape = { kind: 'map', of: ANY };
const FLAG_CONTEXT: Struct = {
  kind: 'struct',
  members: new Map<string, Shape>([
    ['evaluationContextEnrichment', FREE_MAP],
    ['defaultSdkValue', ANY],
  ]),
};

/** The input of one evaluation. */
const INPUT: Struct = {
  kind: 'struct',
  members: new Map<string, Shape>([
    ['flagKey', { kind: 'string' }],
    ['flag', FLAG],
    ['evalContext', FREE_MAP],
    ['flagContext', FLAG_CONTEXT],
  ]),
};

/** A line of vectors; only its own spelling counts. */
const LINE_MEMBER = 'input';

export interface InputText {
  readonly value: JsonValue;
  /** Numbers that fit no double, as written, in the order of the document; only where a number may stand. */
  readonly overflows: readonly string[];
}

/** Reads an input. The text must be valid JSON, and nest no deeper than the stack bears (the input's limit is 128). */
export function readInputText(text: string): InputText {
  return new Reader(text).read(INPUT);
}

/** Reads the member `input` of a line, the last one if there are several. */
export function readLineInput(line: string): InputText {
  return new Reader(line).readMember(LINE_MEMBER, INPUT);
}

/**
 * Adds a member to an object that may have it already: a struct's second member goes under another spelling of its name, for
 * the flag's decoder reads all spellings in order, each into what the one before left.
 */
export function addMember(object: JsonObject, name: string, value: JsonValue): void {
  object[hasOwn(object, name) ? otherSpelling(object, name) : name] = value;
}

/**
 * Stand for a backslash and a quote of a date's text: its parser takes decoded text, and would write them as escapes again.
 * No date has either, so all they ever do is show up in the error, as the bytes of their UTF-8.
 */
const STAND_INS = [
  ['\\', '\ue000', '\\xee\\x80\\x80'],
  ['"', '\ue001', '\\xee\\x80\\x81'],
] as const;

function undecoded(text: string): string {
  return STAND_INS.reduce((result, [char, standIn]) => result.replaceAll(char, standIn), text);
}

/** An error's text with the characters of dates that were kept undecoded. */
export function asWritten(error: string): string {
  return STAND_INS.reduce((result, [char, , shown]) => result.replaceAll(shown, `\\${char}`), error);
}

/** A spelling of the name in other cases that the object does not have; the name itself when all are taken. */
function otherSpelling(object: JsonObject, name: string): string {
  const letters = [...name];
  for (let mask = 1; mask < 2 ** Math.min(letters.length, 10); mask += 1) {
    const spelling = letters.map((letter, i) => ((mask >> i) & 1 ? swapCase(letter) : letter)).join('');
    if (!hasOwn(object, spelling)) return spelling;
  }
  return name;
}

function swapCase(letter: string): string {
  const lower = letter.toLowerCase();
  return letter === lower ? letter.toUpperCase() : lower;
}

/** Matchers of the structs, each made once. */
const matchers = new Map<Struct, MemberNames<string>>();

function matcherOf(shape: Struct): MemberNames<string> {
  let matcher = matchers.get(shape);
  if (matcher === undefined) {
    matcher = memberNames([...shape.members.keys()]);
    matchers.set(shape, matcher);
  }
  return matcher;
}

class Reader {
  readonly #text: string;
  readonly #overflows: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(shape: Shape): InputText {
    return { value: this.#value(shape), overflows: this.#overflows };
  }

  readMember(wanted: string, shape: Shape): InputText {
    let found: JsonValue = null;
    this.#members((name) => {
      if (name !== wanted) return this.#skip();
      this.#overflows.length = 0;
      found = this.#value(shape);
    });
    return { value: found, overflows: this.#overflows };
  }

  #value(shape: Shape): JsonValue {
    this.#space();
    const first = this.#text[this.#at];
    if (shape.kind === 'struct' && first === '{') return this.#struct(shape);
    if (shape.kind === 'map' && first === '{') return this.#map(shape.of);
    if (shape.kind === 'list' && first === '[') return this.#list(shape.of);
    const start = this.#at;
    this.#skip();
    const text = this.#text.slice(start, this.#at);
    // A date is what stands between the quotes, escapes and all.
    if (shape.kind === 'date' && first === '"' && text.includes('\\')) return undecoded(text.slice(1, -1));
    if (shape.kind === 'any' || shape.kind === 'number') this.#noteOverflows(text);
    return JSON.parse(wellFormed(text)) as JsonValue;
  }

  #struct(shape: Struct): JsonValue {
    const object = emptyRecord<JsonValue>();
    this.#members((name) => {
      const member = matchMember(name, matcherOf(shape));
      if (member === undefined) this.#skip();
      else addMember(object, name, this.#value(shape.members.get(member) as Shape));
    });
    return object;
  }

  #map(shape: Shape): JsonValue {
    const object = emptyRecord<JsonValue>();
    this.#members((name) => {
      object[name] = this.#value(shape);
    });
    return object;
  }

  #list(shape: Shape): JsonValue {
    const items: JsonValue[] = [];
    for (this.#at += 1; ; this.#at += 1) {
      this.#space();
      if (this.#text[this.#at] === ']') break;
      items.push(this.#value(shape));
      this.#space();
      if (this.#text[this.#at] === ']') break;
    }
    this.#at += 1;
    return items;
  }

  /** Goes through the members of the object at hand; `read` takes each value. */
  #members(read: (name: string) => void): void {
    this.#space();
    for (this.#at += 1; ; this.#at += 1) {
      this.#space();
      if (this.#text[this.#at] === '}') break;
      const start = this.#at;
      this.#string();
      const name = JSON.parse(wellFormed(this.#text.slice(start, this.#at))) as string;
      this.#space();
      this.#at += 1;
      read(name);
      this.#space();
      if (this.#text[this.#at] === '}') break;
    }
    this.#at += 1;
  }

  /** Moves behind the value at hand. */
  #skip(): void {
    this.#space();
    let depth = 0;
    do {
      const char = this.#text[this.#at];
      if (char === '"') this.#string();
      else {
        if (char === '{' || char === '[') depth += 1;
        else if (char === '}' || char === ']') depth -= 1;
        else if (depth === 0) {
          SCALAR.lastIndex = this.#at;
          SCALAR.test(this.#text);
          this.#at = SCALAR.lastIndex;
          return;
        }
        this.#at += 1;
      }
    } while (depth > 0);
  }

  #string(): void {
    for (this.#at += 1; this.#text[this.#at] !== '"'; this.#at += 1) if (this.#text[this.#at] === '\\') this.#at += 1;
    this.#at += 1;
  }

  #space(): void {
    while (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) <= 0x20) this.#at += 1;
  }

  #noteOverflows(text: string): void {
    // A double holds 308 digits before the point, so only long numbers and large exponents are worth a look.
    if (!LARGE.test(text)) return;
    for (const [token] of text.matchAll(TOKEN)) {
      if (token[0] !== '"' && !Number.isFinite(Number(token))) this.#overflows.push(token);
    }
  }
}

/**
 * The JSON text with every half of a surrogate pair that stands alone as U+FFFD, which is what Go's decoder makes of it: two names
 * that differ in nothing else are one name, and the last one counts.
 */
function wellFormed(text: string): string {
  const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
  if (!SURROGATE.test(whole)) return whole;
  return whole.replace(ESCAPE, (half) => (LONE.test(half) ? '\\ufffd' : half));
}

const SURROGATE = /\\u[dD][89a-fA-F]/;
/** A pair, half of one, or whatever else a backslash begins. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/gs;
const LONE = /^\\u[dD][89a-fA-F][0-9a-fA-F]{2}$/;
const SCALAR = /[^\s,\]}]*/y;
const LARGE = /[0-9]{200}|[eE][+]?[0-9]*[1-9][0-9]/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*/g;
