/** `POST /v1/allflags` and `POST /v1/feature/{key}/eval`: evaluation for SDKs from before OFREP. */

import type { EvaluationContext, Resolution } from '../evaluator/resolution.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { emptyRecord, isJsonObject } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import { jsonAnswer, messageAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import { serverEvent } from './collector/server-event.ts';
import { decodeKey, flagList } from './evaluation-request.ts';
import type { RelayMetrics } from './metrics.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import type { RequestBody } from './request-body.ts';
import { UnreadableBody } from './request-body.ts';
import { errorMembers, unlessEmpty } from './resolution-members.ts';
import type { Route } from './router.ts';

export function legacyRoutes(dependencies: {
  readonly authentication: Authentication<RelayFlagSet>;
  readonly metrics: RelayMetrics;
  readonly clock: Pick<Clock, 'now'>;
}): Route[] {
  const { authentication, metrics, clock } = dependencies;
  return [
    {
      method: 'POST',
      path: '/v1/allflags',
      handler: async ({ request, body }) => {
        const access = authentication.resolve(request.headers);
        if ('refusal' in access) return access.refusal;
        const asked = await readRequest(body);
        if ('refused' in asked) return messageAnswer(400, asked.refused);
        const { store } = access.flagSet;
        const keys = flagList(asked.context)?.filter((key) => store.current.flags.has(key));
        const resolutions = store.evaluator.evaluateAll(asked.context, keys);
        metrics.countBulkEvaluation(resolutions.map(({ flagKey }) => flagKey));
        return jsonAnswer(200, allFlags(resolutions, Math.floor(clock.now() / 1_000)));
      },
    },
    {
      method: 'POST',
      path: '/v1/feature/:key/eval',
      handler: async ({ request, segment, body }) => {
        const access = authentication.resolve(request.headers);
        if ('refusal' in access) return access.refusal;
        const key = decodeKey(segment);
        if (key === undefined) return messageAnswer(400, 'the flag key in the path is not valid percent-encoding');
        const asked = await readRequest(body);
        if ('refused' in asked) return messageAnswer(400, asked.refused);
        const { store, collector } = access.flagSet;
        if (store.current.flags.has(key)) metrics.countEvaluation(key);
        const resolution = withDefault(store.evaluator.evaluate(key, asked.context), asked.defaultValue);
        const event = serverEvent(resolution, asked.context, clock.now());
        if (event !== undefined) collector.record(event);
        return jsonAnswer(200, oneFlag(resolution));
      },
    },
  ];
}

interface LegacyRequest {
  readonly context: EvaluationContext;
  readonly defaultValue: JsonValue;
}

async function readRequest(body: RequestBody): Promise<LegacyRequest | { readonly refused: string }> {
  try {
    const request = await body.json();
    const { evaluationContext = null, user = null, defaultValue = null } = isJsonObject(request) ? request : {};
    if (evaluationContext !== null) return { context: contextOf(evaluationContext, 'evaluationContext'), defaultValue };
    if (user === null) return { refused: 'assertRequest: impossible to find user in request' };
    const { anonymous = false } = isJsonObject(user) ? user : {};
    if (typeof anonymous !== 'boolean') return { refused: '"user.anonymous" is not a boolean' };
    return { context: { ...contextOf(user, 'user'), anonymous }, defaultValue };
  } catch (caught) {
    if (caught instanceof UnreadableBody) return { refused: caught.message };
    throw caught;
  }
}

/** `{key, custom}`, of either form, as one map of attributes. */
function contextOf(form: JsonValue, name: string): EvaluationContext {
  if (!isJsonObject(form)) throw new UnreadableBody(`"${name}" is not an object`);
  const key = form.key ?? '';
  const custom = form.custom ?? {};
  if (typeof key !== 'string') throw new UnreadableBody(`"${name}.key" is not a string`);
  if (!isJsonObject(custom)) throw new UnreadableBody(`"${name}.custom" is not an object`);
  const attributes: JsonObject = { ...custom };
  delete attributes.targetingKey;
  return key === '' ? attributes : { ...attributes, targetingKey: key };
}

/** The caller's default where the flag has no say; a variation without a value stays `null`. */
function withDefault(resolution: Resolution, defaultValue: JsonValue): Resolution {
  const isDefault = resolution.errorCode !== undefined || resolution.reason === 'DISABLED';
  return isDefault ? { ...resolution, value: defaultValue } : resolution;
}

function oneFlag(resolution: Resolution): object {
  const { variant, version, reason, value, cacheable, metadata } = resolution;
  const isUnknown = resolution.errorCode === 'FLAG_NOT_FOUND';
  return {
    trackEvents: resolution.trackEvents && !isUnknown,
    variationType: variant,
    failed: resolution.errorCode !== undefined,
    version,
    reason,
    // The code alone for an unknown flag: the stock relay has no more to say either.
    ...(isUnknown ? { errorCode: 'FLAG_NOT_FOUND' } : errorOf(resolution)),
    value: value ?? null,
    cacheable,
    metadata: unlessEmpty(metadata),
  };
}

function allFlags(resolutions: readonly Resolution[], timestamp: number): object {
  const flags = emptyRecord<object>();
  for (const resolution of resolutions) flags[resolution.flagKey] = { ...stateOf(resolution), timestamp };
  const valid = resolutions.every((resolution) => !hasFailed(resolution));
  return { flags: resolutions.length === 0 ? undefined : flags, valid };
}

function stateOf(resolution: Resolution): object {
  const { trackEvents, reason, variant, value } = resolution;
  const metadata = unlessEmpty(resolution.metadata);
  if (resolution.errorCode !== undefined || reason === 'DISABLED') {
    return { value: null, variationType: '', trackEvents, ...errorOf(resolution), reason, metadata };
  }
  if (hasFailed(resolution)) {
    const errorCode = 'TYPE_MISMATCH';
    return { value: null, variationType: 'SdkDefault', trackEvents, errorCode, reason: 'ERROR', metadata };
  }
  return { value, variationType: variant, trackEvents, errorCode: '', reason, metadata };
}

/** A variation without a value has no type, and this route has to have one. */
function hasFailed(resolution: Resolution): boolean {
  if (resolution.errorCode !== undefined) return true;
  return resolution.reason !== 'DISABLED' && (resolution.value ?? null) === null;
}

function errorOf(resolution: Resolution): { readonly errorCode: string; readonly errorDetails?: string | undefined } {
  if (resolution.errorCode === undefined) return { errorCode: '' };
  const { errorCode, errorDetails } = errorMembers(resolution);
  return { errorCode, errorDetails: errorDetails === '' ? undefined : errorDetails };
}
