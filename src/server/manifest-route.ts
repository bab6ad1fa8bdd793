/** `GET /openfeature/v0/manifest`: the flags as OpenFeature's code generators want them. */

import type { JsonValue } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import { jsonAnswer } from './answer.ts';
import type { Authentication } from './authentication.ts';
import type { ServedFlag } from './flag-set.ts';
import type { FlagStore } from './flag-store.ts';
import type { RelayMetrics } from './metrics.ts';
import type { Route } from './router.ts';

type ManifestType = 'boolean' | 'string' | 'integer' | 'float' | 'object';

export function manifestRoute(dependencies: {
  readonly authentication: Authentication<{ readonly store: Pick<FlagStore, 'current'> }>;
  readonly metrics: Pick<RelayMetrics, 'countManifest'>;
}): Route {
  const { authentication, metrics } = dependencies;
  return {
    method: 'GET',
    path: '/openfeature/v0/manifest',
    handler: ({ request }) => {
      const access = authentication.resolve(request.headers);
      if ('refusal' in access) return access.refusal;
      metrics.countManifest();
      // The set's flags are sorted by key already.
      const flags = [...access.flagSet.store.current.flags].flatMap(([key, flag]) => definitionOf(key, flag) ?? []);
      return { ...jsonAnswer(200, { flags }), headers: { 'X-Manifest-Capabilities': 'read' } };
    },
  };
}

/** `undefined` for a flag without a default value, and for one whose variations have no common type. */
function definitionOf(key: string, { value }: ServedFlag): object | undefined {
  const { metadata, variations } = value;
  if (!isJsonObject(metadata) || metadata.defaultValue === undefined || !isJsonObject(variations)) return undefined;
  const type = commonType(Object.values(variations));
  if (type === undefined) return undefined;
  const { defaultValue, description } = metadata;
  return { key, type, defaultValue, description: typeof description === 'string' ? description : '' };
}

/** The one type of all values that have one; whole numbers among fractions are fractions. */
function commonType(values: readonly JsonValue[]): ManifestType | undefined {
  const types = new Set(values.flatMap((value) => typeOf(value) ?? []));
  if (types.has('float')) types.delete('integer');
  const [type] = types;
  return types.size === 1 ? type : undefined;
}

function typeOf(value: JsonValue): ManifestType | undefined {
  if (isJsonObject(value)) return 'object';
  switch (typeof value) {
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'string';
    case 'number':
      return Number.isInteger(value) ? 'integer' : 'float';
    default:
      // The manifest has no word for lists and for null.
      return undefined;
  }
}
