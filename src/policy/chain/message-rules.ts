/** Rules about messages that the chain and every transport share: who has no body, which body is a stream. */

import type { HeaderMap } from '../model/headers.ts';
import type { RequestView, ResponseView } from '../model/views.ts';

/** GET, HEAD, an announced length of zero: the body hooks then run inside the header step, with `present` false. */
export function requestHasNoBody({ method, headers }: Pick<RequestView, 'method' | 'headers'>): boolean {
  return method === 'GET' || method === 'HEAD' || headers.first('content-length') === '0';
}

/** 1xx, 204, 304, the answer to HEAD, an announced length of zero. */
export function responseHasNoBody(
  { status, headers }: Pick<ResponseView, 'status' | 'headers'>,
  requestMethod: string,
): boolean {
  if (status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD') return true;
  return headers.first('content-length') === '0';
}

/** Whether a message announces a stream: a chunked body, or server-sent events. */
export function announcesStream(headers: HeaderMap, other?: HeaderMap): boolean {
  const coding = headers.joined('transfer-encoding')?.toLowerCase() ?? '';
  return (
    /(?:^|,)\s*chunked\s*$/.test(coding) || isEventStream(headers) || (other !== undefined && isEventStream(other))
  );
}

function isEventStream(headers: HeaderMap): boolean {
  const type = headers.first('content-type') ?? headers.first('accept') ?? '';
  return type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream';
}
