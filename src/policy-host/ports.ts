/** What a host needs from outside: everything a policy can reach leads through one of these. */

import type { LogLevel } from '../policy/guest/host-functions.ts';
import type { KeySet } from './crypto/key-set.ts';
import type { ExchangeFlags } from './exchange-flags.ts';
import type { HttpCalls } from './http/http-calls.ts';
import type { KvStore } from './kv/kv-store.ts';
import type { MetricsSink, SeriesDeclaration } from './metrics.ts';
import type { ResourceStores } from './resources.ts';

/** One line of a policy, safe for a terminal. */
export interface PolicyLogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly tenant: string;
  readonly policy: string;
  readonly route: string;
  readonly requestId: string | undefined;
}

/** Time as policies see it, with fractions of milliseconds. */
export interface TimeSource {
  now(): number;
  monotonic(): number;
}

/** Ports may be absent: what would need one then answers `unavailable`. */
export interface HostPorts {
  readonly time?: TimeSource;
  /** Fills the bytes it gives with randomness. */
  readonly random?: (bytes: number) => Uint8Array;
  /** Must not throw; what throws is ignored. */
  readonly log?: (line: PolicyLogLine) => void;
  readonly flags?: ExchangeFlags;
  readonly kv?: KvStore;
  readonly keys?: KeySet;
  readonly http?: HttpCalls;
  readonly metrics?: MetricsSink;
  readonly resources?: ResourceStores;
}

/** Whose host it is, and what its manifest declares beside capabilities. */
export interface HostOptions {
  readonly tenant: string;
  /** Name of the policy; its version is left out, so that state survives an update. */
  readonly policy: string;
  /** Tells state of one scope from that of another: a route, a share key. Same scope, same counters. */
  readonly scope?: string;
  readonly metadata?: { readonly reads?: readonly string[]; readonly writes?: readonly string[] };
  readonly series?: readonly SeriesDeclaration[];
  readonly logLinesPerSecond?: number;
}
