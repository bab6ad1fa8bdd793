/**
 * cors as a native policy, the twin of assembly/policies/cors: answers preflights, and lets browsers read responses of the
 * origins that are listed. What the request side decided reaches the response side in the metadata `cors_headers` and
 * `cors_strip`; at a `finally` position, where only the response side is called, the decision is made there.
 */

import { isJsonObject, type JsonObject } from '../../internal/json.ts';
import type { ImmediateResponse, RequestChanges, ResponseChanges } from '../model/actions.ts';
import type { HeaderMap, HeaderPair } from '../model/headers.ts';
import type { HookInput } from '../model/inputs.ts';
import { type NativeHooks, NativePolicy } from '../native/native-policy.ts';
import { originTest } from './cors-origins.ts';
import { numberOf, refuse, textsOf } from './read-params.ts';

const DEFAULT_METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
const DEFAULT_MAX_AGE = 3_600;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What browsers are told of responses; taken out of responses to origins that are not listed. */
const ANSWERS = ['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-expose-headers'];
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

interface Rules {
  readonly allows: (origin: string) => boolean;
  /** Every origin, so that no answer depends on who asks. */
  readonly isPublic: boolean;
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: string;
  readonly credentials: boolean;
  readonly maxAge: number;
  readonly forwardPreflight: boolean;
}

export const cors = new NativePolicy('cors', 'v1.0.0', (params): NativeHooks => {
  const rules = rulesOf(params);
  return {
    modes: { requestHeaders: 'process', responseHeaders: 'process' },
    onRequestHeaders: ({ request }) => onRequest(rules, request.method, request.headers),
    onResponseHeaders: (input) => onResponse(rules, input),
  };
});

function rulesOf(params: Readonly<JsonObject>): Rules {
  const origins = textsOf(params.allowedOrigins, '/allowedOrigins');
  if (origins.length === 0) refuse('/allowedOrigins', 'lists no origin');
  const isPublic = origins.includes('*');
  const credentials = params.allowCredentials === true;
  if (isPublic && credentials) refuse('/allowCredentials', 'cannot be true where every origin is allowed');
  const exposed = namesOf(params, 'exposedHeaders');
  const maxAge = numberOf(params.maxAge, DEFAULT_MAX_AGE);
  if (!Number.isInteger(maxAge) || maxAge < 0 || maxAge > 86_400) refuse('/maxAge', 'is not from 0 to 86400');
  return {
    allows: originTest(origins, '/allowedOrigins'),
    isPublic,
    methods: params.allowedMethods === undefined ? DEFAULT_METHODS : namesOf(params, 'allowedMethods'),
    headers: namesOf(params, 'allowedHeaders'),
    exposed: exposed.join(', '),
    credentials,
    maxAge,
    forwardPreflight: params.forwardPreflight === true,
  };
}

function namesOf(params: Readonly<JsonObject>, member: string): readonly string[] {
  const names = textsOf(params[member], `/${member}`);
  for (const [index, name] of names.entries()) if (!NAME.test(name)) refuse(`/${member}/${index}`, 'is no name');
  return names;
}

function onRequest(rules: Rules, method: string, headers: HeaderMap): RequestChanges | ImmediateResponse | undefined {
  const origin = headers.first('origin');
  if (origin === undefined) return undefined;
  if (isPreflight(method, headers)) return preflight(rules, origin, headers);
  const metadataPatch = rules.allows(origin)
    ? { cors_headers: Object.fromEntries(answersFor(rules, origin)) }
    : { cors_strip: true };
  return { kind: 'request-changes', metadataPatch };
}

function isPreflight(method: string, headers: HeaderMap): boolean {
  return method === 'OPTIONS' && headers.has('access-control-request-method');
}

/** What does not match is answered without a word about origins, which a browser takes for a no. */
function preflight(rules: Rules, origin: string, headers: HeaderMap): ImmediateResponse | undefined {
  const method = headers.first('access-control-request-method') ?? '';
  const wanted = headers.joined('access-control-request-headers') ?? '';
  if (!rules.allows(origin) || !allowsMethod(rules, method) || !allowsHeaders(rules, wanted)) {
    return rules.forwardPreflight ? undefined : { kind: 'immediate', status: 204, headers: [['vary', PREFLIGHT_VARY]] };
  }
  const pairs: HeaderPair[] = [
    ['access-control-allow-origin', rules.isPublic ? '*' : origin],
    ['access-control-allow-methods', rules.methods.includes('*') ? method : rules.methods.join(', ')],
  ];
  const allowed = rules.headers.includes('*') ? wanted : rules.headers.join(', ');
  if (allowed !== '') pairs.push(['access-control-allow-headers', allowed]);
  if (rules.credentials) pairs.push(['access-control-allow-credentials', 'true']);
  pairs.push(['access-control-max-age', String(rules.maxAge)], ['vary', PREFLIGHT_VARY]);
  return { kind: 'immediate', status: 204, headers: pairs };
}

function allowsMethod({ methods }: Rules, method: string): boolean {
  return methods.includes('*') || methods.includes(method);
}

function allowsHeaders({ headers }: Rules, wanted: string): boolean {
  if (headers.includes('*')) return true;
  const known = headers.map((name) => name.toLowerCase());
  return wanted
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .every((name) => name === '' || known.includes(name));
}

function answersFor(rules: Rules, origin: string): HeaderPair[] {
  const pairs: HeaderPair[] = [['access-control-allow-origin', rules.isPublic ? '*' : origin]];
  if (rules.credentials) pairs.push(['access-control-allow-credentials', 'true']);
  if (rules.exposed !== '') pairs.push(['access-control-expose-headers', rules.exposed]);
  return pairs;
}

function onResponse(rules: Rules, { request, response, downstream, gathered }: HookInput): ResponseChanges | undefined {
  const { cors_headers: kept, cors_strip: strip } = gathered.metadata;
  const asked = downstream ?? request;
  const origin = asked.headers.first('origin');
  let set: HeaderPair[] = [];
  let remove: readonly string[] = [];
  if (isJsonObject(kept)) {
    set = ANSWERS.flatMap((name): HeaderPair[] => (typeof kept[name] === 'string' ? [[name, kept[name]]] : []));
  } else if (strip === true) {
    remove = ANSWERS;
  } else if (origin !== undefined) {
    if (isPreflight(asked.method, asked.headers)) return undefined;
    if (rules.allows(origin)) set = answersFor(rules, origin);
    else remove = ANSWERS;
  }
  const varies = !rules.isPublic && !variesByOrigin(response?.headers.joined('vary') ?? '');
  if (set.length + remove.length === 0 && !varies) return undefined;
  return {
    kind: 'response-changes',
    headers: {
      ...(set.length === 0 ? {} : { set }),
      ...(varies ? { append: [['vary', 'Origin']] } : {}),
      ...(remove.length === 0 ? {} : { remove }),
    },
  };
}

function variesByOrigin(vary: string): boolean {
  return vary
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .some((name) => name === '*' || name === 'origin');
}
