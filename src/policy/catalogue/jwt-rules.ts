/** The parameters of jwt-auth, those of the operator included, read once when an instance is made. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { durationOf } from './rate-limit-params.ts';
import { listOf, numberOf, objectOf, refuse, textOf, textsOf } from './read-params.ts';

/** Signatures anybody can check and only the key manager can make; no shared secrets, and never `none`. */
export const JWT_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Where keys come from. */
export interface KeyManager {
  readonly name: string;
  /** Tokens of this issuer are for this manager; without one it is asked about all of them. */
  readonly issuer: string | undefined;
  readonly keys: { readonly uri: string } | { readonly jwks: Readonly<JsonObject> };
}

export interface JwtRules {
  readonly managers: readonly KeyManager[];
  readonly validatesIssuer: boolean;
  readonly algorithms: readonly string[];
  readonly leewayMs: number;
  readonly cacheTtlMs: number;
  readonly fetchTimeoutMs: number;
  readonly fetchRetries: number;
  readonly fetchRetryIntervalMs: number;
  readonly audiences: readonly string[];
  readonly requiredScopes: readonly string[];
  readonly requiredClaims: readonly (readonly [claim: string, value: string])[];
  /** Header names in lower case. */
  readonly claimMappings: readonly (readonly [claim: string, header: string])[];
  readonly userIdClaim: string;
  readonly headerName: string;
  readonly scheme: string;
  readonly failureStatus: number;
  readonly failureFormat: 'json' | 'plain' | 'minimal';
  readonly failureMessage: string;
}

export function jwtRules(params: Readonly<JsonObject>): JwtRules {
  const all = listOf(params.keyManagers).map((one, index) => managerOf(objectOf(one), `/keyManagers/${index}`));
  if (all.length === 0) refuse('/keyManagers', 'lists no key manager');
  const issuers = textsOf(params.issuers, '/issuers');
  for (const [index, name] of issuers.entries()) {
    if (!all.some((manager) => manager.name === name)) refuse(`/issuers/${index}`, 'is no key manager');
  }
  const algorithms = params.allowedAlgorithms === undefined ? JWT_ALGORITHMS : textsOf(params.allowedAlgorithms, '');
  for (const [index, name] of algorithms.entries()) {
    if (!JWT_ALGORITHMS.includes(name)) refuse(`/allowedAlgorithms/${index}`, `is one of ${JWT_ALGORITHMS.join(', ')}`);
  }
  if (algorithms.length === 0) refuse('/allowedAlgorithms', 'lists no algorithm');
  const failureStatus = numberOf(params.onFailureStatusCode, 401);
  if (failureStatus !== 401 && failureStatus !== 403) refuse('/onFailureStatusCode', 'is 401 or 403');
  const format = textOf(params.errorMessageFormat, 'json');
  if (format !== 'json' && format !== 'plain' && format !== 'minimal') {
    return refuse('/errorMessageFormat', 'is json, plain or minimal');
  }
  return {
    managers: issuers.length === 0 ? all : all.filter(({ name }) => issuers.includes(name)),
    validatesIssuer: params.validateIssuer !== false,
    algorithms,
    leewayMs: durationIn(params, 'leeway', 30_000),
    cacheTtlMs: durationIn(params, 'jwksCacheTtl', 300_000),
    fetchTimeoutMs: durationIn(params, 'jwksFetchTimeout', 5_000),
    fetchRetries: Math.min(Math.max(Math.trunc(numberOf(params.jwksFetchRetryCount, 3)), 0), 10),
    fetchRetryIntervalMs: durationIn(params, 'jwksFetchRetryInterval', 2_000),
    audiences: textsOf(params.audiences, '/audiences'),
    requiredScopes: textsOf(params.requiredScopes, '/requiredScopes'),
    requiredClaims: textPairs(params.requiredClaims, '/requiredClaims'),
    claimMappings: mappingsOf(params.claimMappings),
    userIdClaim: textOf(params.userIdClaim, 'sub'),
    headerName: textOf(params.headerName, 'authorization').toLowerCase(),
    scheme: textOf(params.authHeaderPrefix, textOf(params.authHeaderScheme, 'Bearer')),
    failureStatus,
    failureFormat: format,
    failureMessage: textOf(params.errorMessage, 'A valid token is required'),
  };
}

function managerOf({ name, issuer, jwks }: Readonly<JsonObject>, path: string): KeyManager {
  if (typeof name !== 'string' || name === '') return refuse(`${path}/name`, 'is missing');
  const { remote, local } = objectOf(jwks);
  const uri = objectOf(remote).uri;
  const keys = objectOf(local).keys;
  const own = typeof issuer === 'string' && issuer !== '' ? issuer : undefined;
  if (typeof uri === 'string') {
    if (!/^https?:\/\/[^\s#@]+$/.test(uri)) refuse(`${path}/jwks/remote/uri`, 'is no http or https address');
    return { name, issuer: own, keys: { uri } };
  }
  if (!Array.isArray(keys)) return refuse(`${path}/jwks`, 'has neither remote.uri nor local.keys');
  return { name, issuer: own, keys: { jwks: { keys } } };
}

function durationIn(params: Readonly<JsonObject>, member: string, otherwise: number): number {
  const given = params[member];
  if (given === undefined) return otherwise;
  const ms = durationOf(textOf(given));
  return Number.isNaN(ms) ? refuse(`/${member}`, 'is no duration such as 30s or 5m') : ms;
}

function textPairs(value: JsonValue | undefined, path: string): readonly (readonly [string, string])[] {
  return Object.entries(objectOf(value)).map(([name, one]) =>
    typeof one === 'string' ? ([name, one] as const) : refuse(`${path}/${name}`, 'is no text'),
  );
}

function mappingsOf(value: JsonValue | undefined): readonly (readonly [string, string])[] {
  return textPairs(value, '/claimMappings').map(([claim, header]) => {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(header)) refuse(`/claimMappings/${claim}`, 'is no header name');
    return [claim, header.toLowerCase()] as const;
  });
}
