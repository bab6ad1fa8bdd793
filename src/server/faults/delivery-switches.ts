/** Switches that put an answer on the wire badly: stalls, drips, resets, early ends, and bodies past every limit. */

import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Answer } from '../answer.ts';
import { ANSWERING_ROUTES, FAULT_ROUTES } from './fault-routes.ts';
import { bomb } from './gzip-bomb.ts';
import type { Delivery, SwitchRow } from './switch-row.ts';
import { wholeNumber } from './switch-row.ts';

const NO_BYTES = Buffer.alloc(0);
const SPACES = Buffer.alloc(65_536, ' ');
const MAX_HUGE_BYTES = 1_073_741_824;
const MAX_BOMB_RATIO = 1_000;
const MAX_DRIP_RATE = 1_000_000;
/** A drip of many bytes a second comes in pieces at this interval: a timer for each byte could not keep up. */
const DRIP_INTERVAL_MS = 50;
/** A reset that arrives together with the last bytes passes for an orderly end in some clients, Node among them. */
const RESET_GAP_MS = 25;

type Act = (delivery: Delivery) => Promise<void> | void;

function delivery(effect: string, act: Act): SwitchRow {
  return { routes: ANSWERING_ROUTES, effect, needsBody: true, make: () => ({ stage: 'delivery', act }) };
}

function numbered(
  parameter: { readonly form: string; readonly min: number; readonly max: number },
  effect: string,
  act: (value: number) => Act,
): SwitchRow {
  const { form, min, max } = parameter;
  return {
    ...delivery(effect, () => {}),
    parameter: { form, rule: `a whole number from ${min} to ${max}` },
    make: (text) => {
      const value = wholeNumber(text, min, max);
      return value === undefined ? undefined : { stage: 'delivery', act: act(value) };
    },
  };
}

export const DELIVERY_SWITCHES = {
  'stall-headers': {
    ...delivery('the request is taken and nothing is ever sent', ({ request, response, holds }) => {
      request.resume();
      holds.keep(response);
    }),
    routes: FAULT_ROUTES,
  },
  'stall-body': delivery(
    'head and half of the body, then silence on an open connection',
    ({ response, answer, holds }) => {
      const bytes = writeHead(response, answer);
      response.write(bytes.subarray(0, half(bytes)));
      holds.keep(response);
    },
  ),
  drip: numbered(
    { form: '<bytes/s>', min: 1, max: MAX_DRIP_RATE },
    'the head at once, the body at that many bytes a second',
    (rate) => (exchange) => drip(exchange, rate),
  ),
  'reset-at': numbered(
    { form: '<byte>', min: 0, max: MAX_HUGE_BYTES },
    'the connection is reset after that many bytes of the answer, its head included',
    (position) =>
      async ({ request, response, answer, holds }) => {
        const { socket } = request;
        await taken(request);
        if (position > 0) {
          socket.write(wireBytes(response, answer).subarray(0, position));
          await holds.wait(response, RESET_GAP_MS);
        }
        socket.resetAndDestroy();
      },
  ),
  'close-early': delivery(
    'head and half of the body, then the connection is closed in good order',
    async ({ request, response, answer }) => {
      const { socket } = request;
      const bytes = wireBytes(response, answer);
      await taken(request);
      socket.write(bytes.subarray(0, bytes.length - half(answer.body?.bytes ?? NO_BYTES)));
      socket.destroySoon();
    },
  ),
  bomb: numbered(
    { form: '<ratio>', min: 2, max: MAX_BOMB_RATIO },
    'a 200 of 64 KiB in gzip, white space only, that inflates to that many times its size',
    (ratio) => {
      let pending: Promise<Buffer> | undefined;
      return async ({ response, answer }) => {
        pending ??= bomb(ratio);
        const bytes = await pending;
        const coding = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
        response.writeHead(200, { ...answer.headers, ...coding, 'Content-Length': String(bytes.length) }).end(bytes);
      };
    },
  ),
  huge: numbered(
    { form: '<bytes>', min: 1, max: MAX_HUGE_BYTES },
    'the body padded with white space to that size, with no Content-Length to warn of it',
    (size) =>
      async ({ response, answer, holds }) => {
        const { bytes = NO_BYTES, contentType = 'application/json' } = answer.body ?? {};
        response.writeHead(answer.status, { ...answer.headers, 'Content-Type': contentType });
        holds.keep(response);
        // A client that has seen enough and leaves is what this is for.
        await pipeline(Readable.from(padded(bytes, size)), response).catch(() => undefined);
      },
  ),
} as const satisfies Readonly<Record<string, SwitchRow>>;

function drip({ response, answer, holds }: Delivery, rate: number): void {
  const bytes = writeHead(response, answer);
  response.flushHeaders();
  const intervalMs = Math.max(DRIP_INTERVAL_MS, Math.floor(1_000 / rate));
  const pieceLength = Math.max(1, Math.floor((rate * intervalMs) / 1_000));
  let position = 0;
  holds.every(response, intervalMs, () => {
    const piece = bytes.subarray(position, position + pieceLength);
    position += piece.length;
    if (position < bytes.length) response.write(piece);
    else if (!response.writableEnded) response.end(piece);
  });
}

function* padded(bytes: Buffer, size: number): Generator<Buffer> {
  yield bytes;
  for (let left = size - bytes.length; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

/** Half of a body that has a half. */
function half(bytes: Buffer): number {
  return Math.floor(bytes.length / 2);
}

function writeHead(response: ServerResponse, answer: Answer): Buffer {
  response.writeHead(answer.status, headersOf(answer));
  return answer.body?.bytes ?? NO_BYTES;
}

function headersOf({ headers, body }: Answer): OutgoingHttpHeaders {
  if (body === undefined) return { ...headers };
  return { ...headers, 'Content-Type': body.contentType, 'Content-Length': String(body.bytes.length) };
}

/** The answer as it travels, so that it can be cut anywhere. */
function wireBytes(response: ServerResponse, answer: Answer): Buffer {
  const headers = { ...response.getHeaders(), ...headersOf(answer), Date: new Date().toUTCString() };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), answer.body?.bytes ?? NO_BYTES]);
}

/** The whole request has arrived. What a socket has not read when it closes turns an orderly end into a reset. */
async function taken(request: IncomingMessage): Promise<void> {
  request.resume();
  if (!request.complete && !request.destroyed) await once(request, 'close').catch(() => undefined);
}
