/** Parameters of catalogue policies: the schema has seen them, so this reads, gives defaults, and refuses what is left. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { RefusedParams } from '../native/native-policy.ts';

const NOTHING: Readonly<JsonObject> = Object.freeze({});

/** A member that is an object, or an empty one. */
export function objectOf(value: JsonValue | undefined): Readonly<JsonObject> {
  return isJsonObject(value) ? value : NOTHING;
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: JsonValue | undefined, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}

/** A list of texts; anything else in it is refused. */
export function textsOf(value: JsonValue | undefined, path: string): readonly string[] {
  return listOf(value).map((item, index) =>
    typeof item === 'string' ? item : refuse(`${path}/${index}`, 'is no text'),
  );
}

export function numberOf(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

export function refuse(path: string, message: string): never {
  throw new RefusedParams(path === '' ? message : `${path}: ${message}`);
}
