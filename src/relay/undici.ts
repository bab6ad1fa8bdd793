/** Loads undici when the first request needs it, and makes the connection pool of one relay. */

import type { Socket } from 'node:net';

import type { buildConnector, Dispatcher, Pool } from 'undici';

export interface Undici {
  readonly Pool: typeof Pool;
  readonly buildConnector: typeof buildConnector;
  /** One request through any dispatcher, a caller's of another undici version included. */
  readonly request: (dispatcher: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>;
}

/**
 * Loads the parts a relay client needs. An application that works offline never pays for it.
 *
 * The whole package takes about 105 ms to load, these three modules 32 ms (Node 20.20, two shared cores), and the
 * first configuration waits for it. Edict pins undici's exact version, so the inner paths hold; where an application
 * overrides that version and they do not, the whole package does the same.
 */
export async function loadUndici(): Promise<Undici> {
  try {
    const [pool, connect, request] = await Promise.all([
      import('undici/lib/dispatcher/pool.js'),
      import('undici/lib/core/connect.js'),
      import('undici/lib/api/api-request.js'),
    ]);
    return undiciOf(pool.default, connect.default, request.default);
  } catch {
    const whole = await import('undici');
    return undiciOf(whole.Pool, whole.buildConnector, whole.Dispatcher.prototype.request);
  }
}

function undiciOf(
  pool: typeof Pool,
  connector: typeof buildConnector,
  send: typeof Dispatcher.prototype.request,
): Undici {
  const request = send as (this: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>;
  return { Pool: pool, buildConnector: connector, request: (dispatcher, options) => request.call(dispatcher, options) };
}

/** Response headers may be this long; a relay with a giant ETag is served (the tag is just not stored). */
const MAX_HEADER_BYTES = 131_072;

export interface OwnPool {
  readonly dispatcher: Dispatcher;
  /** Ends every connection at once, also one that is still being made. Never rejects. */
  destroy(): Promise<void>;
}

/**
 * A pool whose sockets never keep the process alive, not even in mid-request: a poll in the background
 * is no reason to stay. (undici by itself lets go of idle sockets only.) Only making a connection holds the process,
 * for `connectTimeoutMs` at most, because the runtime offers no way out of that.
 */
export function createPool(
  undici: Undici,
  origin: string,
  { connectTimeoutMs, connections }: { readonly connectTimeoutMs: number; readonly connections: number },
): OwnPool {
  const sockets = new Set<Socket>();
  const connect = undici.buildConnector({ timeout: connectTimeoutMs });
  const track = (socket: unknown): void => {
    if (!isSocket(socket) || sockets.has(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  const pool = new undici.Pool(origin, {
    connections,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Our own deadline and stall limit cover these phases, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      // The connector returns the socket it is connecting, although its type does not say so.
      const connecting: unknown = connect(options, (error, socket) => {
        if (error !== null) return callback(error, null);
        track(socket);
        letGo(socket);
        callback(null, socket);
      });
      track(connecting);
    },
  });
  return {
    dispatcher: pool,
    async destroy() {
      const ended = pool.destroy().catch(() => undefined);
      // undici does not look at a connection that is still being made.
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

/** Unreferences a socket for good: undici references it again for each request. */
function letGo(socket: Socket): void {
  socket.unref();
  socket.ref = () => socket;
}

function isSocket(value: unknown): value is Socket {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value;
}
