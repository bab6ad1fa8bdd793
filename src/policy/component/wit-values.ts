/**
 * The records of wasm/wit/policy.wit as values: camel case, `undefined` for `none`, words for enumerations, `{tag, val}` for
 * variants. That is how jco's modules take and give them; the direct binding does the same.
 */

/** Bytes, or a byte string with one character a byte, which a direct binding writes without a copy between. */
export type WitBytes = Uint8Array | string;

export type WitPair<V> = readonly [name: string, value: V];

export interface WitPolicyInfo {
  readonly name: string;
  readonly version: string;
  readonly route: string;
  readonly attachedTo: string;
  readonly tenant: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly apiVersion: string;
}

export interface WitApiInfo {
  readonly projectId: string;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly kind: string;
  readonly context: string;
  readonly operationPath: string;
}

export interface WitAuthLayer {
  readonly authenticated: boolean;
  readonly authorized: boolean;
  readonly authType: string;
  readonly subject: string;
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  readonly credentialId: string;
  readonly tokenId: string;
  readonly properties: readonly WitPair<string>[];
  readonly typedPropertiesJson: string;
}

export interface WitExchange {
  readonly requestId: string;
  readonly route: string;
  readonly tenant: string;
  readonly clientIp: string;
  readonly api: WitApiInfo;
  readonly auth: readonly WitAuthLayer[];
  readonly deadlineEpochMs: bigint;
  readonly traceparent: string | undefined;
  readonly streamId: number;
}

export interface WitBody {
  readonly content: Uint8Array | undefined;
  readonly endOfStream: boolean;
  readonly present: boolean;
  readonly truncated: boolean;
}

export interface WitChunk {
  readonly data: Uint8Array;
  readonly endOfStream: boolean;
  readonly index: bigint;
}

export interface WitRequestHead {
  readonly headers: readonly WitPair<WitBytes>[];
  readonly path: string;
  readonly method: string;
  readonly authority: string;
  readonly scheme: string;
  readonly vhost: string;
}

export interface WitResponseHead {
  readonly headers: readonly WitPair<WitBytes>[];
  readonly status: number;
}

export interface WitTarget {
  readonly name: string;
  readonly url: string;
  readonly basePath: string;
}

export interface WitRequestInput {
  readonly exchange: WitExchange;
  readonly head: WitRequestHead;
  readonly body: WitBody | undefined;
  readonly downstream: WitRequestHead | undefined;
  readonly upstream: WitTarget | undefined;
}

export interface WitResponseInput {
  readonly exchange: WitExchange;
  readonly request: WitRequestHead;
  readonly requestBody: WitBody | undefined;
  readonly head: WitResponseHead;
  readonly body: WitBody | undefined;
  readonly downstream: WitRequestHead | undefined;
  readonly upstream: WitTarget | undefined;
  readonly upstreamResponse: WitResponseHead | undefined;
}

export interface WitHeaderChanges {
  readonly set: readonly WitPair<Uint8Array>[];
  readonly append: readonly WitPair<Uint8Array>[];
  readonly remove: readonly string[];
}

export interface WitObservations {
  readonly analyticsJson?: string | undefined;
  readonly dynamicMetadataJson?: string | undefined;
  readonly analyticsHeaders?: readonly ['allow' | 'deny', readonly string[]] | undefined;
  readonly metadataPatchJson?: string | undefined;
}

export interface WitRequestChanges {
  readonly headers: WitHeaderChanges;
  readonly overlay: WitHeaderChanges;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly method?: string | undefined;
  readonly upstreamName?: string | undefined;
  readonly upstreamSlot?: 'main' | 'sandbox' | undefined;
  readonly queryAdd: readonly WitPair<string>[];
  readonly querySet: readonly WitPair<string>[];
  readonly queryRemove: readonly string[];
  readonly body?: Uint8Array | undefined;
  readonly auth?: WitAuthLayer | undefined;
  readonly observe: WitObservations;
}

export interface WitResponseChanges {
  readonly headers: WitHeaderChanges;
  readonly overlay: WitHeaderChanges;
  readonly status?: number | undefined;
  readonly body?: Uint8Array | undefined;
  readonly observe: WitObservations;
}

export interface WitFault {
  readonly code: number;
  readonly kind: string;
  readonly message: string;
  readonly description: string;
}

export interface WitImmediate {
  readonly status: number;
  readonly headers: readonly WitPair<Uint8Array>[];
  readonly body?: Uint8Array | undefined;
  readonly fault?: WitFault | undefined;
  readonly observe: WitObservations;
}

export interface WitChunkChange {
  readonly data?: Uint8Array | undefined;
  readonly observe: WitObservations;
}

export interface WitCase<Tag extends string, Value> {
  readonly tag: Tag;
  readonly val: Value;
}

export type WitRequestAction = WitCase<'changes', WitRequestChanges> | WitCase<'respond', WitImmediate>;
export type WitResponseAction = WitCase<'changes', WitResponseChanges> | WitCase<'respond', WitImmediate>;
export type WitResponseChunkAction = WitCase<'forward', WitChunkChange> | WitCase<'terminate', WitChunkChange>;

export const WIT_HEADER_MODES = ['skip', 'process'] as const;
export const WIT_BODY_MODES = ['skip', 'buffer', 'streaming'] as const;

export interface WitModes {
  readonly requestHeaders: (typeof WIT_HEADER_MODES)[number];
  readonly requestBody: (typeof WIT_BODY_MODES)[number];
  readonly responseHeaders: (typeof WIT_HEADER_MODES)[number];
  readonly responseBody: (typeof WIT_BODY_MODES)[number];
}

/** In the order of the enumeration in the world. */
export const WIT_ERROR_CODES = [
  'internal',
  'decode',
  'params',
  'unsupported',
  'no-instance',
  'no-memory',
  'host',
  'limit',
  'cancelled',
] as const;

export interface WitPolicyError {
  readonly code: (typeof WIT_ERROR_CODES)[number];
  readonly message: string;
}

/** What a function that may fail gave. */
export type WitResult<T> = WitCase<'ok', T> | WitCase<'err', WitPolicyError>;
