/** Options of an engine as it uses them; each throws `INVALID_OPTION` for a value that cannot be meant. */

import { EdictError } from '../errors.ts';
import { parseCapabilities } from '../policy-host/capabilities.ts';
import { ExchangeFlags, flagSourceOf } from '../policy-host/exchange-flags.ts';
import { DEFAULT_ALLOWED } from './defaults.ts';
import type { PolicyEngineOptions } from './options.ts';

const MAX_CHAIN_TIMEOUT_MS = 30_000;

export function timeoutOf({ chainTimeoutMs = 1_000 }: PolicyEngineOptions): number {
  if (Number.isFinite(chainTimeoutMs) && chainTimeoutMs >= 1 && chainTimeoutMs <= MAX_CHAIN_TIMEOUT_MS) {
    return chainTimeoutMs;
  }
  throw new EdictError('INVALID_OPTION', `chainTimeoutMs must be from 1 to ${MAX_CHAIN_TIMEOUT_MS}`);
}

export function allowedOf({
  allow = DEFAULT_ALLOWED,
}: PolicyEngineOptions): ReturnType<typeof parseCapabilities>['capabilities'] {
  const { capabilities, problems } = parseCapabilities(allow, 'tenant');
  const [first] = problems;
  if (first !== undefined) throw new EdictError('INVALID_OPTION', `allow${first.path} ${first.message}`);
  return capabilities;
}

export function exchangeFlagsOf({ flags, targetingKeyHeader }: PolicyEngineOptions): ExchangeFlags {
  const source = flagSourceOf(flags as NonNullable<typeof flags>);
  return new ExchangeFlags(source, targetingKeyHeader === undefined ? {} : { targetingKeyHeader });
}
