/** Puts a chain of policies before and behind the handlers of a Node HTTP service. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { engineFault } from '../../policy/chain/engine-fault.ts';
import type { RequestStep } from '../../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../../policy/chain/maybe-promise.ts';
import { requestHasNoBody } from '../../policy/chain/message-rules.ts';
import type { EndReason } from '../../policy/model/phases.ts';
import { type Body, NO_BODY, type RequestView, type ResponseView } from '../../policy/model/views.ts';
import { DEFAULT_MAX_DECOMPRESSED_BYTES } from '../coding/limits.ts';
import { bodyForPolicies, mutationForWire, undecodedBody } from '../coding/whole-body.ts';
import type { DeferredExchange, OpenExchange, PolicyGate } from './policy-gate.ts';
import { readBody, replaceBody } from './request-body.ts';
import { applyToRequest, viewOfRequest } from './request-view.ts';
import { ResponseTap } from './response-tap.ts';
import { applyToResponse } from './response-view.ts';

/** What `policyMiddleware` takes beside the engine. */
export interface PolicyMiddlewareOptions {
  /** Largest buffered body of either direction, in bytes. Default 1 MiB. A larger request is answered 413. */
  readonly maxBodyBytes?: number;
  /** Largest decoded body of either direction, in bytes; see docs/policies.md, Content codings. Default 10 MiB. */
  readonly maxDecompressedBytes?: number;
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

type Forward = Pick<Extract<RequestStep, { kind: 'forward' }>, 'mutation'>;

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
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, maxDecompressedBytes = DEFAULT_MAX_DECOMPRESSED_BYTES } = options;
  const { unknownRoute = 'pass', clientIp = socketAddress } = options;
  const limits = { maxBodyBytes, maxDecompressedBytes };
  const middleware: PolicyMiddleware = (request, response, next) => {
    const view = viewOfRequest(request);
    const open = gate.open(view, { clientIp: clientIp(request) });
    if (open instanceof Promise) {
      void open.then(() => middleware(request, response, next));
      return;
    }
    if (open === undefined) {
      if (unknownRoute === 'pass') next();
      else answerNotFound(response);
      return;
    }
    const parts = { request, response, view, next, limits };
    if ('exchange' in open) runExchange(open, parts);
    else if ('resolve' in open) void resolveExchange(open, parts);
    else refuse(response, open);
  };
  return middleware;
}

interface RequestParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly view: RequestView;
  readonly next: () => void;
  readonly limits: { readonly maxBodyBytes: number; readonly maxDecompressedBytes: number };
}

/** The chain of a request. `whole`: its body, where it was read already. */
function runExchange(open: OpenExchange, parts: RequestParts, whole?: Body): void {
  const { request, response, view, next } = parts;
  const { maxBodyBytes } = parts.limits;
  const limits = { ...parts.limits, maxBodyBytes: Math.min(maxBodyBytes, open.maxBodyBytes ?? maxBodyBytes) };
  streams++;
  const streamId = streams;
  const tap = new ResponseTap(response, open, { ...limits, streamId });
  followEnd(response, tap, open, streamId);
  const { chain, exchange } = open;
  const pass = ({ mutation }: Forward): void => {
    applyToRequest(request, mutation);
    if (mutation.body !== undefined) replaceBody(request, mutation.body);
    next();
  };
  const take = (step: RequestStep): MaybePromise<void> => {
    if (step.kind === 'respond') return tap.answer(step.response);
    const { mutation } = step;
    if (mutation.body === undefined || !view.headers.has('content-encoding')) return pass(step);
    const wire = mutationForWire(mutation, view.headers, exchange.request.headers);
    return wire.then((coded) => pass({ mutation: coded }));
  };
  if (!chain.needsRequestBody || (whole === undefined && hasNoBody(request, view))) {
    void andThen(exchange.requestHeaders(chain.needsRequestBody ? 'none' : 'stream'), take);
    return;
  }
  void andThen(exchange.requestHeaders('buffer'), (step) => {
    if (step.kind === 'respond') return tap.answer(step.response);
    applyToRequest(request, step.mutation);
    if (whole !== undefined) return andThen(exchange.requestBody(whole), take);
    // A client that goes away is not answered: nobody is there. The response hears of it by itself.
    return readDecoded(request, view, limits, open.bodies).then(
      async (body) => {
        if (body === 'too-large') tap.answer(await exchange.refuse(413, 'the request body is over its limit'));
        else if (body === 'no-room') tap.answer(await exchange.refuse(503, 'OVERLOAD: no room for the request body'));
        else await take(await exchange.requestBody(body));
      },
      () => undefined,
    );
  });
}

/** A route that its body chooses. What is answered before it is chosen says nothing of what there is. */
async function resolveExchange(open: DeferredExchange, parts: RequestParts): Promise<void> {
  const { request, response, view } = parts;
  const { maxBodyBytes } = open;
  try {
    const body = hasNoBody(request, view)
      ? NO_BODY
      : await readDecoded(request, view, { maxBodyBytes, maxDecompressedBytes: maxBodyBytes });
    const resolved = typeof body === 'string' ? engineFault(413, randomUUID(), '') : open.resolve(body);
    if (resolved === undefined) answerNotFound(response);
    else if ('exchange' in resolved) runExchange(resolved, parts, body as Body);
    else refuse(response, resolved);
  } catch {
    // The client went away.
  }
}

/** The body as policies see it, put back for whoever reads it next. Rejects when the client goes away. */
async function readDecoded(
  request: IncomingMessage,
  view: RequestView,
  limits: RequestParts['limits'],
  bodies?: OpenExchange['bodies'],
): Promise<Body | 'too-large' | 'no-room'> {
  const raw = await readBody(request, limits.maxBodyBytes, bodies);
  if (typeof raw === 'string') return raw;
  const body = await bodyForPolicies(raw, view.headers, limits);
  return body === 'undecodable' ? undecodedBody(raw) : body;
}

/** Word for word the same whether there is no route or no operation. */
function answerNotFound(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end('{"error":"Not found"}');
}

/** Also where a request of HTTP/1 announces no body: it then has none. */
function hasNoBody({ httpVersionMajor }: IncomingMessage, view: RequestView): boolean {
  const { headers } = view;
  const isSilent = httpVersionMajor < 2 && !headers.has('content-length') && !headers.has('transfer-encoding');
  return isSilent || requestHasNoBody(view);
}

/** The refusal of a route that cannot be served. */
function refuse(response: ServerResponse, view: ResponseView): void {
  applyToResponse(response, view);
  response.end(Buffer.from(view.body.content));
}

/** Tells the exchange how it ended, once. */
function followEnd(response: ServerResponse, tap: ResponseTap, { exchange }: OpenExchange, streamId: number): void {
  const end = (reason: EndReason): void => void exchange.end(reason, streamId);
  response.once('finish', () => end('completed'));
  response.once('close', () => end(tap.isAbandoned ? 'upstream-aborted' : 'client-aborted'));
  response.once('error', () => end('failed'));
}

function socketAddress(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress;
}
