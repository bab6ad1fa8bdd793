/** What context values mean: JSON's kinds, with dates, big integers and maps made to fit (relay-and-provider §4.3). */

import { memberOf } from '../flags/walk.ts';

/** Deepest nesting of a value that is read whole. */
export const CONTEXT_MAX_DEPTH = 64;
/** Most characters of text one evaluation reads. */
export const CONTEXT_MAX_TEXT = 1_048_576;
/** Most values that travel to a relay: what fits into guest memory, at 16 bytes each. */
export const CONTEXT_MAX_VALUES = 262_144;

/** The context cannot be represented: the evaluation answers INVALID_CONTEXT. */
export class ContextError extends Error {
  override readonly name = 'ContextError';
}

export function tooDeep(): ContextError {
  return new ContextError(`the context nests more than ${CONTEXT_MAX_DEPTH} levels, or contains itself`);
}

export function tooMuchText(): ContextError {
  return new ContextError(`the context holds more than ${CONTEXT_MAX_TEXT} characters of text`);
}

/** What an evaluation answers when reading its context threw this: our own words, or those of a getter. Never throws. */
export function contextErrorText(caught: unknown): string {
  if (caught instanceof ContextError) return caught.message;
  try {
    return `reading the context threw: ${String(caught)}`;
  } catch {
    return 'reading the context threw';
  }
}

/** A JSON scalar, an array or a map; `undefined` for what JSON cannot say (functions, symbols, NaN, infinities). */
export function plainValue(value: unknown): string | number | boolean | null | undefined | readonly unknown[] | object {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
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

/** An item of an array: JSON writes what it cannot say as null there. */
export function plainItem(item: unknown): Exclude<ReturnType<typeof plainValue>, undefined> {
  const value = plainValue(item);
  return value === undefined ? null : value;
}

/** The members of an object, or of a `Map` with text keys, that JSON can say. */
export function plainMembers(map: object): (readonly [name: string, value: NonNullable<unknown> | null])[] {
  const names = map instanceof Map ? [...map.keys()].filter((name) => typeof name === 'string') : Object.keys(map);
  const members: (readonly [string, NonNullable<unknown> | null])[] = [];
  for (const name of names) {
    const value = plainValue(memberOf(map, name));
    if (value !== undefined) members.push([name, value]);
  }
  return members;
}
