/** References into the engine's own configuration, `${config.a.b}`, in the system parameters of a manifest (spec §4.4). */

import { isJsonObject, type JsonValue } from '../../internal/json.ts';

/** What a reference gives. Missing: the configuration has no such thing. Wrong: it is no expression at all. */
export type Resolved = { readonly value: JsonValue } | { readonly missing: string } | { readonly wrong: string };

/** Evaluates the expression between the braces. */
export type ConfigResolver = (expression: string) => Resolved;

/**
 * Resolves every reference in a text, in the items of arrays and in the members of maps. A text that is one reference takes
 * its type; a reference inside a longer text becomes text. What configuration values hold is not looked at again.
 */
export function resolveReferences(value: JsonValue, resolve: ConfigResolver): Resolved {
  if (typeof value === 'string') return resolveText(value, resolve);
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    for (const item of value) {
      const resolved = resolveReferences(item, resolve);
      if (!('value' in resolved)) return resolved;
      items.push(resolved.value);
    }
    return { value: items };
  }
  if (!isJsonObject(value)) return { value };
  const members: [string, JsonValue][] = [];
  for (const [name, member] of Object.entries(value)) {
    const resolved = resolveReferences(member, resolve);
    if (!('value' in resolved)) return resolved;
    members.push([name, resolved.value]);
  }
  return { value: Object.fromEntries(members) };
}

function resolveText(text: string, resolve: ConfigResolver): Resolved {
  let built = '';
  let at = 0;
  for (let open = text.indexOf('${'); open !== -1; open = text.indexOf('${', at)) {
    const close = closingBrace(text, open + 2);
    // Not closed: it is text, whatever it was meant to be.
    if (close === -1) break;
    const resolved = resolve(text.slice(open + 2, close));
    if (!('value' in resolved)) return resolved;
    if (open === 0 && close === text.length - 1) return resolved;
    const { value } = resolved;
    built += text.slice(at, open) + (typeof value === 'object' ? JSON.stringify(value) : String(value));
    at = close + 1;
  }
  return { value: built + text.slice(at) };
}

/** The brace that closes an expression: braces inside it pair up, braces inside its texts do not count. */
function closingBrace(text: string, from: number): number {
  let depth = 0;
  let quote = '';
  for (let i = from; i < text.length; i++) {
    const char = text[i] as string;
    if (quote !== '') {
      if (char === '\\') i += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth += 1;
    else if (char === '}' && depth-- === 0) return i;
  }
  return -1;
}
