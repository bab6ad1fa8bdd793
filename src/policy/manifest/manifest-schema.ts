/** The rules of `policy.yaml`, as the JSON Schema that authors can point their editor at. Unknown fields are allowed. */

import type { JsonObject } from '../../internal/json.ts';
import { SCOPES } from '../model/instance-plan.ts';
import { ABIS } from './manifest.ts';

/** The counter of a module is an i32. */
const MAX_FUEL = 2_147_483_647;
const NAME = '^[a-z][a-z0-9]*(-[a-z0-9]+)*$';
const VERSION = '^v(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)$';
const DIGEST = '^sha256:[0-9a-f]{64}$';
const HEADER_NAMES = {
  type: 'array',
  maxItems: 256,
  items: { type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
};
const HEADERS = { anyOf: [{ const: 'all' }, HEADER_NAMES] };
const WRITTEN = {
  anyOf: [
    { const: 'all' },
    {
      type: 'array',
      maxItems: 256,
      items: { type: 'string', pattern: "^([!#$%&'*+.^_`|~0-9A-Za-z-]+|params:(/[^/]+)+)$" },
    },
  ],
};
const NAMES = { type: 'array', maxItems: 64, items: { type: 'string', minLength: 1, maxLength: 128 } };
const BOOLEAN = { type: 'boolean' };
const TEXT = { type: 'string' };
const HEADER_MODE = { enum: ['skip', 'process', 'SKIP', 'PROCESS'] };
const BODY_MODE = { enum: ['skip', 'buffer', 'stream', 'SKIP', 'BUFFER', 'STREAM'] };
const HOOKS = ['requestHeaders', 'requestBody', 'responseHeaders', 'responseBody'];

const count = (minimum: number, maximum: number): JsonObject => ({ type: 'integer', minimum, maximum });

const object = (properties: JsonObject, required: string[] = []): JsonObject => ({
  type: 'object',
  required,
  properties,
});

/** A list of endpoints a policy may reach. */
const HTTP = object({
  allow: {
    type: 'array',
    maxItems: 64,
    items: object(
      {
        scheme: { enum: ['http', 'https'] },
        host: { type: 'string', pattern: '^(\\*\\.)?[A-Za-z0-9.:_-]+$' },
        port: count(1, 65_535),
        path: { type: 'string', pattern: '^/' },
        methods: { type: 'array', items: { type: 'string', pattern: '^[A-Z]+$' } },
        redirects: BOOLEAN,
      },
      ['host'],
    ),
  },
});

const CAPABILITIES = object({
  log: BOOLEAN,
  clock: BOOLEAN,
  random: BOOLEAN,
  metrics: BOOLEAN,
  flags: BOOLEAN,
  metadata: BOOLEAN,
  kv: object({ namespaces: NAMES, maxBytes: count(1, 1_073_741_824) }, ['namespaces']),
  crypto: { type: 'array', items: { enum: ['hash', 'hmac', 'verify', 'sign', 'equal'] } },
  http: HTTP,
  hopByHop: BOOLEAN,
});

export const MANIFEST_SCHEMA: JsonObject = object(
  {
    apiVersion: { const: 'edict/v1' },
    name: { type: 'string', pattern: NAME, maxLength: 128 },
    version: { type: 'string', pattern: VERSION },
    displayName: TEXT,
    description: TEXT,
    managedBy: TEXT,
    module: object(
      {
        file: { type: 'string', minLength: 1 },
        sha256: { type: 'string', pattern: DIGEST },
        bytes: count(1, 16_777_216),
      },
      ['file', 'sha256'],
    ),
    abi: { enum: [...ABIS] },
    language: TEXT,
    signature: TEXT,
    processing: object({
      requestHeaders: HEADER_MODE,
      requestBody: BODY_MODE,
      responseHeaders: HEADER_MODE,
      responseBody: BODY_MODE,
    }),
    inputs: object({
      headers: HEADERS,
      body: BOOLEAN,
      downstream: BOOLEAN,
      upstream: BOOLEAN,
      auth: BOOLEAN,
      api: BOOLEAN,
      metadata: object({ reads: NAMES }),
    }),
    outputs: object(Object.fromEntries(HOOKS.map((hook) => [hook, WRITTEN]))),
    metadata: object({ reads: NAMES, writes: NAMES }),
    scope: { enum: [...SCOPES] },
    state: object({ carry: { enum: ['none', 'kv', 'export'] } }),
    acceptsTruncated: BOOLEAN,
    async: { enum: ['none', 'resume', 'blocking'] },
    capabilities: CAPABILITIES,
    limits: object({
      memoryPages: count(1, 65_536),
      fuelPerHook: count(1_000, MAX_FUEL),
      fuelInit: count(1_000, MAX_FUEL),
      deadlineMs: count(1, 30_000),
      outputBytes: count(1, 10_485_760),
      hostCalls: count(0, 65_536),
    }),
    minimumTier: { enum: ['trusted', 'metered', 'isolated'] },
    failureMode: { enum: ['closed', 'open'] },
    metrics: { type: 'array', maxItems: 20, items: { type: 'object' } },
    parameters: { type: 'object' },
    systemParameters: { type: 'object' },
    selfTest: {
      type: 'array',
      maxItems: 1_000,
      items: object({ phase: { enum: HOOKS }, input: { type: 'object' }, expect: { type: 'object' } }, [
        'phase',
        'expect',
      ]),
    },
  },
  ['apiVersion', 'name', 'version', 'processing'],
);
