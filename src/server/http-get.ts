/** One GET over a connection of its own, with a cap on what is read. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface GetRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  /** Ends the request, whatever it waits for. */
  readonly signal: AbortSignal;
}

export interface GetAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The body is larger than the cap. */
export class AnswerTooLarge extends Error {}

/** Resolves with the whole answer, whatever its status. Redirects are not followed. Rejects when it did not come whole. */
export function get({ url, headers, maxBytes, signal }: GetRequest): Promise<GetAnswer> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // No pool: nothing of a relay stays open after its end.
    const request = send(url, { method: 'GET', headers, agent: false, signal });
    request.once('error', reject);
    request.once('response', (response) => {
      const { statusCode = 0, headers: answered } = response;
      readText(response, maxBytes).then((text) => resolve({ status: statusCode, headers: answered, text }), reject);
    });
    request.end();
  });
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the response.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerTooLarge(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
