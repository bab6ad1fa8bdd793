/** The route table: method and path to handler, with at most one variable path segment. */

import type { IncomingMessage } from 'node:http';
import type { Answer, StreamAnswer } from './answer.ts';
import type { RequestBody } from './request-body.ts';

/** One request as a handler sees it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** The variable segment exactly as sent, still percent-encoded; "" where the route has none. */
  readonly segment: string;
  readonly body: RequestBody;
}

export type Handler = (exchange: Exchange) => Answer | StreamAnswer | Promise<Answer | StreamAnswer>;

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** A literal path, or one with a segment `:name`. The text is also the route's name in metrics. */
  readonly path: string;
  readonly handler: Handler;
}

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly segment: string }
  | { readonly kind: 'wrong-method'; readonly path: string; readonly allowed: readonly string[] }
  | { readonly kind: 'unknown' };

/**
 * Finds the route of a request. The path is compared as sent, without decoding or dot-segment removal: a flag key may be
 * any text, and `%2F` must not become a separator.
 */
export class Router {
  readonly #routes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes;
  }

  match(method: string, path: string): Match {
    const candidates = this.#routes.flatMap((route) => {
      const segment = segmentOf(route.path, path);
      return segment === undefined ? [] : [{ route, segment }];
    });
    const found = candidates.find(({ route }) => route.method === method);
    if (found !== undefined) return { kind: 'found', ...found };
    const [first] = candidates;
    if (first === undefined) return { kind: 'unknown' };
    return { kind: 'wrong-method', path: first.route.path, allowed: candidates.map(({ route }) => route.method) };
  }
}

/** The variable segment ("" for literal paths), or `undefined` when the path is not the pattern's. */
function segmentOf(pattern: string, path: string): string | undefined {
  const variable = pattern.indexOf('/:');
  if (variable < 0) return pattern === path ? '' : undefined;
  const prefix = pattern.slice(0, variable + 1);
  const suffixAt = pattern.indexOf('/', variable + 1);
  const suffix = suffixAt < 0 ? '' : pattern.slice(suffixAt);
  if (!path.startsWith(prefix) || !path.endsWith(suffix)) return undefined;
  const segment = path.slice(prefix.length, path.length - suffix.length);
  return segment === '' || segment.includes('/') ? undefined : segment;
}
