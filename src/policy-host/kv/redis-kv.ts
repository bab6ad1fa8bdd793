/**
 * The store in a Redis server, for state that several processes share. Every operation is one script, so it is atomic there.
 *
 *   key   edict:{space}:k:name   a hash of `v`, the value, and `n`, its version
 *   key   edict:{space}:version  the last version given in the space
 *
 * The cap of a space is kept for each value; the sum of a space is Redis's to bound (`maxmemory` with an LRU policy).
 */

import { startTimer, systemClock } from '../../options/clock.ts';
import type { HostFaultName, HostResult, KvEntry } from '../../policy/guest/host-functions.ts';
import { hostFault } from '../../policy/guest/host-functions.ts';
import { type AsyncKvStore, isKey, type KvSpace } from './kv-store.ts';

/** The part of the client of the package `redis` that is used; any client with it will do. */
export interface RedisCommands {
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
}

export interface RedisKvOptions {
  /** What all keys begin with; `edict` by default. */
  readonly prefix?: string;
  /** For each command; 1000 by default. What was asked may have happened all the same. */
  readonly timeoutMs?: number;
}

/** Integers up to 2^53 are exact in Lua's doubles as in ours, and %.17g writes each double so that it reads back the same. */
const SCRIPTS = {
  get: `return redis.call('HMGET', KEYS[1], 'v', 'n')`,
  set: `
    local n = redis.call('INCR', KEYS[2])
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'v', ARGV[1], 'n', n)
    if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return tostring(n)`,
  delete: `return redis.call('DEL', KEYS[1])`,
  increment: `
    local old = redis.call('HGET', KEYS[1], 'v')
    local now = 0
    if old then
      if not string.match(old, '^%-?%d+%.?%d*[eE]?[%+%-]?%d*$') or #old > 32 then return 'bad-argument' end
      now = tonumber(old)
      if not now then return 'bad-argument' end
    end
    local delta = tonumber(ARGV[1])
    local sum = now + delta
    if sum ~= sum or sum == math.huge or sum == -math.huge then return 'limit' end
    if now % 1 == 0 and delta % 1 == 0 and math.abs(sum) > 9007199254740991 then return 'limit' end
    local text = string.format('%.17g', sum)
    redis.call('HSET', KEYS[1], 'v', text, 'n', redis.call('INCR', KEYS[2]))
    if not old or ARGV[3] == '1' then
      if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2])
      elseif old then redis.call('PERSIST', KEYS[1]) end
    end
    return text`,
  compareAndSet: `
    local now = redis.call('HGET', KEYS[1], 'n') or '0'
    if tonumber(now) ~= tonumber(ARGV[3]) then return 'conflict' end
    local n = redis.call('INCR', KEYS[2])
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'v', ARGV[1], 'n', n)
    if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return tostring(n)`,
} as const;

const LATE = new Error('no answer in time');

const FAULTS: ReadonlySet<string> = new Set<HostFaultName>(['bad-argument', 'limit', 'conflict']);

export class RedisKv implements AsyncKvStore {
  readonly #client: RedisCommands;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  /** Digests of scripts the server has been given. */
  readonly #loaded = new Map<keyof typeof SCRIPTS, string>();

  /** `client` is connected, and answers blobs as Buffers (redis-client.ts sees to both). */
  constructor(client: RedisCommands, { prefix = 'edict', timeoutMs = 1_000 }: RedisKvOptions = {}) {
    this.#client = client;
    this.#prefix = prefix;
    this.#timeoutMs = timeoutMs;
  }

  async get(space: KvSpace, key: string): Promise<HostResult<KvEntry | undefined>> {
    const answer = await this.#run('get', space, key, []);
    if (!Array.isArray(answer)) return fault(answer);
    const [value, version] = answer as unknown[];
    if (!Buffer.isBuffer(value)) return undefined;
    return { value: new Uint8Array(value), version: Number(textOf(version)) };
  }

  async set(space: KvSpace, key: string, value: Uint8Array, ttlMs: number): Promise<HostResult<number>> {
    if (isTooLarge(space, key, value)) return hostFault('too-large');
    return numberFrom(await this.#run('set', space, key, [bufferOf(value), String(ttlMs)]));
  }

  async delete(space: KvSpace, key: string): Promise<HostResult<boolean>> {
    const answer = await this.#run('delete', space, key, []);
    return typeof answer === 'number' ? answer > 0 : fault(answer);
  }

  async increment(
    space: KvSpace,
    key: string,
    delta: number,
    ttlMs: number,
    refreshTtl: boolean,
  ): Promise<HostResult<number>> {
    if (!Number.isFinite(delta)) return hostFault('bad-argument');
    const args = [String(delta), String(ttlMs), refreshTtl ? '1' : '0'];
    return numberFrom(await this.#run('increment', space, key, args));
  }

  async compareAndSet(
    space: KvSpace,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): Promise<HostResult<number>> {
    if (isTooLarge(space, key, value)) return hostFault('too-large');
    if (!Number.isSafeInteger(expectedVersion)) return hostFault('conflict');
    const args = [bufferOf(value), String(ttlMs), String(expectedVersion)];
    return numberFrom(await this.#run('compareAndSet', space, key, args));
  }

  /** The script's answer, or a fault: the server cannot be reached, or said no. */
  async #run(
    name: keyof typeof SCRIPTS,
    { id }: KvSpace,
    key: string,
    args: readonly (string | Buffer)[],
  ): Promise<unknown> {
    if (!isKey(key)) return hostFault('bad-argument');
    // One hash tag for the whole space keeps the two keys of a script on one node of a cluster; braces would end it.
    const base = `${this.#prefix}:{${id.replace(/[{}]/g, (brace) => `%${brace.charCodeAt(0).toString(16)}`)}}`;
    const keys = [`${base}:k:${key}`, `${base}:version`];
    try {
      const digest = this.#loaded.get(name) ?? (await this.#load(name));
      const rest = [String(keys.length), ...keys, ...args];
      try {
        return await this.#send(['EVALSHA', digest, ...rest]);
      } catch (caught) {
        // A server that was restarted has forgotten its scripts.
        if (!String(caught).includes('NOSCRIPT')) throw caught;
        this.#loaded.delete(name);
        return await this.#send(['EVAL', SCRIPTS[name], ...rest]);
      }
    } catch (caught) {
      return hostFault(caught === LATE ? 'deadline' : 'unavailable');
    }
  }

  /** A server that hangs must not hold a hook for ever. */
  #send(args: readonly (string | Buffer)[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = startTimer(systemClock, () => reject(LATE), this.#timeoutMs);
      this.#client
        .sendCommand(args)
        .then(resolve, reject)
        .finally(() => systemClock.clearTimeout(timer));
    });
  }

  async #load(name: keyof typeof SCRIPTS): Promise<string> {
    const digest = textOf(await this.#send(['SCRIPT', 'LOAD', SCRIPTS[name]]));
    this.#loaded.set(name, digest);
    return digest;
  }
}

function isTooLarge({ maxBytes }: KvSpace, key: string, value: Uint8Array): boolean {
  return Buffer.byteLength(key, 'utf8') + value.length > maxBytes;
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function textOf(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

function numberFrom(answer: unknown): HostResult<number> {
  const text = textOf(answer);
  if (FAULTS.has(text)) return hostFault(text as HostFaultName);
  const number = Number(text);
  return typeof answer === 'object' && !Buffer.isBuffer(answer) ? fault(answer) : number;
}

function fault(answer: unknown): ReturnType<typeof hostFault> {
  const name = (answer as { readonly fault?: HostFaultName } | null)?.fault;
  return hostFault(name ?? 'unavailable');
}
