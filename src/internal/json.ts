/** The JSON types that every room shares, and the one way to make an object keyed by user input. */

/** A JSON scalar. */
export type JsonPrimitive = null | boolean | number | string;
/** Any JSON value. */
export type JsonValue = JsonPrimitive | JsonValue[] | { [member: string]: JsonValue };
/** A JSON object. */
export type JsonObject = { [member: string]: JsonValue };

/** True for plain JSON objects (not arrays, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Own-member test for objects keyed by user input: `__proto__` and `constructor` are ordinary names
 * there, and `in` would find the prototype's.
 */
export function hasOwn(object: object, member: string): boolean {
  return Object.hasOwn(object, member);
}

/** A null-prototype object: the only kind that may be keyed by text from outside. */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
