/** Connections to one address each: the address that was checked is the one that is connected to, whatever names say later. */

import { isIP, type Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Dispatcher, Pool } from 'undici';
import { type Clock, startTimer } from '../../options/clock.ts';
import { loadUndici, type Undici } from '../../relay/undici.ts';

export interface PinnedPoolsOptions {
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
}

/** What goes to one place. */
export interface PinnedTarget {
  readonly tenant: string;
  readonly url: URL;
  readonly address: string;
}

const MAX_POOLS = 128;
const CONNECTIONS = 16;
const MAX_HEADER_BYTES = 32_768;

/** Thrown when no connection was made in time. */
export class ConnectTimeout extends Error {}

export class PinnedPools {
  readonly #options: PinnedPoolsOptions;
  readonly #pools = new LRUCache<string, Pool>({
    max: MAX_POOLS,
    // Requests that are under way there end first.
    dispose: (pool) => void pool.close().catch(() => undefined),
  });
  #undici: Promise<Undici> | undefined;

  constructor(options: PinnedPoolsOptions) {
    this.#options = options;
  }

  /** One request, without following anything. */
  async request(target: PinnedTarget, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#undici ??= loadUndici();
    const undici = await this.#undici;
    const { tenant, url, address } = target;
    // Connections are never shared by tenants: a server may bind what it knows of a caller to the connection.
    const key = JSON.stringify([tenant, url.origin, address]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#pool(undici, url, address);
      this.#pools.set(key, pool);
    }
    return undici.request(pool, options);
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy().catch(() => undefined)));
  }

  #pool(undici: Undici, url: URL, address: string): Pool {
    const { clock, connectTimeoutMs } = this.#options;
    const connect = undici.buildConnector({ timeout: 0 });
    const name = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
    return new undici.Pool(url.origin, {
      connections: CONNECTIONS,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect(options, callback) {
        let isOver = false;
        const timer = startTimer(
          clock,
          () => {
            if (isOver) return;
            isOver = true;
            connecting?.destroy();
            callback(new ConnectTimeout(`no connection within ${connectTimeoutMs} ms`), null);
          },
          connectTimeoutMs,
        );
        const pinned = { ...options, hostname: address, ...(isIP(name) === 0 ? { servername: name } : {}) };
        // The connector returns the socket it is connecting, although its type does not say so.
        const connecting = connect(pinned, (error, socket) => {
          clock.clearTimeout(timer);
          if (isOver) return void (socket as Socket | null)?.destroy();
          isOver = true;
          if (error === null) callback(null, socket);
          else callback(error, null);
        }) as unknown as Socket | undefined;
      },
    });
  }
}
