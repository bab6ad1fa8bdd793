/** The one answer of policies that look at credentials: it does not tell a caller what was wrong with them, a fault does. */

import type { ImmediateResponse } from '../model/actions.ts';

/** 900900 to 900999 are faults of authentication. */
export const AUTH_FAULTS = { invalid: 900_901, missing: 900_902, expired: 900_903, forbidden: 900_908 } as const;

export interface Refusal {
  readonly status: number;
  /** The value of `www-authenticate`. */
  readonly challenge: string;
  readonly contentType: string;
  readonly body: string;
  readonly fault: keyof typeof AUTH_FAULTS;
  /** For `onFault` policies and logs. */
  readonly description: string;
}

export function refusalOf({ status, challenge, contentType, body, fault, description }: Refusal): ImmediateResponse {
  return {
    kind: 'immediate',
    status,
    headers: [...(status === 401 ? ([['www-authenticate', challenge]] as const) : []), ['content-type', contentType]],
    body: new TextEncoder().encode(body),
    fault: { code: AUTH_FAULTS[fault], type: 'AUTHENTICATION_FAILURE', message: 'Unauthorized', description },
    metadataPatch: { 'auth.success': false },
  };
}
