/** Puts a chain of policies before and behind the handlers of a Node HTTP service. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestStep } from '../../policy/chain/exchange-steps.ts';
import { andThen } from '../../policy/chain/maybe-promise.ts';
import { requestHasNoBody } from '../../policy/chain/message-rules.ts';
import type { EndReason } from '../../policy/model/phases.ts';
import type { ResponseView } from '../../policy/model/views.ts';
import type { OpenExchange, PolicyGate } from './policy-gate.ts';
import { readBody, replaceBody } from './request-body.ts';
import { applyToRequest, viewOfRequest } from './request-view.ts';
import { ResponseTap } from './response-tap.ts';
import { applyToResponse } from './response-view.ts';

/** What `policyMiddleware` takes beside the engine. */
export interface PolicyMiddlewareOptions {
  /** Largest buffered body of either direction, in bytes. Default 1 MiB. A larger request is answered 413. */
  readonly maxBodyBytes?: number;
  /** A request that no route is declared for: handed on untouched (`pass`, the default), or answered 404. */
  readonly unknownRoute?: 'pass' | 'not-found';
  /** The client's address; the default is the socket's, so set it where a proxy you trust stands in front. */
  readonly clientIp?: (request: IncomingMessage) => string | undefined;
}

/** What Express and the like call. */
export type PolicyMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

const DEFAULT_MAX_BODY_BYTES = 1_048_576;

let streams = 0;

/**
 * Middleware for Node's `http`, Express, Connect and anything that calls `(request, response, next)`. `next` is called when
 * the chain lets the request pass; the response it then writes passes the chain as well.
 *
 * Request bodies stay readable for the handlers behind it. A request body is always handed to policies whole: middleware
 * stands before the handler, and a handler cannot be called with half a request.
 *
 * @example
 * app.use(policyMiddleware(engine));
 */
export function policyMiddleware(gate: PolicyGate, options: PolicyMiddlewareOptions = {}): PolicyMiddleware {
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, unknownRoute = 'pass', clientIp = socketAddress } = options;
  const middleware: PolicyMiddleware = (request, response, next) => {
    const view = viewOfRequest(request);
    const open = gate.open(view, { clientIp: clientIp(request) });
    if (open instanceof Promise) {
      void open.then(() => middleware(request, response, next));
      return;
    }
    if (open === undefined) {
      if (unknownRoute === 'pass') {
        next();
        return;
      }
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error":"Not found"}');
      return;
    }
    if (!('exchange' in open)) {
      refuse(response, open);
      return;
    }
    streams++;
    const streamId = streams;
    const mostBytes = Math.min(maxBodyBytes, open.maxBodyBytes ?? maxBodyBytes);
    const tap = new ResponseTap(response, open, { maxBodyBytes: mostBytes, streamId });
    followEnd(response, open, streamId);
    const take = (step: RequestStep): void => {
      if (step.kind === 'respond') {
        tap.answer(step.response);
        return;
      }
      applyToRequest(request, step.mutation);
      if (step.mutation.body !== undefined) replaceBody(request, step.mutation.body);
      next();
    };
    const { chain, exchange } = open;
    if (!chain.needsRequestBody || requestHasNoBody(view)) {
      void andThen(exchange.requestHeaders(chain.needsRequestBody ? 'none' : 'stream'), take);
      return;
    }
    void andThen(exchange.requestHeaders('buffer'), (step) => {
      if (step.kind === 'respond') {
        tap.answer(step.response);
        return undefined;
      }
      applyToRequest(request, step.mutation);
      return readBody(request, mostBytes, open.bodies).then(
        async (body) => {
          if (body === 'too-large') tap.answer(await exchange.refuse(413, 'the request body is over its limit'));
          else if (body === 'no-room') tap.answer(await exchange.refuse(503, 'OVERLOAD: no room for the request body'));
          else take(await exchange.requestBody(body));
        },
        // Nobody is there any more to be answered.
        () => exchange.end('client-aborted', streamId),
      );
    });
  };
  return middleware;
}

/** The refusal of a route that cannot be served. */
function refuse(response: ServerResponse, view: ResponseView): void {
  applyToResponse(response, view);
  response.end(Buffer.from(view.body.content));
}

/** Tells the exchange how it ended, once. */
function followEnd(response: ServerResponse, { exchange }: OpenExchange, streamId: number): void {
  const end = (reason: EndReason): void => exchange.end(reason, streamId);
  response.once('finish', () => end('completed'));
  response.once('close', () => end('client-aborted'));
  response.once('error', () => end('failed'));
}

function socketAddress(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress;
}
