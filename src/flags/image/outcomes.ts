/** The outcome table: every (variation, reason, rule) a flag can end with, one number each, and the texts behind them. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { NONE, OUTCOME_WORDS } from './abi.ts';

/** Order is part of the compiled form. */
export const REASONS = [
  'TARGETING_MATCH',
  'TARGETING_MATCH_SPLIT',
  'SPLIT',
  'DEFAULT',
  'STATIC',
  'DISABLED',
  'ERROR',
  '',
] as const;
export type Reason = (typeof REASONS)[number];

export const ENGINE_CODES = ['', 'TARGETING_KEY_MISSING', 'FLAG_CONFIG', 'GENERAL', 'PARSE_ERROR'] as const;
export type EngineCode = (typeof ENGINE_CODES)[number];

/** Bits of the facts word above reason (4 bits) and engine code (4 bits). */
export const OutcomeBit = {
  cacheable: 0x100,
  /** The caller's default stands in for the value. */
  usesDefault: 0x200,
  /** A "pre-evaluation error" (spec/flags.md §3.3): value null, failed false, no flag facts. */
  preEvaluation: 0x400,
  /** Metadata is left out (marshalling failed). */
  noMetadata: 0x800,
} as const;

/** The host's text of one flag, in the order of its JSON array. */
export type FlagText = readonly [
  /** Variation names and error details. */
  names: readonly string[],
  values: readonly JsonValue[],
  ruleNames: readonly string[],
  metadata: JsonObject | null,
  version: string,
];

export interface OutcomeFacts {
  readonly name: string;
  /** Absent: null. */
  readonly value?: JsonValue | undefined;
  readonly reason: Reason;
  readonly code?: EngineCode;
  readonly ruleIndex?: number | undefined;
  readonly ruleName?: string | undefined;
  readonly bits: number;
}

export class Outcomes {
  #words = new Uint32Array(4_096);
  #count = 0;
  #flag = 0;
  readonly #names = new Interned<string>();
  readonly #values = new Interned<JsonValue>();
  readonly #ruleNames = new Interned<string>();

  get count(): number {
    return this.#count;
  }

  beginFlag(flag: number): void {
    this.#flag = flag;
    this.#names.clear();
    this.#values.clear();
    this.#ruleNames.clear();
  }

  /** Adds an outcome of the current flag and gives its number. For errors, `name` is the error detail. */
  add(facts: OutcomeFacts): number {
    const at = this.#count * OUTCOME_WORDS;
    if (at + OUTCOME_WORDS > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    const words = this.#words;
    words[at] = this.#flag;
    words[at + 1] = this.#names.add(facts.name);
    words[at + 2] = facts.value === undefined ? NONE : this.#values.add(facts.value);
    words[at + 3] = facts.ruleName ? this.#ruleNames.add(facts.ruleName) : NONE;
    words[at + 4] = facts.ruleIndex === undefined ? 0 : facts.ruleIndex + 1;
    words[at + 5] = REASONS.indexOf(facts.reason) | (ENGINE_CODES.indexOf(facts.code ?? '') << 4) | facts.bits;
    return this.#count++;
  }

  /** The current flag's text, as JSON; -0 survives. */
  endFlag(metadata: JsonObject | undefined, version: string): string {
    const text: FlagText = [this.#names.items, this.#values.items, this.#ruleNames.items, metadata ?? null, version];
    return wellFormed(stringify(text));
  }

  toWords(): Uint32Array<ArrayBuffer> {
    return this.#words.slice(0, this.#count * OUTCOME_WORDS);
  }
}

/** -0 and 0 are one key of a Map, and two values of a flag. */
const NEGATIVE_ZERO = Symbol('-0');

/** The texts of one flag, each stored once: a thousand rules may serve the same 2 KiB value. */
class Interned<T> {
  readonly items: T[] = [];
  readonly #index = new Map<T | symbol, number>();

  add(item: T): number {
    const key = Object.is(item, -0) ? NEGATIVE_ZERO : item;
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.items.push(item) - 1;
      this.#index.set(key, index);
    }
    return index;
  }

  clear(): void {
    if (this.items.length === 0) return;
    this.items.length = 0;
    this.#index.clear();
  }
}

/** Lone surrogates become U+FFFD, as they do on their way through Go; `JSON.stringify` writes them, and only them, escaped. */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (found) => (found === '\\\\' ? found : '\ufffd'));
}

/** `JSON.stringify`, except that -0 stays -0: GO Feature Flag prints it (spec/flags.md §10.2). */
function stringify(value: unknown): string {
  if (!holdsNegativeZero(value)) return JSON.stringify(value);
  if (typeof value === 'number') return '-0';
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  const members = Object.entries(value as object).map(
    ([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`,
  );
  return `{${members.join(',')}}`;
}

function holdsNegativeZero(value: unknown): boolean {
  if (typeof value === 'number') return value === 0 && 1 / value < 0;
  if (typeof value !== 'object' || value === null) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) if (holdsNegativeZero(member)) return true;
  return false;
}
