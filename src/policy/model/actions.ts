/** What a policy may answer: actions, each applied whole or not at all (spec/policies.md §1.8). */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import type { HeaderChanges, HeaderPair } from './headers.ts';

/** One layer of authentication; the newest is written by the policy that ran last. */
export interface AuthLayer {
  readonly authenticated: boolean;
  readonly authorized: boolean;
  /** `jwt`, `basic`, `apikey`, `mcp/oauth`, `mcp/oauth+authz`, or another word. */
  readonly authType: string;
  readonly subject?: string;
  readonly issuer?: string;
  readonly audience?: readonly string[];
  readonly scopes?: readonly string[];
  readonly credentialId?: string;
  readonly tokenId?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Integers beyond 2^53 travel as texts. */
  readonly typedProperties?: Readonly<JsonObject>;
}

/** Why an immediate response is a fault; it then passes the `onFault` positions. */
export interface FaultRecord {
  readonly code: number;
  readonly type: string;
  readonly message: string;
  readonly description: string;
}

/** Names of headers, in any case, that analytics may show (`allow`), or must not (`deny`). */
export interface HeaderFilter {
  readonly mode: 'allow' | 'deny';
  readonly names: readonly string[];
}

/** What a policy tells analytics and the access log. */
export interface Observations {
  readonly analyticsMetadata?: Readonly<JsonObject>;
  /** By namespace. */
  readonly dynamicMetadata?: Readonly<Record<string, Readonly<JsonObject>>>;
  /** Of the direction the hook belongs to; the last one that names any header holds. */
  readonly analyticsHeaderFilter?: HeaderFilter;
}

/** What any answer may carry beside the message, "nothing changes" included. */
export interface Effects {
  /** A JSON merge patch over the exchange's metadata; `null` deletes a key. */
  readonly metadataPatch?: Readonly<Record<string, JsonValue>>;
  readonly observations?: Observations;
}

/** Changes of the request, in the header and body phases. A body is for the body phase alone. */
export interface RequestChanges extends Effects {
  readonly kind: 'request-changes';
  readonly headers?: HeaderChanges;
  /** Shown to later policies through `effectiveHeaders()`, never on the wire. */
  readonly overlay?: HeaderChanges;
  /** With `?` it replaces path and query, without it the path alone. */
  readonly path?: string;
  readonly host?: string;
  readonly method?: string;
  readonly queryRemove?: readonly string[];
  readonly querySet?: readonly HeaderPair[];
  readonly queryAdd?: readonly HeaderPair[];
  readonly upstreamName?: string;
  readonly upstreamSlot?: 'main' | 'sandbox';
  readonly auth?: AuthLayer;
  /** Absent keeps, empty clears, bytes replace. */
  readonly body?: Uint8Array;
}

/** Changes of the response, in the header and body phases. A body is for the body phase alone. */
export interface ResponseChanges extends Effects {
  readonly kind: 'response-changes';
  readonly headers?: HeaderChanges;
  readonly overlay?: HeaderChanges;
  /** 200 to 599. */
  readonly status?: number;
  readonly auth?: AuthLayer;
  readonly body?: Uint8Array;
}

/** Answers the client now; no later policy of the phase runs. */
export interface ImmediateResponse extends Effects {
  readonly kind: 'immediate';
  readonly status: number;
  readonly headers?: readonly HeaderPair[];
  readonly body?: Uint8Array;
  readonly fault?: FaultRecord;
}

/** What becomes of one chunk. Absent keeps it, empty drops its payload. */
export interface ForwardChunk extends Effects {
  readonly kind: 'forward';
  readonly body?: Uint8Array;
}

/** Delivers this chunk, then ends the response stream without an error. */
export interface TerminateChunk extends Effects {
  readonly kind: 'terminate';
  readonly body?: Uint8Array;
}

/** Any answer but "nothing changes". */
export type Action = RequestChanges | ResponseChanges | ImmediateResponse | ForwardChunk | TerminateChunk;
