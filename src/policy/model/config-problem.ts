/** What is wrong with a configuration, and where: a value, collected until all of it was looked at. */

import type { PolicyFailureCode } from './failure.ts';

/** One mistake in a configuration or a manifest. */
export interface ConfigProblem {
  /** JSON pointer into the document, such as `/routes/3/policies/1/params/limits/0/max`; empty for the whole of it. */
  readonly path: string;
  readonly code: PolicyFailureCode;
  /** Never holds a value of the configuration: it may be a secret. */
  readonly message: string;
}

export function problem(path: string, message: string, code: PolicyFailureCode = 'PARAMS_INVALID'): ConfigProblem {
  return { path, code, message };
}

/** One more step of a JSON pointer (RFC 6901). */
export function pointer(base: string, member: string | number): string {
  return typeof member === 'number'
    ? `${base}/${member}`
    : `${base}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Whether a pointer is at a place or below it. */
export function isAtOrBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}
