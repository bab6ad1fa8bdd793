/** The store in Redis: the same answers as the one in this process, from several processes at once. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { type KvSpace, type KvStore, spaceId } from '../../../src/policy-host/kv/kv-store.ts';
import { MemoryKv } from '../../../src/policy-host/kv/memory-kv.ts';
import { connectRedis, type RedisConnection } from '../../../src/policy-host/kv/redis-client.ts';
import { RedisKv } from '../../../src/policy-host/kv/redis-kv.ts';
import { openRedisThread, type RedisThread } from '../../../src/policy-host/kv/redis-thread.ts';
import { hasRedisServer, type RedisServer, startRedis } from './support/redis-server.ts';

const SPACE: KvSpace = { id: spaceId('shop', 'limit', '{x}', 'a'), maxBytes: 1_024 };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe('Redis that is not there', () => {
  it('is told when a connection is opened, not when a hook asks', async () => {
    const url = 'redis://127.0.0.1:1';
    await expect(connectRedis({ url, timeoutMs: 500 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(openRedisThread({ url, connectTimeoutMs: 500 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('answers a hook "unavailable", and "deadline" when it hangs', async () => {
    const broken = new RedisKv({ sendCommand: () => Promise.reject(new Error('closed')) });
    const hung = new RedisKv({ sendCommand: () => new Promise(() => undefined) }, { timeoutMs: 5 });
    const odd = new RedisKv({ sendCommand: () => Promise.resolve([[], {}]) });
    for (const [kv, name] of [
      [broken, 'unavailable'],
      [hung, 'deadline'],
    ] as const) {
      expect(await kv.get(SPACE, 'k')).toBe(hostFault(name));
      expect(await kv.set(SPACE, 'k', bytes('x'), 0)).toBe(hostFault(name));
      expect(await kv.delete(SPACE, 'k')).toBe(hostFault(name));
      expect(await kv.increment(SPACE, 'k', 1, 0, false)).toBe(hostFault(name));
      expect(await kv.compareAndSet(SPACE, 'k', 0, bytes('x'), 0)).toBe(hostFault(name));
    }
    expect(await odd.increment(SPACE, 'k', 1, 0, false)).toBe(hostFault('unavailable'));
    expect(await odd.delete(SPACE, 'k')).toBe(hostFault('unavailable'));
  });
});

// Without the program these are listed as skipped under a name that says what is missing.
const withRedis = describe.skipIf(!hasRedisServer);

withRedis(`a real Redis server (${hasRedisServer ? 'found' : 'NOT RUN: redis-server is not installed'})`, () => {
  let server: RedisServer;
  let connection: RedisConnection;
  let thread: RedisThread;
  let kv: RedisKv;

  beforeAll(async () => {
    server = await startRedis();
    connection = await connectRedis({ url: server.url, timeoutMs: 2_000 });
    kv = new RedisKv(connection);
    thread = await openRedisThread({ url: server.url, timeoutMs: 5_000 });
  });

  afterAll(async () => {
    await thread.close();
    await connection.close();
    await server.stop();
  });

  it('answers as the store in this process does, operation by operation', async () => {
    const memory = new MemoryKv({ monotonic: () => 0 });
    const script: ((store: KvStore) => unknown)[] = [
      (store) => store.get(SPACE, 'k'),
      (store) => store.delete(SPACE, 'k'),
      (store) => store.increment(SPACE, 'n', 5, 0, false),
      (store) => store.increment(SPACE, 'n', -7.25, 0, false),
      (store) => store.increment(SPACE, 'n', Number.NaN, 0, false),
      (store) => store.increment(SPACE, 'big', 2 ** 53 - 1, 0, false),
      (store) => store.increment(SPACE, 'big', 1, 0, false),
      (store) => store.increment(SPACE, 'big', -1, 0, false),
      (store) => store.increment(SPACE, 'huge', 1e308, 0, false),
      (store) => store.increment(SPACE, 'huge', 1e308, 0, false),
      (store) => store.set(SPACE, 'text', bytes('x1'), 0) === hostFault('too-large'),
      (store) => store.increment(SPACE, 'text', 1, 0, false),
      (store) => store.set(SPACE, 'number', bytes('41'), 0) === hostFault('too-large'),
      (store) => store.increment(SPACE, 'number', 1, 0, false),
      (store) => store.compareAndSet(SPACE, 'number', 0, bytes('x'), 0),
      (store) => store.compareAndSet(SPACE, 'number', 1e300, bytes('x'), 0),
      (store) => store.set(SPACE, 'large', new Uint8Array(2_000), 0),
      (store) => store.set(SPACE, '', bytes('x'), 0),
      (store) => store.get(SPACE, 'x'.repeat(513)),
      (store) => store.delete(SPACE, 'text'),
    ];
    for (const [index, step] of script.entries()) {
      const expected = step(memory);
      expect([index, step(thread.kv)]).toEqual([index, expected]);
    }
    expect(await kv.increment(SPACE, 'n', 0, 0, false)).toBe(-2.25);
  });

  it('keeps bytes as they are, and gives each change a version of its own', async () => {
    const raw = Uint8Array.from({ length: 256 }, (_, index) => index);
    const first = (await kv.set(SPACE, 'raw', raw, 0)) as number;
    expect(await kv.get(SPACE, 'raw')).toEqual({ value: raw, version: first });
    expect(thread.kv.get(SPACE, 'raw')).toEqual({ value: raw, version: first });
    expect(await kv.compareAndSet(SPACE, 'raw', first - 1, bytes('x'), 0)).toBe(hostFault('conflict'));
    const second = (await kv.compareAndSet(SPACE, 'raw', first, bytes('x'), 0)) as number;
    expect(second).toBeGreaterThan(first);
    await kv.delete(SPACE, 'raw');
    expect(await kv.compareAndSet(SPACE, 'raw', 0, bytes('y'), 0)).toBeGreaterThan(second);
    expect(await kv.get({ ...SPACE, id: 'another' }, 'raw')).toBeUndefined();
  });

  it('counts time from creation, or from now when it is to be refreshed', async () => {
    const ttl = async (key: string): Promise<number> => {
      const id = SPACE.id.replace('{', '%7b').replace('}', '%7d');
      return Number(await connection.sendCommand(['PTTL', `edict:{${id}}:k:${key}`]));
    };
    await kv.increment(SPACE, 'fixed', 1, 60_000, false);
    await kv.increment(SPACE, 'fixed', 1, 600_000, false);
    expect(await ttl('fixed')).toBeLessThanOrEqual(60_000);
    expect(await ttl('fixed')).toBeGreaterThan(0);
    await kv.increment(SPACE, 'fixed', 1, 600_000, true);
    expect(await ttl('fixed')).toBeGreaterThan(60_000);
    await kv.increment(SPACE, 'fixed', 1, 0, true);
    expect(await ttl('fixed')).toBe(-1);
    await kv.set(SPACE, 'gone', bytes('x'), 1);
    await expect.poll(() => kv.get(SPACE, 'gone')).toBeUndefined();
  });

  it('P-69 sums the increments of two connections exactly', async () => {
    const rounds = Array.from({ length: 500 }, () => kv.increment(SPACE, 'sum', 1, 0, false));
    for (let i = 0; i < 500; i++) thread.kv.increment(SPACE, 'sum', 1, 0, false);
    await Promise.all(rounds);
    expect(await kv.increment(SPACE, 'sum', 0, 0, false)).toBe(1_000);
  });

  it('goes on with a server that has forgotten its scripts', async () => {
    await connection.sendCommand(['SCRIPT', 'FLUSH']);
    expect(await kv.increment(SPACE, 'again', 1, 0, false)).toBe(1);
    expect(await kv.increment(SPACE, 'again', 1, 0, false)).toBe(2);
  });

  it('says so while the server is away, and serves again when it is back', async () => {
    const own = await startRedis();
    const other = await openRedisThread({ url: own.url, timeoutMs: 1_000 });
    expect(other.kv.increment(SPACE, 'k', 1, 0, false)).toBe(1);
    await own.stop();
    expect(other.kv.increment(SPACE, 'k', 1, 0, false)).toEqual(hostFault('unavailable'));
    const back = await startRedis(Number(new URL(own.url).port));
    await expect
      .poll(() => other.kv.increment(SPACE, 'k', 1, 0, false), { timeout: 10_000, interval: 50 })
      .toEqual(expect.any(Number));
    await other.close();
    await back.stop();
  });
});
