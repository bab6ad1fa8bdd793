/** The phases of an exchange: their numbers, names, directions and order. */

/**
 * Numbers are those of the executor protocol, so that one enumeration serves every transport; 9 is its control message
 * CANCEL and no phase.
 */
export const Phase = {
  requestHeaders: 1,
  requestBody: 2,
  responseHeaders: 3,
  responseBody: 4,
  needsMoreRequestData: 5,
  requestBodyChunk: 6,
  needsMoreResponseData: 7,
  responseBodyChunk: 8,
} as const;

/** One of the numbers of {@link Phase}. */
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Request phases walk a chain forward, response phases backward. */
export type Direction = 'request' | 'response';

export function directionOf(phase: Phase): Direction {
  switch (phase) {
    case Phase.requestHeaders:
    case Phase.requestBody:
    case Phase.needsMoreRequestData:
    case Phase.requestBodyChunk:
      return 'request';
    default:
      return 'response';
  }
}

/** The name a phase has in conditions; chunk phases report the body phase. */
export function conditionName(phase: Phase): 'request_headers' | 'request_body' | 'response_headers' | 'response_body' {
  if (phase === Phase.requestHeaders) return 'request_headers';
  if (phase === Phase.responseHeaders) return 'response_headers';
  return directionOf(phase) === 'request' ? 'request_body' : 'response_body';
}

const NAMES: Readonly<Record<Phase, string>> = {
  1: 'request_headers',
  2: 'request_body',
  3: 'response_headers',
  4: 'response_body',
  5: 'needs_more_request_data',
  6: 'request_body_chunk',
  7: 'needs_more_response_data',
  8: 'response_body_chunk',
};

/** The name a phase has in metrics and spans. */
export function phaseName(phase: Phase): string {
  return NAMES[phase];
}

/** Why a stream of chunks ended; the order is that of the guest interfaces. */
export const END_REASONS = ['completed', 'client-aborted', 'upstream-aborted', 'failed', 'terminated'] as const;

/** One of {@link END_REASONS}. */
export type EndReason = (typeof END_REASONS)[number];
