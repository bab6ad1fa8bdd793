/** Options of the connection to a relay: where it is, who asks, how long and how much at most. */

import type { Dispatcher } from 'undici';
import { hasMethods, parseApiKey, parseEndpoints } from '../checks.ts';
import type { Header } from '../header-rules.ts';
import { parseHeaderRecord } from '../header-rules.ts';
import { choice, duration, REFUSED, row, size } from '../kinds.ts';

/** What the headers of a request are for. */
export type HeaderPurpose = 'configuration' | 'change' | 'evaluation' | 'collector' | 'stream' | 'policy';

/** A key, or a function called for each request (for keys that rotate). */
export type ApiKeySource = string | (() => string | Promise<string>);

/** A function called for each request; its result is checked like a record given in the options. */
export type HeadersFunction = (
  purpose: HeaderPurpose,
) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

export const CONNECTION_ROWS = {
  endpoint: row<readonly string[] | undefined>({
    group: 'Connection',
    type: 'string | readonly string[]',
    fallback: () => undefined,
    defaultText: 'required, unless `bootstrap` is given (then: offline)',
    rule: 'an absolute http or https URL without user info, query and fragment, or an array of 1 to 8 different ones',
    doc:
      'Base URL of the relay, or several in the order of preference. A path prefix is kept, trailing slashes are dropped. ' +
      'Of several, a connection failure, a timeout or a 5xx moves later requests to the next; the first is tried again ' +
      'after 60 s.',
    why: 'Say where the relay is; leave it out to work offline from `bootstrap` alone.',
    parse: parseEndpoints,
    fromText: (text) => (text.includes(',') ? text.split(',').map((part) => part.trim()) : text),
    show: (value) => (value === undefined ? null : [...value]),
  }),
  evaluationType: choice(['inprocess', 'remote'], {
    group: 'Connection',
    doc: 'Where flags are decided: in this process against a polled configuration, or by the relay, one request each.',
    why: '`remote` where the configuration must not leave the relay, or is too large for every process to hold.',
  }),
  apiKey: row<ApiKeySource | undefined>({
    group: 'Connection',
    type: 'string | (() => string | Promise<string>)',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'printable ASCII, or a function giving it',
    doc: 'Credential for the relay; an empty one sends nothing. A function is called for each request, inside its deadline.',
    why: 'Set it when the relay asks for a key; give a function when keys rotate.',
    parse: (value) => (typeof value === 'function' ? (value as () => string) : (parseApiKey(value) ?? REFUSED)),
    fromText: (text) => text,
    show: (value) =>
      value === undefined || value === '' ? null : typeof value === 'function' ? 'function' : '[redacted]',
  }),
  authScheme: choice(['x-api-key', 'bearer'], {
    group: 'Connection',
    doc: 'Header that carries `apiKey`: `X-API-Key: <key>` or `Authorization: Bearer <key>`.',
    why: '`bearer` for older relays; the default leaves `Authorization` free for a gateway in front of the relay.',
  }),
  headers: row<readonly Header[] | HeadersFunction | undefined>({
    group: 'Connection',
    type: 'Readonly<Record<string, string>> | HeadersFunction',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a record of legal HTTP header names and values, or a function giving one',
    doc:
      'Further request headers; the function gets the purpose of the request (`configuration`, ' +
      '`change`, `evaluation`, `collector`, `stream`, `policy`). Headers that frame the message (Content-Type, Content-Length, Host, ' +
      'If-None-Match, Connection, Transfer-Encoding and the like) stay ours.',
    why: 'A gateway in front of the relay wants its own credentials or routing hints.',
    parse: (value) =>
      typeof value === 'function' ? (value as HeadersFunction) : (parseHeaderRecord(value) ?? REFUSED),
    show: (value) =>
      value === undefined ? null : typeof value === 'function' ? 'function' : value.map(([name]) => name),
  }),
  timeoutMs: duration({
    group: 'Connection',
    default: 10_000,
    min: 1,
    doc: 'Deadline of a request: name resolution, connect, headers and the last byte of the body.',
    why: 'Raise it for large configurations over slow links; lower it to hear of a hung relay sooner.',
  }),
  stallTimeoutMs: duration({
    group: 'Connection',
    default: 5_000,
    min: 1,
    doc: 'Longest gap between two pieces of a body; clipped to `timeoutMs`.',
    why: 'Raise it when a proxy between you and the relay delivers in bursts.',
  }),
  maxWireBytes: size({
    group: 'Connection',
    default: 8_388_608,
    min: 1_024,
    doc:
      'Largest body as it travels. Past this many inflated bytes a compressed body must also keep under 100 times its ' +
      'wire size.',
    why: 'Raise it for very large configurations; a stock relay does not compress.',
  }),
  maxInflatedBytes: size({
    group: 'Connection',
    default: 67_108_864,
    min: 1_024,
    doc: 'Largest body after inflating.',
    why: 'Lower it in small containers: it bounds what a broken or hostile relay can make this process hold.',
  }),
  dispatcher: row<Dispatcher | undefined>({
    group: 'Connection',
    type: 'Dispatcher',
    fallback: () => undefined,
    defaultText: 'own pool of one connection; in remote mode up to 64',
    rule: "an undici Dispatcher (an object with a 'dispatch' method)",
    doc: 'undici dispatcher for every request. It stays yours: Edict never closes it, and its open requests hold the process.',
    why: 'Proxy, custom certificate authority, mutual TLS or a Unix socket.',
    parse: (value) => (hasMethods(value, ['dispatch']) ? (value as unknown as Dispatcher) : REFUSED),
    show: (value) => (value === undefined ? null : 'custom'),
  }),
  fetch: row<typeof globalThis.fetch | undefined>({
    group: 'Connection',
    type: 'typeof globalThis.fetch',
    fallback: () => undefined,
    defaultText: 'none: undici',
    rule: 'a function with the contract of the global fetch, and not beside dispatcher',
    doc: 'Sends every request instead of undici. It inflates bodies itself, so only `maxInflatedBytes` bounds them.',
    why: 'An instrumented or recorded fetch, or a runtime that offers nothing else.',
    parse: (value) => (typeof value === 'function' ? (value as typeof globalThis.fetch) : REFUSED),
    show: (value) => (value === undefined ? null : 'custom'),
  }),
} as const;
