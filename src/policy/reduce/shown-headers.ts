/** The headers that policies let analytics and logs see (spec/policies.md §2.7). */

import type { HeaderFilter } from '../model/actions.ts';
import { HeaderMap, type HeaderPair } from '../model/headers.ts';

/** `allow` shows the names of the filter, `deny` all others; names in any case. Without a filter everything is shown. */
export function shownHeaders(headers: HeaderMap, filter: HeaderFilter | undefined): HeaderMap {
  if (filter === undefined) return headers;
  const named = new Set(filter.names.map((name) => name.toLowerCase()));
  const shown = [...headers.entries()].filter(([name]) => named.has(name) === (filter.mode === 'allow'));
  return HeaderMap.from(shown.flatMap(([name, values]) => values.map((value): HeaderPair => [name, value])));
}
