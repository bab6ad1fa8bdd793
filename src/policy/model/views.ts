/** The message as the chain sees it while it works: what the reducer folds actions into. */

import type { JsonObject } from '../../internal/json.ts';
import type { AuthLayer, FaultRecord, HeaderFilter } from './actions.ts';
import { HeaderMap } from './headers.ts';
import type { Direction } from './phases.ts';

/** The body of a message. */
export interface Body {
  readonly content: Uint8Array;
  /** False: not sent, or not buffered. */
  readonly present: boolean;
  readonly endOfStream: boolean;
  /** The limit was hit before the end. */
  readonly truncated: boolean;
  /** The bytes are still in a content coding the host does not know. */
  readonly encoded?: boolean;
}

export const NO_BODY: Body = Object.freeze({
  content: new Uint8Array(0),
  present: false,
  endOfStream: true,
  truncated: false,
});

/** A body that nobody has looked at: any other is a change of it. */
export const UNKNOWN_BODY: Body = Object.freeze({ ...NO_BODY, endOfStream: false });

/** What both directions accumulate beside the message itself. */
export interface Gathered {
  readonly overlay: HeaderMap;
  /** Newest layer first, at most 8. */
  readonly auth: readonly AuthLayer[];
  readonly metadata: Readonly<JsonObject>;
  readonly analyticsMetadata: Readonly<JsonObject>;
  readonly dynamicMetadata: Readonly<Record<string, Readonly<JsonObject>>>;
  /** What analytics may show of the headers of each direction; absent: all of them. */
  readonly analyticsHeaderFilters: Readonly<Partial<Record<Direction, HeaderFilter>>>;
}

/** The request between two policies. */
export interface RequestView {
  readonly headers: HeaderMap;
  /** With the query. */
  readonly path: string;
  readonly method: string;
  readonly authority: string;
  readonly scheme: string;
  readonly body: Body;
  readonly upstreamName: string | undefined;
  readonly upstreamSlot: 'main' | 'sandbox' | undefined;
}

/** The response between two policies. */
export interface ResponseView {
  readonly headers: HeaderMap;
  readonly status: number;
  readonly body: Body;
  /** Set when a policy or the engine answered in place of the upstream. */
  readonly fault: FaultRecord | undefined;
}

export const NOTHING_GATHERED: Gathered = Object.freeze({
  overlay: HeaderMap.empty,
  auth: Object.freeze([]),
  metadata: Object.freeze({}),
  analyticsMetadata: Object.freeze({}),
  dynamicMetadata: Object.freeze({}),
  analyticsHeaderFilters: Object.freeze({}),
});
