/** A response that a handler is about to send, as policies see it, and back. */

import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { HeaderMap, type HeaderPair } from '../../policy/model/headers.ts';
import { NO_BODY, type ResponseView } from '../../policy/model/views.ts';

/** What `writeHead` takes. */
export type HeadArguments = readonly [
  status?: number,
  reasonOrHeaders?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
  headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
];

/** The head as the handler would send it: headers set before, then those of `writeHead`, which replace them. */
export function viewOfResponse(response: ServerResponse, [status, second, third]: HeadArguments = []): ResponseView {
  const given = third ?? (typeof second === 'string' ? undefined : second);
  const own = pairsOf(given);
  const replaced = new Set(own.map(([name]) => name.toLowerCase()));
  const before = Object.entries(response.getHeaders())
    .filter(([name]) => !replaced.has(name))
    .flatMap(([name, value]) => listOf(value).map((text): HeaderPair => [name, text]));
  return {
    status: status ?? response.statusCode,
    headers: HeaderMap.from([...before, ...own]),
    body: { ...NO_BODY, endOfStream: false },
    fault: undefined,
  };
}

/** Makes the head of a response the view's; nothing of the handler's is left beside it. */
export function applyToResponse(response: ServerResponse, view: ResponseView): void {
  response.statusCode = view.status;
  response.statusMessage = '';
  for (const name of response.getHeaderNames()) if (!view.headers.has(name)) response.removeHeader(name);
  for (const [name, values] of view.headers.entries()) {
    response.setHeader(name, values.length === 1 ? (values[0] as string) : [...values]);
  }
}

function pairsOf(headers: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined): HeaderPair[] {
  if (headers === undefined) return [];
  if (!Array.isArray(headers)) {
    return Object.entries(headers).flatMap(([name, value]) => listOf(value).map((text): HeaderPair => [name, text]));
  }
  // Node takes a flat list, or one of pairs.
  if (headers.every(Array.isArray)) {
    return (headers as unknown as [string, OutgoingHttpHeader][]).flatMap(([name, value]) =>
      listOf(value).map((text): HeaderPair => [name, text]),
    );
  }
  const pairs: HeaderPair[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    for (const text of listOf(headers[i + 1])) pairs.push([String(headers[i]), text]);
  }
  return pairs;
}

function listOf(value: OutgoingHttpHeader | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
