/** What a condition sees of an exchange: names and types of every root, and how each is made (spec/policies.md §3.5). */

import type { CelInput } from '@bufbuild/cel';
import type { JsonObject } from '../../internal/json.ts';
import type { AuthLayer } from '../model/actions.ts';
import { HeaderMap } from '../model/headers.ts';
import type { HookInput } from '../model/inputs.ts';
import { conditionName, type Phase } from '../model/phases.ts';
import { type Body, NO_BODY } from '../model/views.ts';
import { BOOL, BYTES, DYN, INT, listOf, mapOf, recordOf, STRING, type StaticType } from './static-type.ts';
import { celMapOf, LazyMap } from './values.ts';

const HEADERS = mapOf(STRING, listOf(STRING));
const METADATA = mapOf(STRING, DYN);
const BODY = recordOf('Body', { Content: BYTES, EndOfStream: BOOL, Present: BOOL });

const REQUEST = recordOf('request', {
  Headers: HEADERS,
  Body: BODY,
  Path: STRING,
  Method: STRING,
  RequestID: STRING,
  Metadata: METADATA,
});

const RESPONSE = recordOf('response', {
  RequestHeaders: HEADERS,
  RequestBody: BODY,
  RequestPath: STRING,
  RequestMethod: STRING,
  ResponseHeaders: HEADERS,
  ResponseBody: BODY,
  ResponseStatus: INT,
  RequestID: STRING,
  Metadata: METADATA,
});

const AUTH = recordOf('auth', {
  authenticated: BOOL,
  authorized: BOOL,
  authType: STRING,
  subject: STRING,
  issuer: STRING,
  audience: listOf(STRING),
  scopes: listOf(STRING),
  credentialId: STRING,
  tokenId: STRING,
  properties: mapOf(STRING, STRING),
  typedProperties: mapOf(STRING, DYN),
});

const API = recordOf('api', {
  projectId: STRING,
  id: STRING,
  name: STRING,
  version: STRING,
  kind: STRING,
  context: STRING,
  operationPath: STRING,
});

export const EXCHANGE_ROOTS: ReadonlyMap<string, StaticType> = new Map([
  ['processing', recordOf('processing', { phase: STRING })],
  ['request', REQUEST],
  ['response', RESPONSE],
  ['auth', AUTH],
  ['api', API],
  ['route', recordOf('route', { name: STRING, operation: STRING })],
  ['tenant', recordOf('tenant', { id: STRING })],
  ['client', recordOf('client', { ip: STRING })],
]);

/**
 * The roots of one evaluation. Getters, so that an expression pays for the roots it names. Before the response its fields
 * have zero values, and so has `auth` before an auth policy ran: one expression serves every phase.
 */
export class ExchangeRoots {
  readonly #phase: Phase;
  readonly #input: HookInput;

  constructor(phase: Phase, input: HookInput) {
    this.#phase = phase;
    this.#input = input;
  }

  get processing(): CelInput {
    return new Map([['phase', conditionName(this.#phase)]]);
  }

  get request(): CelInput {
    const { request, exchange, gathered } = this.#input;
    return new LazyMap({
      Headers: () => headersOf(request.headers),
      Body: () => bodyOf(request.body),
      Path: () => request.path,
      Method: () => request.method,
      RequestID: () => exchange.requestId,
      Metadata: () => celMapOf(gathered.metadata as JsonObject),
    });
  }

  get response(): CelInput {
    const { request, response, exchange, gathered } = this.#input;
    return new LazyMap({
      RequestHeaders: () => headersOf(request.headers),
      RequestBody: () => bodyOf(request.body),
      RequestPath: () => request.path,
      RequestMethod: () => request.method,
      ResponseHeaders: () => headersOf(response?.headers ?? HeaderMap.empty),
      ResponseBody: () => bodyOf(response?.body ?? NOT_YET),
      ResponseStatus: () => BigInt(response?.status ?? 0),
      RequestID: () => exchange.requestId,
      Metadata: () => celMapOf(gathered.metadata as JsonObject),
    });
  }

  get auth(): CelInput {
    const layer: Partial<AuthLayer> = this.#input.gathered.auth[0] ?? {};
    return new LazyMap({
      authenticated: () => layer.authenticated ?? false,
      authorized: () => layer.authorized ?? false,
      authType: () => layer.authType ?? '',
      subject: () => layer.subject ?? '',
      issuer: () => layer.issuer ?? '',
      audience: () => layer.audience ?? [],
      scopes: () => layer.scopes ?? [],
      credentialId: () => layer.credentialId ?? '',
      tokenId: () => layer.tokenId ?? '',
      properties: () => new Map(Object.entries(layer.properties ?? {})),
      typedProperties: () => celMapOf((layer.typedProperties ?? {}) as JsonObject),
    });
  }

  get api(): CelInput {
    return new Map<string, CelInput>(Object.entries(this.#input.exchange.api));
  }

  get route(): CelInput {
    const { routeName, resolvedOperation = '' } = this.#input.exchange;
    return new Map([
      ['name', routeName],
      ['operation', resolvedOperation],
    ]);
  }

  get tenant(): CelInput {
    return new Map([['id', this.#input.exchange.tenant]]);
  }

  get client(): CelInput {
    return new Map([['ip', this.#input.exchange.clientIp ?? '']]);
  }
}

const NOT_YET: Body = Object.freeze({ ...NO_BODY, endOfStream: false });

function bodyOf(body: Body): CelInput {
  return new Map<string, CelInput>([
    ['Content', body.content],
    ['EndOfStream', body.endOfStream],
    ['Present', body.present],
  ]);
}

/** INVARIANT: a header map never changes, so its form for expressions is made once. */
const headerForms = new WeakMap<HeaderMap, Map<string, readonly string[]>>();

function headersOf(headers: HeaderMap): CelInput {
  let form = headerForms.get(headers);
  if (form === undefined) {
    form = new Map(headers.entries());
    headerForms.set(headers, form);
  }
  return form as Map<string, CelInput>;
}
