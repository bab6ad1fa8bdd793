/** Whose configuration a persisted file holds, as a hash: relay, credentials and filter, so that tenants never mix. */

import { createHash } from 'node:crypto';

import type { ResolvedOptions } from '../options/resolve.ts';

export type OwnerOptions = Pick<ResolvedOptions, 'endpoint' | 'apiKey' | 'headers' | 'flagList' | 'flagPrefix'>;

/**
 * SHA-256 in hex over the endpoints, the key, the headers and the filter; the order of endpoints and flag keys plays no part.
 *
 * A key or headers given as a function change with each call, so only the fact that there is a function is bound: who serves
 * several tenants over one endpoint that way gives each a `persistPath` of its own.
 */
export function ownerOf({ endpoint = [], apiKey, headers, flagList, flagPrefix }: OwnerOptions): string {
  const facts = [
    'edict-owner-1',
    [...endpoint].sort(),
    typeof apiKey === 'function' ? { rotates: true } : (apiKey ?? ''),
    typeof headers === 'function'
      ? { rotates: true }
      : (headers ?? []).map(([name, value]) => [name.toLowerCase(), value]).sort(),
    [...flagList].sort(),
    flagPrefix ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
