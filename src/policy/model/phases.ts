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

/** Why a stream of chunks ended; the order is that of the guest interfaces. */
export const END_REASONS = ['completed', 'client-aborted', 'upstream-aborted', 'failed', 'terminated'] as const;

/** One of {@link END_REASONS}. */
export type EndReason = (typeof END_REASONS)[number];
