/** The one base the provider and the gateways know: lifecycle, events, type checks, defaults and error mapping. */

import type { EdictError } from '../errors.ts';
import type { JsonValue } from '../internal/json.ts';
import type { EvaluationContext, FlagType, Resolution } from './resolution.ts';

/** What the provider's state machine listens to. */
export type EvaluatorEvent =
  /** Another content took effect; never for the first load. Keys sorted by UTF-16 code unit. */
  | { readonly type: 'changed'; readonly flagsChanged: readonly string[] }
  /** Serving the last good snapshot after failures (or from local data only). */
  | { readonly type: 'stale'; readonly message: string }
  /** The first snapshot after a failed start, or recovery from stale. */
  | { readonly type: 'ready' }
  /** Not able to serve, or stale for too long. */
  | { readonly type: 'error'; readonly error: EdictError };

export type EvaluatorState = 'not-ready' | 'starting' | 'ready' | 'stale' | 'error' | 'fatal' | 'closing';

/** Evaluation of several flags of one request; the context must not change while it is in use. */
export interface PreparedContext<R> {
  evaluate(flagKey: string, defaultValue?: JsonValue, type?: FlagType): R;
}

/**
 * Base of the in-process, the remote and the fallback evaluator. `Sync` is `Resolution` where answers are immediate, and a
 * promise of one where they are not; callers that accept both await the result.
 *
 * Nothing in the evaluation path throws or rejects: errors are resolutions with the caller's default and a code.
 */
export abstract class AbstractEvaluator<
  R extends Resolution | Promise<Resolution> = Resolution | Promise<Resolution>,
> {
  abstract readonly state: EvaluatorState;
  /** Idempotent; after `close` it begins afresh. Rejects with an `EdictError` when the start failed (strict). */
  abstract initialize(signal?: AbortSignal): Promise<void>;
  /** Idempotent; aborts requests and joins timers. */
  abstract close(deadlineMs?: number): Promise<void>;
  abstract evaluate(flagKey: string, context: EvaluationContext, defaultValue?: JsonValue, type?: FlagType): R;
  abstract prepare(context: EvaluationContext): PreparedContext<R>;
  /** All resolutions of one context, in flag-key order; only `keys` when given (unknown ones answer FLAG_NOT_FOUND). */
  abstract evaluateAll(
    context: EvaluationContext,
    keys?: readonly string[],
  ): R extends Resolution ? readonly Resolution[] : Promise<readonly Resolution[]>;
  /** The flag's `trackEvents`; absent or unknown flag: true. */
  abstract isTrackable(flagKey: string): boolean;
  /** Conditional fetch now. */
  abstract refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'>;
  /** Plain JSON for `diagnostics()`; no secret, no context value. */
  abstract describe(): Record<string, unknown>;
  /** Returns the function that removes the listener. A listener that throws is logged, never seen by an evaluation. */
  abstract onChange(listener: (event: EvaluatorEvent) => void): () => void;
}
