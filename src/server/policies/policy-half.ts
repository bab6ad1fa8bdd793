/** The policy half of a relay put together: a folder, its routes, and who hears of it. */

import type { Clock } from '../../options/clock.ts';
import type { Authentication } from '../authentication.ts';
import type { EventReporter } from '../event-reporter.ts';
import type { RelayMetrics } from '../metrics.ts';
import type { PolicyFacts } from '../operations-routes.ts';
import type { Route } from '../router.ts';
import type { ChangeStreams } from '../stream-route.ts';
import { policyRoutes } from './policy-routes.ts';
import { type PolicyEvent, PolicySource } from './policy-source.ts';
import { type PolicyReport, reportRoutes } from './report-routes.ts';

export interface PolicyHalf extends PolicyFacts {
  readonly routes: readonly Route[];
  /** Rejects with `INVALID_POLICIES` when the folder cannot be read. */
  start(): Promise<void>;
  reload(): Promise<void>;
  close(): void;
}

export interface PolicyHalfOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly checkIntervalMs: number;
}

export interface PolicyHalfDependencies {
  readonly authentication: Authentication<unknown>;
  readonly streams: ChangeStreams;
  readonly reporter: EventReporter;
  readonly metrics: RelayMetrics;
}

/** As that of an engine which watches the folder itself. */
const DEBOUNCE_MS = 200;

export function createPolicyHalf(
  options: PolicyHalfOptions,
  { authentication, streams, reporter, metrics }: PolicyHalfDependencies,
): PolicyHalf {
  const listener = (event: PolicyEvent | PolicyReport): void => {
    if (event.type === 'policies-changed') {
      // One line whatever the folder calls its revision.
      streams.publishText(JSON.stringify({ revision: event.revision }), source);
    }
    reporter.reportPolicies(event, metrics);
  };
  const source = new PolicySource({ ...options, debounceMs: DEBOUNCE_MS, listener });
  return {
    routes: [...policyRoutes({ source, streams, authentication }), ...reportRoutes({ authentication, listener })],
    start: () => source.start(),
    reload: () => source.reload(),
    close: () => source.close(),
    get revision() {
      return source.current.revision;
    },
    get failure() {
      return source.failure;
    },
  };
}
