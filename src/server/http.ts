/** The listener: finds the route, writes its answer with the headers every answer has, and ends in good order. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EdictError } from '../errors.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import type { Answer, Body, StreamAnswer } from './answer.ts';
import { chooseEncoding, messageAnswer } from './answer.ts';
import { BodyTooLarge, ClientGone, RequestBody } from './request-body.ts';
import type { Match, Route } from './router.ts';
import { Router } from './router.ts';

/** How often a closing listener looks for connections that became idle. */
const IDLE_CHECK_MS = 20;
/** The route name in metrics for paths that are nobody's: their text is the client's and has no bound. */
const UNMATCHED = 'unmatched';

/** One request between its route and the wire. */
export interface LayerExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** As sent, without the query. */
  readonly path: string;
  /** Asks the route; a body can be read once only, so it is asked at most once. */
  own(): Promise<Answer | StreamAnswer>;
}

/** Gives what is to be written; `undefined` when it writes, or withholds, the response itself. */
export type AnswerLayer = (exchange: LayerExchange) => Promise<Answer | StreamAnswer | undefined>;

export interface HttpListenerOptions {
  readonly routes: readonly Route[];
  /** Value of the version header; `undefined` leaves the header out. */
  readonly version: string | undefined;
  readonly maxBodyBytes: number;
  readonly logger: Pick<SafeLogger, 'error'>;
  /** Test mode: stands between the routes and the wire. */
  readonly layer?: AnswerLayer | undefined;
  readonly onAnswered: (
    facts: { readonly code: number; readonly method: string; readonly url: string },
    seconds: number,
  ) => void;
}

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #router: Router;
  readonly #server: Server;
  #isClosing = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#router = new Router(options.routes);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Resolves with the address listened on. Rejects with `LISTEN_FAILED`, for example when the port is taken. */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(new EdictError('LISTEN_FAILED', `cannot listen on ${host} port ${port} (${cause.code})`, { cause }));
      });
      this.#server.listen(port, host, () => resolve(this.#server.address() as AddressInfo));
    });
  }

  /** Takes no new connection, lets answers under way finish for at most `drainMs`, then cuts what is left. */
  async close(drainMs: number): Promise<void> {
    if (!this.#server.listening) return;
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A kept-alive connection turns idle only some time after its last answer, and no event says so.
    const idleCheck = setInterval(() => this.#server.closeIdleConnections(), IDLE_CHECK_MS);
    const deadline = setTimeout(() => this.#server.closeAllConnections(), drainMs);
    await closed;
    clearInterval(idleCheck);
    clearTimeout(deadline);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const method = request.method ?? '';
    const { path, query } = splitTarget(request.url ?? '/');
    const match = this.#router.match(method, path);
    this.#setCommonHeaders(response);
    // A client that resets its connection is no error of the relay's, and must not become an uncaught one.
    response.on('error', () => {});
    try {
      const own = (): Promise<Answer | StreamAnswer> => this.#answer(request, match, query);
      const { layer } = this.#options;
      const answer = await (layer === undefined ? own() : layer({ request, response, path, own }));
      if (answer === undefined) return;
      if ('stream' in answer) {
        response.writeHead(200, answer.headers);
        answer.stream(response);
        return;
      }
      const url = match.kind === 'found' ? match.route.path : match.kind === 'wrong-method' ? match.path : UNMATCHED;
      response.once('close', () => {
        const facts = { code: answer.status, method, url };
        this.#options.onAnswered(facts, (performance.now() - startedAt) / 1_000);
      });
      await this.#write(request, response, answer);
    } catch (caught) {
      if (!(caught instanceof ClientGone))
        this.#options.logger.error(`the relay could not answer a request: ${describe(caught)}`);
      response.destroy();
    }
  }

  async #answer(request: IncomingMessage, match: Match, query: URLSearchParams): Promise<Answer | StreamAnswer> {
    if (request.method === 'OPTIONS') return preflight(request);
    if (match.kind === 'unknown') return messageAnswer(404, 'Not Found');
    if (match.kind === 'wrong-method') {
      return messageAnswer(405, 'Method Not Allowed', { Allow: ['OPTIONS', ...match.allowed].join(', ') });
    }
    try {
      const body = new RequestBody(request, this.#options.maxBodyBytes);
      return await match.route.handler({ request, query, segment: match.segment, body });
    } catch (caught) {
      if (caught instanceof ClientGone) throw caught;
      // The rest of the body is still on its way; the connection is of no use for another request.
      if (caught instanceof BodyTooLarge) {
        return messageAnswer(413, 'Request Entity Too Large', { Connection: 'close' });
      }
      this.#options.logger.error(`the relay failed on ${match.route.method} ${match.route.path}: ${describe(caught)}`);
      return messageAnswer(500, 'Internal Server Error');
    }
  }

  #setCommonHeaders(response: ServerResponse): void {
    response.setHeader('Access-Control-Allow-Origin', '*');
    // Without this a browser hides the validator from the script that has to echo it.
    response.setHeader('Access-Control-Expose-Headers', 'ETag, Last-Modified, X-GOFEATUREFLAG-VERSION');
    if (this.#options.version !== undefined) response.setHeader('X-GOFEATUREFLAG-VERSION', this.#options.version);
  }

  async #write(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    const { status, headers = {}, body } = answer;
    if (this.#isClosing) response.setHeader('Connection', 'close');
    if (body === undefined) {
      response.writeHead(status, headers).end();
      return;
    }
    response.setHeader('Content-Type', body.contentType);
    response.setHeader('Vary', 'Accept-Encoding');
    const bytes = await encode(request, response, body);
    response.writeHead(status, { ...headers, 'Content-Length': String(bytes.length) }).end(bytes);
  }
}

async function encode(request: IncomingMessage, response: ServerResponse, body: Body): Promise<Buffer> {
  const accepted = request.headers['accept-encoding'];
  const encoding = chooseEncoding(Array.isArray(accepted) ? accepted.join(',') : accepted, body);
  if (encoding === undefined) return body.bytes;
  response.setHeader('Content-Encoding', encoding);
  return body.encoded(encoding);
}

function describe(caught: unknown): string {
  return caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
}

/** Every origin may ask everything; the key, not the origin, decides. */
function preflight(request: IncomingMessage): Answer {
  const requested = request.headers['access-control-request-headers'];
  return {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
      ...(requested === undefined ? {} : { 'Access-Control-Allow-Headers': requested }),
      Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers',
    },
  };
}

/** The path as sent (no decoding, no dot-segment removal) and the query; the absolute form loses its origin. */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const mark = local.indexOf('?');
  return mark < 0
    ? { path: local, query: new URLSearchParams() }
    : { path: local.slice(0, mark), query: new URLSearchParams(local.slice(mark + 1)) };
}
