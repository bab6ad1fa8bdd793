/** `GET /v1/flag/change`: hashes that tell whether anything changed, without sending what. */

import { conditionalAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { FlagStore } from './flag-store.ts';
import type { Route } from './router.ts';

export function changeRoute(dependencies: {
  readonly authentication: Authentication<{ readonly store: Pick<FlagStore, 'current'> }>;
}): Route {
  const { authentication } = dependencies;
  return {
    method: 'GET',
    path: '/v1/flag/change',
    handler: ({ request }) => {
      const access = authentication.resolve(request.headers);
      if ('refusal' in access) return access.refusal;
      return conditionalAnswer(request.headers, access.flagSet.store.current.hashes());
    },
  };
}
