/** The routes whose answers can be spoilt, and which of them a request asks. */

export const FAULT_ROUTES = [
  'configuration',
  'change',
  'evaluate',
  'bulk',
  'collector',
  'stream',
  'policies',
  'policyModules',
  'policyManifests',
  'policyStores',
  'policyReport',
  'policyStream',
] as const;

/** A route that faults can be set on. */
export type FaultRoute = (typeof FAULT_ROUTES)[number];

/** The routes of flags that answer 304 to a validator they know. */
export const CONDITIONAL_FLAG_ROUTES: readonly FaultRoute[] = ['configuration', 'change', 'bulk'];
/** All of those. What is served under its digest has one validator for ever. */
export const CONDITIONAL_ROUTES: readonly FaultRoute[] = [...CONDITIONAL_FLAG_ROUTES, 'policies'];
export const STREAM_ROUTES: readonly FaultRoute[] = ['stream', 'policyStream'];
/** Every route that gives one answer with an end. */
export const ANSWERING_ROUTES: readonly FaultRoute[] = FAULT_ROUTES.filter((route) => !STREAM_ROUTES.includes(route));

const LITERALS: ReadonlyMap<string, FaultRoute> = new Map([
  ['POST /v1/flag/configuration', 'configuration'],
  ['GET /v1/flag/change', 'change'],
  ['POST /ofrep/v1/evaluate/flags', 'bulk'],
  ['POST /v1/data/collector', 'collector'],
  ['GET /stream/v1/sse/flag/change', 'stream'],
  ['POST /v1/policy/configuration', 'policies'],
  ['POST /v1/policy/status', 'policyReport'],
  ['POST /v1/policy/decisions', 'policyReport'],
  ['GET /stream/v1/sse/policy/change', 'policyStream'],
]);
const PATTERNS: readonly (readonly [RegExp, FaultRoute])[] = [
  [/^POST \/ofrep\/v1\/evaluate\/flags\/[^/]+$/, 'evaluate'],
  [/^(?:GET|HEAD) \/v1\/policy\/modules\/sha256\/[^/]+$/, 'policyModules'],
  [/^(?:GET|HEAD) \/v1\/policy\/manifests\/sha256\/[^/]+$/, 'policyManifests'],
  [/^(?:GET|HEAD) \/v1\/policy\/resources\/sha256\/[^/]+$/, 'policyStores'],
];

export function isFaultRoute(name: unknown): name is FaultRoute {
  return FAULT_ROUTES.some((route) => route === name);
}

/** The path is compared as sent, like the router does. */
export function faultRouteOf(method: string, path: string): FaultRoute | undefined {
  const target = `${method} ${path}`;
  return LITERALS.get(target) ?? PATTERNS.find(([pattern]) => pattern.test(target))?.[1];
}
