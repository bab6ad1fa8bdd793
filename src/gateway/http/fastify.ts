/** The same middleware as a Fastify plugin, by shape: no package is needed for its types. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type PolicyMiddlewareOptions, policyMiddleware } from './middleware.ts';
import type { PolicyGate } from './policy-gate.ts';

/** The part of a Fastify instance that is used. */
export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse; hijack(): unknown },
      done: (error?: Error) => void,
    ) => void,
  ): unknown;
}

/**
 * Runs every request and response of a Fastify instance through the chain of its route. A path that a policy rewrites does
 * not change the route that Fastify has chosen already.
 *
 * @example
 * fastifyPolicies(app, engine);
 */
export function fastifyPolicies(instance: FastifyLike, gate: PolicyGate, options: PolicyMiddlewareOptions = {}): void {
  const middleware = policyMiddleware(gate, options);
  instance.addHook('onRequest', (request, reply, done) => {
    let isPassed = false;
    // Without a pass the response was answered past Fastify, which must then not answer a second time.
    reply.raw.once('finish', () => {
      if (!isPassed) reply.hijack();
    });
    middleware(request.raw, reply.raw, (error) => {
      isPassed = true;
      done(error as Error | undefined);
    });
  });
}
