/** `GET /stream/v1/sse/flag/change`: tells listeners that flags changed, as server-sent events. */

import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
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

interface OpenStream {
  /** What the stream listens to: changes of one flag set. */
  readonly scope: unknown;
  /** Since when the socket has been full; `undefined` while it drains. */
  fullSince: number | undefined;
}

/** The open streams of all flag sets. Event ids count up from 1 for the life of the relay. */
export class ChangeStreams {
  readonly #options: ChangeStreamsOptions;
  readonly #streams = new Map<ServerResponse, OpenStream>();
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

  /** The response becomes a stream that hears of changes published to the same scope. */
  add(response: ServerResponse, scope: unknown): void {
    const stream: OpenStream = { scope, fullSince: undefined };
    this.#streams.set(response, stream);
    response.on('drain', () => {
      stream.fullSince = undefined;
    });
    response.on('close', () => this.#streams.delete(response));
    // Nothing is said on connect, but the head must go out for the client to know that it is listening.
    response.flushHeaders();
  }

  publish(change: FlagChange, scope: unknown): void {
    this.publishText(changePayload(change), scope);
  }

  /** `payload` is one line. */
  publishText(payload: string, scope: unknown): void {
    this.#lastId += 1;
    const frame = `id: ${this.#lastId}\ndata: ${payload}\n\n`;
    for (const [response, stream] of this.#streams) {
      if (stream.scope !== scope) continue;
      if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
      else write(response, stream, frame);
    }
  }

  /** Ends every stream in good order. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const response of this.#streams.keys()) response.end();
  }

  #beat(): void {
    const now = performance.now();
    for (const [response, stream] of this.#streams) {
      if (stream.fullSince === undefined) write(response, stream, ': heartbeat\n\n');
      else if (now - stream.fullSince > this.#options.idleMs) response.destroy();
    }
  }
}

function write(response: ServerResponse, stream: OpenStream, text: string): void {
  if (!response.write(text)) stream.fullSince ??= performance.now();
}

export function streamRoute<FlagSet>(dependencies: {
  readonly streams: ChangeStreams;
  readonly authentication: Authentication<FlagSet>;
}): Route {
  const { streams, authentication } = dependencies;
  return changeStream('/stream/v1/sse/flag/change', streams, (query) => {
    const access = authentication.resolveStream(query);
    return 'refusal' in access ? access : { scope: access.flagSet };
  });
}

/** A route that adds its listeners to the streams of the scope their key opens. */
export function changeStream(
  path: string,
  streams: ChangeStreams,
  resolve: (query: URLSearchParams) => { readonly scope: unknown } | { readonly refusal: Answer },
): Route {
  return {
    method: 'GET',
    path,
    handler: ({ request, query }) => {
      const access = resolve(query);
      if ('refusal' in access) return access.refusal;
      const lastEventId = request.headers['last-event-id'];
      if (lastEventId !== undefined && !/^[0-9]+$/.test(String(lastEventId))) {
        return messageAnswer(400, 'Last-Event-ID is not an integer');
      }
      if (streams.isFull) return messageAnswer(503, 'too many streams', { 'Retry-After': '15' });
      return {
        headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' },
        stream: (response) => streams.add(response, access.scope),
      };
    },
  };
}
