/** The three ways a path leads into a context (spec/flags.md §4.1, §8.5, §9.2), over plain values. */

import { hasOwn } from '../internal/json.ts';

/** A parent is absent or null: the comparison keeps its left value. */
export const KEEP = Symbol('keep');
/** A parent is not a map: the query aborts. */
export const ABORT = Symbol('abort');

/** A member of something that counts as a map: a plain object, or a `Map` with text keys; `undefined` when absent. */
export function memberOf(map: object, name: string): unknown {
  if (map instanceof Map) return map.get(name);
  return hasOwn(map, name) ? (map as Record<string, unknown>)[name] : undefined;
}

/** True for what JSON would write as an object; arrays and dates are none. */
export function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** nikunjy: `root` is the value of the first name. */
export function walkQuery(root: unknown, path: readonly string[]): unknown {
  let current = root;
  for (let i = 1; i < path.length; i++) {
    if (current === undefined || current === null) return KEEP;
    if (!isMap(current)) return ABORT;
    current = memberOf(current, path[i] as string);
  }
  return current;
}

/** bucketingKey and JSONLogic: anything on the way that is no map, or a missing member, is `undefined`. */
export function walkMembers(root: unknown, path: readonly string[]): unknown {
  let current = root;
  for (let i = 1; i < path.length; i++) {
    if (!isMap(current)) return undefined;
    current = memberOf(current, path[i] as string);
  }
  return current;
}
