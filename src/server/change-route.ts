/** `GET /v1/flag/change`: hashes that tell whether anything changed, without sending what. */

import { conditionalAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { FlagStore } from './flag-store.ts';
import type { Route } from './router.ts';

export function changeRoute(dependencies: {
  readonly store: Pick<FlagStore, 'current'>;
  readonly authentication: Authentication;
}): Route {
  const { store, authentication } = dependencies;
  return {
    method: 'GET',
    path: '/v1/flag/change',
    handler: ({ request }) =>
      authentication.refuse(request.headers) ?? conditionalAnswer(request.headers, store.current.hashes()),
  };
}
