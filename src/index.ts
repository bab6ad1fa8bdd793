/** The public door: provider, evaluators, options, errors, types. The embedded relay is `edict/relay`. */

export type { EdictErrorCode, EdictErrorOptions, OpenFeatureErrorCode } from './errors.ts';
// For people who use Edict.
export { EdictError, ERROR_TABLE } from './errors.ts';
export type { EvaluatorEvent, EvaluatorState, PreparedContext } from './evaluator/abstract-evaluator.ts';
// For people who build on it.
export { AbstractEvaluator } from './evaluator/abstract-evaluator.ts';
export type { EvaluatorFacts } from './evaluator/evaluator-facts.ts';
export { FallbackEvaluator } from './evaluator/fallback-evaluator.ts';
export { InProcessEvaluator } from './evaluator/in-process-evaluator.ts';
export { RemoteEvaluator } from './evaluator/remote-evaluator.ts';
export type { EvaluationContext, FlagType, Resolution } from './evaluator/resolution.ts';
export type { JsonObject, JsonPrimitive, JsonValue } from './internal/json.ts';
export type { Clock } from './options/clock.ts';
export type { EdictOptions } from './options/edict-options.ts';
export { optionsFromEnv } from './options/env.ts';
export type { Diagnostics } from './provider/diagnostics.ts';
export { EdictProvider } from './provider/edict-provider.ts';
export type { Logger } from './telemetry/logger.ts';
