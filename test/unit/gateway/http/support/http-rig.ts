/** A service on loopback behind a chain that a test writes, and a client that shows the wire. */

import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type PolicyMiddlewareOptions, policyMiddleware } from '../../../../../src/gateway/http/middleware.ts';
import type { OpenExchange, PolicyGate } from '../../../../../src/gateway/http/policy-gate.ts';
import { Chain, type ChainLevels } from '../../../../../src/policy/chain/chain.ts';
import { Exchange } from '../../../../../src/policy/chain/exchange.ts';
import type { Position } from '../../../../../src/policy/chain/position.ts';

const API = {
  projectId: 'p',
  id: 'i',
  name: 'Pets',
  version: 'v1',
  kind: 'RestApi',
  context: '/',
  operationPath: '/*',
};

/** One chain for every request. */
export function gateOf(levels: ChainLevels | readonly Position[]): PolicyGate {
  const chain = new Chain(Array.isArray(levels) ? { operation: levels } : (levels as ChainLevels));
  return {
    open(request): OpenExchange {
      const facts = { requestId: 'r', routeName: 'all', tenant: 't', api: API, deadline: Number.MAX_SAFE_INTEGER };
      const ports = { now: Date.now, monotonic: () => performance.now(), errorId: () => 'error-1' };
      return { chain, exchange: new Exchange(chain, facts, request, ports) };
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly bytes: Buffer;
  /** The pieces as they arrived. */
  readonly chunks: readonly string[];
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export class HttpRig {
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
  }

  static async start(listener: RequestListener): Promise<HttpRig> {
    const server = http.createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HttpRig(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  send({ method = 'GET', path = '/', headers = {}, body }: Sent = {}): Promise<Reply> {
    const { port } = this;
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: Buffer.concat(chunks).toString('utf8'),
            bytes: Buffer.concat(chunks),
            chunks: chunks.map(String),
          }),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Everything that is left of a request's body for a handler. */
export async function bodyOfRequest(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Answers with what the handler saw. */
export async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOfRequest(request);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
}

/** A service behind a chain; closed after the test. */
export async function service(
  levels: ChainLevels | readonly Position[],
  handler: RequestListener,
  options: PolicyMiddlewareOptions = {},
): Promise<HttpRig> {
  const middleware = policyMiddleware(gateOf(levels), options);
  const rig = await HttpRig.start((request, response) =>
    middleware(request, response, () => handler(request, response)),
  );
  onTestFinished(() => rig.close());
  return rig;
}
