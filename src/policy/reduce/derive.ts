/** The wire mutation: what makes a receiver that holds the base hold the view, and nothing else (spec/policies.md §2.1). */

import type { HeaderMap } from '../model/headers.ts';
import { sameValues } from '../model/headers.ts';
import type { Body, RequestView, ResponseView } from '../model/views.ts';
import { hasNoBody } from './fold.ts';

/** Header changes for a receiver: removals first, then each name's final list. Both sorted by name. */
export interface HeaderMutation {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, values: readonly string[]])[];
}

/** What a sink does to the request. Absent members change nothing. */
export interface RequestMutation {
  readonly headers: HeaderMutation;
  readonly path?: string;
  readonly method?: string;
  readonly authority?: string;
  readonly upstreamName?: string;
  readonly upstreamSlot?: 'main' | 'sandbox';
  /** Absent keeps, empty clears. */
  readonly body?: Uint8Array;
}

/** What a sink does to the response. Absent members change nothing. */
export interface ResponseMutation {
  readonly headers: HeaderMutation;
  readonly status?: number;
  readonly body?: Uint8Array;
}

/** What becomes of digests when the body is no longer the one they were made of. */
export type IntegrityHeaders = 'drop' | 'keep';

/** Digests of a body. */
const INTEGRITY_HEADERS = ['content-md5', 'digest', 'content-digest', 'repr-digest'] as const;

/**
 * The view with the headers that follow from its body: a changed body has its own length, no transfer coding, and no digest
 * of the old one. An unchanged body leaves all of them alone. Idempotent.
 */
export function settleHeaders(
  base: { readonly headers: HeaderMap; readonly body: Body },
  view: { readonly headers: HeaderMap; readonly body: Body; readonly status?: number },
  integrity: IntegrityHeaders = 'drop',
): HeaderMap {
  if (!bodyChanged(base.body, view.body)) return view.headers;
  let { headers } = view;
  if (integrity === 'drop') {
    for (const name of INTEGRITY_HEADERS) if (headers.has(name)) headers = headers.with(name, []);
  }
  if (headers.has('transfer-encoding')) headers = headers.with('transfer-encoding', []);
  const { length } = view.body.content;
  const hasLength = !(view.status !== undefined && hasNoBody(view.status));
  return headers.with('content-length', hasLength ? [String(length)] : []);
}

/** A streamed body may change under way, after its head went out: neither its length nor its digest can be told. */
export function streamedHeaders(headers: HeaderMap, integrity: IntegrityHeaders = 'drop'): HeaderMap {
  let streamed = headers.has('content-length') ? headers.with('content-length', []) : headers;
  if (integrity === 'keep') return streamed;
  for (const name of INTEGRITY_HEADERS) if (streamed.has(name)) streamed = streamed.with(name, []);
  return streamed;
}

export function deriveRequest(base: RequestView, view: RequestView, integrity?: IntegrityHeaders): RequestMutation {
  return {
    headers: deriveHeaders(base.headers, settleHeaders(base, view, integrity)),
    ...(view.path === base.path ? {} : { path: view.path }),
    ...(view.method === base.method ? {} : { method: view.method }),
    ...(view.authority === base.authority ? {} : { authority: view.authority }),
    ...(view.upstreamName === base.upstreamName || view.upstreamName === undefined
      ? {}
      : { upstreamName: view.upstreamName }),
    ...(view.upstreamSlot === base.upstreamSlot || view.upstreamSlot === undefined
      ? {}
      : { upstreamSlot: view.upstreamSlot }),
    ...(bodyChanged(base.body, view.body) ? { body: view.body.content } : {}),
  };
}

export function deriveResponse(base: ResponseView, view: ResponseView, integrity?: IntegrityHeaders): ResponseMutation {
  return {
    headers: deriveHeaders(base.headers, settleHeaders(base, view, integrity)),
    ...(view.status === base.status ? {} : { status: view.status }),
    ...(bodyChanged(base.body, view.body) ? { body: view.body.content } : {}),
  };
}

/** True when a mutation changes nothing. */
export function isEmptyMutation(mutation: RequestMutation | ResponseMutation): boolean {
  const { headers, ...rest } = mutation;
  return headers.remove.length === 0 && headers.set.length === 0 && Object.keys(rest).length === 0;
}

function deriveHeaders(base: HeaderMap, view: HeaderMap): HeaderMutation {
  if (base === view) return { remove: [], set: [] };
  const remove = [...base.names()].filter((name) => !view.has(name)).sort();
  const set = [...view.entries()]
    .filter(([name, values]) => !sameValues(values, base.get(name)))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return { remove, set };
}

function bodyChanged(base: Body, view: Body): boolean {
  if (base === view) return false;
  // A body that was never buffered can only be compared with one of known emptiness.
  if (!base.present && view.present && !base.endOfStream) return true;
  return base.content !== view.content && Buffer.compare(base.content, view.content) !== 0;
}
