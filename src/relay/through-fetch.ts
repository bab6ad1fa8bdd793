/** Sends a request through a `fetch` of the caller's instead of undici. */

import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

import type { Header } from '../options/header-rules.ts';
import type { RawAnswer } from './raw-answer.ts';

interface FetchedRequest {
  readonly method: string;
  readonly headers: readonly Header[];
  readonly body: string | undefined;
}

/** A fetch inflates by itself, so what it may accept is its own affair, and what it inflated is no longer coded. */
const ITS_OWN: ReadonlySet<string> = new Set(['accept-encoding', 'content-encoding', 'content-length']);

/** Rejects with whatever `fetch` rejects with. Redirects come back as answers. */
export async function sendThroughFetch(
  fetch: typeof globalThis.fetch,
  url: string,
  request: FetchedRequest,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const headers = request.headers
    .filter(([name]) => !ITS_OWN.has(name))
    .map(([name, value]): [string, string] => [name, value]);
  const response = await fetch(url, {
    method: request.method,
    headers,
    body: request.body ?? null,
    redirect: 'manual',
    signal,
  });
  return {
    statusCode: response.status,
    headers: Object.fromEntries([...response.headers].filter(([name]) => !ITS_OWN.has(name))),
    body: response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as ReadableStream),
  };
}
