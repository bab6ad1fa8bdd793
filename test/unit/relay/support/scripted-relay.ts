/** A server on loopback whose next answer a test decides, down to the socket. */

import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Exchange {
  readonly request: SeenRequest;
  readonly response: http.ServerResponse;
  readonly socket: Socket;
}

export type Handler = (exchange: Exchange) => void;

/** Content that counts as a configuration in these tests. */
export const CONFIGURATION = JSON.stringify({ flags: { one: { variations: { on: true } } } });

export class ScriptedRelay {
  readonly requests: SeenRequest[] = [];
  readonly url: string;
  handler: Handler;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: http.Server, handler: Handler) {
    this.#server = server;
    this.handler = handler;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => this.#answer(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** `port` 0 takes any free one. */
  static async start(handler: Handler = json(CONFIGURATION), port = 0): Promise<ScriptedRelay> {
    const server = http.createServer({ maxHeaderSize: 262_144 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new ScriptedRelay(server, handler);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      const seen = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      this.requests.push(seen);
      this.handler({ request: seen, response, socket: request.socket });
    });
  }
}

/** A complete answer; header names as given. */
export function reply(status: number, body: string | Buffer, headers: Record<string, string | string[]> = {}): Handler {
  return ({ response }) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

export function json(body: string, headers: Record<string, string> = {}): Handler {
  return reply(200, body, {
    'content-type': 'application/json',
    'x-gofeatureflag-version': '1.55.0',
    ...headers,
  });
}

/** Handlers one after another; the last repeats. */
export function inTurn(...handlers: Handler[]): Handler {
  return (exchange) => {
    const [handler] = handlers;
    if (handlers.length > 1) handlers.shift();
    handler?.(exchange);
  };
}

/** A port of loopback that nobody listens on. */
export async function deadPort(): Promise<number> {
  const relay = await ScriptedRelay.start();
  await relay.close();
  return relay.port;
}
