/** One POST over a connection of its own, which ends with the answer's status. */

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface PostRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Ends the request, whatever it waits for. */
  readonly signal: AbortSignal;
}

/** Resolves with the status. Redirects are not followed. Rejects when there is no answer. */
export function post({ url, headers, body, signal }: PostRequest): Promise<number> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': String(body.length) },
      // No pool: nothing of a relay stays open after its end.
      agent: false,
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      // Nobody reads the answer, and its length has no bound.
      response.on('error', () => undefined).destroy();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });
}
