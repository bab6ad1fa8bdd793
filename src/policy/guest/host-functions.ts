/**
 * What the host does for guests, as a port: every function of the `edict` import module as a typed call. Pointers are
 * resolved already, bytes are copies, texts are valid; implementations are given elsewhere.
 */

import { HostCode } from '../frame/tags.ts';
import type { HookInput, PolicyInfo } from '../model/inputs.ts';
import type { Phase } from '../model/phases.ts';

/** Why a host function said no; guests see its number. */
export type HostFaultName = keyof typeof HostCode;

/** A refusal as a value. */
export interface HostFault {
  readonly fault: HostFaultName;
}

export type HostResult<T> = T | HostFault;

const FAULTS = Object.fromEntries(
  Object.keys(HostCode).map((name) => [name, Object.freeze({ fault: name as HostFaultName })]),
) as Readonly<Record<HostFaultName, HostFault>>;

export function hostFault(name: HostFaultName): HostFault {
  return FAULTS[name];
}

export function isHostFault(value: unknown): value is HostFault {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'fault');
}

/**
 * Who is calling, while the call lasts: the same object is filled anew for every hook, so keep what you need, not the
 * object. Without phase and input the guest is being made, destroyed or told of the end of a stream.
 */
export interface HostCall {
  readonly info: PolicyInfo;
  readonly phase: Phase | undefined;
  readonly input: HookInput | undefined;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const FLAG_KINDS = ['boolean', 'string', 'number', 'object'] as const;
export type FlagKind = (typeof FLAG_KINDS)[number];

/** A value of the key-value store; the version is what compare-and-set expects. */
export interface KvEntry {
  readonly value: Uint8Array;
  readonly version: number;
}

/** What a kept result of an asynchronous operation is: a frame or document the guest asked for. */
export type PendingBytes = Promise<HostResult<Uint8Array>>;

/**
 * Nothing here throws; what throws all the same is answered to the guest as `unavailable`. Nothing here may call a guest.
 * Times to live are in milliseconds, 0 meaning for ever.
 */
export interface HostFunctions {
  /** At most 4 KiB, control characters shown as escapes. */
  log(call: HostCall, level: LogLevel, message: string): void;
  /** Epoch milliseconds. */
  nowMs(call: HostCall): number;
  monotonicMs(call: HostCall): number;
  random(call: HostCall, bytes: number): HostResult<Uint8Array>;
  /** Gives `{value, variant, reason}` as JSON. Without a context the exchange's is meant. */
  flag(
    call: HostCall,
    key: string,
    kind: FlagKind,
    defaultJson: string,
    contextJson: string | undefined,
  ): HostResult<string>;
  metaGet(call: HostCall, key: string): HostResult<string | undefined>;
  metaSet(call: HostCall, key: string, valueJson: string): HostResult<true>;
  /** False when there was nothing. */
  metaDelete(call: HostCall, key: string): HostResult<boolean>;
  kvGet(call: HostCall, namespace: string, key: string): HostResult<KvEntry | undefined>;
  /** Gives the new version. */
  kvSet(call: HostCall, namespace: string, key: string, value: Uint8Array, ttlMs: number): HostResult<number>;
  kvDelete(call: HostCall, namespace: string, key: string): HostResult<boolean>;
  /** Gives the new number. A time to live counts from creation, or from now when it is to be refreshed. */
  kvIncrement(
    call: HostCall,
    namespace: string,
    key: string,
    delta: number,
    ttlMs: number,
    refreshTtl: boolean,
  ): HostResult<number>;
  /** Gives the new version; version 0 stands for "not there". Another version is a `conflict`. */
  kvCompareAndSet(
    call: HostCall,
    namespace: string,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number>;
  hash(call: HostCall, algorithm: string, data: Uint8Array): HostResult<Uint8Array>;
  /** `keyRef` names a key of the tenant; keys never enter guest memory. */
  hmac(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array>;
  sign(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array>;
  /** `key` names a key of the tenant, or is a public JWK as JSON. */
  verify(call: HostCall, algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): HostResult<boolean>;
  /** In constant time. */
  equal(call: HostCall, left: Uint8Array, right: Uint8Array): boolean;
  /** Starts a request and gives the frame of its answer later; the guest is resumed with it. */
  httpStart(call: HostCall, request: Uint8Array): HostResult<PendingBytes>;
  /** The same, and waits: only where waiting stops nobody else (a worker). */
  httpCall?(call: HostCall, request: Uint8Array): HostResult<Uint8Array>;
  counterAdd(call: HostCall, series: number, value: number): void;
  histogramRecord(call: HostCall, series: number, value: number): void;
  resourceGet(call: HostCall, kind: string, id: string): HostResult<Uint8Array | undefined>;
}
