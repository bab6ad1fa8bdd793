/** `POST /admin/v1/retriever/refresh`: reads the sources now, of all flag sets or of the one that `?flagset=` names. */

import { jsonAnswer, messageAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { RelayMetrics } from './metrics.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import type { Route } from './router.ts';

export function adminRoute(dependencies: {
  readonly flagSets: readonly RelayFlagSet[];
  readonly authentication: Authentication<RelayFlagSet>;
  readonly metrics: Pick<RelayMetrics, 'countForcedRefresh'>;
}): Route {
  const { flagSets, authentication, metrics } = dependencies;
  return {
    method: 'POST',
    path: '/admin/v1/retriever/refresh',
    handler: async ({ request, query }) => {
      const refusal = authentication.refuseAdmin(request.headers);
      if (refusal !== undefined) return refusal;
      metrics.countForcedRefresh();
      const name = query.get('flagset');
      const asked = flagSets.filter((flagSet) => name === null || flagSet.name === name);
      if (asked.length === 0) {
        return messageAnswer(400, `error while getting flagset: impossible to find the flagset with the name ${name}`);
      }
      await Promise.all(asked.map(({ store }) => store.reload()));
      // A source that cannot be read is told on /info; here it only means that not everything is fresh.
      return jsonAnswer(200, { refreshed: asked.every(({ store }) => store.failures.size === 0) });
    },
  };
}
