/** What a YAML scalar means to GO Feature Flag's YAML reader: YAML 1.2 with the number and date forms of 1.1. */

import type { JsonValue } from '../../internal/json.ts';
import { formatDate, parseDate } from '../date.ts';

export type ScalarKind = 'null' | 'bool' | 'number' | 'timestamp' | 'string';

export interface ResolvedScalar {
  readonly kind: ScalarKind;
  /** The JSON value; a timestamp is RFC 3339 text. May be an infinity or NaN, which JSON does not have. */
  readonly value: JsonValue;
}

const WORDS: ReadonlyMap<string, ResolvedScalar> = new Map([
  ...words(['', '~', 'null', 'Null', 'NULL'], 'null', null),
  ...words(['true', 'True', 'TRUE'], 'bool', true),
  ...words(['false', 'False', 'FALSE'], 'bool', false),
  ...words(['.nan', '.NaN', '.NAN'], 'number', Number.NaN),
  ...words(['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'], 'number', Number.POSITIVE_INFINITY),
  ...words(['-.inf', '-.Inf', '-.INF'], 'number', Number.NEGATIVE_INFINITY),
]);

/** Words that a field of type bool takes besides true and false, quoted or not. */
const YES_NO: ReadonlyMap<string, boolean> = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
]);

const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const DOT_FLOAT = /^\.[0-9]+([eE][-+]?[0-9]+)?$/;
const TIMESTAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?(Z|[-+]\d\d:\d\d)| +(\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?)?$/;

/** Reads an unquoted scalar without a tag. */
export function resolvePlain(text: string): ResolvedScalar {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  if (first === 46) return resolveDotFloat(text);
  // Only a digit or a sign can begin a number or a date; most scalars are words.
  if ((first < 48 || first > 57) && first !== 43 && first !== 45) return { kind: 'string', value: text };
  const timestamp = resolveTimestamp(text);
  if (timestamp !== undefined) return { kind: 'timestamp', value: timestamp };
  const number = resolveNumber(text.replaceAll('_', ''));
  return number === undefined ? { kind: 'string', value: text } : { kind: 'number', value: number };
}

/** A date in one of YAML's shapes as RFC 3339 text, in UTC where it names no zone; `undefined` for anything else. */
export function resolveTimestamp(text: string): string | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, tHour, tMinute, tSecond, tFraction, zone, hour, minute, second, fraction] = match;
  const clock = [tHour ?? hour, tMinute ?? minute, tSecond ?? second].map(twoDigits).join(':');
  const date = parseDate(
    `${year}-${twoDigits(month)}-${twoDigits(day)}T${clock}${tFraction ?? fraction ?? ''}${zone ?? 'Z'}`,
  );
  return 'error' in date ? undefined : formatDate(date);
}

/** The value of a yes/no word. */
export function resolveYesNo(text: string): boolean | undefined {
  return YES_NO.get(text);
}

function resolveDotFloat(text: string): ResolvedScalar {
  const number = DOT_FLOAT.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? { kind: 'number', value: number } : { kind: 'string', value: text };
}

function resolveNumber(plain: string): number | undefined {
  const integer = INTEGER.exec(plain);
  if (integer !== null) {
    const value = integerValue(integer[1] as string, integer[2] as string);
    if (value !== undefined) return value;
  }
  if (!FLOAT.test(plain)) return undefined;
  const number = Number(plain);
  return Number.isFinite(number) ? number : undefined;
}

/** An integer of 64 bits, signed or (without a sign) unsigned; a leading zero means octal. */
function integerValue(sign: string, digits: string): number | undefined {
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
  const limit = sign === '' ? 1n << 64n : (1n << 63n) + (sign === '-' ? 1n : 0n);
  if (value >= limit) return undefined;
  return sign === '-' && value !== 0n ? -Number(value) : Number(value);
}

function twoDigits(text: string | undefined): string {
  return (text ?? '0').padStart(2, '0');
}

function words(texts: readonly string[], kind: ScalarKind, value: JsonValue): [string, ResolvedScalar][] {
  return texts.map((text) => [text, { kind, value }]);
}
