/** What an author writes: a class with the hooks it wants, and one call that says how to make it. */

import { Answer } from './action';
import { Bytes } from './bytes';
import { Input } from './input';
import { Json } from './json';

/** What a policy asks for; join them with `|`. A body is buffered or streamed, not both. */
export const REQUEST_HEADERS: u32 = 2;
export const REQUEST_BODY: u32 = 2 << 2;
export const REQUEST_STREAM: u32 = 3 << 2;
export const RESPONSE_HEADERS: u32 = 2 << 4;
export const RESPONSE_BODY: u32 = 2 << 6;
export const RESPONSE_STREAM: u32 = 3 << 6;

/** What an instance is told of itself. */
export class PolicyInfo {
  constructor(
    readonly name: string,
    readonly version: string,
    readonly route: string,
    /** `api` or `route`. */
    readonly attachedTo: string,
    readonly tenant: string,
    readonly api: Json,
  ) {}
}

/** Override the hooks you asked for. `null` changes nothing; a streaming policy has its buffered hook as well. */
export abstract class Policy {
  constructor(readonly modes: u32) {}

  onRequestHeaders(_input: Input): Answer | null {
    return null;
  }

  onRequestBody(_input: Input): Answer | null {
    return null;
  }

  onResponseHeaders(_input: Input): Answer | null {
    return null;
  }

  onResponseBody(_input: Input): Answer | null {
    return null;
  }

  onRequestChunk(_input: Input): Answer | null {
    return null;
  }

  onResponseChunk(_input: Input): Answer | null {
    return null;
  }

  /** Whether the bytes held back (`input.fresh` the new ones) are to be held on. */
  needsMoreRequestData(_input: Input): bool {
    return false;
  }

  needsMoreResponseData(_input: Input): bool {
    return false;
  }

  /** The host operation `token` ended; `result` is its answer, `null` when it failed with `error`. */
  onResume(_token: i32, _result: Uint8Array | null, _error: i32): Answer | null {
    return null;
  }

  /** 0 completed, 1 the client gave up, 2 the upstream did, 3 failed, 4 terminated. */
  onStreamEnd(_streamId: u32, _reason: u32): void {}

  /** What a successor may take over when the policy is replaced; null when there is nothing. */
  exportState(): Uint8Array | null {
    return null;
  }

  /** The state of a predecessor; false refuses it. */
  importState(_state: Bytes): bool {
    return false;
  }

  onDestroy(): void {}
}

/** One instance for each route and position, each set of parameters, each policy, each exchange. */
export const PER_ROUTE: u32 = 1;
export const SHARED_BY_PARAMS: u32 = 2;
export const SINGLETON: u32 = 3;
export const PER_REQUEST: u32 = 4;

/** How instances are shared; those with different keys never are. */
export class Plan {
  constructor(
    readonly scope: u32,
    readonly shareKey: string = '',
  ) {}
}

/** Decides how instances are shared; null leaves it to the manifest. */
export type Planner = (info: PolicyInfo, params: Json) => Plan | null;

let planner: Planner | null = null;

/** Once a module, where the manifest alone cannot say it. */
export function registerPlan(plan: Planner): void {
  planner = plan;
}

export function makePlan(info: PolicyInfo, params: Json): Plan | null {
  const plan = planner;
  return plan == null ? null : plan(info, params);
}

/** Makes an instance; after `rejectParams` it gives null. */
export type Factory = (info: PolicyInfo, params: Json) => Policy | null;

let factory: Factory | null = null;

/** Once a module, at its top level. */
export function register(make: Factory): void {
  factory = make;
}

export function makePolicy(info: PolicyInfo, params: Json): Policy | null {
  const make = factory;
  return make == null ? null : make(info, params);
}
