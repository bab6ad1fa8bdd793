/** Edits of a query string that leave untouched pairs byte for byte as they were (spec/policies.md §2.3). */

import type { HeaderPair } from '../model/headers.ts';

/** What an action does to the query, in this order. */
export interface QueryChanges {
  readonly queryRemove?: readonly string[];
  readonly querySet?: readonly HeaderPair[];
  readonly queryAdd?: readonly HeaderPair[];
}

/** Splits at the first `?`; the query is `undefined` when there is none, and may be "". */
export function splitPath(target: string): { readonly path: string; readonly query: string | undefined } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, query: undefined } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

/** The target with the query changed; the same text when nothing changed. */
export function changeQuery(target: string, changes: QueryChanges): string {
  const { queryRemove = [], querySet = [], queryAdd = [] } = changes;
  if (queryRemove.length + querySet.length + queryAdd.length === 0) return target;
  const { path, query } = splitPath(target);
  const gone = new Set([...queryRemove, ...querySet.map(([name]) => name)]);
  const pieces = query === undefined ? [] : query.split('&');
  const kept = pieces.filter((piece) => piece === '' || !gone.has(decodedName(piece)));
  const added = [...lastOfEach(querySet), ...queryAdd].map(([name, value]) => `${encode(name)}=${encode(value)}`);
  if (kept.length === pieces.length && added.length === 0) return target;
  // A query of nothing but removed pairs goes with its question mark; empty pieces of the original stay what they were.
  const left = kept.length === 1 && kept[0] === '' ? [] : kept;
  const all = [...left, ...added];
  return all.length === 0 ? path : `${path}?${all.join('&')}`;
}

/** Setting the same name twice in one action means the last value, as with headers. */
function lastOfEach(pairs: readonly HeaderPair[]): HeaderPair[] {
  return [...new Map(pairs).entries()];
}

/** The name of a pair, percent-decoded. */
export function decodedName(piece: string): string {
  const equals = piece.indexOf('=');
  return decode(equals < 0 ? piece : piece.slice(0, equals));
}

/** What cannot be decoded is compared as it stands. `+` is a space in queries. */
export function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** RFC 3986: everything but unreserved characters; a lone surrogate becomes the replacement character. */
export function encode(text: string): string {
  return encodeURIComponent(wellFormed(text)).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Without lone surrogates, which have no percent-encoding. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
