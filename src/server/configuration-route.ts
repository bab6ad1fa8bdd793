/** `POST /v1/flag/configuration`: the feed of in-process evaluators. */

import type { JsonValue } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { Answer } from './answer.ts';
import { conditionalAnswer, jsonAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { FlagStore } from './flag-store.ts';
import { lastModified } from './last-modified.ts';
import type { RelayMetrics } from './metrics.ts';
import { UnreadableBody } from './request-body.ts';
import type { Route } from './router.ts';

export function configurationRoute(dependencies: {
  readonly authentication: Authentication<{ readonly store: Pick<FlagStore, 'current' | 'loadedAt'> }>;
  readonly metrics: RelayMetrics;
  readonly timeZone: string;
}): Route {
  const { authentication, metrics, timeZone } = dependencies;
  return {
    method: 'POST',
    path: '/v1/flag/configuration',
    handler: async ({ request, body }) => {
      const access = authentication.resolve(request.headers);
      if ('refusal' in access) return access.refusal;
      const { store } = access.flagSet;
      metrics.countConfiguration();

      let keys: readonly string[];
      try {
        keys = requestedKeys(await body.json());
      } catch (caught) {
        if (!(caught instanceof UnreadableBody)) throw caught;
        return failure(400, 'INVALID_REQUEST', `impossible to read request body: ${caught.message}`);
      }
      try {
        const headers = { 'Last-Modified': lastModified(store.loadedAt, timeZone) };
        return conditionalAnswer(request.headers, store.current.configuration(keys), headers);
      } catch (caught) {
        const reason = caught instanceof Error ? caught.message : String(caught);
        return failure(500, 'RETRIEVING_FLAGS_ERROR', `impossible to retrieve flag configuration: ${reason}`);
      }
    },
  };
}

/** The filter of the request; empty means all flags. Members this version does not know are ignored. */
function requestedKeys(request: JsonValue | undefined): readonly string[] {
  if (request === undefined || request === null) return [];
  if (!isJsonObject(request)) throw new UnreadableBody('the body is not an object');
  const { flags = null } = request;
  if (flags === null) return [];
  if (!Array.isArray(flags) || !flags.every((key) => typeof key === 'string')) {
    throw new UnreadableBody('"flags" is not an array of strings');
  }
  return flags;
}

function failure(status: number, errorCode: string, errorDetails: string): Answer {
  return jsonAnswer(status, { errorCode, errorDetails });
}
