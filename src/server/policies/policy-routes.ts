/** The routes of the policy feed: configuration, contents by digest, the change stream. */

import { LRUCache } from 'lru-cache';
import { isJsonObject, type JsonValue } from '../../internal/json.ts';
import type { Sha256 } from '../../internal/sha256.ts';
import { Body, conditionalAnswer, jsonAnswer, messageAnswer } from '../answer.ts';
import type { Authentication } from '../authentication.ts';
import { UnreadableBody } from '../request-body.ts';
import type { Exchange, Handler, Route } from '../router.ts';
import { type ChangeStreams, changeStream } from '../stream-route.ts';
import { type DocumentFilter, filterDocument } from './filter-document.ts';
import { immutableAnswer } from './immutable-answer.ts';
import type { PolicySource } from './policy-source.ts';
import type { PublishedPolicies } from './publish-document.ts';

const MAX_NAMES = 10_000;
const MAX_FILTERS = 64;
const KINDS = ['modules', 'manifests', 'resources'] as const;

export interface PolicyRouteDependencies {
  readonly source: PolicySource;
  readonly streams: ChangeStreams;
  readonly authentication: Pick<Authentication<unknown>, 'refuse' | 'refuseStream'>;
}

export function policyRoutes({ source, streams, authentication }: PolicyRouteDependencies): Route[] {
  const guarded =
    (handler: Handler): Handler =>
    (exchange) =>
      authentication.refuse(exchange.request.headers) ?? handler(exchange);
  const bodies = new FilteredBodies();
  return [
    {
      method: 'POST',
      path: '/v1/policy/configuration',
      handler: guarded(async ({ request, body }) => {
        try {
          return conditionalAnswer(request.headers, bodies.get(source.current, readFilter(await body.json())));
        } catch (caught) {
          if (!(caught instanceof UnreadableBody)) throw caught;
          const errorDetails = `impossible to read request body: ${caught.message}`;
          return jsonAnswer(400, { errorCode: 'INVALID_REQUEST', errorDetails });
        }
      }),
    },
    ...KINDS.flatMap((kind) => {
      const handler = guarded(({ request, segment }: Exchange) => {
        const digest: Sha256 = `sha256:${segment}`;
        const found = source.content(kind, digest);
        if (found === undefined) return messageAnswer(404, `there is no ${kind.slice(0, -1)} with this digest`);
        return immutableAnswer(request.headers, found, digest);
      });
      const path = `/v1/policy/${kind}/sha256/:hex`;
      return [
        { method: 'GET' as const, path, handler },
        { method: 'HEAD' as const, path, handler },
      ];
    }),
    changeStream('/stream/v1/sse/policy/change', streams, (query) => {
      const refusal = authentication.refuseStream(query);
      return refusal === undefined ? { scope: source } : { refusal };
    }),
  ];
}

/** Bodies with their validators and compressed forms, for each filter that is asked with. */
class FilteredBodies {
  readonly #bodies = new LRUCache<string, Body>({ max: MAX_FILTERS });
  #of: PublishedPolicies | undefined;

  get(published: PublishedPolicies, filter: DocumentFilter): Body {
    if (this.#of !== published) this.#bodies.clear();
    this.#of = published;
    const key = JSON.stringify([filter.tenants, filter.routes]);
    const known = this.#bodies.get(key);
    if (known !== undefined) return known;
    const body = Body.json(filterDocument(published.document, filter));
    this.#bodies.set(key, body);
    return body;
  }
}

/** Empty means all; members this version does not know are ignored. */
function readFilter(request: JsonValue | undefined): DocumentFilter {
  if (request === undefined || request === null) return { tenants: [], routes: [] };
  if (!isJsonObject(request)) throw new UnreadableBody('the body is not an object');
  return { tenants: readNames(request.tenants, 'tenants'), routes: readNames(request.routes, 'routes') };
}

/** Sorted, so that two clients with the same wish share a body. */
function readNames(given: JsonValue | undefined, member: string): string[] {
  const names = given ?? [];
  if (!Array.isArray(names) || names.length > MAX_NAMES || !names.every((name) => typeof name === 'string')) {
    throw new UnreadableBody(`"${member}" is not an array of strings`);
  }
  return [...new Set(names as string[])].sort();
}
