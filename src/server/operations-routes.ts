/** Liveness, readiness, information and metrics: open to everybody who reaches the listener. */

import { emptyRecord } from '../internal/json.ts';
import { Body, jsonAnswer } from './answer.ts';
import type { RelayMetrics } from './metrics.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import { sourceLabel } from './relay-flag-set.ts';
import type { Route } from './router.ts';

export interface PolicyFacts {
  readonly revision: string;
  /** Why the folder is not in force as it is now. */
  readonly failure: string | undefined;
}

export function operationsRoutes(dependencies: {
  readonly flagSets: readonly RelayFlagSet[];
  readonly metrics: RelayMetrics;
  /** The policies of a relay that serves any. */
  readonly policies?: PolicyFacts | undefined;
}): Route[] {
  const { flagSets, metrics, policies } = dependencies;
  return [
    {
      method: 'GET',
      path: '/health',
      handler: ({ query }) => {
        // A constant, for liveness: restarting a relay does not mend its flag file.
        if (!query.has('ready')) return jsonAnswer(200, { initialized: true });
        const sources = failedSources(flagSets, policies);
        const ready = sources === undefined;
        return jsonAnswer(ready ? 200 : 503, { initialized: true, ready, sources });
      },
    },
    {
      method: 'GET',
      path: '/info',
      handler: () =>
        jsonAnswer(200, {
          cacheRefresh: latest(flagSets).toISOString(),
          flagsets: flagSets.some(({ isNamed }) => isNamed) ? loadTimes(flagSets) : undefined,
          sources: failedSources(flagSets, policies),
          policies: policies === undefined ? undefined : { revision: policies.revision },
          invalidFlags: countInvalidFlags(flagSets) || undefined,
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

export function countInvalidFlags(flagSets: readonly RelayFlagSet[]): number {
  return flagSets.reduce((count, { store }) => count + store.invalidFlags.length, 0);
}

/** When the flag set that was refreshed last was. */
function latest(flagSets: readonly RelayFlagSet[]): Date {
  return new Date(Math.max(...flagSets.map(({ store }) => store.loadedAt.getTime())));
}

function loadTimes(flagSets: readonly RelayFlagSet[]): Record<string, string> {
  const times = emptyRecord<string>();
  for (const { name, store } of flagSets) times[name] = store.loadedAt.toISOString();
  return times;
}

/** The sources that serve their last good content because they cannot be refreshed; absent when all is well. */
function failedSources(flagSets: readonly RelayFlagSet[], policies: PolicyFacts | undefined): object[] | undefined {
  const failure = policies?.failure;
  const failed: object[] = flagSets.flatMap((flagSet) =>
    [...flagSet.store.failures].map(([name, { message, since }]) => ({
      name: sourceLabel(flagSet, name),
      error: message,
      since: since.toISOString(),
    })),
  );
  if (failure !== undefined) failed.push({ name: 'policies', error: failure });
  return failed.length === 0 ? undefined : failed;
}
