/** Asks a relay for the flag configuration and reads the answer as changed, unchanged or failed. */

import type { ResolvedOptions } from '../options/resolve.ts';
import { headerText, isJsonMediaType, lastModified, shownHeader } from './answer-headers.ts';
import type { RelayConnection, RelayFailure } from './connection.ts';
import type { Answer } from './transport.ts';
import { storableValidator } from './validator.ts';

export const CONFIGURATION_ROUTE = '/v1/flag/configuration';

/** A 200. Whether the body is a configuration is for the compiler to say: a large one is not parsed on this thread. */
export interface ChangedConfiguration {
  readonly kind: 'changed';
  /** The body after inflating. */
  readonly body: Uint8Array;
  /** SHA-256 of `body` in hex. */
  readonly digest: string;
  /** To be sent back byte for byte, once the body has been accepted; absent when there was none or none that can be sent. */
  readonly validator?: string;
  /** As the relay wrote it: its local time, for people only. */
  readonly lastModified?: string;
  readonly relayVersion?: string;
  readonly jsonMediaType: boolean;
}

/** A 304 to a request with validator. INVARIANT: no field in which data could travel, whatever headers it had. */
export interface UnchangedConfiguration {
  readonly kind: 'unchanged';
}

export type ConfigurationResult = ChangedConfiguration | UnchangedConfiguration | RelayFailure;

/**
 * Asks for the configuration over a connection that others may share.
 *
 * @example
 * const client = new ConfigurationClient(connection, { flagList: [], flagPrefix: undefined });
 * const result = await client.fetch(undefined); // never rejects
 */
export class ConfigurationClient {
  readonly #connection: RelayConnection;
  readonly #requestBody: string;

  constructor(connection: RelayConnection, filter: Pick<ResolvedOptions, 'flagList' | 'flagPrefix'>) {
    this.#connection = connection;
    const { flagList, flagPrefix } = filter;
    this.#requestBody = JSON.stringify({ flags: flagList, ...(flagPrefix === undefined ? {} : { flagPrefix }) });
  }

  /**
   * One conditional fetch. Never rejects; once the connection is closed it answers with a CLOSED failure. It does not keep
   * the process alive (polls must not): who awaits it with nothing else running uses `holdProcess`, as the feed does.
   */
  async fetch(validator: string | undefined): Promise<ConfigurationResult> {
    try {
      const answer = await this.#connection.send({
        purpose: 'configuration',
        method: 'POST',
        route: CONFIGURATION_ROUTE,
        body: this.#requestBody,
        validator,
      });
      return readConditional(this.#connection, answer, CONFIGURATION_ROUTE, validator !== undefined);
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }
}

/** Reads the answer of a conditional route, whatever its status. */
export function readConditional(
  connection: RelayConnection,
  answer: Answer,
  route: string,
  wasConditional: boolean,
): ConfigurationResult {
  const { status, headers } = answer;
  if (status === 304 && wasConditional) return { kind: 'unchanged' };
  if (status !== 200) return connection.refusal(answer, route);
  return {
    kind: 'changed',
    body: answer.bytes,
    digest: answer.digest,
    jsonMediaType: isJsonMediaType(headers),
    ...present('validator', storableValidator(headerText(headers, 'etag'))),
    ...present('lastModified', lastModified(headers)),
    ...present('relayVersion', shownHeader(headers, 'x-gofeatureflag-version')),
  };
}

/** A member when it has a value, none otherwise: the optional members are absent, never undefined. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });
}
