/** Chains of policies in front of Node's http, Express and Fastify, and their administration. */

export { type AdminEngine, type PolicyAdmin, type PolicyAdminOptions, policyAdmin } from './admin.ts';
export { type FastifyLike, fastifyPolicies } from './fastify.ts';
export { type PolicyMiddleware, type PolicyMiddlewareOptions, policyMiddleware } from './middleware.ts';
export type { DeferredExchange, OpenExchange, Opening, PolicyGate, RequestOrigin } from './policy-gate.ts';
