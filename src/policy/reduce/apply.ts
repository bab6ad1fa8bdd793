/** What a perfect sink does with a mutation; the measure of every real one. */

import type { HeaderMap } from '../model/headers.ts';
import type { Body, RequestView, ResponseView } from '../model/views.ts';
import type { HeaderMutation, RequestMutation, ResponseMutation } from './derive.ts';

export function applyRequest(base: RequestView, mutation: RequestMutation): RequestView {
  return {
    headers: applyHeaders(base.headers, mutation.headers),
    path: mutation.path ?? base.path,
    method: mutation.method ?? base.method,
    authority: mutation.authority ?? base.authority,
    scheme: base.scheme,
    body: applyBody(base.body, mutation.body),
    upstreamName: mutation.upstreamName ?? base.upstreamName,
    upstreamSlot: mutation.upstreamSlot ?? base.upstreamSlot,
  };
}

export function applyResponse(base: ResponseView, mutation: ResponseMutation): ResponseView {
  return {
    headers: applyHeaders(base.headers, mutation.headers),
    status: mutation.status ?? base.status,
    body: applyBody(base.body, mutation.body),
    fault: base.fault,
  };
}

function applyHeaders(headers: HeaderMap, { remove, set }: HeaderMutation): HeaderMap {
  let applied = headers;
  for (const name of remove) applied = applied.with(name, []);
  for (const [name, values] of set) applied = applied.with(name, values);
  return applied;
}

function applyBody(body: Body, given: Uint8Array | undefined): Body {
  return given === undefined ? body : { content: given, present: true, endOfStream: true, truncated: false };
}
