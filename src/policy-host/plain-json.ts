/** Inputs and answers of hooks as JSON and back, with nothing lost: bytes in base64, headers as their lines. */

import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { HeaderMap, type HeaderPair } from '../policy/model/headers.ts';

const BYTES = '$bytes';
const HEADERS = '$headers';
const OBJECT = '$object';

/** Members that are `undefined` are left out. */
export function toPlainJson(value: unknown): JsonValue {
  if (value instanceof Uint8Array) {
    return { [BYTES]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (value instanceof HeaderMap) return { [HEADERS]: [...value.pairs()].map(([name, text]) => [name, text]) };
  if (value instanceof Set) return [...value].map(toPlainJson);
  if (Array.isArray(value)) return value.map(toPlainJson);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const plain = Object.fromEntries(members.map(([name, inner]) => [name, toPlainJson(inner)]));
  // Somebody's own member with one of our names must not be taken for ours.
  return members.some(([name]) => name.startsWith('$')) ? { [OBJECT]: plain } : plain;
}

export function fromPlainJson(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(fromPlainJson);
  if (!isJsonObject(value)) return value;
  const { [BYTES]: bytes, [HEADERS]: headers, [OBJECT]: object } = value;
  if (typeof bytes === 'string') return new Uint8Array(Buffer.from(bytes, 'base64'));
  if (Array.isArray(headers)) return HeaderMap.from(headers as unknown as HeaderPair[]);
  return membersOf(isJsonObject(object) ? object : value);
}

function membersOf(object: JsonObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, inner]) => [name, fromPlainJson(inner)]));
}
