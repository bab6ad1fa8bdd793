/** What an engine is made of, read from its options. */

import { EdictError } from '../errors.ts';
import type { Clock } from '../options/clock.ts';
import type { PolicySetsOptions } from '../policy/build/policy-sets.ts';
import { type Capabilities, parseCapabilities } from '../policy-host/capabilities.ts';
import { ExchangeFlags, flagSourceOf } from '../policy-host/exchange-flags.ts';
import { MemoryKv } from '../policy-host/kv/memory-kv.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import type { ResourceStores } from '../policy-host/resources.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import { DEFAULT_ALLOWED } from './defaults.ts';
import type { PolicyEngineOptions } from './options.ts';

const MAX_CHAIN_TIMEOUT_MS = 30_000;

/** Milliseconds. Throws `INVALID_OPTION`. */
export function timeoutOf({ chainTimeoutMs = 1_000 }: PolicyEngineOptions): number {
  if (Number.isFinite(chainTimeoutMs) && chainTimeoutMs >= 1 && chainTimeoutMs <= MAX_CHAIN_TIMEOUT_MS) {
    return chainTimeoutMs;
  }
  throw new EdictError('INVALID_OPTION', `chainTimeoutMs must be from 1 to ${MAX_CHAIN_TIMEOUT_MS}`);
}

/** Throws `INVALID_OPTION`. */
export function allowedOf({ allow = DEFAULT_ALLOWED }: PolicyEngineOptions): Capabilities {
  const { capabilities, problems } = parseCapabilities(allow, 'tenant');
  const [first] = problems;
  if (first !== undefined) throw new EdictError('INVALID_OPTION', `allow${first.path} ${first.message}`);
  return capabilities;
}

/** Flags of exchanges, where there is an evaluator. Throws `INVALID_OPTION`. */
export function exchangeFlagsOf({ flags, targetingKeyHeader }: PolicyEngineOptions): ExchangeFlags | undefined {
  if (flags === undefined) return undefined;
  if (flags.isRemote === true) {
    throw new EdictError('INVALID_OPTION', 'flags must be decided in this process: give an InProcessEvaluator');
  }
  return new ExchangeFlags(flagSourceOf(flags), targetingKeyHeader === undefined ? {} : { targetingKeyHeader });
}

/** What modules reach, as far as the options do not replace it. */
export function hostPortsOf(
  options: PolicyEngineOptions,
  parts: {
    readonly clock: Clock;
    readonly logger: SafeLogger;
    readonly resources: ResourceStores;
    readonly flags: ExchangeFlags | undefined;
  },
): HostPorts {
  const { clock, logger, resources, flags } = parts;
  return {
    kv: new MemoryKv(clock),
    resources,
    log: ({ level, message, tenant, policy }) => {
      const text = `policy ${policy} of ${tenant}: ${message}`;
      if (level === 'error' || level === 'warn' || level === 'info') logger[level](text);
      else logger.debug(text);
    },
    ...(flags === undefined ? {} : { flags }),
    ...options.host,
  };
}

/** How chains are built. */
export function setsOptionsOf(
  { targetingKeyHeader, envNames = [], secret, canary, remote }: PolicyEngineOptions,
  parts: Pick<PolicySetsOptions, 'catalog' | 'clock' | 'redactor' | 'onRollback'>,
  flags: ExchangeFlags | undefined,
): PolicySetsOptions {
  return {
    ...parts,
    ...(canary === undefined ? {} : { canary }),
    ...(remote === undefined ? {} : { remote }),
    templates: { env: (name) => process.env[name], envNames, ...(secret === undefined ? {} : { secret }) },
    conditions: {
      ...(targetingKeyHeader === undefined ? {} : { targetingHeader: targetingKeyHeader }),
      ...(flags === undefined
        ? {}
        : {
            flags: {
              evaluate: (kind, key, _targetingKey, _exchange, input) => {
                const { value } = flags.resolve(input, key);
                return typeof value === kind ? (value as boolean | string | number) : undefined;
              },
            },
          }),
    },
  };
}
