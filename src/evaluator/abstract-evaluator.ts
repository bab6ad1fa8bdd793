/** The one base the provider and the gateways know: lifecycle, events, type checks, defaults and error mapping. */

import type { EdictError, OpenFeatureErrorCode } from '../errors.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import type { EvaluatorFacts } from './evaluator-facts.ts';
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

/** States of relay-and-provider §5.2. In `ready`, `stale` and `error` the last good snapshot serves, if there is one. */
export type EvaluatorState = 'not-ready' | 'starting' | 'ready' | 'stale' | 'error' | 'fatal' | 'closing';

/** Evaluation of several flags for one request. The context must not change while it is in use. */
export interface PreparedContext<R> {
  evaluate(flagKey: string, defaultValue?: JsonValue, type?: FlagType): R;
}

/**
 * Base of the in-process and the remote evaluator. `R` is `Resolution` where answers are immediate, and a promise of one
 * where they are not; callers that accept both await the result.
 *
 * Nothing in the evaluation path throws or rejects: errors are resolutions with the caller's default and a code.
 */
export abstract class AbstractEvaluator<R extends Resolution | Promise<Resolution> = Resolution | Promise<Resolution>> {
  readonly #listeners = new Set<(event: EvaluatorEvent) => void>();

  abstract readonly state: EvaluatorState;
  /** True when the relay decides each flag: it then records evaluations itself. */
  get isRemote(): boolean {
    return false;
  }
  /** Milliseconds since the relay last confirmed the configuration in use; `undefined` when it never did. */
  abstract readonly confirmedAgeMs: number | undefined;
  /** Idempotent; after `close` it begins afresh. Rejects with an `EdictError` when the start failed. */
  abstract initialize(signal?: AbortSignal): Promise<void>;
  /** Idempotent; aborts requests and joins timers, within `deadlineMs`. */
  abstract close(deadlineMs?: number): Promise<void>;
  /**
   * The resolution of one flag. With `type` or a default, a value of another JSON kind answers TYPE_MISMATCH; a flag that
   * has no value to give (disabled, null, error) answers with the default.
   */
  abstract evaluate(flagKey: string, context: EvaluationContext, defaultValue?: JsonValue, type?: FlagType): R;
  /** For many flags of one request: attributes are projected once. */
  abstract prepare(context: EvaluationContext): PreparedContext<R>;
  /** All resolutions of one context, in flag-key order; only `keys`, in their order, when given. */
  abstract evaluateAll(
    context: EvaluationContext,
    keys?: readonly string[],
  ): R extends Resolution ? readonly Resolution[] : Promise<readonly Resolution[]>;
  /** The flag's `trackEvents`; absent or unknown flag: true. */
  abstract isTrackable(flagKey: string): boolean;
  /** Conditional fetch now. `reason` shows in the log. */
  abstract refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'>;
  /** Plain JSON for `diagnostics()`, as much of it as there is; no secret, no context value. */
  abstract describe(): Partial<EvaluatorFacts>;
  /** A listener that throws is logged, never seen by an evaluation. */
  protected abstract logListenerError(caught: unknown): void;

  /** Gives the function that removes the listener. */
  onChange(listener: (event: EvaluatorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  protected emit(event: EvaluatorEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (caught) {
        this.logListenerError(caught);
      }
    }
  }

  /** Default and type rules of relay-and-provider §4.2, for every evaluator. */
  protected settle(
    resolution: Resolution,
    defaultValue: JsonValue | undefined,
    type: FlagType | undefined,
  ): Resolution {
    const { value } = resolution;
    if (value === null) return defaultValue === undefined ? resolution : { ...resolution, value: defaultValue };
    if (type === undefined || matches(value, defaultValue, type)) return resolution;
    const wanted = type === 'object' && Array.isArray(defaultValue) ? 'array' : type;
    return this.failure(
      resolution.flagKey,
      'TYPE_MISMATCH',
      `flag "${resolution.flagKey}" has a value of type ${kindOf(value)}, asked for as ${wanted}`,
      defaultValue,
    );
  }

  /** An error as a resolution with the caller's default. */
  protected failure(
    flagKey: string,
    errorCode: OpenFeatureErrorCode,
    errorMessage: string,
    defaultValue: JsonValue | undefined,
  ): Resolution {
    return {
      flagKey,
      value: defaultValue ?? null,
      variant: 'SdkDefault',
      reason: 'ERROR',
      errorCode,
      errorMessage,
      engineCode: errorCode,
      metadata: NO_METADATA,
      ruleIndex: undefined,
      ruleName: undefined,
      version: '',
      trackEvents: true,
      cacheable: false,
    };
  }
}

const NO_METADATA: Readonly<JsonObject> = Object.freeze({});

/** Objects and arrays are both "object", but one never stands in for the other when the default says which is meant. */
function matches(value: JsonValue, defaultValue: JsonValue | undefined, type: FlagType): boolean {
  if (type !== 'object') return typeof value === type;
  if (typeof value !== 'object') return false;
  if (typeof defaultValue !== 'object' || defaultValue === null) return true;
  return Array.isArray(value) === Array.isArray(defaultValue);
}

function kindOf(value: JsonValue): string {
  return Array.isArray(value) ? 'array' : typeof value;
}
