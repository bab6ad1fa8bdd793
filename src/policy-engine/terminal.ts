/** Why an exchange ended as it did, in one word of a fixed list: the attribute `terminal.reason` of its span. */

import type { EndReason } from '../policy/model/phases.ts';
import type { ResponseView } from '../policy/model/views.ts';

export type TerminalReason =
  | 'upstream_response'
  | 'policy_status_override'
  | 'policy_denied'
  | 'policy_error'
  | 'payload_too_large'
  | 'no_policy_chain'
  | 'processing_failed'
  | 'resolution_failed'
  | 'overloaded'
  | 'cancelled';

/** What is known when an exchange is over. */
export interface ExchangeEnd {
  readonly reason: EndReason;
  readonly response: ResponseView | undefined;
  /** A policy or the engine answered. */
  readonly isReplaced: boolean;
  /** A hook failed, whatever its failure mode made of that. */
  readonly hasFailed: boolean;
  /** The status the handler gave. */
  readonly upstreamStatus: number | undefined;
}

export function terminalReason({
  reason,
  response,
  isReplaced,
  hasFailed,
  upstreamStatus,
}: ExchangeEnd): TerminalReason {
  if (reason === 'client-aborted') return 'cancelled';
  if (reason === 'failed') return hasFailed ? 'policy_error' : 'processing_failed';
  if (reason === 'upstream-aborted' || response === undefined) return 'processing_failed';
  if (!isReplaced) return response.status === upstreamStatus ? 'upstream_response' : 'policy_status_override';
  if (response.fault?.type !== 'POLICY_ENGINE_ERROR') return 'policy_denied';
  if (hasFailed) return 'policy_error';
  if (response.fault.message === TOO_LARGE) return 'payload_too_large';
  return response.status === 503 ? 'overloaded' : 'processing_failed';
}

const TOO_LARGE = 'Request body too large';

/** 4xx, and whatever the upstream answered, are no errors of the gateway. */
export function isSpanError(reason: TerminalReason): boolean {
  return (
    reason === 'policy_error' ||
    reason === 'processing_failed' ||
    reason === 'no_policy_chain' ||
    reason === 'overloaded'
  );
}
