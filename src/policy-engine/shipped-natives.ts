/** The policies of the catalogue as native code. What has packages of its own, tokens and expressions, is loaded apart. */

import type { JsonValue } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import { advancedRatelimit } from '../policy/catalogue/advanced-ratelimit.ts';
import { apiKeyAuth } from '../policy/catalogue/api-key-auth.ts';
import { cors } from '../policy/catalogue/cors.ts';
import { dynamicEndpoint } from '../policy/catalogue/dynamic-endpoint.ts';
import { jwtAuth } from '../policy/catalogue/jwt-auth.ts';
import { removeHeaders } from '../policy/catalogue/remove-headers.ts';
import { requestRewrite } from '../policy/catalogue/request-rewrite.ts';
import { setHeaders } from '../policy/catalogue/set-headers.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import type { PolicyFailure } from '../policy/model/failure.ts';
import type { InstanceInit, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import { type Capabilities, intersectCapabilities, parseCapabilities } from '../policy-host/capabilities.ts';
import { HttpCalls } from '../policy-host/http/http-calls.ts';
import { fetchJwks } from '../policy-host/jwt/fetch-jwks.ts';
import { type FetchJwks, JwksCache } from '../policy-host/jwt/jwks-cache.ts';
import { createHost, type PolicyHost } from '../policy-host/policy-host.ts';
import type { HostPorts } from '../policy-host/ports.ts';

/** What the policies reach the outside by. */
export interface ShippedSurroundings {
  readonly ports: HostPorts;
  readonly allowed: Capabilities;
  readonly clock: Clock;
}

type Make = (host: PolicyHost, params: InstanceInit['params']) => PolicyFactory | Promise<PolicyFactory>;

/** Key sets belong to key managers, so all routes and tenants share one cache of them. */
export class ShippedNatives {
  readonly #surroundings: ShippedSurroundings;
  readonly #makers: Readonly<Record<string, Make>>;
  #http: HttpCalls | undefined;
  #jwtAuth: Promise<PolicyFactory> | undefined;

  constructor(surroundings: ShippedSurroundings) {
    this.#surroundings = surroundings;
    this.#makers = {
      'advanced-ratelimit': async (host, params) => {
        if (!hasExpression(params)) return advancedRatelimit(host);
        const { exchangeExpressions } = await import('../policy/cel/exchange-expressions.ts');
        return advancedRatelimit(host, exchangeExpressions());
      },
      'api-key-auth': apiKeyAuth,
      cors: () => cors,
      'dynamic-endpoint': () => dynamicEndpoint,
      'jwt-auth': () => {
        this.#jwtAuth ??= this.#makeJwtAuth();
        return this.#jwtAuth;
      },
      'remove-headers': () => removeHeaders,
      'request-rewrite': () => requestRewrite,
      'set-headers': () => setHeaders,
    };
  }

  get names(): readonly string[] {
    return Object.keys(this.#makers);
  }

  factory(manifest: PolicyManifest): PolicyFactory {
    const make = this.#makers[manifest.name] as Make;
    return new ShippedNative(manifest, make, this.#surroundings);
  }

  async close(): Promise<void> {
    await this.#http?.close();
  }

  async #makeJwtAuth(): Promise<PolicyFactory> {
    const { JoseVerifier } = await import('../policy-host/jwt/jose-verifier.ts');
    const { clock, allowed } = this.#surroundings;
    const fetch: FetchJwks = (uri, tenant, timeoutMs) =>
      fetchJwks(this.#httpCalls(), allowed.http?.allow ?? [], clock)(uri, tenant, timeoutMs);
    return jwtAuth(new JoseVerifier(new JwksCache(fetch, clock), clock));
  }

  #httpCalls(): HttpCalls {
    const { http } = this.#surroundings.ports;
    if (http !== undefined) return http;
    this.#http ??= new HttpCalls({ clock: this.#surroundings.clock });
    return this.#http;
  }
}

/** A host for each tenant, as modules have it; a policy says itself which of its instances share state. */
class ShippedNative implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #manifest: PolicyManifest;
  readonly #make: Make;
  readonly #granted: Capabilities;
  readonly #ports: HostPorts;

  constructor(manifest: PolicyManifest, make: Make, { allowed, ports }: ShippedSurroundings) {
    this.name = manifest.name;
    this.version = manifest.version;
    this.#manifest = manifest;
    this.#make = make;
    this.#granted = intersectCapabilities(parseCapabilities(manifest.source.capabilities ?? {}).capabilities, allowed);
    this.#ports = ports;
  }

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    const { name: policy, metadata } = this.#manifest;
    const host = createHost(this.#granted, { tenant: init.info.tenant, policy, metadata }, this.#ports);
    return (await this.#make(host, init.params)).create(init);
  }
}

/** Whether a part of parameters says that it is CEL; the engine of expressions is not loaded for others. */
function hasExpression(value: JsonValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value) && /^(?:(?:request|response)_)?cel$/.test(String(value.type))) return true;
  return Object.values(value).some(hasExpression);
}
