/** The kinds of option: what a row of the table holds, and how the common rules (durations, sizes, choices) are written once. */

import type { JsonValue } from '../internal/json.ts';
import { MAX_TIMER_MS } from './clock.ts';

export type OptionGroup = 'Connection' | 'Feed' | 'Start and stop' | 'Evaluation' | 'Collection' | 'Runtime';

/** What `parse` gives back for a value that breaks the rule. */
export const REFUSED: unique symbol = Symbol('refused');

export interface OptionRow<Out> {
  readonly group: OptionGroup;
  /** The type as TypeScript source; the documented type and docs/options.md show it. */
  readonly type: string;
  readonly unit?: 'ms' | 'bytes';
  /** The value when the option is absent. */
  readonly fallback: () => Out;
  /** How the default is written in the documents, where the value does not say it. */
  readonly defaultText?: string;
  /** The rule, as it completes "… must be". */
  readonly rule: string;
  /** What it does. */
  readonly doc: string;
  /** Why anyone would change it. */
  readonly why: string;
  readonly parse: (value: unknown) => Out | typeof REFUSED;
  /** Turns the text of an environment variable into what `parse` takes; absent where no text can say the value. */
  readonly fromText?: (text: string) => unknown;
  /** The value as diagnostics may show it; absent where the value itself may be shown. */
  readonly show?: (value: Out) => JsonValue;
}

/** Keeps the type of a row and checks it against `OptionRow`. */
export const row = <Out>(definition: OptionRow<Out>): OptionRow<Out> => definition;

/** A row without what its kind already knows. */
type Words<Out> = Pick<OptionRow<Out>, 'group' | 'doc' | 'why'>;

interface WholeNumber extends Words<number> {
  readonly default: number;
  readonly defaultText?: string;
  readonly min?: number;
  readonly max?: number;
  /** A rule that a range cannot say, with its words. */
  readonly also?: { readonly holds: (value: number) => boolean; readonly rule: string };
}

/** A whole number of milliseconds a timer can take. */
export function duration(row: WholeNumber): OptionRow<number> {
  return { ...wholeNumber({ min: 0, max: MAX_TIMER_MS, ...row }), unit: 'ms' };
}

export function size(row: WholeNumber): OptionRow<number> {
  return { ...wholeNumber({ max: Number.MAX_SAFE_INTEGER, ...row }), unit: 'bytes' };
}

export function wholeNumber(row: WholeNumber): OptionRow<number> {
  const { group, doc, why, also, min = 0, max = Number.MAX_SAFE_INTEGER } = row;
  const range =
    max === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`;
  return {
    group,
    doc,
    why,
    type: 'number',
    rule: also === undefined ? range : `${range}, ${also.rule}`,
    fallback: () => row.default,
    ...(row.defaultText === undefined ? {} : { defaultText: row.defaultText }),
    parse: (value) =>
      Number.isSafeInteger(value) &&
      inRange(value as number, min, max) &&
      (also === undefined || also.holds(value as number))
        ? (value as number)
        : REFUSED,
    fromText: numberFromText,
  };
}

/** A number from 0 to 1. */
export function fraction(row: Words<number> & { readonly default: number }): OptionRow<number> {
  const { group, doc, why } = row;
  return {
    group,
    doc,
    why,
    type: 'number',
    rule: 'a number from 0 to 1',
    fallback: () => row.default,
    parse: (value) => (typeof value === 'number' && inRange(value, 0, 1) ? value : REFUSED),
    fromText: numberFromText,
  };
}

/** True or false. */
export function flag(row: Words<boolean> & { readonly default: boolean }): OptionRow<boolean> {
  const { group, doc, why } = row;
  return {
    group,
    doc,
    why,
    type: 'boolean',
    rule: 'true or false',
    fallback: () => row.default,
    parse: (value) => (typeof value === 'boolean' ? value : REFUSED),
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  };
}

export function choice<const Name extends string>(
  names: readonly [Name, ...Name[]],
  row: Words<Name>,
): OptionRow<Name> {
  const list = names.map((name) => `'${name}'`);
  return {
    ...row,
    type: list.join(' | '),
    rule: `one of ${list.join(', ')}`,
    fallback: () => names[0],
    parse: (value) => names.find((name) => name === value) ?? REFUSED,
    fromText: (text) => text,
  };
}

/** Digits only: `Number('')` is 0 and `Number('0x10')` is 16, and neither is what the writer of a variable meant. */
export function numberFromText(text: string): unknown {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function inRange(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** What kind of value it is, in words that never hold the value itself: it may be a secret. */
export function describeKind(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return describeNumber(value);
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

function describeNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return 'an infinite number';
  if (!Number.isInteger(value)) return 'a fraction';
  return `the number ${value}`;
}
