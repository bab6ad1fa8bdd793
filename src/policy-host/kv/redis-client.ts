/** A connection to Redis by the package `redis`, an optional peer that is loaded when the first connection is made. */

import { EdictError } from '../../errors.ts';
import type { RedisCommands } from './redis-kv.ts';

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with credentials where needed. */
  readonly url: string;
  /** For connecting, and for each command. */
  readonly timeoutMs: number;
  /** Told of every trouble of the connection, without its URL. */
  readonly onError?: (message: string) => void;
}

export interface RedisConnection extends RedisCommands {
  close(): Promise<void>;
}

/** Waits between attempts to connect again, growing up to this. */
const MAX_RECONNECT_MS = 2_000;

/** Rejects with `UNAVAILABLE` when there is no server, and with `INVALID_OPTION` when the package is not installed. */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const { url, timeoutMs, onError } = options;
  const { createClient, RESP_TYPES } = await loadRedis();
  let isConnected = false;
  const client = createClient({
    url,
    // While there is no connection a command fails at once: a policy's hook is not the place to wait for a server.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: timeoutMs,
      reconnectStrategy: (retries) =>
        isConnected ? Math.min(50 * 2 ** Math.min(retries, 10), MAX_RECONNECT_MS) : false,
    },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  client.on('error', (caught: Error) => onError?.(caught.message));
  try {
    await client.connect();
  } catch (caught) {
    client.destroy();
    throw new EdictError('UNAVAILABLE', `Redis cannot be reached: ${(caught as Error).message}`, { cause: caught });
  }
  isConnected = true;
  return {
    sendCommand: (args) => client.sendCommand(args),
    async close() {
      if (client.isOpen) client.destroy();
    },
  };
}

async function loadRedis(): Promise<typeof import('redis')> {
  try {
    return await import('redis');
  } catch (caught) {
    throw new EdictError('INVALID_OPTION', 'a Redis URL needs the package redis: npm install redis', { cause: caught });
  }
}
