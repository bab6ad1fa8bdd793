/** What a chain asks a condition: a compiled boolean over the exchange. */

import type { HookInput } from '../model/inputs.ts';
import type { Phase } from '../model/phases.ts';

/** Compiled and checked when the configuration was activated. */
export interface Condition {
  /** The text it was compiled from. */
  readonly source: string;
  /** Never throws: what cannot be evaluated (an index into an absent header, the cost limit) is an error with its reason. */
  test(phase: Phase, input: HookInput): boolean | { readonly error: string };
}
