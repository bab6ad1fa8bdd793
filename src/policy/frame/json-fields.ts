/** Fields that are JSON of a known shape: fault records, auth layers, metadata by namespace. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { AuthLayer, FaultRecord, Observations } from '../model/actions.ts';
import type { FieldReader } from './field-reader.ts';

/** Where a value of an outside object goes and what it must be. */
type Kind = 'boolean' | 'string' | 'strings' | 'string-map' | 'object';

const AUTH_MEMBERS: Readonly<Record<keyof AuthLayer, Kind>> = {
  authenticated: 'boolean',
  authorized: 'boolean',
  authType: 'string',
  subject: 'string',
  issuer: 'string',
  audience: 'strings',
  scopes: 'strings',
  credentialId: 'string',
  tokenId: 'string',
  properties: 'string-map',
  typedProperties: 'object',
};

const MUST_SAY: readonly (keyof AuthLayer)[] = ['authenticated', 'authorized', 'authType'];

const NOBODY: AuthLayer = Object.freeze({ authenticated: false, authorized: false, authType: '' });

/** Members an auth layer does not have are left out, so that they cannot pass for known ones later. */
export function readAuthLayer(reader: FieldReader, start: number, length: number): AuthLayer {
  const json = reader.json(start, length);
  if (reader.fault !== undefined) return NOBODY;
  const missing = MUST_SAY.filter((member) => !Object.hasOwn(json, member));
  if (missing.length > 0) reader.fail('ACTION_INVALID', `an auth layer does not say ${missing.join(', ')}`);
  const layer: Partial<Record<keyof AuthLayer, JsonValue>> = {};
  for (const [member, kind] of Object.entries(AUTH_MEMBERS) as [keyof AuthLayer, Kind][]) {
    const value = Object.hasOwn(json, member) ? json[member] : undefined;
    // Languages without optional members write null for "not there".
    if (value === undefined || value === null) continue;
    if (isOf(kind, value)) layer[member] = value;
    else reader.fail('ACTION_INVALID', `${member} of an auth layer is no ${kind}`);
  }
  return reader.fault === undefined ? (layer as unknown as AuthLayer) : NOBODY;
}

export function readFault(reader: FieldReader, start: number, length: number): FaultRecord {
  const { code = 0, type = '', message = '', description = '' } = reader.json(start, length);
  const isCode = typeof code === 'number' && Number.isInteger(code) && code >= 0 && code <= 0xffffffff;
  if (isCode && typeof type === 'string' && typeof message === 'string' && typeof description === 'string') {
    return { code, type, message, description };
  }
  reader.fail('ACTION_INVALID', 'a fault is a code of 32 bits with type, message and description as texts');
  return { code: 0, type: '', message: '', description: '' };
}

export function readNamespaces(
  reader: FieldReader,
  start: number,
  length: number,
): NonNullable<Observations['dynamicMetadata']> {
  const json = reader.json(start, length);
  if (!Object.values(json).every(isJsonObject)) {
    reader.fail('ACTION_INVALID', 'dynamic metadata is an object of objects, one a namespace');
  }
  return json as Record<string, JsonObject>;
}

function isOf(kind: Kind, value: JsonValue): boolean {
  switch (kind) {
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'string-map':
      return isJsonObject(value) && Object.values(value).every((item) => typeof item === 'string');
    case 'object':
      return isJsonObject(value);
    default:
      return typeof value === kind;
  }
}
