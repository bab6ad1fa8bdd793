/** Sends batches of events to a relay's collector, or to the one that `dataCollectorBaseUrl` names. */

import type { ResolvedOptions } from '../options/resolve.ts';
import { RelayConnection } from '../relay/connection.ts';
import type { OutgoingBatch, PostResult, UsageSink } from './sink.ts';

export const COLLECTOR_ROUTE = '/v1/data/collector';

/** Base URLs of the collector; none: there is nowhere to send events to. */
export function collectorEndpoints({
  dataCollectorBaseUrl,
  endpoint,
}: Pick<ResolvedOptions, 'dataCollectorBaseUrl' | 'endpoint'>): readonly string[] {
  return dataCollectorBaseUrl === undefined ? (endpoint ?? []) : [dataCollectorBaseUrl];
}

/**
 * The sink that events have by default. Credentials, headers and time limits are those of every request to the relay; the
 * connections are its own, so that a slow collector holds up no poll.
 */
export class CollectorClient implements UsageSink {
  readonly #connection: RelayConnection;

  constructor(options: ResolvedOptions) {
    this.#connection = new RelayConnection({ ...options, endpoint: collectorEndpoints(options) });
  }

  /** Never rejects. */
  async post({ id, body }: OutgoingBatch, signal: AbortSignal): Promise<PostResult> {
    try {
      const answer = await this.#connection.send({
        purpose: 'collector',
        method: 'POST',
        route: COLLECTOR_ROUTE,
        body,
        headers: [['edict-batch-id', id]],
        signal,
      });
      const isTaken = answer.status >= 200 && answer.status < 300;
      return isTaken ? { kind: 'sent' } : this.#connection.refusal(answer, COLLECTOR_ROUTE);
    } catch (caught) {
      const failure = this.#connection.failure(caught);
      // Only the body of a 200 can fail in these ways: the events were taken, and sending them again would count them twice.
      const { code } = failure.error;
      return code === 'BODY_TOO_LARGE' || code === 'INVALID_BODY' ? { kind: 'sent' } : failure;
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
