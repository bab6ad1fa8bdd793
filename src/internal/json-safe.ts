/** JSON text of whatever a caller hands over: dates, big integers and maps made to fit, cycles and depth answered, nothing thrown. */

/** Deepest nesting that is written. */
export const JSON_MAX_DEPTH = 64;
/** Longest text that is written, in UTF-16 units. */
export const JSON_MAX_TEXT = 1_048_576;

/** Why there is no text. `unreadable`: a getter or a proxy of the caller's threw. */
export type JsonProblem = 'too-deep' | 'too-large' | 'unreadable';

export type SafeJson = { readonly text: string } | { readonly problem: JsonProblem };

/** Changes or removes (`undefined`) top-level members before they are written. */
export type MemberFilter = (name: string, value: unknown) => unknown;

/** Printable ASCII without quote and backslash: what JSON shows as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** One JSON string, quotes included; for plain text several times as fast as `JSON.stringify`. */
export function jsonString(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Writes a value as JSON: dates as RFC 3339 in UTC, big integers as numbers when that is exact and as decimal text otherwise,
 * maps as objects of their members with text keys. Functions, symbols, `undefined`, NaN and infinities are left out, and are
 * `null` inside arrays and alone. `toJSON` is not called. The value is neither changed nor kept. Never throws.
 *
 * A cycle is `too-deep`: with 64 levels at most, nothing else is needed to find one.
 *
 * @example
 * safeJson({ when: new Date(0), big: 10n, none: undefined }); // { text: '{"when":"1970-01-01T00:00:00.000Z","big":10}' }
 */
export function safeJson(value: unknown, filter?: MemberFilter): SafeJson {
  const writer = new JsonWriter();
  try {
    writer.write(value, filter);
  } catch (caught) {
    return { problem: caught instanceof Refused ? caught.problem : 'unreadable' };
  }
  return { text: writer.text };
}

/** Ends the walk from any depth; never leaves this file. */
class Refused extends Error {
  readonly problem: JsonProblem;

  constructor(problem: JsonProblem) {
    super(problem);
    this.problem = problem;
  }
}

class JsonWriter {
  text = '';

  write(value: unknown, filter: MemberFilter | undefined): void {
    const plain = plainValue(value);
    this.#value(plain === undefined ? null : plain, 0, filter);
  }

  /** Writes what `plainValue` gave. */
  #value(value: string | number | boolean | object | null, depth: number, filter?: MemberFilter): void {
    if (typeof value === 'string') this.#add(jsonString(value));
    else if (typeof value !== 'object' || value === null) this.#add(String(value));
    else if (depth >= JSON_MAX_DEPTH) throw new Refused('too-deep');
    else if (Array.isArray(value)) this.#array(value, depth);
    else this.#object(value, depth, filter);
  }

  #array(items: readonly unknown[], depth: number): void {
    this.#add('[');
    for (let i = 0; i < items.length; i++) {
      if (i > 0) this.#add(',');
      const item = plainValue(items[i]);
      this.#value(item === undefined ? null : item, depth + 1);
    }
    this.#add(']');
  }

  #object(object: object, depth: number, filter: MemberFilter | undefined): void {
    let separator = '{';
    for (const [name, raw] of membersOf(object)) {
      const value = plainValue(filter === undefined ? raw : filter(name, raw));
      if (value === undefined) continue;
      this.#add(separator);
      separator = ',';
      this.#add(jsonString(name));
      this.#add(':');
      this.#value(value, depth + 1);
    }
    this.#add(separator === '{' ? '{}' : '}');
  }

  #add(piece: string): void {
    this.text += piece;
    if (this.text.length > JSON_MAX_TEXT) throw new Refused('too-large');
  }
}

/** One member at a time: a huge object is given up before all of it was read. */
function* membersOf(object: object): Generator<readonly [string, unknown]> {
  if (object instanceof Map) {
    for (const [name, value] of object) if (typeof name === 'string') yield [name, value];
  } else {
    for (const name of Object.keys(object)) yield [name, (object as Readonly<Record<string, unknown>>)[name]];
  }
}

/** A JSON scalar, or an object to walk; `undefined` for what JSON cannot say. */
function plainValue(value: unknown): string | number | boolean | object | null | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      // -0 is 0: no reader of events tells them apart.
      return Number.isFinite(value) ? value + 0 : undefined;
    case 'bigint': {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value.toString();
    }
    case 'object':
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
      return value;
    default:
      return undefined;
  }
}
