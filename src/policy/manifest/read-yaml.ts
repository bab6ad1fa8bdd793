/** YAML of operators and authors into JSON values: one document, no aliases that explode, nothing that JSON cannot say. */

import { parseDocument } from 'yaml';
import type { JsonValue } from '../../internal/json.ts';
import { jsonFault } from './json-fault.ts';

/** Longest text that is read. */
export const MAX_YAML_CHARS = 8_388_608;
const MAX_ALIASES = 100;

/** JSON is YAML, so it goes the same way. */
export function readYaml(text: string): { readonly value: JsonValue } | { readonly fault: string } {
  if (text.length > MAX_YAML_CHARS) return { fault: `a file may have at most ${MAX_YAML_CHARS} characters` };
  try {
    const document = parseDocument(text, { schema: 'core', uniqueKeys: true, prettyErrors: true, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { fault: error.message.split('\n')[0] ?? 'is no YAML' };
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    const fault = jsonFault(value);
    return fault === undefined ? { value: value as JsonValue } : { fault };
  } catch (caught) {
    return { fault: caught instanceof RangeError ? 'nesting is too deep' : (caught as Error).message };
  }
}
