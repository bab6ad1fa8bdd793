/** When the feed asks again: after a success, after a held answer, after a failure. */

import type { ResolvedOptions } from '../options/resolve.ts';
import { backoff, jittered, jitteredBelow } from './backoff.ts';
import type { RelayFailure } from './connection.ts';

export type CadenceOptions = Pick<
  ResolvedOptions,
  'pollIntervalMs' | 'maxBackoffMs' | 'authRetryIntervalMs' | 'streaming' | 'random'
>;

/** A held empty answer is looked at again within this. */
const MAX_RECHECK_MS = 10_000;

/** While a stream tells of changes, polls only cover for what it might lose. */
const MIN_INTERVAL_UNDER_STREAM_MS = 300_000;

/** `undefined`: not before somebody asks. */
export function delayBeforePoll({ pollIntervalMs, random }: CadenceOptions, isStreamUp: boolean): number | undefined {
  if (pollIntervalMs === 0) return undefined;
  return jittered(isStreamUp ? Math.max(pollIntervalMs, MIN_INTERVAL_UNDER_STREAM_MS) : pollIntervalMs, random);
}

/** A held answer is neither good nor bad, so it is soon looked at again, also when polling is off. */
export function delayBeforeRecheck({ pollIntervalMs, random }: CadenceOptions): number {
  const interval = pollIntervalMs === 0 ? MAX_RECHECK_MS : Math.min(pollIntervalMs, MAX_RECHECK_MS);
  return jitteredBelow(interval, random);
}

/**
 * There is no failure after which asking ends. The later of Retry-After and our own delay wins. Without polling, and without a
 * stream that asked because something had changed, only the first configuration is pursued: later failures wait for the next
 * `refresh()`.
 */
export function delayAfterFailure(
  options: CadenceOptions,
  failure: RelayFailure,
  consecutiveFailures: number,
  hasConfiguration: boolean,
): number | undefined {
  const { pollIntervalMs, authRetryIntervalMs, maxBackoffMs, streaming, random } = options;
  if (pollIntervalMs === 0 && streaming === 'off' && hasConfiguration) return undefined;
  const delayMs =
    failure.pace === 'auth'
      ? jittered(authRetryIntervalMs, random)
      : backoff(consecutiveFailures, maxBackoffMs, random);
  return Math.max(delayMs, failure.retryAfterMs ?? 0);
}
