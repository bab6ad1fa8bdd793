/** What an evaluation yields: the resolution, a plain frozen value. */

import type { OpenFeatureErrorCode } from '../errors.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';

/** The JSON kinds a caller can ask for; `integer`/`float` are both `number`, as in JSON. */
export type FlagType = 'boolean' | 'string' | 'number' | 'object';

/** Attributes of the subject; `targetingKey` is one of them. Values are read, never changed or kept. */
export type EvaluationContext = { readonly [attribute: string]: unknown };

/**
 * The answer for one flag and one context. Resolutions of the in-process evaluator are frozen and shared between
 * calls (values included), so they can be kept but not changed.
 */
export interface Resolution<T = JsonValue> {
  readonly flagKey: string;
  /** The variation's value; the caller's default (or `null` when none was given) when the flag has no value to give. */
  readonly value: T;
  /** The variation's name; `SdkDefault` for disabled flags and errors. */
  readonly variant: string;
  /** GO Feature Flag's reason, unread: TARGETING_MATCH, TARGETING_MATCH_SPLIT, SPLIT, DEFAULT, STATIC, DISABLED, ERROR. */
  readonly reason: string;
  readonly errorCode: OpenFeatureErrorCode | undefined;
  readonly errorMessage: string | undefined;
  /** The error code as the engine or the relay said it (for example FLAG_CONFIG), before the mapping to OpenFeature. */
  readonly engineCode: string | undefined;
  /** Flag metadata, nested values included, with `evaluatedRuleName` when a named rule decided. */
  readonly metadata: Readonly<JsonObject>;
  /** Position of the targeting rule that decided, from 0; `undefined` for the default rule. */
  readonly ruleIndex: number | undefined;
  readonly ruleName: string | undefined;
  /** The flag's own `version`, or "". */
  readonly version: string;
  readonly trackEvents: boolean;
  /** True when the answer depends on flag and context only, never on the clock. */
  readonly cacheable: boolean;
}
