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

      let filter: FlagFilter;
      try {
        filter = readFilter(await body.json());
      } catch (caught) {
        if (!(caught instanceof UnreadableBody)) throw caught;
        return failure(400, 'INVALID_REQUEST', `impossible to read request body: ${caught.message}`);
      }
      try {
        const headers = { 'Last-Modified': lastModified(store.loadedAt, timeZone) };
        return conditionalAnswer(request.headers, store.current.configuration(filter.keys, filter.prefix), headers);
      } catch (caught) {
        const reason = caught instanceof Error ? caught.message : String(caught);
        return failure(500, 'RETRIEVING_FLAGS_ERROR', `impossible to retrieve flag configuration: ${reason}`);
      }
    },
  };
}

interface FlagFilter {
  readonly keys: readonly string[];
  readonly prefix: string;
}

/**
 * The filter of the request; empty means all flags. `flagPrefix` is an extension of Edict's. Members this version does not
 * know are ignored.
 */
function readFilter(request: JsonValue | undefined): FlagFilter {
  if (request === undefined || request === null) return { keys: [], prefix: '' };
  if (!isJsonObject(request)) throw new UnreadableBody('the body is not an object');
  const keys = request.flags ?? [];
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw new UnreadableBody('"flags" is not an array of strings');
  }
  const prefix = request.flagPrefix ?? '';
  if (typeof prefix !== 'string') throw new UnreadableBody('"flagPrefix" is not a string');
  return { keys, prefix };
}

function failure(status: number, errorCode: string, errorDetails: string): Answer {
  return jsonAnswer(status, { errorCode, errorDetails });
}
