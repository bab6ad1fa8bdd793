/** JSON values into values of CEL and back. */

import { type CelInput, type CelValue, isCelList, isCelMap, isCelType, isCelUint } from '@bufbuild/cel';
import { toJson } from '@bufbuild/protobuf';
import { isReflectMessage } from '@bufbuild/protobuf/reflect';
import type { JsonValue } from '../../internal/json.ts';

/** Whole numbers become ints, so that `config.port + 1` is what it looks like; others are doubles. */
export function celOf(value: JsonValue): CelInput {
  switch (typeof value) {
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? value.map(celOf) : celMapOf(value);
    default:
      return value;
  }
}

/** A map, not an object: the library takes no objects without a prototype. */
export function celMapOf(object: Readonly<Record<string, JsonValue>>): Map<string, CelInput> {
  return new Map(Object.entries(object).map(([name, value]) => [name, celOf(value)]));
}

/** Throws an `Error` for what JSON cannot say. */
export function jsonOf(value: CelValue): JsonValue {
  switch (typeof value) {
    case 'bigint':
      // Beyond 2^53 integers travel as texts.
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'number':
      if (!Number.isFinite(value)) throw new Error('the result is no finite number');
      return value;
    case 'string':
    case 'boolean':
      return value;
    default:
      break;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isCelList(value)) return [...value].map(jsonOf);
  if (isCelMap(value))
    return Object.fromEntries([...value.entries()].map(([key, inner]) => [String(key), jsonOf(inner)]));
  if (isCelUint(value)) return jsonOf(value.value);
  if (isReflectMessage(value)) return toJson(value.desc, value.message) as JsonValue;
  throw new Error(isCelType(value) ? 'the result is a type' : 'the result is no JSON value');
}

/** A map whose members are made when they are asked for: most expressions look at one of many. */
export class LazyMap extends Map<string, CelInput> {
  readonly #members: Readonly<Record<string, () => CelInput>>;

  constructor(members: Readonly<Record<string, () => CelInput>>) {
    super();
    this.#members = members;
  }

  override get(name: string): CelInput | undefined {
    return Object.hasOwn(this.#members, name) ? this.#members[name]?.() : undefined;
  }

  override has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  override get size(): number {
    return Object.keys(this.#members).length;
  }

  override *keys(): MapIterator<string> {
    yield* Object.keys(this.#members);
  }

  override *entries(): MapIterator<[string, CelInput]> {
    for (const [name, make] of Object.entries(this.#members)) yield [name, make()];
  }

  override *values(): MapIterator<CelInput> {
    for (const make of Object.values(this.#members)) yield make();
  }

  override [Symbol.iterator](): MapIterator<[string, CelInput]> {
    return this.entries();
  }
}
