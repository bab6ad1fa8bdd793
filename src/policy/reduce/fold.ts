/** Folds one allowed action into the view: a pure function, nothing it is given changes (spec/policies.md §2). */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import type {
  AuthLayer,
  HeaderFilter,
  ImmediateResponse,
  Observations,
  RequestChanges,
  ResponseChanges,
} from '../model/actions.ts';
import { type HeaderChanges, HeaderMap, type HeaderPair } from '../model/headers.ts';
import type { Direction } from '../model/phases.ts';
import type { Body, Gathered, RequestView, ResponseView } from '../model/views.ts';
import { changeQuery, splitPath } from './query.ts';

/** Headers whose value is the engine's to compute; a policy that sets one is not failed for it. */
const COMPUTED: ReadonlySet<string> = new Set(['content-length']);

const MAX_AUTH_LAYERS = 8;

const EMPTY_BODY: Body = Object.freeze({
  content: new Uint8Array(0),
  present: true,
  endOfStream: true,
  truncated: false,
});

export function foldRequest(view: RequestView, action: RequestChanges): RequestView {
  const changes = normalised(action.headers);
  const host = action.host ?? hostOf(changes);
  let headers = view.headers.change(changes);
  if (host !== undefined) headers = headers.with('host', [host]);
  return {
    headers,
    path: foldPath(view.path, action),
    method: action.method ?? view.method,
    authority: host ?? view.authority,
    scheme: view.scheme,
    body: foldBody(view.body, action.body),
    upstreamName: action.upstreamName ?? view.upstreamName,
    upstreamSlot: action.upstreamSlot ?? view.upstreamSlot,
  };
}

export function foldResponse(view: ResponseView, action: ResponseChanges): ResponseView {
  const status = action.status ?? view.status;
  const body = foldBody(view.body, action.body);
  return {
    headers: view.headers.change(normalised(action.headers)),
    status,
    body: hasNoBody(status) ? EMPTY_BODY : body,
    fault: view.fault,
  };
}

/** An immediate response replaces the whole response. */
export function foldImmediate(action: ImmediateResponse): ResponseView {
  const headers = HeaderMap.from((action.headers ?? []).filter(([name]) => !COMPUTED.has(name.toLowerCase())));
  const content = hasNoBody(action.status) ? new Uint8Array(0) : (action.body ?? new Uint8Array(0));
  return {
    headers,
    status: action.status,
    body: { content, present: true, endOfStream: true, truncated: false },
    fault: action.fault,
  };
}

/** What an action says beside the message. */
export function foldGathered(
  gathered: Gathered,
  action: {
    readonly overlay?: HeaderChanges;
    readonly auth?: AuthLayer;
    readonly metadataPatch?: Readonly<Record<string, JsonValue>>;
    readonly observations?: Observations;
  },
  direction: Direction,
): Gathered {
  const { overlay, auth, metadataPatch, observations } = action;
  if (overlay === undefined && auth === undefined && metadataPatch === undefined && observations === undefined) {
    return gathered;
  }
  return {
    overlay: overlay === undefined ? gathered.overlay : gathered.overlay.change(normalised(overlay)),
    auth: auth === undefined ? gathered.auth : Object.freeze([auth, ...gathered.auth].slice(0, MAX_AUTH_LAYERS)),
    metadata: metadataPatch === undefined ? gathered.metadata : mergePatch(gathered.metadata, metadataPatch),
    analyticsMetadata: { ...gathered.analyticsMetadata, ...observations?.analyticsMetadata },
    dynamicMetadata: foldNamespaces(gathered.dynamicMetadata, observations?.dynamicMetadata),
    analyticsHeaderFilters: foldFilter(gathered.analyticsHeaderFilters, direction, observations?.analyticsHeaderFilter),
  };
}

/** 204, 205 and 304 have no body. */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function foldPath(path: string, action: RequestChanges): string {
  let target = path;
  if (action.path !== undefined) {
    const { query } = splitPath(path);
    target = action.path.includes('?') || query === undefined ? action.path : `${action.path}?${query}`;
  }
  return changeQuery(target, action);
}

function foldBody(body: Body, given: Uint8Array | undefined): Body {
  return given === undefined ? body : { content: given, present: true, endOfStream: true, truncated: false };
}

/** Lower-case names, and nothing about headers that are computed. */
function normalised(changes: HeaderChanges | undefined): HeaderChanges {
  if (changes === undefined) return {};
  const pairs = (list: readonly HeaderPair[] = []): HeaderPair[] =>
    list.map(([name, value]): HeaderPair => [name.toLowerCase(), value]).filter(([name]) => !COMPUTED.has(name));
  const remove = (changes.remove ?? []).map((name) => name.toLowerCase()).filter((name) => !COMPUTED.has(name));
  return { set: pairs(changes.set), append: pairs(changes.append), remove };
}

/** A `host` header that is set is a change of the host. */
function hostOf({ set = [] }: HeaderChanges): string | undefined {
  return set.findLast(([name]) => name === 'host')?.[1];
}

/** JSON merge patch (RFC 7396) on the first level: whole values are replaced, `null` deletes. */
function mergePatch(metadata: Readonly<JsonObject>, patch: Readonly<Record<string, JsonValue>>): Readonly<JsonObject> {
  const merged = new Map(Object.entries(metadata));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.freeze(Object.fromEntries(merged));
}

/** Keys of the namespaces that the engine itself writes. */
const OWN_KEYS: ReadonlySet<string> = new Set(['analytics_data', 'path', 'method', 'host']);

function foldNamespaces(
  now: Gathered['dynamicMetadata'],
  more: Observations['dynamicMetadata'],
): Gathered['dynamicMetadata'] {
  if (more === undefined) return now;
  const merged = new Map(Object.entries(now));
  for (const [namespace, members] of Object.entries(more)) {
    const allowed = Object.entries(members).filter(([key]) => !OWN_KEYS.has(key));
    merged.set(namespace, { ...merged.get(namespace), ...Object.fromEntries(allowed) });
  }
  return Object.fromEntries(merged);
}

function foldFilter(
  now: Gathered['analyticsHeaderFilters'],
  direction: Direction,
  more: HeaderFilter | undefined,
): Gathered['analyticsHeaderFilters'] {
  return more === undefined || more.names.length === 0 ? now : { ...now, [direction]: more };
}
