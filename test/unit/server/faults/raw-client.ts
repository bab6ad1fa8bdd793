/** A client that is nothing but a socket: it sees every byte, and how the connection ended. */

import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { until } from '../test-relay.ts';

export interface RawClient {
  /** What has arrived, in the pieces it arrived in. */
  readonly chunks: Buffer[];
  /** `open`; `closed` after an orderly end; otherwise the system's code (`ECONNRESET`). */
  ended: string;
  readonly text: string;
  /** The bytes after the first blank line. */
  readonly body: Buffer;
  /** Resolves with how the connection ended. */
  end(): Promise<string>;
  leave(): void;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const CONFIGURATION: RawRequest = {
  method: 'POST',
  path: '/v1/flag/configuration',
  headers: { 'Content-Type': 'application/json' },
  body: '{"flags":[]}',
};
export const STREAM: RawRequest = { path: '/stream/v1/sse/flag/change' };

/** Sends one request on a connection of its own and listens. */
export function raw(port: number, { method = 'GET', path, headers = {}, body = '' }: RawRequest): RawClient {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const client: RawClient = {
    chunks: [],
    ended: 'open',
    get text() {
      return Buffer.concat(this.chunks).toString('utf8');
    },
    get body() {
      const bytes = Buffer.concat(this.chunks);
      const blank = bytes.indexOf('\r\n\r\n');
      return blank < 0 ? Buffer.alloc(0) : bytes.subarray(blank + 4);
    },
    end: async () => {
      await until(() => client.ended !== 'open');
      return client.ended;
    },
    leave: () => void socket.destroy(),
  };
  let code = 'closed';
  socket.on('data', (chunk: Buffer) => client.chunks.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? error.message;
  });
  socket.on('close', () => {
    client.ended = code;
  });
  const lines = Object.entries({ Host: 'relay', Connection: 'close', ...headers, 'Content-Length': body.length });
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`);
  return client;
}

/** The text of a chunked body. */
export function unchunked(body: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.subarray(at, line).toString('latin1'), 16);
    if (line < 0 || !(size > 0)) return Buffer.concat(pieces).toString('utf8');
    pieces.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
