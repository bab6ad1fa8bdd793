/** Members of a resolution that the evaluation routes write alike. */

import type { Resolution } from '../evaluator/resolution.ts';
import type { JsonObject } from '../internal/json.ts';

/** The engine's own code where there is one: FLAG_CONFIG says more than GENERAL. */
export function errorMembers(resolution: Resolution): { readonly errorCode: string; readonly errorDetails: string } {
  const code = resolution.engineCode ?? resolution.errorCode ?? 'GENERAL';
  const message = resolution.errorMessage ?? '';
  // The message repeats a code that OpenFeature lacks; here it has a member of its own.
  return { errorCode: code, errorDetails: message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message };
}

export function unlessEmpty(metadata: Readonly<JsonObject>): Readonly<JsonObject> | undefined {
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}
