/** What a component is told, as the records of the world: only what the manifest declares, blanks for the rest. */

import type { DeclaredInputs } from '../frame/declared-inputs.ts';
import type { AuthLayer } from '../model/actions.ts';
import type { HeaderMap } from '../model/headers.ts';
import type { ApiInfo, HookInput, PolicyInfo, RequestSnapshot } from '../model/inputs.ts';
import { Phase } from '../model/phases.ts';
import type { Body } from '../model/views.ts';
import type {
  WitApiInfo,
  WitAuthLayer,
  WitBody,
  WitBytes,
  WitChunk,
  WitExchange,
  WitPair,
  WitPolicyInfo,
  WitRequestHead,
  WitRequestInput,
  WitResponseInput,
} from './wit-values.ts';

const NO_API: WitApiInfo = Object.freeze({
  projectId: '',
  id: '',
  name: '',
  version: '',
  kind: '',
  context: '',
  operationPath: '',
});
const NO_LAYERS: readonly WitAuthLayer[] = Object.freeze([]);
const NO_HEADERS: readonly WitPair<WitBytes>[] = Object.freeze([]);

export class ComponentInputs {
  readonly #inputs: DeclaredInputs;
  readonly #headers: 'all' | readonly string[];
  readonly #requestBody: boolean;
  readonly #responseBody: boolean;
  readonly #bytesOf: (latin1: string) => WitBytes;

  /** `bytesOf` says how header values are handed over. */
  constructor(inputs: DeclaredInputs, bytesOf: (latin1: string) => WitBytes) {
    const { headers = [], body = false } = inputs;
    this.#inputs = inputs;
    this.#headers = headers === 'all' ? headers : headers.map((name) => name.toLowerCase());
    this.#requestBody = body === true || body === 'request';
    this.#responseBody = body === true || body === 'response';
    this.#bytesOf = bytesOf;
  }

  request(phase: Phase, input: HookInput): WitRequestInput {
    const { request, downstream, upstream } = input;
    return {
      exchange: this.#exchange(input),
      head: this.#head(request, this.#headers, input.vhost ?? ''),
      body: this.#requestBody && phase === Phase.requestBody ? bodyOf(request.body) : undefined,
      downstream: this.#downstream(downstream),
      upstream: this.#inputs.upstream === true ? upstream : undefined,
    };
  }

  /** INVARIANT: in response phases there is a response. */
  response(phase: Phase, input: HookInput): WitResponseInput {
    const { request, response, downstream, upstream, upstreamResponse } = input;
    const seesBodies = phase === Phase.responseHeaders || phase === Phase.responseBody;
    const seesUpstream = this.#inputs.upstream === true;
    return {
      exchange: this.#exchange(input),
      request: this.#head(request, this.#headers, input.vhost ?? ''),
      requestBody: this.#requestBody && seesBodies ? bodyOf(request.body) : undefined,
      head: {
        headers: response === undefined ? NO_HEADERS : this.#pairs(response.headers, this.#headers),
        status: response?.status ?? 0,
      },
      body:
        this.#responseBody && phase === Phase.responseBody && response !== undefined
          ? bodyOf(response.body)
          : undefined,
      downstream: this.#downstream(downstream),
      upstream: seesUpstream ? upstream : undefined,
      upstreamResponse:
        seesUpstream && upstreamResponse !== undefined
          ? { headers: this.#pairs(upstreamResponse.headers, 'all'), status: upstreamResponse.status }
          : undefined,
    };
  }

  #exchange({ exchange, gathered, chunk }: HookInput): WitExchange {
    return {
      requestId: exchange.requestId,
      route: exchange.routeName,
      tenant: exchange.tenant,
      clientIp: exchange.clientIp ?? '',
      api: this.#inputs.api === true ? apiOf(exchange.api) : NO_API,
      auth: this.#inputs.auth === true ? gathered.auth.map(layerOf) : NO_LAYERS,
      deadlineEpochMs: BigInt(Math.max(0, Math.trunc(exchange.deadline))),
      traceparent: exchange.traceparent,
      streamId: chunk?.streamId ?? 0,
    };
  }

  /** Whoever declares the snapshot gets its headers whole: its use is to see what others took away. */
  #downstream(snapshot: RequestSnapshot | undefined): WitRequestHead | undefined {
    return this.#inputs.downstream === true && snapshot !== undefined ? this.#head(snapshot, 'all', '') : undefined;
  }

  #head(request: RequestSnapshot, names: 'all' | readonly string[], vhost: string): WitRequestHead {
    return {
      headers: this.#pairs(request.headers, names),
      path: request.path,
      method: request.method,
      authority: request.authority,
      scheme: request.scheme,
      vhost,
    };
  }

  #pairs(map: HeaderMap, names: 'all' | readonly string[]): readonly WitPair<WitBytes>[] {
    if (names.length === 0) return NO_HEADERS;
    const pairs: WitPair<WitBytes>[] = [];
    const add = (name: string, values: readonly string[]): void => {
      for (const value of values) pairs.push([name, this.#bytesOf(value)]);
    };
    if (names === 'all') for (const [name, values] of map.entries()) add(name, values);
    else for (const name of names) add(name, map.get(name));
    return pairs;
  }
}

export function infoOf({ name, version, routeName, attachedTo, tenant, api }: PolicyInfo): WitPolicyInfo {
  return {
    name,
    version,
    route: routeName,
    attachedTo,
    tenant,
    apiId: api.id,
    apiName: api.name,
    apiVersion: api.version,
  };
}

/** INVARIANT: in chunk phases there is a chunk. */
export function chunkOf({ chunk }: HookInput): WitChunk {
  if (chunk === undefined) return { data: new Uint8Array(0), endOfStream: false, index: 0n };
  return { data: chunk.data, endOfStream: chunk.endOfStream, index: BigInt(chunk.index) };
}

function bodyOf({ content, present, endOfStream, truncated }: Body): WitBody {
  return { content: present ? content : undefined, endOfStream, present, truncated };
}

function apiOf({ projectId, id, name, version, kind, context, operationPath }: ApiInfo): WitApiInfo {
  return { projectId, id, name, version, kind, context, operationPath };
}

function layerOf(layer: AuthLayer): WitAuthLayer {
  return {
    authenticated: layer.authenticated,
    authorized: layer.authorized,
    authType: layer.authType,
    subject: layer.subject ?? '',
    issuer: layer.issuer ?? '',
    audience: layer.audience ?? [],
    scopes: layer.scopes ?? [],
    credentialId: layer.credentialId ?? '',
    tokenId: layer.tokenId ?? '',
    properties: Object.entries(layer.properties ?? {}),
    typedPropertiesJson: layer.typedProperties === undefined ? '' : JSON.stringify(layer.typedProperties),
  };
}
