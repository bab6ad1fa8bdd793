/** What a `PolicyEngine` is told. */

import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import type { Resolution } from '../evaluator/resolution.ts';
import type { JsonObject } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import type { CanaryOptions } from '../policy/canary/canary.ts';
import type { HookRecord } from '../policy/chain/decision.ts';
import type { RemoteEvaluatorPort } from '../policy/chain/remote-fallback.ts';
import type { IntegrityHeaders } from '../policy/reduce/derive.ts';
import type { RolloutEvent } from '../policy/rollout/rollout-instance.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import type { RecordOptions } from '../policy-host/recording-policy.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HistogramMeter } from '../telemetry/meter.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import type { DecisionsOptions } from './decisions-options.ts';
import type { DefinedPolicy } from './native-definition.ts';
import type { TenantsOptions } from './tenants-options.ts';

/** One hook of one exchange, as `onHook` is told. */
export interface PolicyHookEvent extends HookRecord {
  readonly route: string;
  readonly tenant: string;
  readonly requestId: string;
}

/** Options of a `PolicyEngine`; all of them have defaults. */
export interface PolicyEngineOptions {
  /** Native policies, from `definePolicy`; chains name them as they name modules. */
  readonly policies?: readonly DefinedPolicy[];
  /**
   * Chains may name the policies that come with Edict (docs/policies/): they run as native code. A native policy or a folder
   * of the same name goes before one of them. Default true.
   */
  readonly catalogue?: boolean;
  /** An evaluator for conditions, for the `flag` of a position, and for policies that ask for flags. */
  readonly flags?: AbstractEvaluator<Resolution>;
  /** The header whose value is the targeting key of an exchange while nobody is authenticated. */
  readonly targetingKeyHeader?: string;
  /**
   * What modules may ask for at most, in the words of a manifest's `capabilities`; a manifest's own list is cut down to it.
   * Default: everything but `http` and `hopByHop`.
   */
  readonly allow?: Readonly<JsonObject>;
  /**
   * Modules that run without a fuel counter, by their digest, `sha256:` and 64 hex digits. A loop in one of them stops the
   * process, so list only what you would put into the service itself. Default: none.
   */
  readonly trustedModules?: readonly string[];
  /** Secrets that parameters refer to by name. */
  readonly secret?: (name: string) => string | undefined;
  /** Environment variables that parameters may refer to. Default: none. */
  readonly envNames?: readonly string[];
  /** What modules reach through host functions, in place of the engine's own: a shared key-value store, keys, metrics. */
  readonly host?: HostPorts;
  /**
   * What a new instance has to pass before it serves: the self tests of its manifest, and up to `recordedInputs` (100) of what
   * the instance it replaces was asked lately, in no more than twice the time. Serving instances keep these inputs in memory,
   * with what clients sent in them; 0 keeps none.
   */
  readonly canary?: CanaryOptions;
  /** Told once of each candidate that failed too often and was rolled back. What it throws is ignored. */
  readonly onRollback?: (event: RolloutEvent) => void;
  /** Asked about hooks that failed here, at positions with `fallbackEvaluator: remote`. */
  readonly remote?: RemoteEvaluatorPort;
  /**
   * Record hooks of modules with everything they were given and decided, for `records()`: to find out why a policy decided as
   * it did. Recordings hold what clients sent. Modules in workers are not recorded. Default: nothing is.
   */
  readonly record?: RecordOptions;
  /**
   * How long the policies of one step may take together, in milliseconds, 1 to 30000: the headers or the body of a direction,
   * or one delivery of a streamed body. Waiting for the client or for the handler does not count. Default 1000.
   */
  readonly chainTimeoutMs?: number;
  /** Digests (`content-md5`, `digest`, `content-digest`, `repr-digest`) of a body that a policy changed. Default `drop`. */
  readonly integrityHeaders?: IntegrityHeaders;
  /** Watch a folder and load it again when it changes. Default true. */
  readonly watch?: boolean;
  /** How tenants are held, and what each may use. */
  readonly tenants?: TenantsOptions;
  /** Where decision events go; none are made without it. */
  readonly decisions?: DecisionsOptions;
  /** Told of every hook. What it throws is ignored. */
  readonly onHook?: (event: PolicyHookEvent) => void;
  /** Metrics named `edict_policy_…` (docs/observability.md). The `Meter` of `@opentelemetry/api` fits. Default: none. */
  readonly meter?: HistogramMeter;
  /** Spans of exchanges, phases and policies. The `Tracer` of `@opentelemetry/api` fits. Default: none. */
  readonly tracer?: Tracer;
  /** Default: the console, from warnings on. */
  readonly logger?: Logger;
  readonly clock?: Clock;
}
