/** What the evaluation routes read of a request alike. */

import type { EvaluationContext } from '../evaluator/resolution.ts';
import { isJsonObject } from '../internal/json.ts';

/** The path segment as the client meant it, whichever of the characters it chose to encode. */
export function decodeKey(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** The keys of `gofeatureflag.flagList`, each once; an absent or empty list asks for all flags. */
export function flagList(context: EvaluationContext): string[] | undefined {
  const reserved = context.gofeatureflag;
  const list = isJsonObject(reserved) ? reserved.flagList : undefined;
  if (!Array.isArray(list)) return undefined;
  const keys = new Set(list.filter((key) => typeof key === 'string'));
  return keys.size === 0 ? undefined : [...keys];
}
