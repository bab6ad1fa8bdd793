/** Which header names and values may travel, and which names stay ours. */

/** One header; lists of them instead of objects, because names come from outside and `__proto__` is a legal one. */
export type Header = readonly [name: string, value: string];

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Names a caller cannot set: the message would no longer be ours to frame. The last four are refused by the HTTP client
 * itself, which would turn one header into a failure of every request.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'host',
  'if-none-match',
  'connection',
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'expect',
  'proxy-connection',
]);

export function isReservedHeader(name: string): boolean {
  return RESERVED.has(name.toLowerCase());
}

/** Reads a record of headers; `undefined` when a name or a value is not legal in HTTP/1.1. */
export function parseHeaderRecord(value: unknown): readonly Header[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const headers: Header[] = [];
  for (const [name, text] of Object.entries(value)) {
    if (!NAME.test(name) || typeof text !== 'string' || !VALUE.test(text)) return undefined;
    headers.push(Object.freeze([name, text] as const));
  }
  return Object.freeze(headers);
}
