/** What a hook is given: facts of the exchange, the messages as they stand, and the part that the phase is about. */

import type { JsonObject } from '../../internal/json.ts';
import type { HeaderMap } from './headers.ts';
import type { Gathered, RequestView, ResponseView } from './views.ts';

/** The API a route belongs to. */
export interface ApiInfo {
  readonly projectId: string;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** RestApi, LlmProvider, LlmProxy, Mcp or WebSubApi. */
  readonly kind: string;
  readonly context: string;
  /** The pattern of the route, not the concrete path. */
  readonly operationPath: string;
}

/** One trial of an instance: a canary, or a shadow for as long as it runs. Hosts keep what hooks of it write by this object. */
export interface Trial {
  /** Requests to outside that were refused; a hook that met one could not show what it would have done. */
  refusals: number;
}

/** Marks hooks that are only tried: nothing of them may have an effect outside the policy. */
export interface DryRun {
  readonly trial: Trial;
  /** The exchange that is under way, where the trial runs beside one: answers of flags are that one's. */
  readonly original?: ExchangeFacts;
}

/** What is known of an exchange before any policy runs; it never changes. */
export interface ExchangeFacts {
  readonly requestId: string;
  readonly routeName: string;
  readonly tenant: string;
  readonly api: ApiInfo;
  /** Epoch milliseconds by which the direction must be done. */
  readonly deadline: number;
  readonly clientIp?: string;
  readonly traceparent?: string;
  /** What the route resolver found out; read-only. */
  readonly resolvedOperation?: string;
  readonly resolutionAttributes?: Readonly<JsonObject>;
  readonly dryRun?: DryRun;
}

/** The client's request as it came, frozen before the first policy; the same object for every policy of the exchange. */
export interface RequestSnapshot {
  readonly headers: HeaderMap;
  readonly path: string;
  readonly method: string;
  readonly authority: string;
  readonly scheme: string;
}

/** Where the request goes. */
export interface UpstreamTarget {
  readonly name: string;
  readonly url: string;
  readonly basePath: string;
}

/** The upstream's answer as it came, frozen before the first response policy. */
export interface ResponseSnapshot {
  readonly headers: HeaderMap;
  readonly status: number;
}

/** One delivery of a streamed body. */
export interface Chunk {
  readonly data: Uint8Array;
  readonly endOfStream: boolean;
  /** From 0 for each direction; one more for every delivery to the chain. */
  readonly index: number;
  readonly streamId: number;
  /** The bytes are still in a content coding the host does not know. */
  readonly encoded?: boolean;
}

/** The bytes that came since the last time a policy was asked whether it needs more. */
export interface FreshBytes {
  readonly fresh: Uint8Array;
  /** Length of all that is held back, `fresh` included. */
  readonly total: number;
  readonly streamId: number;
}

/** One hook's input. A member the transport did not supply is absent, never an empty stand-in. */
export interface HookInput {
  readonly exchange: ExchangeFacts;
  readonly request: RequestView;
  /** In response phases. */
  readonly response?: ResponseView;
  readonly gathered: Gathered;
  readonly vhost?: string;
  readonly downstream?: RequestSnapshot;
  readonly upstream?: UpstreamTarget;
  readonly upstreamResponse?: ResponseSnapshot;
  /** In chunk phases. */
  readonly chunk?: Chunk;
  /** In the two queries. */
  readonly pending?: FreshBytes;
  /** Where a tier that meters writes what the hook used; nothing else of an input is ever written. */
  readonly usage?: { fuel: number | undefined };
}

/** What a policy is told when an instance of it is made. */
export interface PolicyInfo {
  readonly name: string;
  readonly version: string;
  readonly routeName: string;
  readonly attachedTo: 'api' | 'route';
  readonly tenant: string;
  readonly api: ApiInfo;
}
