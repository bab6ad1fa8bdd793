/** How large the metadata of an exchange may become, and who may write which of its keys (spec/policies.md §1.6). */

import type { JsonObject, JsonValue } from '../../internal/json.ts';

/** Limits of the metadata of one exchange. */
export const METADATA_LIMITS = { keys: 64, valueBytes: 16_384, totalBytes: 65_536 } as const;

/** The size of one member as it counts towards the total. */
export function memberBytes(key: string, json: string): number {
  return Buffer.byteLength(key, 'utf8') + Buffer.byteLength(json, 'utf8');
}

/** Why a patch may not be applied; `undefined` when it may. Deleting is always within the limits. */
export function metadataFault(
  metadata: Readonly<JsonObject>,
  patch: Readonly<Record<string, JsonValue>> | undefined,
  writes: ReadonlySet<string> | undefined,
): string | undefined {
  if (patch === undefined) return undefined;
  const sizes = new Map<string, number>();
  for (const [key, value] of Object.entries(patch)) {
    if (writes !== undefined && !writes.has(key)) {
      return `the metadata key ${JSON.stringify(key)} is not among those the policy declares to write`;
    }
    if (value === null) continue;
    const json = JSON.stringify(value) ?? '';
    if (Buffer.byteLength(json, 'utf8') > METADATA_LIMITS.valueBytes) {
      return `the metadata value of ${JSON.stringify(key)} is longer than ${METADATA_LIMITS.valueBytes} bytes`;
    }
    sizes.set(key, memberBytes(key, json));
  }
  if (sizes.size === 0) return undefined;
  for (const [key, value] of Object.entries(metadata)) {
    if (!Object.hasOwn(patch, key)) sizes.set(key, memberBytes(key, JSON.stringify(value) ?? ''));
  }
  if (sizes.size > METADATA_LIMITS.keys) return `the metadata would have more than ${METADATA_LIMITS.keys} keys`;
  let total = 0;
  for (const bytes of sizes.values()) total += bytes;
  return total > METADATA_LIMITS.totalBytes
    ? `the metadata would be larger than ${METADATA_LIMITS.totalBytes} bytes`
    : undefined;
}
