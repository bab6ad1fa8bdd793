/**
 * Redis for hooks that cannot wait for a promise: a worker owns the connection, and the thread that asks sleeps for the round
 * trip. Two wake-ups cost about 50 µs beside the network, so the server should be near and the deadline short.
 */

import { Worker } from 'node:worker_threads';
import { EdictError } from '../../errors.ts';
import { packageFile } from '../../internal/package-files.ts';
import { systemClock } from '../../options/clock.ts';
import { blockingCallPair } from '../blocking-calls.ts';
import { BlockingKv } from './serve-kv.ts';

export interface RedisThreadOptions {
  readonly url: string;
  readonly prefix?: string;
  /** How long a hook waits for an answer before it gets `deadline`; 25 by default. */
  readonly timeoutMs?: number;
  /** For the first connection; 2000 by default. */
  readonly connectTimeoutMs?: number;
  readonly onTrouble?: (message: string) => void;
}

export interface RedisWorkerData {
  readonly url: string;
  readonly prefix: string;
  readonly timeoutMs: number;
}

export type RedisWorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'trouble' | 'failed'; readonly message: string };

const WORKER = packageFile('dist/policy-host/kv/redis-worker.js');

/** A store that answers at once, and what ends its thread. */
export interface RedisThread {
  readonly kv: BlockingKv;
  close(): Promise<void>;
}

/** Rejects with `UNAVAILABLE` when there is no server. */
export async function openRedisThread(options: RedisThreadOptions): Promise<RedisThread> {
  const { url, prefix = 'edict', timeoutMs = 25, connectTimeoutMs = 2_000, onTrouble } = options;
  const { caller, server } = blockingCallPair();
  const data: RedisWorkerData = { url, prefix, timeoutMs: connectTimeoutMs };
  const worker = new Worker(WORKER, { workerData: { ...data, server }, transferList: [server.port] });
  const kv = new BlockingKv(caller, { clock: systemClock, timeoutMs });
  const close = async (): Promise<void> => {
    kv.close();
    await worker.terminate();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: RedisWorkerMessage) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'failed') reject(new EdictError('UNAVAILABLE', message.message));
        else onTrouble?.(message.message);
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new EdictError('UNAVAILABLE', 'the thread of the Redis connection ended')));
    });
  } catch (caught) {
    await close();
    throw caught;
  }
  worker.on('error', (caught) => onTrouble?.(caught.message));
  worker.unref();
  return { kv, close };
}
