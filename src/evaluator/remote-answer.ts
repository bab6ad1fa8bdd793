/** What a remote evaluation yields, for those who ask one: the remote evaluator and the fallback. */

import type { EdictError } from '../errors.ts';
import type { EvaluationContext, Resolution } from './resolution.ts';

/** How one question may be bounded beyond the options. */
export interface AskLimits {
  /** A deadline tighter than `timeoutMs`, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type RemoteAnswer =
  /**
   * The relay decided: a value, an evaluation error of the flag (FLAG_NOT_FOUND, TARGETING_KEY_MISSING …), or `null` where
   * the caller's default belongs.
   */
  | { readonly kind: 'answered'; readonly resolution: Resolution }
  /** The relay was not reached, refused, or answered nonsense. */
  | { readonly kind: 'failed'; readonly error: EdictError; readonly retryAfterMs?: number };

/** Asks a relay for one flag. Never rejects, never repeats a request. */
export interface RemoteQuestions {
  ask(flagKey: string, context: EvaluationContext, limits?: AskLimits): Promise<RemoteAnswer>;
}
