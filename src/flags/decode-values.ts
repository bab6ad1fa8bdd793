/** Decodes the values of a flag's members as Go's JSON decoder does, and keeps its error texts. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import { emptyRecord, isJsonObject } from '../internal/json.ts';
import { parseDate } from './date.ts';
import type { Instant } from './model.ts';

/**
 * Go keeps the first type problem and goes on decoding, but gives up at once on a date it cannot read. So a date error
 * wins over type problems that stand before it, and the first of each kind is all there is to know.
 */
export interface Problems {
  type: string | undefined;
  date: string | undefined;
  /** How many scheduled steps the decoder is inside of. */
  depth: number;
}

/** The model is read-only; while it is being decoded it is not. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function decodeString(
  problems: Problems,
  value: JsonValue,
  struct: string,
  path: string,
  member: string,
): string | undefined {
  if (typeof value === 'string') return value;
  return value === null ? undefined : wrongType(problems, value, struct, `${path}.${member}`, 'string');
}

export function decodeBool(
  problems: Problems,
  value: JsonValue,
  struct: string,
  path: string,
  member: string,
): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return value === null ? undefined : wrongType(problems, value, struct, `${path}.${member}`, 'bool');
}

export function decodeNumber(problems: Problems, value: JsonValue, struct: string, path: string): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return wrongType(problems, value, struct, path, 'float64');
}

export function decodeDate(problems: Problems, value: JsonValue): Instant | undefined {
  if (value === null) return undefined;
  if (typeof value !== 'string') {
    problems.date ??= 'Time.UnmarshalJSON: input is not a JSON string';
    return undefined;
  }
  const parsed = parseDate(value);
  if (!('error' in parsed)) return parsed;
  problems.date ??= parsed.error;
  return undefined;
}

/** A map of free JSON values; entries are added to those of an earlier spelling of the member. */
export function decodeMap(
  problems: Problems,
  value: JsonValue,
  previous: Readonly<JsonObject> | undefined,
  struct: string,
  path: string,
  member: string,
  type: string,
): Readonly<JsonObject> | undefined {
  if (value === null) return undefined;
  if (!isJsonObject(value)) return wrongType(problems, value, struct, `${path}.${member}`, type);
  if (hasOverflow(value)) wrongType(problems, Infinity, struct, `${path}.${member}`, 'float64');
  if (previous === undefined) return value;
  const merged = emptyRecord<JsonValue>();
  for (const source of [previous, value]) {
    for (const name of Object.keys(source)) merged[name] = source[name] as JsonValue;
  }
  return merged;
}

/** Notes a type problem in Go's words, unless there was one before; always `undefined`, the field's value then. */
export function wrongType(problems: Problems, value: JsonValue, struct: string, path: string, type: string): undefined {
  problems.type ??= `json: cannot unmarshal ${kindOf(value)} into Go struct field ${struct}.${path} of type ${type}`;
  return undefined;
}

/** Go's name of a JSON kind. A number that fits no double was already rounded to Infinity when the JSON was read. */
function kindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number' && !Number.isFinite(value)) return `number ${value}`;
  return typeof value;
}

/** True when a number anywhere inside fits no double. Iterative, because the nesting is the writer's to choose. */
function hasOverflow(object: Readonly<JsonObject>): boolean {
  let open: JsonValue[] | undefined;
  let current: JsonValue | undefined = object;
  while (current !== undefined) {
    // Arrays too: their indexes are their keys.
    const container = current as JsonObject;
    for (const name of Object.keys(container)) {
      const child = container[name] as JsonValue;
      if (typeof child === 'number') {
        if (!Number.isFinite(child)) return true;
      } else if (typeof child === 'object' && child !== null) {
        open ??= [];
        open.push(child);
      }
    }
    current = open?.pop();
  }
  return false;
}
