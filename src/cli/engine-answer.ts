/** An evaluation's outcome in the words of GO Feature Flag's engine (spec/flags.md §3.3), as an object and as text. */

import type { RawOutcome } from '../evaluator/outcome-reader.ts';
import { canonicalJson, canonicalString } from '../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';

/** The answer with its members in the engine's order; `defaultSdkValue` stands in where the flag gives no value. */
export function engineAnswer(raw: RawOutcome, defaultSdkValue: JsonValue | undefined): JsonObject {
  if (raw.preEvaluation) return refusal(raw.code, raw.details);
  const { metadata } = raw;
  return {
    trackEvents: raw.trackEvents,
    variationType: raw.variation,
    failed: raw.code !== '',
    version: raw.version,
    reason: raw.reason,
    errorCode: raw.code,
    ...(raw.details === '' ? {} : { errorDetails: raw.details }),
    value: raw.value === undefined ? (defaultSdkValue ?? null) : raw.value,
    cacheable: raw.cacheable,
    ...(metadata === undefined || Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

/** The answer to an input that never reached evaluation: no flag facts, `failed` false, and null in place of the default. */
export function refusal(errorCode: string, errorDetails: string): JsonObject {
  return {
    trackEvents: false,
    variationType: '',
    failed: false,
    version: '',
    reason: '',
    errorCode,
    ...(errorDetails === '' ? {} : { errorDetails }),
    value: null,
    cacheable: false,
  };
}

/** The answer as the engine writes it: its own members in order, those of values and metadata sorted (§10.2). */
export function answerText(answer: JsonObject): string {
  const members = Object.keys(answer).map((name) => `${canonicalString(name)}:${canonicalJson(answer[name])}`);
  return `{${members.join(',')}}`;
}
