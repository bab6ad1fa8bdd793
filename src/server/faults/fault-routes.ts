/** The routes whose answers can be spoilt, and which of them a request asks. */

export const FAULT_ROUTES = ['configuration', 'change', 'evaluate', 'bulk', 'collector', 'stream'] as const;

/** A route that faults can be set on. */
export type FaultRoute = (typeof FAULT_ROUTES)[number];

/** The routes that answer 304 to a validator they know. */
export const CONDITIONAL_ROUTES: readonly FaultRoute[] = ['configuration', 'change', 'bulk'];
/** Every route that gives one answer with an end. */
export const ANSWERING_ROUTES: readonly FaultRoute[] = FAULT_ROUTES.filter((route) => route !== 'stream');

const LITERALS: ReadonlyMap<string, FaultRoute> = new Map([
  ['POST /v1/flag/configuration', 'configuration'],
  ['GET /v1/flag/change', 'change'],
  ['POST /ofrep/v1/evaluate/flags', 'bulk'],
  ['POST /v1/data/collector', 'collector'],
  ['GET /stream/v1/sse/flag/change', 'stream'],
]);
const SINGLE_EVALUATION = /^POST \/ofrep\/v1\/evaluate\/flags\/[^/]+$/;

export function isFaultRoute(name: unknown): name is FaultRoute {
  return FAULT_ROUTES.some((route) => route === name);
}

/** The path is compared as sent, like the router does. */
export function faultRouteOf(method: string, path: string): FaultRoute | undefined {
  const target = `${method} ${path}`;
  return LITERALS.get(target) ?? (SINGLE_EVALUATION.test(target) ? 'evaluate' : undefined);
}
