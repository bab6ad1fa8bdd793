/** Node's request as policies see it, and back: what a mutation makes of the same object. */

import type { IncomingMessage } from 'node:http';
import { HeaderMap, type HeaderPair } from '../../policy/model/headers.ts';
import { NO_BODY, type RequestView } from '../../policy/model/views.ts';
import type { RequestMutation } from '../../policy/reduce/derive.ts';

export function viewOfRequest(request: IncomingMessage): RequestView {
  const headers = HeaderMap.from(pairsOf(request.rawHeaders));
  const isTls = 'encrypted' in request.socket && request.socket.encrypted === true;
  return {
    headers,
    path: request.url ?? '/',
    method: request.method ?? 'GET',
    authority: headers.first('host') ?? '',
    scheme: isTls ? 'https' : 'http',
    body: { ...NO_BODY, endOfStream: false },
    upstreamName: undefined,
    upstreamSlot: undefined,
  };
}

/** Changes the request in place, so that whatever handles it next finds what the policies made of it. */
export function applyToRequest(request: IncomingMessage, mutation: RequestMutation): void {
  const { headers, path, method } = mutation;
  if (path !== undefined) request.url = path;
  if (method !== undefined) request.method = method;
  if (headers.remove.length + headers.set.length === 0) return;
  const changed = new Set([...headers.remove, ...headers.set.map(([name]) => name)]);
  const kept = pairsOf(request.rawHeaders).filter(([name]) => !changed.has(name.toLowerCase()));
  const added = headers.set.flatMap(([name, values]) => values.map((value): HeaderPair => [name, value]));
  request.rawHeaders = [...kept, ...added].flat();
  for (const name of headers.remove) delete request.headers[name];
  for (const [name, values] of headers.set) {
    request.headers[name] = name === 'set-cookie' ? [...values] : values.join(name === 'cookie' ? '; ' : ', ');
  }
}

function pairsOf(raw: readonly string[]): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] as string, raw[i + 1] as string]);
  return pairs;
}
