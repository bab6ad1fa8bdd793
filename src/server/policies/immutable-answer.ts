/** Contents under their own digest: valid for ever, asked for as a whole, from where an earlier answer broke off, or by name only. */

import type { IncomingHttpHeaders } from 'node:http';
import type { Sha256 } from '../../internal/sha256.ts';
import { type Answer, Body, messageAnswer } from '../answer.ts';

const FOR_EVER = 'private, max-age=31536000, immutable';

/** 200, 304 for the digest that is asked for, or for one range 206; 416 for a range that begins past the end. */
export function immutableAnswer(request: IncomingHttpHeaders, body: Body, digest: Sha256): Answer {
  const validator = `"${digest}"`;
  const headers = { ETag: validator, 'Cache-Control': FOR_EVER, 'Accept-Ranges': 'bytes' };
  if (request['if-none-match'] === validator) return { status: 304, headers };
  const range = request['if-range'] === undefined || request['if-range'] === validator ? request.range : undefined;
  const part = rangeOf(range, body.bytes.length);
  if (part === undefined) return { status: 200, headers, body };
  if (part === 'outside') {
    return messageAnswer(416, 'Range Not Satisfiable', { 'Content-Range': `bytes */${body.bytes.length}` });
  }
  const [first, last] = part;
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${body.bytes.length}` },
    // Already a type that is never compressed, whatever the content is: a range counts plain bytes.
    body: new Body(body.bytes.subarray(first, last + 1), 'application/wasm'),
  };
}

/** First and last byte; `undefined` for no range, and for what need not be understood: several ranges, other units. */
function rangeOf(range: string | undefined, length: number): readonly [number, number] | 'outside' | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') {
    const wanted = Math.min(Number(to), length);
    return wanted === 0 ? 'outside' : [length - wanted, length - 1];
  }
  const [first, last] = [Number(from), to === '' ? length - 1 : Math.min(Number(to), length - 1)];
  if (first >= length) return 'outside';
  return last < first ? undefined : [first, last];
}
