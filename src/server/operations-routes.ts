/** Liveness, readiness, information and metrics: open to everybody who reaches the listener. */

import { Body, jsonAnswer } from './answer.ts';
import type { FlagStore } from './flag-store.ts';
import type { RelayMetrics } from './metrics.ts';
import type { Route } from './router.ts';

export function operationsRoutes(dependencies: {
  readonly store: Pick<FlagStore, 'loadedAt' | 'failures' | 'invalidFlags'>;
  readonly metrics: RelayMetrics;
}): Route[] {
  const { store, metrics } = dependencies;
  return [
    {
      method: 'GET',
      path: '/health',
      handler: ({ query }) => {
        // A constant, for liveness: restarting a relay does not mend its flag file.
        if (!query.has('ready')) return jsonAnswer(200, { initialized: true });
        const sources = failedSources(store);
        const ready = sources === undefined;
        return jsonAnswer(ready ? 200 : 503, { initialized: true, ready, sources });
      },
    },
    {
      method: 'GET',
      path: '/info',
      handler: () =>
        jsonAnswer(200, {
          cacheRefresh: store.loadedAt.toISOString(),
          sources: failedSources(store),
          invalidFlags: store.invalidFlags.length || undefined,
        }),
    },
    {
      method: 'GET',
      path: '/metrics',
      handler: async () => {
        const { text, contentType } = await metrics.text();
        return { status: 200, body: new Body(text, contentType) };
      },
    },
  ];
}

/** The sources that serve their last good content because they cannot be refreshed; absent when all is well. */
function failedSources({ failures }: Pick<FlagStore, 'failures'>): object[] | undefined {
  if (failures.size === 0) return undefined;
  return [...failures].map(([name, { message, since }]) => ({ name, error: message, since: since.toISOString() }));
}
