/** The answer of the engine itself when a policy fails closed, or an exchange cannot be served (spec/policies.md §3.8). */

import { HeaderMap } from '../model/headers.ts';
import type { ResponseView } from '../model/views.ts';

/** One id in body and header, so that a client's report and the log meet. The text says nothing of the inside. */
export function engineFault(status: number, errorId: string, description: string): ResponseView {
  const error = TEXTS[status] ?? (status < 500 ? 'Request refused' : 'Internal policy error');
  const content = Buffer.from(JSON.stringify({ error, error_id: errorId }), 'utf8');
  return {
    headers: HeaderMap.from([
      ['content-type', 'application/json'],
      ['x-error-id', errorId],
      ['content-length', String(content.length)],
    ]),
    status,
    body: { content, present: true, endOfStream: true, truncated: false },
    fault: { code: 0, type: 'POLICY_ENGINE_ERROR', message: error, description },
  };
}

const TEXTS: Readonly<Record<number, string>> = {
  413: 'Request body too large',
  503: 'Service unavailable',
};
