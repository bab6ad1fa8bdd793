/** Asks a relay whether any flag has changed: the feed of those who let the relay evaluate (relay-and-provider §1.4, §5.5). */

import { EdictError } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../internal/json.ts';
import { type ConfigurationResult, readConditional } from './configuration-client.ts';
import type { RelayConnection } from './connection.ts';

export const CHANGE_ROUTE = '/v1/flag/change';

export type ProbeResult = ConfigurationResult | { readonly kind: 'no-feed' };

/** One hash for each flag, whatever its form: only equality matters. */
export type FlagHashes = ReadonlyMap<string, JsonValue>;

/**
 * One conditional request at a time.
 *
 * A 404 says `no-feed`, as long as this server has never had one: it speaks OFREP, and nothing more. It is asked on, at the
 * usual pace: that costs one small request, tells an outage apart from silence while nobody evaluates, and finds the route once
 * the server has it. After a first success a 404 is a failure like any other.
 */
export class ChangeProbe {
  readonly #connection: RelayConnection;
  #hasFeed = false;

  constructor(connection: RelayConnection) {
    this.#connection = connection;
  }

  /** Never rejects. A `changed` answer's body is for `readFlagHashes`. */
  async ask(validator: string | undefined): Promise<ProbeResult> {
    try {
      const answer = await this.#connection.send({ purpose: 'change', method: 'GET', route: CHANGE_ROUTE, validator });
      if (answer.status === 404 && !this.#hasFeed) return { kind: 'no-feed' };
      const result = readConditional(this.#connection, answer, CHANGE_ROUTE, validator !== undefined);
      if (result.kind !== 'failed') this.#hasFeed = true;
      return result;
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }
}

/** Zero flags may be an empty, null or absent `flags`. Throws `EdictError` INVALID_BODY. */
export function readFlagHashes(body: Uint8Array): FlagHashes {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new EdictError('INVALID_BODY', 'the answer of the change probe is not JSON');
  }
  const flags = isJsonObject(document) ? (document.flags ?? {}) : undefined;
  if (!isJsonObject(document) || typeof document.hash !== 'number' || !isJsonObject(flags)) {
    throw new EdictError('INVALID_BODY', 'the answer of the change probe has no hashes of flags');
  }
  return new Map(Object.entries(flags));
}

/** The keys that were added, removed or changed, sorted by UTF-16 code unit. */
export function changedFlags(before: FlagHashes, after: FlagHashes): string[] {
  const changed: string[] = [];
  for (const [key, hash] of after) if (before.get(key) !== hash) changed.push(key);
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed.sort();
}
