/** Chains of policies in front of Node's http, Express and Fastify. */

export { type FastifyLike, fastifyPolicies } from './fastify.ts';
export { type PolicyMiddleware, type PolicyMiddlewareOptions, policyMiddleware } from './middleware.ts';
export type { DeferredExchange, OpenExchange, PolicyGate, RequestOrigin } from './policy-gate.ts';
