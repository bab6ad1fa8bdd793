/** The thread that owns a connection to Redis, for hooks that need its answers at once. */

import { parentPort, workerData } from 'node:worker_threads';
import type { ServerEnd } from '../blocking-calls.ts';
import { connectRedis } from './redis-client.ts';
import { RedisKv } from './redis-kv.ts';
import type { RedisWorkerData, RedisWorkerMessage } from './redis-thread.ts';
import { serveKv } from './serve-kv.ts';

const { url, prefix, timeoutMs, server } = workerData as RedisWorkerData & { readonly server: ServerEnd };
const tell = (message: RedisWorkerMessage): void => parentPort?.postMessage(message);

try {
  const connection = await connectRedis({ url, timeoutMs, onError: (message) => tell({ kind: 'trouble', message }) });
  serveKv(server, new RedisKv(connection, { prefix, timeoutMs }), { keepsAlive: true });
  tell({ kind: 'ready' });
} catch (caught) {
  tell({ kind: 'failed', message: (caught as Error).message });
}
