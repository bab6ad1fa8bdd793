/** Requests as a client makes them, and the listener of a change stream. */

import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'undici';
import type { JsonObject } from '../../../src/internal/json.ts';
import { until } from './until.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  json(): JsonObject;
}

/** A POST of JSON; a text goes as it is. */
export function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return send(url, path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text });
}

export function get(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return send(url, path, { method: 'GET', headers });
}

export async function send(
  url: string,
  path: string,
  options: {
    readonly method: 'GET' | 'POST' | 'DELETE';
    readonly headers: Record<string, string>;
    readonly body?: string;
  },
): Promise<Answer> {
  // A connection of its own: one kept from before a restart would be dead.
  const { statusCode, headers, body } = await request(url + path, { ...options, reset: true });
  const bytes = Buffer.from(await body.arrayBuffer());
  const text = bytes.toString('utf8');
  return { status: statusCode, headers, bytes, text, json: () => JSON.parse(text) as JsonObject };
}

/** An open change stream. */
export interface ChangeStream {
  readonly status: number;
  /** The body of an answer that is no stream. */
  readonly refusal: JsonObject | undefined;
  /** The data of the frame number `index`, when it has come. */
  change(index: number): Promise<JsonObject>;
  count(): number;
  close(): void;
}

export async function openChangeStream(url: string, query = ''): Promise<ChangeStream> {
  const abort = new AbortController();
  const { statusCode, headers, body } = await request(`${url}/stream/v1/sse/flag/change${query}`, {
    signal: abort.signal,
  });
  if (!String(headers['content-type']).startsWith('text/event-stream')) {
    return {
      status: statusCode,
      refusal: (await body.json()) as JsonObject,
      change: refuse,
      count: () => 0,
      close: () => {},
    };
  }
  let text = '';
  body.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  body.on('error', () => {});
  const frames = (): JsonObject[] =>
    [...text.matchAll(/^data: ?(.*)\n(?:.+\n)*\n/gm)].map(([, data]) => JSON.parse(data as string) as JsonObject);
  return {
    status: statusCode,
    refusal: undefined,
    change: (index) => until(`frame ${index} of the change stream`, () => frames()[index]),
    count: () => frames().length,
    close: () => abort.abort(),
  };
}

function refuse(): Promise<JsonObject> {
  return Promise.reject(new Error('this is no stream'));
}
