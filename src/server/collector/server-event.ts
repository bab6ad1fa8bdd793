/** The event of an evaluation that the relay made for a client. */

import type { EvaluationContext, Resolution } from '../../evaluator/resolution.ts';
import { isJsonObject } from '../../internal/json.ts';
import type { FeatureEvent } from './usage-event.ts';

/**
 * The feature event of a single evaluation, or `undefined` where there is none to record: the flag is unknown, or it says
 * `trackEvents: false`. The value is the flag's own, `null` where the caller's default was served.
 */
export function serverEvent(
  resolution: Resolution,
  context: EvaluationContext,
  nowMs: number,
): FeatureEvent | undefined {
  if (!resolution.trackEvents || resolution.errorCode === 'FLAG_NOT_FOUND') return undefined;
  const { targetingKey, gofeatureflag } = context;
  const metadata = isJsonObject(gofeatureflag) ? gofeatureflag.exporterMetadata : undefined;
  return {
    kind: 'feature',
    contextKind: context.anonymous === true ? 'anonymousUser' : 'user',
    userKey: typeof targetingKey === 'string' ? targetingKey : '',
    creationDate: Math.floor(nowMs / 1_000),
    key: resolution.flagKey,
    variation: resolution.variant,
    value: resolution.value ?? null,
    default: resolution.errorCode !== undefined,
    version: resolution.version,
    source: 'SERVER',
    metadata: isJsonObject(metadata) ? metadata : undefined,
  };
}
