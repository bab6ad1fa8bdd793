/** What a position says of a candidate beside its policy, and which exchanges are the candidate's. */

import type { FlagPort } from '../chain/condition-options.ts';
import type { HookInput } from '../model/inputs.ts';

/** Exactly one of `percent` and `flag`; a shadow without either runs beside every exchange. */
export interface RolloutSettings {
  /** Of targeting keys, 0 to 100. */
  readonly percent?: number;
  /** A boolean flag; the candidate serves where it is true. */
  readonly flag?: string;
  /** The candidate runs beside the active policy: its answers are compared, never used. */
  readonly isShadow: boolean;
}

/** What sides are chosen with. */
export interface RolloutPorts {
  readonly flags?: FlagPort;
  /** The header whose first value is the targeting key while nobody is authenticated. */
  readonly targetingHeader?: string;
}

/** Parts of a percentage that can be told apart. */
const BUCKETS = 100_000;

/** Who an exchange is sticky for: the subject, else the configured header, else the client's address, else the request alone. */
export function targetingKeyOf({ exchange, gathered, request }: HookInput, header: string | undefined): string {
  return (
    gathered.auth[0]?.subject ??
    (header === undefined ? undefined : request.headers.first(header)) ??
    exchange.clientIp ??
    exchange.requestId
  );
}

/**
 * Whether the exchange is the candidate's. The salt is the same for every percentage, so whoever has the candidate at 10 % has
 * it at 20 %.
 */
export function isChosen(
  { percent, flag }: RolloutSettings,
  salt: string,
  input: HookInput,
  { flags, targetingHeader }: RolloutPorts,
): boolean {
  const key = targetingKeyOf(input, targetingHeader);
  if (flag !== undefined) return flags?.evaluate('boolean', flag, key, input.exchange, input) === true;
  if (percent === undefined || percent >= 100) return true;
  return bucketOf(`${salt}\n${key}`) < (percent / 100) * BUCKETS;
}

/** 32-bit FNV-1a over UTF-16 units, with its bits mixed once more: neighbouring keys must not share a bucket. */
function bucketOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % BUCKETS;
}
