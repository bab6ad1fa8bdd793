/** The shape of a configuration document (spec/policies.md §9.1). Unknown fields are kept and ignored. */

import type { JsonObject } from '../../internal/json.ts';
import { SCOPES } from '../model/instance-plan.ts';
import { BODY_RESOLVERS } from '../resolve/operation.ts';
import { LEVELS } from './specification.ts';

const TEXT = { type: 'string' };
const BOOLEAN = { type: 'boolean' };

const FALLBACK = {
  type: 'object',
  required: ['fallback'],
  properties: {
    fallback: {
      type: 'object',
      required: ['kind'],
      properties: {
        kind: { enum: ['immediate', 'request-changes', 'response-changes'] },
        status: { type: 'integer' },
        body: TEXT,
        headers: {},
      },
    },
  },
};

const ROLLOUT = {
  type: 'object',
  required: ['use'],
  properties: {
    use: { type: 'string', minLength: 1, maxLength: 256 },
    percent: { type: 'number', minimum: 0, maximum: 100 },
    flag: { type: 'string', minLength: 1, maxLength: 256 },
    shadow: BOOLEAN,
  },
};

/** One position. Its parameters are looked at later, by the schema of its policy. */
const POSITION = {
  type: 'object',
  required: ['use'],
  properties: {
    key: { type: 'string', minLength: 1, maxLength: 256 },
    use: { type: 'string', minLength: 1, maxLength: 256 },
    enabled: BOOLEAN,
    condition: TEXT,
    executionCondition: TEXT,
    sticky: BOOLEAN,
    failureMode: { anyOf: [{ enum: ['closed', 'open'] }, FALLBACK] },
    failureStatus: { type: 'integer', minimum: 400, maximum: 599 },
    late: BOOLEAN,
    scope: { enum: [...SCOPES] },
    shareKey: { type: 'string', maxLength: 256 },
    stateKey: { type: 'string', minLength: 1, maxLength: 256 },
    acceptsTruncated: BOOLEAN,
    rollout: ROLLOUT,
    fallbackEvaluator: { enum: ['remote'] },
    retryAfterEffects: BOOLEAN,
  },
};

const POSITIONS = { type: 'array', maxItems: 256, items: POSITION };

const CHAIN = { type: 'object', properties: Object.fromEntries(LEVELS.map((level) => [level, POSITIONS])) };

const ROUTE = {
  type: 'object',
  required: ['key'],
  properties: {
    key: { type: 'string', minLength: 1, maxLength: 2_048 },
    name: { type: 'string', minLength: 1 },
    tenant: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
    chain: TEXT,
    policies: POSITIONS,
    api: { type: 'object' },
    resolver: { enum: ['route-key', ...BODY_RESOLVERS] },
    operations: { type: 'object', additionalProperties: { type: 'string', minLength: 1, maxLength: 2_048 } },
  },
};

export const DOCUMENT_SCHEMA: JsonObject = {
  type: 'object',
  required: ['routes'],
  properties: {
    schema: { const: 1 },
    revision: TEXT,
    modules: { type: 'object', additionalProperties: { type: 'object' } },
    chains: { type: 'object', additionalProperties: CHAIN },
    routes: { type: 'array', items: ROUTE },
    tenants: { type: 'object' },
    config: { type: 'object' },
    resources: { type: 'object' },
  },
};
