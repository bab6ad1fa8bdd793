/** Checks tokens with jose: the algorithm against a list, the signature against the manager's keys, issuer and times. */

import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import type { JsonObject } from '../../internal/json.ts';
import { type Clock, systemClock } from '../../options/clock.ts';
import type { TokenVerifier, Verified } from '../../policy/catalogue/jwt-auth.ts';
import type { JwtRules, KeyManager } from '../../policy/catalogue/jwt-rules.ts';
import type { JwksCache } from './jwks-cache.ts';

/** Of keys with one id, or none: more than a manager has in use while it changes them. */
const MAX_CANDIDATES = 8;

export class JoseVerifier implements TokenVerifier {
  readonly #cache: JwksCache;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sets = new WeakMap<object, ReturnType<typeof createLocalJWKSet>>();

  constructor(cache: JwksCache, clock: Pick<Clock, 'now'> = systemClock) {
    this.#cache = cache;
    this.#clock = clock;
  }

  async verify(token: string, rules: JwtRules, tenant: string): Promise<Verified> {
    let issuer: string | undefined;
    try {
      const { alg, crit } = decodeProtectedHeader(token);
      if (alg === undefined || !rules.algorithms.includes(alg)) return refused('the algorithm is not allowed');
      if (crit !== undefined) return refused('the token has critical headers');
      issuer = decodeJwt(token).iss;
    } catch {
      return refused('this is no token');
    }
    const managers = managersFor(rules, issuer);
    if (managers.length === 0) return refused('the issuer is not known');
    let last: Verified = refused('no key fits');
    for (const manager of managers) {
      last = await this.#verifyWith(token, manager, rules, tenant);
      if (!('refused' in last && last.reason === NO_KEY)) return last;
    }
    return last;
  }

  /** A key that is not there may have been added since the set was fetched. */
  async #verifyWith(token: string, manager: KeyManager, rules: JwtRules, tenant: string): Promise<Verified> {
    const { keys } = manager;
    if ('jwks' in keys) return this.#check(token, keys.jwks as unknown as JSONWebKeySet, manager, rules);
    try {
      const known = await this.#cache.get(keys.uri, tenant, rules);
      const first = await this.#check(token, known as JSONWebKeySet, manager, rules);
      if (!('refused' in first && first.reason === NO_KEY)) return first;
      const newer = await this.#cache.get(keys.uri, tenant, rules, true);
      return newer === known ? first : await this.#check(token, newer as JSONWebKeySet, manager, rules);
    } catch (caught) {
      return { unavailable: `${manager.name}: ${caught instanceof Error ? caught.message : String(caught)}` };
    }
  }

  async #check(token: string, jwks: JSONWebKeySet, { issuer }: KeyManager, rules: JwtRules): Promise<Verified> {
    const options = {
      algorithms: [...rules.algorithms],
      clockTolerance: rules.leewayMs / 1_000,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp'],
      ...(issuer !== undefined && rules.validatesIssuer ? { issuer } : {}),
    };
    try {
      const { payload } = await jwtVerify(token, this.#set(jwks), options);
      return { claims: payload as JsonObject };
    } catch (caught) {
      if (!(caught instanceof errors.JWKSMultipleMatchingKeys)) return refusalFor(caught);
      let tried = 0;
      for await (const key of caught) {
        if (++tried > MAX_CANDIDATES) break;
        try {
          return { claims: (await jwtVerify(token, key, options)).payload as JsonObject };
        } catch (inner) {
          if (!(inner instanceof errors.JWSSignatureVerificationFailed)) return refusalFor(inner);
        }
      }
      return refused('the signature is wrong');
    }
  }

  /** Imported keys live as long as the set they are of. */
  #set(jwks: JSONWebKeySet): ReturnType<typeof createLocalJWKSet> {
    const known = this.#sets.get(jwks);
    if (known !== undefined) return known;
    const set = createLocalJWKSet(jwks);
    this.#sets.set(jwks, set);
    return set;
  }
}

const NO_KEY = 'no key fits';

function refused(reason: string): Verified {
  return { refused: 'invalid', reason };
}

function refusalFor(caught: unknown): Verified {
  if (caught instanceof errors.JWKSNoMatchingKey) return refused(NO_KEY);
  if (caught instanceof errors.JWTExpired) return { refused: 'expired', reason: 'the token has expired' };
  if (caught instanceof errors.JWTClaimValidationFailed) return refused(`the claim ${caught.claim} is wrong`);
  if (caught instanceof errors.JWSSignatureVerificationFailed) return refused('the signature is wrong');
  return refused('the token cannot be checked');
}

/** Those of the token's issuer, and those that are for any. */
function managersFor({ managers, validatesIssuer }: JwtRules, issuer: string | undefined): readonly KeyManager[] {
  if (!validatesIssuer) return managers;
  return managers.filter((manager) => manager.issuer === undefined || manager.issuer === issuer);
}
