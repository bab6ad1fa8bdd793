/** What a component answered, from the records of the world to an action. What has no effect is left out, as in a frame. */

import { isJsonObject, type JsonObject } from '../../internal/json.ts';
import { isTooDeep } from '../frame/field-reader.ts';
import type { OutputLimits } from '../frame/output-decoder.ts';
import type { Action, AuthLayer, Effects, ImmediateResponse, Observations } from '../model/actions.ts';
import type { HeaderChanges, HeaderPair } from '../model/headers.ts';
import { LiftFault } from './guest-port.ts';
import type {
  WitAuthLayer,
  WitChunkChange,
  WitHeaderChanges,
  WitImmediate,
  WitObservations,
  WitPair,
  WitRequestAction,
  WitRequestChanges,
  WitResponseAction,
  WitResponseChanges,
  WitResponseChunkAction,
} from './wit-values.ts';

/** An answer of a request hook. */
export function requestAction({ tag, val }: WitRequestAction): Action {
  return tag === 'respond' ? immediateOf(val) : requestChangesOf(val);
}

/** An answer of a response hook. */
export function responseAction({ tag, val }: WitResponseAction): Action {
  return tag === 'respond' ? immediateOf(val) : responseChangesOf(val);
}

export function chunkAction(change: WitChunkChange, kind: WitResponseChunkAction['tag'] = 'forward'): Action {
  return { kind, ...bodyOf(change.data), ...effectsOf(change.observe) };
}

/** Throws {@link LiftFault} where an answer is larger than an answer may be. */
export function checkSize(action: Action, limits: OutputLimits): void {
  const body = 'body' in action ? (action.body?.length ?? 0) : 0;
  if (body > limits.bodyBytes) {
    throw new LiftFault(`the body has ${body} bytes, more than ${limits.bodyBytes}`, 'OUTPUT_TOO_LARGE');
  }
}

function requestChangesOf(changes: WitRequestChanges): Action {
  const { path, host, method, upstreamName, upstreamSlot, queryAdd, querySet, queryRemove, auth } = changes;
  return {
    kind: 'request-changes',
    ...headersOf('headers', changes.headers),
    ...headersOf('overlay', changes.overlay),
    ...given({ path, host, method, upstreamName, upstreamSlot }),
    ...(queryAdd.length === 0 ? {} : { queryAdd }),
    ...(querySet.length === 0 ? {} : { querySet }),
    ...(queryRemove.length === 0 ? {} : { queryRemove }),
    ...(auth === undefined ? {} : { auth: authOf(auth) }),
    ...bodyOf(changes.body),
    ...effectsOf(changes.observe),
  };
}

function responseChangesOf(changes: WitResponseChanges): Action {
  return {
    kind: 'response-changes',
    ...headersOf('headers', changes.headers),
    ...headersOf('overlay', changes.overlay),
    ...given({ status: changes.status }),
    ...bodyOf(changes.body),
    ...effectsOf(changes.observe),
  };
}

function immediateOf({ status, headers, body, fault, observe }: WitImmediate): ImmediateResponse {
  return {
    kind: 'immediate',
    status,
    ...(headers.length === 0 ? {} : { headers: linesOf(headers) }),
    ...bodyOf(body),
    ...(fault === undefined
      ? {}
      : {
          fault: {
            code: fault.code,
            type: fault.kind,
            message: fault.message,
            description: fault.description,
          },
        }),
    ...effectsOf(observe),
  };
}

function headersOf<Name extends 'headers' | 'overlay'>(
  name: Name,
  { set, append, remove }: WitHeaderChanges,
): Partial<Record<Name, HeaderChanges>> {
  if (set.length + append.length + remove.length === 0) return {};
  const changes = {
    ...(set.length === 0 ? {} : { set: linesOf(set) }),
    ...(append.length === 0 ? {} : { append: linesOf(append) }),
    ...(remove.length === 0 ? {} : { remove: remove.map((header) => header.toLowerCase()) }),
  };
  return { [name]: changes } as unknown as Partial<Record<Name, HeaderChanges>>;
}

function linesOf(pairs: readonly WitPair<Uint8Array>[]): HeaderPair[] {
  return pairs.map(([name, value]) => [name.toLowerCase(), latin1(value)]);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Bytes of their own: jco's glue gives what it likes. */
function bodyOf(body: Uint8Array | undefined): { readonly body?: Uint8Array } {
  return body === undefined ? {} : { body };
}

function effectsOf(observe: WitObservations): Effects {
  const { analyticsJson, dynamicMetadataJson, analyticsHeaders, metadataPatchJson } = observe;
  if (
    analyticsJson === undefined &&
    dynamicMetadataJson === undefined &&
    analyticsHeaders === undefined &&
    metadataPatchJson === undefined
  ) {
    return {};
  }
  const observations: Observations = {
    ...(analyticsJson === undefined ? {} : { analyticsMetadata: objectOf(analyticsJson) }),
    ...(dynamicMetadataJson === undefined ? {} : { dynamicMetadata: namespacesOf(dynamicMetadataJson) }),
    ...(analyticsHeaders === undefined
      ? {}
      : { analyticsHeaderFilter: { mode: analyticsHeaders[0], names: analyticsHeaders[1] } }),
  };
  return {
    ...(metadataPatchJson === undefined ? {} : { metadataPatch: objectOf(metadataPatchJson) }),
    ...(Object.keys(observations).length === 0 ? {} : { observations }),
  };
}

/** Empty texts and lists say nothing. */
function authOf(layer: WitAuthLayer): AuthLayer {
  const { subject, issuer, audience, scopes, credentialId, tokenId, properties, typedPropertiesJson } = layer;
  return {
    authenticated: layer.authenticated,
    authorized: layer.authorized,
    authType: layer.authType,
    ...(subject === '' ? {} : { subject }),
    ...(issuer === '' ? {} : { issuer }),
    ...(audience.length === 0 ? {} : { audience }),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(credentialId === '' ? {} : { credentialId }),
    ...(tokenId === '' ? {} : { tokenId }),
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(typedPropertiesJson === '' ? {} : { typedProperties: objectOf(typedPropertiesJson) }),
  };
}

function namespacesOf(json: string): NonNullable<Observations['dynamicMetadata']> {
  const namespaces = objectOf(json);
  if (!Object.values(namespaces).every(isJsonObject)) {
    throw new LiftFault('dynamic metadata is an object of objects, one a namespace');
  }
  return namespaces as Record<string, JsonObject>;
}

function objectOf(json: string): JsonObject {
  if (isTooDeep(json)) throw new LiftFault('a JSON text is nested too deep');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new LiftFault('a JSON text does not parse');
  }
  if (!isJsonObject(value)) throw new LiftFault('a JSON text is no object');
  return value;
}

type Present<T> = { readonly [Member in keyof T]?: Exclude<T[Member], undefined> };

function given<T extends object>(members: T): Present<T> {
  const present: Partial<T> = {};
  for (const name of Object.keys(members) as (keyof T)[]) {
    if (members[name] !== undefined) present[name] = members[name];
  }
  return present as Present<T>;
}
