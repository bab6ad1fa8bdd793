/** Keeps secrets out of whatever leaves the process: found by their value, in every spelling that JSON gives it. */

import { canonicalString } from '../../internal/canonical-json.ts';
import { isJsonObject, type JsonValue } from '../../internal/json.ts';

/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/** Knows secrets by value. An empty text is no secret. */
export class Redactor {
  readonly #spellings = new Set<string>();
  #sorted: readonly string[] | undefined;

  add(secret: string): void {
    if (secret === '') return;
    const before = this.#spellings.size;
    this.#spellings.add(secret);
    this.#spellings.add(JSON.stringify(secret).slice(1, -1));
    // The canonical form escapes what HTML would misread; others escape the slash or everything beyond ASCII.
    this.#spellings.add(canonicalString(secret).slice(1, -1));
    this.#spellings.add(JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'));
    this.#spellings.add(asciiJson(secret));
    if (this.#spellings.size !== before) this.#sorted = undefined;
  }

  get isEmpty(): boolean {
    return this.#spellings.size === 0;
  }

  /** Longest first, so that a secret inside another one leaves no rest of it. */
  redact(text: string): string {
    this.#sorted ??= [...this.#spellings].sort((left, right) => right.length - left.length);
    let clean = text;
    for (const spelling of this.#sorted) if (clean.includes(spelling)) clean = clean.replaceAll(spelling, REDACTED);
    return clean;
  }

  /** A copy in which no text, and no name of a member, holds a secret. A number that spells one is replaced too. */
  redactJson(value: JsonValue): JsonValue {
    if (this.isEmpty) return value;
    switch (typeof value) {
      case 'string':
        return this.redact(value);
      case 'number':
        return this.#spellings.has(String(value)) ? REDACTED : value;
      default:
        if (Array.isArray(value)) return value.map((item) => this.redactJson(item));
        if (!isJsonObject(value)) return value;
        return Object.fromEntries(
          Object.entries(value).map(([name, inner]) => [this.redact(name), this.redactJson(inner)]),
        );
    }
  }
}

function asciiJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
