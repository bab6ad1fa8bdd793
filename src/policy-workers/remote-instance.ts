/** What the calling thread keeps of an instance whose guests live in workers. */

import type { HookEncoder } from '../policy/frame/input-encoder.ts';
import type { AnswerDecoder } from '../policy/frame/output-decoder.ts';
import type { CompiledGuest } from '../policy/guest/core-guest.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import type { Capability } from '../policy/guest/imports.ts';
import type { GuestLimits } from '../policy/guest/limits.ts';
import type { InstanceInit } from '../policy/model/instance.ts';

/** A module for one tenant. */
export interface RemoteModule {
  readonly id: number;
  readonly guest: CompiledGuest;
  readonly granted: readonly Capability[];
  readonly limits: GuestLimits;
  readonly host: HostFunctions;
}

export interface RemoteInstance {
  readonly id: number;
  readonly module: RemoteModule;
  readonly init: InstanceInit;
  readonly encoder: HookEncoder;
  readonly decoder: AnswerDecoder;
}

let ids = 0;

/** Numbers are unique in the process, so no worker can take one for another. */
export function nextId(): number {
  ids = ids >= 0x7fffffff ? 1 : ids + 1;
  return ids;
}
