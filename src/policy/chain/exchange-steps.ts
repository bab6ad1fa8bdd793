/** What an exchange needs of its host, and what it tells a sink to do next. */

import type { ResponseView } from '../model/views.ts';
import type { IntegrityHeaders, RequestMutation, ResponseMutation } from '../reduce/derive.ts';
import type { HookRecorder } from './decision.ts';

/** What the exchange needs of its host. */
export interface ExchangePorts {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds from any origin, with fractions. */
  monotonic(): number;
  errorId(): string;
  readonly record?: HookRecorder;
  /** How long one step may take, in milliseconds; without it the deadline of the facts is that of the whole exchange. */
  readonly timeoutMs?: number;
  /** `keep`: digests of a body that was changed stay. Default: they are dropped. */
  readonly integrityHeaders?: IntegrityHeaders;
}

/** What a sink does next with the request. */
export type RequestStep =
  | { readonly kind: 'forward'; readonly mutation: RequestMutation }
  /** The client gets this answer; the upstream is not asked. */
  | { readonly kind: 'respond'; readonly response: ResponseView };

/** What a sink does next with the response. */
export interface ResponseStep {
  readonly mutation: ResponseMutation;
  /** The response as the client gets it. */
  readonly response: ResponseView;
  /** A policy or the engine answered in place of the upstream: nothing of its answer is left. */
  readonly isReplaced: boolean;
}

/** What becomes of one delivery of a streamed body. */
export interface ChunkStep {
  readonly data: Uint8Array;
  /** The stream ends here; the rest of the other side's body is discarded. */
  readonly ends: boolean;
  /** The direction is given up because a policy failed closed. */
  readonly failed: boolean;
}
