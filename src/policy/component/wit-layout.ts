/** The records of wasm/wit/policy.wit as the canonical ABI lays them out; a test holds them against jco's reading of the world. */

import {
  bytes,
  byteText,
  enumeration,
  list,
  option,
  pair,
  record,
  text,
  u8Bool,
  u16,
  u32,
  u64,
  variant,
  type WitType,
} from './canonical-types.ts';
import {
  WIT_BODY_MODES,
  WIT_ERROR_CODES,
  WIT_HEADER_MODES,
  type WitApiInfo,
  type WitAuthLayer,
  type WitBody,
  type WitChunk,
  type WitChunkChange,
  type WitExchange,
  type WitFault,
  type WitHeaderChanges,
  type WitImmediate,
  type WitModes,
  type WitObservations,
  type WitPolicyError,
  type WitPolicyInfo,
  type WitRequestAction,
  type WitRequestChanges,
  type WitRequestHead,
  type WitRequestInput,
  type WitResponseAction,
  type WitResponseChanges,
  type WitResponseChunkAction,
  type WitResponseHead,
  type WitResponseInput,
  type WitResult,
  type WitTarget,
} from './wit-values.ts';

const headerMode = enumeration(...WIT_HEADER_MODES);
const bodyMode = enumeration(...WIT_BODY_MODES);
const textPairs = list(pair(text, text));
/** Given to guests; see {@link gainedPairs}. */
const pairs = list(pair(text, byteText));
/** Taken from guests. */
const gainedPairs = list(pair(text, bytes));

const scope = enumeration('per-route', 'shared-by-params', 'singleton', 'per-request');

const modes = record<WitModes>({
  requestHeaders: headerMode,
  requestBody: bodyMode,
  responseHeaders: headerMode,
  responseBody: bodyMode,
});

const policyInfo = record<WitPolicyInfo>({
  name: text,
  version: text,
  route: text,
  attachedTo: text,
  tenant: text,
  apiId: text,
  apiName: text,
  apiVersion: text,
});

const apiInfo = record<WitApiInfo>({
  projectId: text,
  id: text,
  name: text,
  version: text,
  kind: text,
  context: text,
  operationPath: text,
});

const authLayer = record<WitAuthLayer>({
  authenticated: u8Bool,
  authorized: u8Bool,
  authType: text,
  subject: text,
  issuer: text,
  audience: list(text),
  scopes: list(text),
  credentialId: text,
  tokenId: text,
  properties: textPairs,
  typedPropertiesJson: text,
});

const exchange = record<WitExchange>({
  requestId: text,
  route: text,
  tenant: text,
  clientIp: text,
  api: apiInfo,
  auth: list(authLayer),
  deadlineEpochMs: u64,
  traceparent: option(text),
  streamId: u32,
});

const body = record<WitBody>({ content: option(bytes), endOfStream: u8Bool, present: u8Bool, truncated: u8Bool });

const chunk = record<WitChunk>({ data: bytes, endOfStream: u8Bool, index: u64 });

const requestHead = record<WitRequestHead>({
  headers: pairs,
  path: text,
  method: text,
  authority: text,
  scheme: text,
  vhost: text,
});

const responseHead = record<WitResponseHead>({ headers: pairs, status: u16 });

const target = record<WitTarget>({ name: text, url: text, basePath: text });

const requestInput = record<WitRequestInput>({
  exchange,
  head: requestHead,
  body: option(body),
  downstream: option(requestHead),
  upstream: option(target),
});

const responseInput = record<WitResponseInput>({
  exchange,
  request: requestHead,
  requestBody: option(body),
  head: responseHead,
  body: option(body),
  downstream: option(requestHead),
  upstream: option(target),
  upstreamResponse: option(responseHead),
});

const headerChanges = record<WitHeaderChanges>({ set: gainedPairs, append: gainedPairs, remove: list(text) });

const observations = record<WitObservations>({
  analyticsJson: option(text),
  dynamicMetadataJson: option(text),
  analyticsHeaders: option(pair(enumeration('allow', 'deny'), list(text))),
  metadataPatchJson: option(text),
});

const requestChanges = record<WitRequestChanges>({
  headers: headerChanges,
  overlay: headerChanges,
  path: option(text),
  host: option(text),
  method: option(text),
  upstreamName: option(text),
  upstreamSlot: option(enumeration('main', 'sandbox')),
  queryAdd: textPairs,
  querySet: textPairs,
  queryRemove: list(text),
  body: option(bytes),
  auth: option(authLayer),
  observe: observations,
});

const responseChanges = record<WitResponseChanges>({
  headers: headerChanges,
  overlay: headerChanges,
  status: option(u16),
  body: option(bytes),
  observe: observations,
});

const fault = record<WitFault>({ code: u32, kind: text, message: text, description: text });

const immediate = record<WitImmediate>({
  status: u16,
  headers: gainedPairs,
  body: option(bytes),
  fault: option(fault),
  observe: observations,
});

const chunkChange = record<WitChunkChange>({ data: option(bytes), observe: observations });

const policyError = record<WitPolicyError>({ code: enumeration(...WIT_ERROR_CODES), message: text });

function result<T>(ok: WitType<T>): WitType<WitResult<T>> {
  return variant<WitResult<T>>({ ok, err: policyError } as Parameters<typeof variant<WitResult<T>>>[0]);
}

export const planResult = pair(scope, text);
export const initResult = result(pair(u32, modes));
export const requestResult = result(option(variant<WitRequestAction>({ changes: requestChanges, respond: immediate })));
export const responseResult = result(
  option(variant<WitResponseAction>({ changes: responseChanges, respond: immediate })),
);
export const chunkResult = result(option(chunkChange));
export const responseChunkResult = result(
  option(variant<WitResponseChunkAction>({ forward: chunkChange, terminate: chunkChange })),
);
export const stateResult = option(bytes);

/** Parameters that are too many to be passed one by one lie in memory, as a record. */
export const initParams = record<{ readonly info: WitPolicyInfo; readonly paramsJson: string }>({
  info: policyInfo,
  paramsJson: text,
});
export const requestParams = record<{ readonly handle: number; readonly input: WitRequestInput }>({
  handle: u32,
  input: requestInput,
});
export const responseParams = record<{ readonly handle: number; readonly input: WitResponseInput }>({
  handle: u32,
  input: responseInput,
});
export const requestChunkParams = record<{
  readonly handle: number;
  readonly input: WitRequestInput;
  readonly part: WitChunk;
}>({ handle: u32, input: requestInput, part: chunk });
export const responseChunkParams = record<{
  readonly handle: number;
  readonly input: WitResponseInput;
  readonly part: WitChunk;
}>({ handle: u32, input: responseInput, part: chunk });
