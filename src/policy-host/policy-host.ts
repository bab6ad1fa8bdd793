/** The host of one policy of one tenant: its functions do what was granted, through ports, and refuse everything else. */

import { randomBytes } from 'node:crypto';
import {
  type FlagKind,
  type HostCall,
  type HostFunctions,
  type HostResult,
  hostFault,
  type KvEntry,
  type LogLevel,
  type PendingBytes,
} from '../policy/guest/host-functions.ts';
import type { HookInput, Trial } from '../policy/model/inputs.ts';
import type { Outcome } from '../policy/model/instance.ts';
import { Phase } from '../policy/model/phases.ts';
import type { Capabilities, CryptoOperation } from './capabilities.ts';
import { CryptoFunctions, equalBytes } from './crypto/crypto-functions.ts';
import { KvOverlay } from './kv/kv-overlay.ts';
import { isKey, type KvSpace, type KvStore, spaceId } from './kv/kv-store.ts';
import { LogLines } from './log-lines.ts';
import { MetadataDrafts } from './metadata-drafts.ts';
import { PolicyMetrics } from './metrics.ts';
import type { HostOptions, HostPorts, TimeSource } from './ports.ts';

const systemTime: TimeSource = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
};

/**
 * INVARIANT: tenant and policy are those the host was made for. A call that comes from another tenant's instance is denied, so
 * that a mix-up can never show one tenant the state of another.
 */
export class PolicyHost implements HostFunctions {
  readonly #granted: Capabilities;
  readonly #options: HostOptions;
  readonly #ports: HostPorts;
  readonly #time: TimeSource;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #lines: LogLines | undefined;
  readonly #drafts: MetadataDrafts;
  readonly #metrics: PolicyMetrics | undefined;
  readonly #crypto: CryptoFunctions;
  readonly #spaces: ReadonlyMap<string, KvSpace>;
  /** What trials wrote; gone with them. */
  readonly #trials = new WeakMap<Trial, KvStore>();
  /** Hooks under way that reached outside: nearly always one, which is then no entry in a map. */
  readonly #reached = new WeakSet<HookInput>();
  #reachedNow: HookInput | undefined;

  constructor(granted: Capabilities, options: HostOptions, ports: HostPorts) {
    this.#granted = granted;
    this.#options = options;
    this.#ports = ports;
    this.#time = ports.time ?? systemTime;
    this.#random = ports.random ?? ((bytes) => new Uint8Array(randomBytes(bytes)));
    const { tenant, policy, metadata, series = [] } = options;
    const owner = { tenant, policy };
    const monotonic = (): number => this.#time.monotonic();
    if (ports.log !== undefined) {
      this.#lines = new LogLines(ports.log, monotonic, owner, options.logLinesPerSecond);
    }
    if (ports.metrics !== undefined) this.#metrics = new PolicyMetrics(series, ports.metrics, owner);
    this.#drafts = new MetadataDrafts(metadata?.reads ?? [], metadata?.writes ?? []);
    this.#crypto = new CryptoFunctions(ports.keys);
    this.#spaces = spacesOf(granted, options);
  }

  log(call: HostCall, level: LogLevel, message: string): void {
    if (this.#granted.log && !isTrial(call)) this.#lines?.write(call, level, message);
  }

  nowMs(): number {
    return this.#tick(this.#time.now());
  }

  monotonicMs(): number {
    return this.#tick(this.#time.monotonic());
  }

  random(_call: HostCall, bytes: number): HostResult<Uint8Array> {
    return this.#granted.random ? this.#random(bytes) : hostFault('denied');
  }

  flag(
    call: HostCall,
    key: string,
    kind: FlagKind,
    defaultJson: string,
    contextJson: string | undefined,
  ): HostResult<string> {
    if (!this.#granted.flags || !this.#isMine(call) || call.input === undefined) return hostFault('denied');
    const { flags } = this.#ports;
    return flags === undefined
      ? hostFault('unavailable')
      : flags.evaluate(call.input, key, kind, defaultJson, contextJson);
  }

  metaGet(call: HostCall, key: string): HostResult<string | undefined> {
    const input = this.#metadataInput(call);
    return input === undefined ? hostFault('denied') : this.#drafts.get(input, key);
  }

  metaSet(call: HostCall, key: string, valueJson: string): HostResult<true> {
    const input = this.#metadataInput(call);
    // A question whether more is needed has no effects.
    return input === undefined || isQuery(call.phase) ? hostFault('denied') : this.#drafts.set(input, key, valueJson);
  }

  metaDelete(call: HostCall, key: string): HostResult<boolean> {
    const input = this.#metadataInput(call);
    return input === undefined || isQuery(call.phase) ? hostFault('denied') : this.#drafts.delete(input, key);
  }

  kvGet(call: HostCall, namespace: string, key: string): HostResult<KvEntry | undefined> {
    return this.#kv(call, namespace, key, false, (store, space) => store.get(space, key));
  }

  kvSet(call: HostCall, namespace: string, key: string, value: Uint8Array, ttlMs: number): HostResult<number> {
    return this.#kv(call, namespace, key, true, (store, space) => store.set(space, key, value, ttlMs));
  }

  kvDelete(call: HostCall, namespace: string, key: string): HostResult<boolean> {
    return this.#kv(call, namespace, key, true, (store, space) => store.delete(space, key));
  }

  kvIncrement(
    call: HostCall,
    namespace: string,
    key: string,
    delta: number,
    ttlMs: number,
    refreshTtl: boolean,
  ): HostResult<number> {
    return this.#kv(call, namespace, key, true, (store, space) =>
      store.increment(space, key, delta, ttlMs, refreshTtl),
    );
  }

  kvCompareAndSet(
    call: HostCall,
    namespace: string,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number> {
    return this.#kv(call, namespace, key, true, (store, space) =>
      store.compareAndSet(space, key, expectedVersion, value, ttlMs),
    );
  }

  hash(_call: HostCall, algorithm: string, data: Uint8Array): HostResult<Uint8Array> {
    return this.#may('hash') ? this.#crypto.hash(algorithm, data) : hostFault('denied');
  }

  hmac(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    if (!this.#may('hmac') || !this.#isMine(call)) return hostFault('denied');
    return this.#crypto.hmac(algorithm, keyRef, data);
  }

  sign(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    if (!this.#may('sign') || !this.#isMine(call)) return hostFault('denied');
    return this.#crypto.sign(algorithm, keyRef, data);
  }

  verify(call: HostCall, algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): HostResult<boolean> {
    if (!this.#may('verify') || !this.#isMine(call)) return hostFault('denied');
    return this.#crypto.verify(algorithm, key, signature, data);
  }

  /** Nothing but a comparison: where it was not granted it answers no. */
  equal(_call: HostCall, left: Uint8Array, right: Uint8Array): boolean {
    return this.#may('equal') && equalBytes(left, right);
  }

  httpStart(call: HostCall, request: Uint8Array): HostResult<PendingBytes> {
    const { http } = this.#granted;
    if (http === undefined || !this.#isMine(call) || call.input === undefined) return hostFault('denied');
    const { exchange } = call.input;
    if (exchange.dryRun !== undefined) {
      exchange.dryRun.trial.refusals++;
      return hostFault('unavailable');
    }
    this.#reach(call.input);
    const caller = { tenant: this.#options.tenant, exchange, allow: http.allow };
    return this.#ports.http?.start(caller, request) ?? hostFault('unavailable');
  }

  counterAdd(call: HostCall, series: number, value: number): void {
    if (this.#granted.metrics && !isTrial(call)) this.#metrics?.record('counter', series, value, call.input);
  }

  histogramRecord(call: HostCall, series: number, value: number): void {
    if (this.#granted.metrics && !isTrial(call)) this.#metrics?.record('histogram', series, value, call.input);
  }

  resourceGet(call: HostCall, kind: string, id: string): HostResult<Uint8Array | undefined> {
    if (!this.#granted.resources || !this.#isMine(call)) return hostFault('denied');
    const { resources } = this.#ports;
    return resources === undefined ? hostFault('unavailable') : resources.get(this.#options.tenant, kind, id);
  }

  /** What the hook answered, with what it did through functions. */
  settle(input: HookInput, answer: Outcome): Outcome {
    const outcome =
      this.#hadEffects(input) && answer.kind === 'failure' ? { ...answer, hadEffects: true as const } : answer;
    return this.#drafts.settle(input, outcome);
  }

  /** What the status shows. */
  describe(): { readonly droppedLogLines: number; readonly refusedMetrics: number } {
    return { droppedLogLines: this.#lines?.dropped ?? 0, refusedMetrics: this.#metrics?.refused ?? 0 };
  }

  #tick(ms: number): number {
    const { clock } = this.#granted;
    if (clock === undefined) return Number.NaN;
    return clock.fine ? ms : Math.floor(ms);
  }

  #may(operation: CryptoOperation): boolean {
    return this.#granted.crypto?.includes(operation) === true;
  }

  #isMine({ info, input }: HostCall): boolean {
    const { tenant } = this.#options;
    return info.tenant === tenant && (input === undefined || input.exchange.tenant === tenant);
  }

  #metadataInput(call: HostCall): HookInput | undefined {
    return this.#granted.metadata && this.#isMine(call) ? call.input : undefined;
  }

  #kv<T>(
    call: HostCall,
    namespace: string,
    key: string,
    isWrite: boolean,
    operation: (store: KvStore, space: KvSpace) => HostResult<T>,
  ): HostResult<T> {
    const space = this.#spaces.get(namespace);
    if (space === undefined || !this.#isMine(call)) return hostFault('denied');
    if (!isKey(key)) return hostFault('bad-argument');
    const { kv } = this.#ports;
    if (kv === undefined) return hostFault('unavailable');
    const trial = call.input?.exchange.dryRun?.trial;
    if (isWrite && call.input !== undefined) this.#reach(call.input);
    return operation(trial === undefined ? kv : this.#copyFor(trial, kv), space);
  }

  #reach(input: HookInput): void {
    if (this.#reachedNow === input) return;
    if (this.#reachedNow !== undefined) this.#reached.add(this.#reachedNow);
    this.#reachedNow = input;
  }

  #hadEffects(input: HookInput): boolean {
    if (this.#reachedNow === input) {
      this.#reachedNow = undefined;
      return true;
    }
    return this.#reached.delete(input);
  }

  #copyFor(trial: Trial, kv: KvStore): KvStore {
    let copy = this.#trials.get(trial);
    if (copy === undefined) {
      copy = new KvOverlay(kv, this.#time);
      this.#trials.set(trial, copy);
    }
    return copy;
  }
}

/** `granted` is what manifest and tenant agree on (`intersectCapabilities`). */
export function createHost(granted: Capabilities, options: HostOptions, ports: HostPorts): PolicyHost {
  return new PolicyHost(granted, options, ports);
}

function spacesOf({ kv }: Capabilities, { tenant, policy, scope = '' }: HostOptions): ReadonlyMap<string, KvSpace> {
  const { namespaces = [], maxBytes = 0 } = kv ?? {};
  return new Map(namespaces.map((name) => [name, { id: spaceId(tenant, policy, scope, name), maxBytes }]));
}

function isTrial({ input }: HostCall): boolean {
  return input?.exchange.dryRun !== undefined;
}

function isQuery(phase: Phase | undefined): boolean {
  return phase === Phase.needsMoreRequestData || phase === Phase.needsMoreResponseData;
}
