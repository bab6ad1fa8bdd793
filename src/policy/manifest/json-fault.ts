/** Whether a value from outside is JSON, and shallow enough to be walked. */

/** Deepest nesting of a manifest or a configuration. */
export const MAX_DEPTH = 64;

/** Why a value is no JSON that is worth looking at; `undefined` when it is. Everything after this may recurse. */
export function jsonFault(value: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `nesting is deeper than ${MAX_DEPTH} levels`;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : 'a number is not finite';
    case 'object':
      if (value === null) return undefined;
      for (const inner of Object.values(value)) {
        const fault = jsonFault(inner, depth + 1);
        if (fault !== undefined) return fault;
      }
      return undefined;
    default:
      return `a ${typeof value} is no JSON value`;
  }
}
