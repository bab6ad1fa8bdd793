/** Asks a relay for its policies, and tells it what became of them. */

import { EdictError } from '../errors.ts';
import type { JsonObject } from '../internal/json.ts';
import { type ConfigurationResult, readConditional } from '../relay/configuration-client.ts';
import type { RelayConnection } from '../relay/connection.ts';

export const POLICY_ROUTE = '/v1/policy/configuration';
export const POLICY_STREAM_ROUTE = '/stream/v1/sse/policy/change';
const STATUS_ROUTE = '/v1/policy/status';

export class PolicyClient {
  readonly #connection: RelayConnection;
  readonly #requestBody: string;

  /** No tenants: all. */
  constructor(connection: RelayConnection, tenants: readonly string[]) {
    this.#connection = connection;
    this.#requestBody = JSON.stringify({ tenants, routes: [] });
  }

  /** One conditional fetch. Never rejects. */
  async fetch(validator: string | undefined): Promise<ConfigurationResult> {
    try {
      const answer = await this.#connection.send({
        purpose: 'policy',
        method: 'POST',
        route: POLICY_ROUTE,
        body: this.#requestBody,
        validator,
      });
      if (answer.status === 404) return NO_POLICIES;
      return readConditional(this.#connection, answer, POLICY_ROUTE, validator !== undefined);
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }

  /** Whether it arrives changes nothing here. Never rejects. */
  async report(status: JsonObject): Promise<void> {
    const body = JSON.stringify(status);
    await this.#connection
      .send({ purpose: 'policy', method: 'POST', route: STATUS_ROUTE, body })
      .catch(() => undefined);
  }
}

/** Somebody has to give the relay policies first, so it is asked slowly. */
const NO_POLICIES: ConfigurationResult = {
  kind: 'failed',
  error: new EdictError('NOT_FOUND', `the relay serves no policies (it answered 404 for ${POLICY_ROUTE})`, {
    status: 404,
  }),
  pace: 'auth',
};
