/**
 * jwt-auth as a native policy: lets in whoever brings a token that one of the key managers signed, and writes what it says
 * into the auth layer. Signatures are checked behind a port, because keys come from elsewhere.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { AuthLayer, ImmediateResponse, RequestChanges } from '../model/actions.ts';
import type { HeaderPair } from '../model/headers.ts';
import type { HookInput } from '../model/inputs.ts';
import { NativePolicy } from '../native/native-policy.ts';
import { type JwtRules, jwtRules } from './jwt-rules.ts';
import { refusalOf } from './unauthorized.ts';

const MAX_TOKEN_LENGTH = 16_384;

/** What a token said, once its signature, issuer and times were found to be right. */
export type Verified =
  | { readonly claims: Readonly<JsonObject> }
  | { readonly refused: 'invalid' | 'expired'; readonly reason: string }
  /** The keys could not be had; nothing is known of the token. */
  | { readonly unavailable: string };

/** Never rejects. */
export interface TokenVerifier {
  verify(token: string, rules: JwtRules, tenant: string): Promise<Verified>;
}

export function jwtAuth(verifier: TokenVerifier): NativePolicy {
  return new NativePolicy('jwt-auth', 'v1.0.0', (params, { tenant }) => {
    const rules = jwtRules(params);
    return {
      modes: { requestHeaders: 'process' },
      onRequestHeaders: (input) => decide(verifier, rules, tenant, input),
    };
  });
}

async function decide(
  verifier: TokenVerifier,
  rules: JwtRules,
  tenant: string,
  input: HookInput,
): Promise<RequestChanges | ImmediateResponse> {
  const token = tokenOf(rules, input);
  if (token === undefined) return refused(rules, 'missing', `there is no token in ${rules.headerName}`, '');
  const verified = await verifier.verify(token, rules, tenant);
  if ('unavailable' in verified) throw new Error(`the keys are not there: ${verified.unavailable}`);
  if ('refused' in verified) return refused(rules, verified.refused, verified.reason);
  const { claims } = verified;
  const audience = textsIn(claims.aud);
  if (rules.audiences.length > 0 && !rules.audiences.some((one) => audience.includes(one))) {
    return refused(rules, 'invalid', 'the token is for another audience');
  }
  for (const [name, wanted] of rules.requiredClaims) {
    if (!valuesIn(claimAt(claims, name)).includes(wanted)) {
      return refused(rules, 'invalid', `the claim ${name} is not what it must be`);
    }
  }
  const scopes = scopesOf(claims);
  const missing = rules.requiredScopes.filter((scope) => !scopes.includes(scope));
  if (missing.length > 0)
    return refused(rules, 'forbidden', `the token lacks ${missing.join(' ')}`, 'insufficient_scope');
  return admitted(rules, claims, audience, scopes);
}

/** Two headers are none: a policy and an upstream could disagree on which one counts. */
function tokenOf({ headerName, scheme }: JwtRules, { request }: HookInput): string | undefined {
  const values = request.headers.get(headerName);
  const [value = ''] = values;
  if (values.length !== 1) return undefined;
  const prefix = scheme === '' ? '' : `${scheme.toLowerCase()} `;
  if (!value.toLowerCase().startsWith(prefix)) return undefined;
  const token = value.slice(prefix.length).trim();
  return token === '' || token.length > MAX_TOKEN_LENGTH ? undefined : token;
}

function admitted(
  rules: JwtRules,
  claims: Readonly<JsonObject>,
  audience: readonly string[],
  scopes: readonly string[],
): RequestChanges {
  const subject = valuesIn(claimAt(claims, rules.userIdClaim))[0];
  const credentialId = valuesIn(claims.azp ?? claims.client_id)[0];
  const mapped = rules.claimMappings.map(([claim, header]) => ({ claim, header, value: claimAt(claims, claim) }));
  const given = mapped.filter(({ value }) => value !== undefined);
  const set = given.flatMap(({ header, value }): HeaderPair[] => headerValue(header, value as JsonValue));
  // What the client sent under these names was not said by the token.
  const remove = mapped.map(({ header }) => header).filter((header) => !set.some(([name]) => name === header));
  const auth: AuthLayer = {
    authenticated: true,
    authorized: true,
    authType: 'jwt',
    ...(subject === undefined ? {} : { subject }),
    ...(typeof claims.iss === 'string' ? { issuer: claims.iss } : {}),
    ...(audience.length === 0 ? {} : { audience }),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(credentialId === undefined ? {} : { credentialId }),
    ...(typeof claims.jti === 'string' ? { tokenId: claims.jti } : {}),
    ...(given.length === 0
      ? {}
      : {
          properties: Object.fromEntries(given.map(({ claim, value }) => [claim, textOfClaim(value as JsonValue)])),
          typedProperties: Object.fromEntries(given.map(({ claim, value }) => [claim, value as JsonValue])),
        }),
  };
  return {
    kind: 'request-changes',
    auth,
    metadataPatch: { 'auth.success': true, 'auth.method': 'jwt' },
    ...(set.length + remove.length === 0
      ? {}
      : { headers: { ...(set.length === 0 ? {} : { set }), ...(remove.length === 0 ? {} : { remove }) } }),
  };
}

/** A claim by its name, or by a path of names with dots between. */
function claimAt(claims: Readonly<JsonObject>, name: string): JsonValue | undefined {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: JsonValue | undefined = claims;
  for (const step of name.split('.')) {
    value = isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

function scopesOf({ scope, scp }: Readonly<JsonObject>): readonly string[] {
  const all = [scope, scp].flatMap((one) => (typeof one === 'string' ? one.split(' ') : textsIn(one)));
  return [...new Set(all.filter((one) => one !== ''))];
}

function textsIn(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A scalar, or those of a list, as texts. */
function valuesIn(value: JsonValue | undefined): readonly string[] {
  const items = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => (['string', 'number', 'boolean'].includes(typeof item) ? [String(item)] : []));
}

function textOfClaim(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Nothing for a value that no header can hold. */
function headerValue(name: string, value: JsonValue): HeaderPair[] {
  const text = Array.isArray(value) ? valuesIn(value).join(',') : textOfClaim(value);
  return /^[\t\x20-\x7e\u0080-\u00ff]{0,8192}$/.test(text) ? [[name, text]] : [];
}

function refused(
  rules: JwtRules,
  fault: 'missing' | 'invalid' | 'expired' | 'forbidden',
  description: string,
  error = 'invalid_token',
): ImmediateResponse {
  const scheme = rules.scheme === '' ? 'Bearer' : rules.scheme;
  return refusalOf({
    status: rules.failureStatus,
    challenge: error === '' ? scheme : `${scheme} error="${error}"`,
    contentType: rules.failureFormat === 'json' ? 'application/json' : 'text/plain',
    body: bodyOf(rules),
    fault,
    description,
  });
}

function bodyOf({ failureFormat, failureMessage }: JwtRules): string {
  if (failureFormat === 'minimal') return 'Unauthorized';
  return failureFormat === 'plain'
    ? failureMessage
    : JSON.stringify({ error: 'Unauthorized', message: failureMessage });
}
