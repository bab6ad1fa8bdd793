/** Opens the change stream of a relay and reads the answer as open, not offered or failed. */

import type { Readable } from 'node:stream';

import { EdictError } from '../errors.ts';
import { contentCodings, headerText } from './answer-headers.ts';
import type { RelayConnection, RelayFailure } from './connection.ts';
import type { StreamedAnswer } from './transport.ts';

export const STREAM_ROUTE = '/stream/v1/sse/flag/change';

export type StreamResult =
  | { readonly kind: 'open'; readonly body: Readable }
  /** This relay has no stream: 204, or 404. */
  | { readonly kind: 'absent'; readonly status: number }
  | RelayFailure;

const NO_BYTES = new Uint8Array(0);

/** Never a Last-Event-ID: a relay answers 400 to one that is no number. An inflater would hold events back. */
const STREAM_HEADERS = [
  ['accept', 'text/event-stream'],
  ['accept-encoding', 'identity'],
  ['cache-control', 'no-cache'],
] as const;

/** The connection should be the stream's own: what ends one of its requests early would end the stream as well. */
export class StreamClient {
  readonly #connection: RelayConnection;
  readonly #route: string;

  constructor(connection: RelayConnection, route: string = STREAM_ROUTE) {
    this.#connection = connection;
    this.#route = route;
  }

  /** Connects. Never rejects; who gets a body destroys it at the end. The key travels in the query and is in no text. */
  async open(signal: AbortSignal): Promise<StreamResult> {
    try {
      const answer = await this.#connection.open({
        purpose: 'stream',
        method: 'GET',
        route: this.#route,
        headers: STREAM_HEADERS,
        signal,
      });
      return this.#read(answer);
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }

  /** Ends what is open. Idempotent; never rejects. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  #read(answer: StreamedAnswer): StreamResult {
    const { status, headers, body } = answer;
    if (status === 204 || status === 404) return { kind: 'absent', status };
    if (status !== 200) return this.#connection.refusal({ ...answer, bytes: NO_BYTES }, this.#route);
    const type = headerText(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();
    if (type === 'text/event-stream' && contentCodings(headers).length === 0) return { kind: 'open', body };
    body.destroy();
    const error = new EdictError('INVALID_BODY', 'the answer is no event stream, or a compressed one');
    return { kind: 'failed', error, pace: 'backoff' };
  }
}
