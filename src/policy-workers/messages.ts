/** What travels between the calling thread and a worker beside the shared record: what is too large or too rare for it. */

import type { MessagePort } from 'node:worker_threads';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import type { Capability } from '../policy/guest/imports.ts';
import type { GuestLimits } from '../policy/guest/limits.ts';
import type { InstanceInit } from '../policy/model/instance.ts';

/** A module for one tenant: memory is shared neither by two modules nor by two tenants. */
export interface ModuleMessage {
  readonly kind: 'module';
  readonly module: number;
  readonly guest: CompiledGuest;
  readonly granted: readonly Capability[];
  readonly limits: GuestLimits;
}

export interface InstanceMessage {
  readonly kind: 'instance';
  readonly instance: number;
  readonly module: number;
  readonly init: InstanceInit;
}

/** A frame that does not fit its place in the record. */
export interface FrameMessage {
  readonly kind: 'frame';
  readonly bytes: Uint8Array;
}

/** The answer to an `ask`. */
export interface AnswerMessage {
  readonly kind: 'answer';
  readonly value: unknown;
}

export type ToWorker = ModuleMessage | InstanceMessage | FrameMessage | AnswerMessage;

/** Functions of the host that a worker waits for. `await` waits for the first of some operations begun with `httpStart`. */
export const ASKED = [
  ...['flag', 'metaGet', 'metaSet', 'metaDelete', 'kvGet', 'kvSet', 'kvDelete', 'kvIncrement', 'kvCompareAndSet'],
  ...['hash', 'hmac', 'sign', 'verify', 'resourceGet', 'httpCall', 'httpStart', 'await'],
] as readonly string[] as readonly AskedName[];
type AskedName =
  | Exclude<
      keyof HostFunctions,
      'log' | 'nowMs' | 'monotonicMs' | 'random' | 'equal' | 'counterAdd' | 'histogramRecord'
    >
  | 'await';

/** A call of a host function; the worker sleeps until it is answered. */
export interface AskMessage {
  readonly kind: 'ask';
  readonly name: AskedName;
  readonly args: readonly unknown[];
}

/** Functions of the host that answer nothing: the worker goes on at once. */
export interface TellMessage {
  readonly kind: 'tell';
  readonly instance: number;
  readonly name: 'log' | 'counterAdd' | 'histogramRecord';
  readonly args: readonly unknown[];
}

export type FromWorker = AskMessage | TellMessage | FrameMessage;

/** What a worker is started with. */
export interface WorkerSetup {
  readonly shared: SharedArrayBuffer;
  readonly generation: number;
  /** For everything beside the record. */
  readonly port: MessagePort;
}
