/** Random messages and allowed actions, for the properties of the reducer. */

import fc from 'fast-check';
import type { RequestChanges, ResponseChanges } from '../../../../src/policy/model/actions.ts';
import type { HeaderChanges } from '../../../../src/policy/model/headers.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import { type Body, NO_BODY, type RequestView, type ResponseView } from '../../../../src/policy/model/views.ts';

/** Few names in several spellings, so that actions meet. */
const name = fc.constantFrom('a', 'A', 'x-b', 'X-B', 'set-cookie', 'Set-Cookie', 'content-type', 'digest', 'cookie');
const value = fc.stringMatching(/^[ -~\u0080-\u00ff]{0,6}$/);
const pair = fc.tuple(name, value);

export const headerChanges: fc.Arbitrary<HeaderChanges> = fc.record(
  {
    set: fc.array(pair, { maxLength: 3 }),
    append: fc.array(pair, { maxLength: 3 }),
    remove: fc.array(name, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const bytes = fc.uint8Array({ maxLength: 6 });

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant(NO_BODY),
  fc.constant({ ...NO_BODY, endOfStream: false }),
  bytes.map((content) => ({ content, present: true, endOfStream: true, truncated: false })),
);

const baseHeaders = fc
  .tuple(fc.array(pair, { maxLength: 6 }), fc.subarray(['content-length', 'transfer-encoding', 'content-digest']))
  .map(([pairs, more]) => HeaderMap.from([...pairs, ...more.map((extra): [string, string] => [extra, '7'])]));

const queryName = fc.constantFrom('a', 'b', 'c d', 'ä', '%', 'q');
const queryPair = fc.tuple(queryName, fc.string({ maxLength: 4 }));
const rawQuery = fc.constantFrom('', '?', '?a=1&b=2', '?a&a=%41&&c+d=1', '?q=%zz&b', '?=x&a=');
const path = fc.tuple(fc.constantFrom('/', '/p', '/p/q%2F'), rawQuery).map(([start, query]) => start + query);

export const requestBase: fc.Arbitrary<RequestView> = fc.record({
  headers: baseHeaders,
  path,
  method: fc.constantFrom('GET', 'POST'),
  authority: fc.constantFrom('one.example', 'two.example:8080'),
  scheme: fc.constant('https'),
  body,
  upstreamName: fc.constantFrom(undefined, 'main'),
  upstreamSlot: fc.constant(undefined),
});

export const requestChanges: fc.Arbitrary<RequestChanges> = fc.record(
  {
    kind: fc.constant('request-changes' as const),
    headers: headerChanges,
    overlay: headerChanges,
    path,
    host: fc.constantFrom('one.example', 'three.example'),
    method: fc.constantFrom('GET', 'PUT'),
    queryRemove: fc.array(queryName, { maxLength: 2 }),
    querySet: fc.array(queryPair, { maxLength: 2 }),
    queryAdd: fc.array(queryPair, { maxLength: 2 }),
    upstreamName: fc.constantFrom('main', 'other'),
    upstreamSlot: fc.constantFrom('main' as const, 'sandbox' as const),
    body: bytes,
  },
  { requiredKeys: ['kind'] },
);

export const responseBase: fc.Arbitrary<ResponseView> = fc.record({
  headers: baseHeaders,
  status: fc.constantFrom(200, 204, 304, 404, 503),
  body,
  fault: fc.constant(undefined),
});

export const responseChanges: fc.Arbitrary<ResponseChanges> = fc.record(
  {
    kind: fc.constant('response-changes' as const),
    headers: headerChanges,
    overlay: headerChanges,
    status: fc.constantFrom(200, 204, 205, 304, 422, 599),
    body: bytes,
  },
  { requiredKeys: ['kind'] },
);
