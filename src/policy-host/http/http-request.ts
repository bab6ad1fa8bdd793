/** What of a guest's request is sent, and what of an answer the guest gets: headers checked, the connection's own left out. */

import type { HeaderPair } from '../../policy/model/headers.ts';
import type { HttpRequest } from './http-frame.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** One byte a character, none that could end the line. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 16_384;
const MAX_URL_CHARACTERS = 8_192;

/** Whose values are the connection's or ours; a guest that sets one is not failed for it. */
const OURS: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'expect',
]);

/** What a hop to another origin must not carry along. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'x-api-key', 'api-key']);

/** The address a request is for; undefined for anything but a plain http or https URL. */
export function parseTarget(text: string, base?: URL): URL | undefined {
  if (text.length > MAX_URL_CHARACTERS || /[\0-\x20\x7f]/.test(text) || !URL.canParse(text, base?.href))
    return undefined;
  const url = new URL(text, base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  // Credentials in a URL end up in logs; a header is the place for them.
  if (url.username !== '' || url.password !== '' || url.hostname === '' || url.port === '0') return undefined;
  url.hash = '';
  return url;
}

/** The lines to send, in lower case, or undefined when one of them is none. */
export function sentHeaders(pairs: readonly HeaderPair[]): Record<string, string | string[]> | undefined {
  if (pairs.length > MAX_HEADERS) return undefined;
  let bytes = 0;
  const lines = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    bytes += name.length + value.length;
    if (bytes > MAX_HEADER_BYTES || !TOKEN.test(name) || !VALUE.test(value)) return undefined;
    const key = name.toLowerCase();
    if (!OURS.has(key)) lines.set(key, [...(lines.get(key) ?? []), value]);
  }
  // The limit of bytes is one of what arrives; nothing is inflated here.
  if (!lines.has('accept-encoding')) lines.set('accept-encoding', ['identity']);
  if (!lines.has('user-agent')) lines.set('user-agent', ['edict-policy']);
  return Object.fromEntries(
    [...lines].map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]),
  );
}

/** Raw lines of an answer as pairs, without those of the connection. */
export function receivedHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || (OURS.has(name) && name !== 'content-length')) continue;
    for (const one of typeof value === 'string' ? [value] : value) pairs.push([name.toLowerCase(), one]);
  }
  return pairs;
}

/** What is asked of the address a redirect names; undefined when the answer is no redirect that can be followed. */
export function nextHop(
  request: HttpRequest,
  from: URL,
  status: number,
  location: string | undefined,
): { readonly request: HttpRequest; readonly url: URL } | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const url = parseTarget(location, from);
  if (url === undefined) return undefined;
  const becomesGet = status === 303 ? request.method !== 'HEAD' : status < 303 && request.method === 'POST';
  const isElsewhere = url.origin !== from.origin;
  const headers = request.headers.filter(([name]) => {
    const key = name.toLowerCase();
    return !(isElsewhere && CREDENTIALS.has(key)) && !(becomesGet && key.startsWith('content-'));
  });
  return {
    url,
    request: {
      ...request,
      headers,
      url: url.href,
      ...(becomesGet ? { method: 'GET', body: undefined } : {}),
    },
  };
}
