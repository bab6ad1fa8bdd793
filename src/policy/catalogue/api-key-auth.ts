/**
 * api-key-auth as a native policy: lets in whoever brings a key of the store that the feed pushes. Keys are found by their
 * SHA-256, so neither the time of a look-up nor the store itself tells anything of a key.
 */

import { isJsonObject, type JsonObject } from '../../internal/json.ts';
import { type HostCall, type HostFunctions, type HostResult, isHostFault } from '../guest/host-functions.ts';
import type { AuthLayer, ImmediateResponse, RequestChanges } from '../model/actions.ts';
import type { HookInput, PolicyInfo } from '../model/inputs.ts';
import { Phase } from '../model/phases.ts';
import { NativePolicy } from '../native/native-policy.ts';
import { splitPath } from '../reduce/query.ts';
import { valuesOf } from './query-rules.ts';
import { refuse, textOf } from './read-params.ts';
import { refusalOf } from './unauthorized.ts';

/** The kind of resources that keys are. */
export const API_KEYS = 'api-keys';

const MAX_KEY_LENGTH = 4_096;
const BODY = '{"error":"Unauthorized","message":"A valid API key is required"}';

interface Rules {
  readonly name: string;
  readonly inQuery: boolean;
  readonly prefix: string;
  readonly forwards: boolean;
}

/** The host holds the keys, hashes and tells the time. */
export function apiKeyAuth(host: HostFunctions): NativePolicy {
  return new NativePolicy('api-key-auth', 'v1.0.0', (params, info) => {
    const rules = rulesOf(params);
    return {
      modes: { requestHeaders: 'process' },
      onRequestHeaders: (input) => decide(host, info, rules, input),
    };
  });
}

function rulesOf(params: Readonly<JsonObject>): Rules {
  const name = textOf(params.key);
  if (name === '') refuse('/key', 'is missing');
  const place = params.in;
  if (place !== 'header' && place !== 'query') return refuse('/in', 'is header or query');
  if (place === 'header' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) refuse('/key', 'is no header name');
  const prefix = textOf(params['value-prefix']);
  return { name, inQuery: place === 'query', prefix, forwards: params.forwardKey === true };
}

function decide(
  host: HostFunctions,
  info: PolicyInfo,
  rules: Rules,
  input: HookInput,
): RequestChanges | ImmediateResponse {
  const key = keyOf(rules, input);
  if (key === undefined) return refused('missing', `the request has no key in ${rules.inQuery ? 'query' : 'header'}`);
  const call: HostCall = { info, phase: Phase.requestHeaders, input };
  const digest = given(host.hash(call, 'sha-256', new TextEncoder().encode(key)));
  const id = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const document = given(host.resourceGet(call, API_KEYS, id));
  const found = document === undefined ? undefined : (JSON.parse(new TextDecoder().decode(document)) as unknown);
  if (!isJsonObject(found)) return refused('invalid', 'the key is not known');
  if (found.status !== undefined && found.status !== 'active') return refused('invalid', 'the key is not active');
  if (typeof found.expiresAt === 'number' && !(host.nowMs(call) < found.expiresAt)) {
    return refused('expired', 'the key has expired');
  }
  if (Array.isArray(found.apis) && !found.apis.includes(input.exchange.api.id)) {
    return refused('forbidden', 'the key is for other APIs');
  }
  return admitted(rules, found);
}

function admitted(rules: Rules, found: JsonObject): RequestChanges {
  const { id, applicationId, subject, scopes } = found;
  const auth: AuthLayer = {
    authenticated: true,
    authorized: true,
    authType: 'apikey',
    ...(typeof subject === 'string' ? { subject } : {}),
    ...(typeof id === 'string' ? { credentialId: id } : {}),
    ...(Array.isArray(scopes) ? { scopes: scopes.filter((scope) => typeof scope === 'string') } : {}),
    ...(typeof applicationId === 'string' ? { properties: { applicationId } } : {}),
  };
  return {
    kind: 'request-changes',
    auth,
    metadataPatch: {
      'auth.success': true,
      'auth.method': 'apikey',
      ...(typeof applicationId === 'string' ? { 'x-wso2-application-id': applicationId } : {}),
    },
    ...(rules.forwards ? {} : withoutKey(rules)),
  };
}

/** What the upstream has no business with. */
function withoutKey({ name, inQuery }: Rules): Pick<RequestChanges, 'headers' | 'queryRemove'> {
  return inQuery ? { queryRemove: [name] } : { headers: { remove: [name.toLowerCase()] } };
}

/** Two keys are none: policies and upstreams could disagree on which one counts. */
function keyOf({ name, inQuery, prefix }: Rules, { request }: HookInput): string | undefined {
  const values = inQuery ? valuesOf(splitPath(request.path).query ?? '', name) : request.headers.get(name);
  const [value = ''] = values;
  if (values.length !== 1 || value.length > MAX_KEY_LENGTH) return undefined;
  if (value.slice(0, prefix.length).toLowerCase() !== prefix.toLowerCase()) return undefined;
  const key = value.slice(prefix.length).trim();
  return key === '' ? undefined : key;
}

function refused(fault: 'missing' | 'invalid' | 'expired' | 'forbidden', description: string): ImmediateResponse {
  return refusalOf({
    status: fault === 'forbidden' ? 403 : 401,
    challenge: 'ApiKey',
    contentType: 'application/json',
    body: BODY,
    fault,
    description,
  });
}

function given<T>(result: HostResult<T>): T {
  if (isHostFault(result)) throw new Error(`the host cannot look up keys: ${result.fault}`);
  return result;
}
