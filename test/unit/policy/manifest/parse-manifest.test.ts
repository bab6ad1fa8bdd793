/** policy.yaml: every field, every default, every mistake with its path. */

import { describe, expect, it } from 'vitest';
import type { PolicyManifest } from '../../../../src/policy/manifest/manifest.ts';
import { parseManifest } from '../../../../src/policy/manifest/parse-manifest.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

const SMALL = `
apiVersion: edict/v1
name: jwt-auth
version: v1.2.0
abi: native
processing: { requestHeaders: process }
`;

const WHOLE = `
apiVersion: edict/v1
name: rate-limit
version: v2.0.13
displayName: Rate limit
description: Counts.
managedBy: team-a
module: { file: rate.wasm, sha256: "${DIGEST}", bytes: 48211 }
abi: edict-core/1
language: assemblyscript
signature: c2ln
processing: { requestHeaders: PROCESS, requestBody: STREAM, responseHeaders: SKIP, responseBody: BUFFER }
inputs:
  headers: [X-User, authorization]
  body: true
  downstream: true
  upstream: true
  auth: true
  api: true
  metadata: { reads: [seen] }
outputs: { requestHeaders: [X-Limit, "params:/names/*"], responseBody: all }
metadata: { reads: [user], writes: [count] }
scope: singleton
state: { carry: kv }
acceptsTruncated: true
async: resume
capabilities:
  log: true
  clock: true
  random: true
  metrics: true
  flags: true
  metadata: true
  kv: { namespaces: [buckets], maxBytes: 1024 }
  crypto: [hash, hmac]
  http: { allow: [{ scheme: https, host: "*.example.com", port: 443, path: /keys, methods: [GET], redirects: false }] }
  hopByHop: true
limits: { memoryPages: 16, fuelPerHook: 1000, fuelInit: 2000, deadlineMs: 5, outputBytes: 100, hostCalls: 3 }
minimumTier: isolated
failureMode: open
metrics: [{ name: limited, type: counter }]
parameters: { type: object, properties: { max: { type: integer, default: 5, x-edict-advanced: true } } }
systemParameters: { type: object }
selfTest: [{ phase: requestHeaders, input: { headers: {} }, expect: { kind: none } }]
x-team-note: keep me
`;

function manifest(text: string): PolicyManifest {
  const result = parseManifest(text);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.manifest;
}

function faults(text: string): string[] {
  const result = parseManifest(text);
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

describe('a manifest', () => {
  it('needs little: name, version and what it processes', () => {
    expect(manifest(SMALL)).toMatchObject({
      name: 'jwt-auth',
      displayName: 'jwt-auth',
      version: 'v1.2.0',
      processing: { requestHeaders: 'process', requestBody: 'skip', responseHeaders: 'skip', responseBody: 'skip' },
      inputs: { headers: 'all', body: false, auth: false },
      scope: 'per-route',
      state: { carry: 'none' },
      acceptsTruncated: false,
      async: 'none',
      minimumTier: 'metered',
      failureMode: 'closed',
      limits: { fuelPerHook: 2_000_000, deadlineMs: 50, outputBytes: 1_048_576, hostCalls: 64 },
      capabilities: { log: false, kv: undefined, http: undefined, crypto: [], hopByHop: false },
      parameters: {},
      selfTest: [],
    });
  });

  it('may have as much fuel as the counter of a module can hold, and not more', () => {
    const limited = (fuel: number) => `${SMALL}limits: { fuelPerHook: ${fuel}, fuelInit: ${fuel} }\n`;
    expect(manifest(limited(2_147_483_647)).limits).toMatchObject({ fuelPerHook: 2_147_483_647 });
    expect(faults(limited(2_147_483_648))).toEqual([
      expect.stringMatching(/^\/limits\/fuelPerHook: .*2147483647/),
      expect.stringMatching(/^\/limits\/fuelInit: .*2147483647/),
    ]);
  });

  it('says everything of the table, and keeps the fields nobody knows', () => {
    const read = manifest(WHOLE);
    expect(read).toMatchObject({
      managedBy: 'team-a',
      module: { file: 'rate.wasm', sha256: DIGEST, bytes: 48_211 },
      abi: 'edict-core/1',
      language: 'assemblyscript',
      signature: 'c2ln',
      processing: { requestHeaders: 'process', requestBody: 'stream', responseHeaders: 'skip', responseBody: 'buffer' },
      inputs: {
        headers: ['x-user', 'authorization'],
        body: true,
        downstream: true,
        upstream: true,
        auth: true,
        api: true,
      },
      outputs: { requestHeaders: ['x-limit', 'params:/names/*'], responseBody: 'all' },
      metadata: { reads: ['user', 'seen'], writes: ['count'] },
      scope: 'singleton',
      state: { carry: 'kv' },
      acceptsTruncated: true,
      async: 'resume',
      limits: { memoryPages: 16, fuelPerHook: 1_000, fuelInit: 2_000, deadlineMs: 5, outputBytes: 100, hostCalls: 3 },
      minimumTier: 'isolated',
      failureMode: 'open',
      metrics: [{ name: 'limited' }],
      selfTest: [{ phase: 'requestHeaders', expect: { kind: 'none' } }],
    });
    expect(read.capabilities).toEqual({
      log: true,
      clock: true,
      random: true,
      metrics: true,
      flags: true,
      metadata: true,
      kv: { namespaces: ['buckets'], maxBytes: 1_024 },
      crypto: ['hash', 'hmac'],
      http: {
        allow: [
          { scheme: 'https', host: '*.example.com', port: 443, path: '/keys', methods: ['GET'], redirects: false },
        ],
      },
      hopByHop: true,
    });
    expect(read.source['x-team-note']).toBe('keep me');
    expect(read.parameters).toHaveProperty(['properties', 'max', 'x-edict-advanced'], true);
  });

  it('P-63: is refused with every mistake and its path', () => {
    const broken = SMALL.replace('jwt-auth', 'JWT_auth')
      .replace('v1.2.0', '1.2')
      .replace('process }', 'sometimes }')
      .concat('limits: { deadlineMs: 0 }\nscope: global\ncapabilities: { http: { allow: [{ scheme: https }] } }\n');
    const paths = faults(broken).map((text) => text.split(': ')[0]);
    for (const path of [
      '/name',
      '/version',
      '/processing/requestHeaders',
      '/limits/deadlineMs',
      '/scope',
      '/capabilities/http/allow/0/host',
    ]) {
      expect(paths).toContain(path);
    }
    expect(faults('apiVersion: edict/v2').sort()).toEqual([
      '/apiVersion: must be "edict/v1"',
      '/name: is required',
      '/processing: is required',
      '/version: is required',
    ]);
  });

  it('P-63: is refused for what only two fields together make wrong', () => {
    expect(faults(SMALL.replace('abi: native', ''))).toEqual(['/module: is required unless abi is native']);
    expect(faults(`${SMALL}state: { carry: kv }`)).toEqual(['/state/carry: kv needs the capability kv']);
    expect(faults(`${SMALL}outputs: { responseBody: all }`)).toEqual([
      '/outputs/responseBody: this hook is skipped, so it writes nothing',
    ]);
    expect(faults(SMALL.replace('process }', 'skip }'))).toEqual([
      '/processing: the policy asks for no part of an exchange',
    ]);
  });

  it('U-09, U-22: is refused for a schema of parameters that is wrong, before any parameter was seen', () => {
    expect(faults(`${SMALL}parameters: { properties: { a: { type: string, pattern: "(" } } }`)).toHaveLength(1);
    expect(faults(`${SMALL}systemParameters: { properties: { a: { type: integer, default: x } } }`)).toEqual([
      '/systemParameters/properties/a/default: the default does not pass its own schema: must be integer',
    ]);
  });

  it('is refused when it is no YAML, no object, too deep, or a bomb of aliases', () => {
    expect(faults('a: [')).toHaveLength(1);
    expect(faults('[1]')).toEqual([': a manifest is an object']);
    expect(faults('a: .nan')).toHaveLength(1);
    expect(faults('a: 1\na: 2')).toHaveLength(1);
    expect(faults(`a: ${'['.repeat(200)}${']'.repeat(200)}`)).toHaveLength(1);
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++) bomb.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`);
    expect(faults(bomb.join('\n'))).toHaveLength(1);
  });
});
