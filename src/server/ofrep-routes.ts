/** OFREP: one flag, or all flags, evaluated here for a context sent by the client. */

import type { EvaluationContext, Resolution } from '../evaluator/resolution.ts';
import { compareUtf8 } from '../internal/canonical-json.ts';
import type { JsonObject } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import type { Answer } from './answer.ts';
import { Body, conditionalAnswer, jsonAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import { serverEvent } from './collector/server-event.ts';
import { decodeKey, flagList } from './evaluation-request.ts';
import type { RelayMetrics } from './metrics.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import type { RequestBody } from './request-body.ts';
import { UnreadableBody } from './request-body.ts';
import { errorMembers, unlessEmpty } from './resolution-members.ts';
import type { Route } from './router.ts';

const BULK_PATH = '/ofrep/v1/evaluate/flags';

export function ofrepRoutes(dependencies: {
  readonly authentication: Authentication<RelayFlagSet>;
  readonly metrics: RelayMetrics;
  readonly clock: Pick<Clock, 'now'>;
}): Route[] {
  const { authentication, metrics, clock } = dependencies;
  return [
    {
      method: 'POST',
      path: `${BULK_PATH}/:key`,
      handler: async ({ request, segment, body }) => {
        const access = authentication.resolve(request.headers);
        if ('refusal' in access) return access.refusal;
        const { store, collector } = access.flagSet;
        const key = decodeKey(segment);
        if (key === undefined) {
          const errorDetails = 'the flag key in the path is not valid percent-encoding';
          return jsonAnswer(400, { errorCode: 'GENERAL', errorDetails, key: segment });
        }
        const context = await readContext(body);
        if ('refused' in context) return jsonAnswer(400, { ...invalidContext(context.refused), key });
        if (store.current.flags.has(key)) metrics.countEvaluation(key);
        const resolution = store.evaluator.evaluate(key, context.attributes);
        const event = serverEvent(resolution, context.attributes, clock.now());
        if (event !== undefined) collector.record(event);
        return singleAnswer(key, resolution);
      },
    },
    {
      method: 'POST',
      path: BULK_PATH,
      handler: async ({ request, body }) => {
        const access = authentication.resolve(request.headers);
        if ('refusal' in access) return access.refusal;
        const { store } = access.flagSet;
        const context = await readContext(body);
        if ('refused' in context) return jsonAnswer(400, invalidContext(context.refused));
        const keys = flagList(context.attributes)?.filter((key) => store.current.flags.has(key));
        const resolutions = store.evaluator.evaluateAll(context.attributes, keys);
        metrics.countBulkEvaluation(resolutions.map(({ flagKey }) => flagKey));
        const flags = [...resolutions].sort((left, right) => compareUtf8(left.flagKey, right.flagKey)).map(bulkMember);
        return conditionalAnswer(request.headers, Body.json({ flags }));
      },
    },
  ];
}

async function readContext(
  body: RequestBody,
): Promise<{ readonly attributes: EvaluationContext } | { readonly refused: string }> {
  try {
    const request = await body.json();
    const context = isJsonObject(request) ? request.context : undefined;
    return isJsonObject(context) ? { attributes: context } : { refused: 'the request has no evaluation context' };
  } catch (caught) {
    if (caught instanceof UnreadableBody) return { refused: caught.message };
    throw caught;
  }
}

function invalidContext(errorDetails: string): JsonObject {
  return { errorCode: 'INVALID_CONTEXT', errorDetails };
}

function singleAnswer(key: string, resolution: Resolution): Answer {
  if (resolution.errorCode !== undefined) {
    return jsonAnswer(resolution.errorCode === 'FLAG_NOT_FOUND' ? 404 : 400, { ...errorMembers(resolution), key });
  }
  const metadata = resolution.cacheable
    ? { ...resolution.metadata, gofeatureflag_cacheable: true }
    : resolution.metadata;
  return jsonAnswer(200, { ...answerMembers(resolution), key, metadata: unlessEmpty(metadata) });
}

function bulkMember(resolution: Resolution): object {
  const common = {
    ...answerMembers(resolution),
    key: resolution.flagKey,
    metadata: unlessEmpty(resolution.metadata),
  };
  return resolution.errorCode === undefined
    ? common
    : { ...common, ...errorMembers(resolution), value: null, reason: 'ERROR' };
}

function answerMembers(resolution: Resolution): object {
  const { value, reason, variant } = resolution;
  return { value: value ?? null, reason, variant };
}
