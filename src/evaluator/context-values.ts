/** What context values mean: JSON's kinds, with dates, big integers and maps made to fit (relay-and-provider §4.3). */

/** Deepest nesting of a value that is read whole. */
export const CONTEXT_MAX_DEPTH = 64;
/** Most characters of text one evaluation reads. */
export const CONTEXT_MAX_TEXT = 1_048_576;

/** The context cannot be represented: the evaluation answers INVALID_CONTEXT. */
export class ContextError extends Error {
  override readonly name = 'ContextError';
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
