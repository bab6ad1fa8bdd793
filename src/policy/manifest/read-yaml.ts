/** YAML of operators and authors into JSON values: one document, no aliases that explode, nothing that JSON cannot say. */

import { parseDocument } from 'yaml';
import type { JsonValue } from '../../internal/json.ts';

/** Longest text that is read. */
export const MAX_YAML_CHARS = 8_388_608;
const MAX_DEPTH = 64;
const MAX_ALIASES = 100;

/** JSON is YAML, so it goes the same way. */
export function readYaml(text: string): { readonly value: JsonValue } | { readonly fault: string } {
  if (text.length > MAX_YAML_CHARS) return { fault: `a file may have at most ${MAX_YAML_CHARS} characters` };
  try {
    const document = parseDocument(text, { schema: 'core', uniqueKeys: true, prettyErrors: true, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { fault: error.message.split('\n')[0] ?? 'is no YAML' };
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    const fault = jsonFault(value, 0);
    return fault === undefined ? { value: value as JsonValue } : { fault };
  } catch (caught) {
    return { fault: caught instanceof RangeError ? 'nesting is too deep' : (caught as Error).message };
  }
}

function jsonFault(value: unknown, depth: number): string | undefined {
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
