/** `GET /stream/v1/sse/flag/change`: tells listeners that flags changed, as server-sent events. */

import type { ServerResponse } from 'node:http';
import { messageAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { FlagChange } from './flag-change.ts';
import { changePayload } from './flag-change.ts';
import type { Route } from './router.ts';

/** A listener that does not read is dropped when this much waits for it. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;

export interface ChangeStreamsOptions {
  readonly maxStreams: number;
  /** Time between two heartbeat comments, in milliseconds. */
  readonly heartbeatMs: number;
  /** A listener that has taken nothing for this long is dropped, in milliseconds. */
  readonly idleMs: number;
}

/** The open streams. Event ids count up from 1 for the life of the relay. */
export class ChangeStreams {
  readonly #options: ChangeStreamsOptions;
  /** Each stream with the time since when its socket has been full; `undefined` while it drains. */
  readonly #streams = new Map<ServerResponse, number | undefined>();
  readonly #heartbeat: NodeJS.Timeout;
  #lastId = 0;

  constructor(options: ChangeStreamsOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs).unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  get isFull(): boolean {
    return this.#streams.size >= this.#options.maxStreams;
  }

  add(response: ServerResponse): void {
    this.#streams.set(response, undefined);
    response.on('drain', () => {
      if (this.#streams.has(response)) this.#streams.set(response, undefined);
    });
    response.on('close', () => this.#streams.delete(response));
    // Nothing is said on connect, but the head must go out for the client to know that it is listening.
    response.flushHeaders();
  }

  publish(change: FlagChange): void {
    this.#lastId += 1;
    const frame = `id: ${this.#lastId}\ndata: ${changePayload(change)}\n\n`;
    for (const response of this.#streams.keys()) {
      if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
      else this.#write(response, frame);
    }
  }

  /** Ends every stream in good order. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const response of this.#streams.keys()) response.end();
  }

  #beat(): void {
    const now = performance.now();
    for (const [response, fullSince] of this.#streams) {
      if (fullSince === undefined) this.#write(response, ': heartbeat\n\n');
      else if (now - fullSince > this.#options.idleMs) response.destroy();
    }
  }

  #write(response: ServerResponse, text: string): void {
    if (!response.write(text) && this.#streams.get(response) === undefined) {
      this.#streams.set(response, performance.now());
    }
  }
}

export function streamRoute(dependencies: {
  readonly streams: ChangeStreams;
  readonly authentication: Authentication;
}): Route {
  const { streams, authentication } = dependencies;
  return {
    method: 'GET',
    path: '/stream/v1/sse/flag/change',
    handler: ({ request, query }) => {
      const refusal = authentication.refuseStream(query);
      if (refusal !== undefined) return refusal;
      const lastEventId = request.headers['last-event-id'];
      if (lastEventId !== undefined && !/^[0-9]+$/.test(String(lastEventId))) {
        return messageAnswer(400, 'Last-Event-ID is not an integer');
      }
      if (streams.isFull) return messageAnswer(503, 'too many streams', { 'Retry-After': '15' });
      return {
        headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' },
        stream: (response) => streams.add(response),
      };
    },
  };
}
