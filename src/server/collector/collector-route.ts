/** `POST /v1/data/collector`: usage events from providers. */

import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { isJsonObject } from '../../internal/json.ts';
import type { Answer } from '../answer.ts';
import { jsonAnswer, messageAnswer } from '../answer.ts';
import type { Authentication } from '../authentication.ts';
import type { RelayMetrics } from '../metrics.ts';
import { UnreadableBody } from '../request-body.ts';
import type { Route } from '../router.ts';
import type { Collector } from './collector.ts';

/** A longer id is none: ids are remembered, and a header may have thousands of characters. */
const MAX_BATCH_ID_LENGTH = 128;

interface CollectorRequest {
  readonly events: readonly JsonObject[];
  readonly meta: JsonObject | undefined;
}

export function collectorRoute(dependencies: {
  readonly authentication: Authentication<{ readonly collector: Collector }>;
  readonly metrics: Pick<RelayMetrics, 'countCollected'>;
}): Route {
  const { authentication, metrics } = dependencies;
  return {
    method: 'POST',
    path: '/v1/data/collector',
    handler: async ({ request, body }) => {
      const access = authentication.resolve(request.headers);
      if ('refusal' in access) return access.refusal;
      let taken: CollectorRequest;
      try {
        taken = readRequest(await body.json());
      } catch (caught) {
        if (!(caught instanceof UnreadableBody)) throw caught;
        return invalid(caught.message);
      }
      const { events, meta } = taken;
      access.flagSet.collector.collect(events, meta, batchIdOf(request.headers));
      metrics.countCollected(events.length);
      // Of events received, whatever became of them: a sender that repeats a batch must see it accepted.
      return jsonAnswer(200, { ingestedContentCount: events.length });
    },
  };
}

function readRequest(request: JsonValue | undefined): CollectorRequest {
  if (request !== undefined && request !== null && !isJsonObject(request)) {
    throw new UnreadableBody('the body is not an object');
  }
  const { events = null, meta = null } = request ?? {};
  if (events === null) throw new UnreadableBody('');
  if (!Array.isArray(events) || !events.every(isJsonObject)) {
    throw new UnreadableBody('"events" is not an array of objects');
  }
  if (meta !== null && !isJsonObject(meta)) throw new UnreadableBody('"meta" is not an object');
  return { events, meta: meta ?? undefined };
}

function invalid(reason: string): Answer {
  return messageAnswer(400, `collectEvalData: invalid input data ${reason}`.trimEnd());
}

/** The id that stays the same when a client sends a batch again. */
function batchIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['edict-batch-id'];
  return typeof id === 'string' && id !== '' && id.length <= MAX_BATCH_ID_LENGTH ? id : undefined;
}
