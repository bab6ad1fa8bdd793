/**
 * The host as guests in a worker see it: time, randomness and comparison are at hand, everything with state is asked of the
 * thread that owns it.
 */

import { createHash, randomFillSync, timingSafeEqual } from 'node:crypto';
import {
  type FlagKind,
  type HostCall,
  type HostFunctions,
  type HostResult,
  isHostFault,
  type KvEntry,
  type LogLevel,
  type PendingBytes,
} from '../policy/guest/host-functions.ts';
import type { WorkerPort } from './worker-port.ts';

/** An operation that the host has begun; the worker knows its number. */
export interface Begun {
  readonly operation: number;
}

/** Answers come from our own main thread, so they are of the type that was asked for. */
export class RelayedHost implements HostFunctions {
  readonly #port: WorkerPort;
  readonly #operations = new WeakMap<PendingBytes, number>();

  constructor(port: WorkerPort) {
    this.#port = port;
  }

  log(_call: HostCall, level: LogLevel, message: string): void {
    this.#port.tell('log', [level, message]);
  }

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return Math.floor(performance.now());
  }

  random(_call: HostCall, bytes: number): Uint8Array {
    return randomFillSync(new Uint8Array(bytes));
  }

  /** Of the digests, so that lengths may differ and no position shows. */
  equal(_call: HostCall, left: Uint8Array, right: Uint8Array): boolean {
    return timingSafeEqual(digest(left), digest(right)) && left.length === right.length;
  }

  flag(_call: HostCall, key: string, kind: FlagKind, otherwise: string, context: string | undefined) {
    return this.#ask<string>('flag', key, kind, otherwise, context);
  }

  metaGet(_call: HostCall, key: string) {
    return this.#ask<string | undefined>('metaGet', key);
  }

  metaSet(_call: HostCall, key: string, json: string) {
    return this.#ask<true>('metaSet', key, json);
  }

  metaDelete(_call: HostCall, key: string) {
    return this.#ask<boolean>('metaDelete', key);
  }

  kvGet(_call: HostCall, namespace: string, key: string) {
    return this.#ask<KvEntry | undefined>('kvGet', namespace, key);
  }

  kvSet(_call: HostCall, namespace: string, key: string, value: Uint8Array, ttlMs: number) {
    return this.#ask<number>('kvSet', namespace, key, value, ttlMs);
  }

  kvDelete(_call: HostCall, namespace: string, key: string) {
    return this.#ask<boolean>('kvDelete', namespace, key);
  }

  kvIncrement(_call: HostCall, namespace: string, key: string, delta: number, ttlMs: number, refreshTtl: boolean) {
    return this.#ask<number>('kvIncrement', namespace, key, delta, ttlMs, refreshTtl);
  }

  kvCompareAndSet(_c: HostCall, namespace: string, key: string, expected: number, value: Uint8Array, ttlMs: number) {
    return this.#ask<number>('kvCompareAndSet', namespace, key, expected, value, ttlMs);
  }

  hash(_call: HostCall, algorithm: string, data: Uint8Array) {
    return this.#ask<Uint8Array>('hash', algorithm, data);
  }

  hmac(_call: HostCall, algorithm: string, keyRef: string, data: Uint8Array) {
    return this.#ask<Uint8Array>('hmac', algorithm, keyRef, data);
  }

  sign(_call: HostCall, algorithm: string, keyRef: string, data: Uint8Array) {
    return this.#ask<Uint8Array>('sign', algorithm, keyRef, data);
  }

  verify(_call: HostCall, algorithm: string, key: string, signature: Uint8Array, data: Uint8Array) {
    return this.#ask<boolean>('verify', algorithm, key, signature, data);
  }

  resourceGet(_call: HostCall, kind: string, id: string) {
    return this.#ask<Uint8Array | undefined>('resourceGet', kind, id);
  }

  counterAdd(_call: HostCall, series: number, value: number): void {
    this.#port.tell('counterAdd', [series, value]);
  }

  histogramRecord(_call: HostCall, series: number, value: number): void {
    this.#port.tell('histogramRecord', [series, value]);
  }

  httpCall(_call: HostCall, request: Uint8Array) {
    return this.#ask<Uint8Array>('httpCall', request);
  }

  /** The promise stands for the operation; nobody awaits it here, because a worker has no turns of an event loop. */
  httpStart(_call: HostCall, request: Uint8Array): HostResult<PendingBytes> {
    const begun = this.#ask<Begun>('httpStart', request);
    if (isHostFault(begun)) return begun;
    const stands: PendingBytes = new Promise(() => undefined);
    this.#operations.set(stands, begun.operation);
    return stands;
  }

  /** Sleeps until the first of some operations has ended; gives its token with what it gave. */
  firstOf(pending: ReadonlyMap<number, PendingBytes>): readonly [token: number, result: HostResult<Uint8Array>] {
    const tokens = new Map([...pending].map(([token, stands]) => [this.#operations.get(stands) ?? -1, token]));
    const answer = this.#ask<readonly [number, HostResult<Uint8Array>]>('await', ...tokens.keys());
    const [first = 0] = tokens.values();
    return isHostFault(answer) ? [first, answer] : [tokens.get(answer[0]) ?? first, answer[1]];
  }

  #ask<T>(name: Parameters<WorkerPort['ask']>[0], ...args: readonly unknown[]): HostResult<T> {
    return this.#port.ask(name, args) as HostResult<T>;
  }
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
