import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../../src/internal/canonical-json.ts';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { sha256 } from '../../../../src/internal/sha256.ts';
import { digestOf, moduleBytes } from '../../policy-engine/support/folder-rig.ts';
import { send, startTestRelay, until } from '../test-relay.ts';
import { greeting, PROCESSING, startPolicyRelay } from './support.ts';

const CONFIGURATION = '/v1/policy/configuration';
const hexOf = (digest: string): string => digest.slice('sha256:'.length);
const moduleOf = (document: JsonObject): [string, JsonObject] =>
  Object.entries(document.modules as JsonObject)[0] as [string, JsonObject];

describe('the policy configuration', () => {
  it('names modules and manifests by digest, and answers 304 to its own ETag', async () => {
    const relay = await startPolicyRelay();
    const answer = await relay.post(CONFIGURATION, {});
    const document = answer.json() as JsonObject;
    const [digest, facts] = moduleOf(document);
    const bytes = await moduleBytes('set-headers');
    expect(digest).toBe(digestOf(bytes));
    expect(facts).toMatchObject({ name: 'set-headers', version: 'v1.0.0', bytes: bytes.length, abi: 'edict-core/1' });
    expect(document.routes).toMatchObject([{ policies: [{ key: 'set-headers', use: digest }] }]);
    expect(document).toMatchObject({ schema: 1, chains: {}, tenants: {}, config: {}, resources: {} });
    const manifest = await relay.get(`/v1/policy/manifests/sha256/${hexOf(String(facts.manifest))}`);
    expect(sha256(manifest.text)).toBe(facts.manifest);
    expect(manifest.text).toBe(canonicalJson(manifest.json()));
    const again = await relay.post(CONFIGURATION, {}, { 'if-none-match': String(answer.headers.etag) });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('has the routes of the tenants and keys that are asked for, and what those need', async () => {
    const yaml = `chains:
  c1: { api: [{ use: set-headers, params: { responseHeaders: [{ name: x-m }] } }] }
  c2: { api: [{ use: remove-headers, params: { requestHeaders: [x-m] } }] }
routes:
  - { key: 'GET|/a|*', tenant: shop, chain: c1 }
  - { key: 'GET|/b|*', tenant: blog, chain: c2 }
  - { key: 'GET|/c|*', chain: c2 }
tenants: { shop: { labels: { team: a } }, blog: {} }
resources: { apiKeys: 'file:keys.yaml', templates: { file: templates.json, shared: true } }
`;
    const relay = await startPolicyRelay(yaml, {}, async (folder) => {
      await folder.add('set-headers', PROCESSING);
      await folder.add('remove-headers', PROCESSING);
      await writeFile(join(folder.path, 'keys.yaml'), 'abc: { name: one }\n');
      await writeFile(join(folder.path, 'templates.json'), '{"t":{}}');
    });
    const shop = await relay.document({ tenants: ['shop'] });
    expect((shop.routes as JsonObject[]).map(({ key }) => key)).toEqual(['GET|/a|*']);
    expect([Object.keys(shop.chains as object), Object.keys(shop.tenants as object)]).toEqual([['c1'], ['shop']]);
    expect(moduleOf(shop)[1].name).toBe('set-headers');
    // What nobody marked as shared is the default tenant's.
    expect(shop.resources).toEqual({ templates: { digest: sha256('{"t":{}}'), shared: true } });
    const c = await relay.document({ routes: ['GET|/c|*'] });
    expect((c.routes as JsonObject[]).length).toBe(1);
    expect(c.resources).toMatchObject({ apiKeys: sha256('{"abc":{"name":"one"}}') });
    expect((await relay.document({})).routes).toHaveLength(3);
    const keys = await relay.get(`/v1/policy/resources/sha256/${hexOf(sha256('{"abc":{"name":"one"}}'))}`);
    expect(keys.json()).toEqual({ abc: { name: 'one' } });
    for (const body of [{ tenants: 'shop' }, { routes: [1] }, []]) {
      expect((await relay.post(CONFIGURATION, body)).json()).toMatchObject({ errorCode: 'INVALID_REQUEST' });
    }
  });

  it('has the module of a candidate by digest too, and with a filter', async () => {
    const yaml =
      "routes: [{ key: 'GET|/a|*', tenant: shop, policies: [{ use: cors, rollout: { percent: 10, use: set-headers } }] }]";
    const relay = await startPolicyRelay(yaml);
    const digest = digestOf(await moduleBytes('set-headers'));
    const { routes, modules } = await relay.document({ tenants: ['shop'] });
    expect(routes).toMatchObject([{ policies: [{ key: 'cors', use: 'cors', rollout: { percent: 10, use: digest } }] }]);
    expect(Object.keys(modules as object)).toEqual([digest]);
  });

  it("serves the reference engine's list, with names and versions resolved", async () => {
    const yaml = `- route_key: 'GET|/a|*'
  policies:
    - { name: set-headers, version: v1.0.0, enabled: true, executionCondition: 'true', parameters: { responseHeaders: [{ name: x-m }] } }
    - { name: set-headers, version: null, parameters: { responseHeaders: [{ name: x-n }] } }
    - { name: of-the-client, version: v2.1.0 }
`;
    const relay = await startPolicyRelay(yaml);
    const { routes, modules } = await relay.document();
    const [digest] = Object.keys(modules as object);
    expect(routes).toEqual([
      {
        key: 'GET|/a|*',
        policies: [
          {
            key: 'set-headers',
            use: digest,
            enabled: true,
            executionCondition: 'true',
            parameters: { responseHeaders: [{ name: 'x-m' }] },
          },
          { key: 'set-headers#2', use: digest, parameters: { responseHeaders: [{ name: 'x-n' }] } },
          { key: 'of-the-client', use: 'of-the-client@v2' },
        ],
      },
    ]);
  });

  it('reports a policy without module, and leaves the positions that name it in the document, as none of the client’s own', async () => {
    const errors: unknown[] = [];
    const logger = { error: (line: unknown) => errors.push(line), warn: () => {}, info: () => {}, debug: () => {} };
    const relay = await startPolicyRelay(
      "routes: [{ key: 'GET|/a|*', policies: [{ use: 'file:jwt-auth' }, { use: jwt-auth }] }]",
      { logger },
      async (folder) => {
        await folder.add(
          'jwt-auth',
          PROCESSING,
          '',
          'jwt-auth',
          new URL('../../../../wasm/policies/cors.wasm', import.meta.url),
        );
        const manifest =
          'apiVersion: edict/v1\nname: jwt-auth\nversion: v1.0.0\nabi: native\nprocessing: { requestHeaders: process }\n';
        await writeFile(join(folder.path, 'jwt-auth', 'policy.yaml'), manifest);
      },
    );
    expect(errors.join('\n')).toContain('not served, jwt-auth: the manifest names no module');
    const { routes, modules } = await relay.document();
    expect(modules).toEqual({});
    expect(routes).toMatchObject([{ policies: [{ use: 'file:jwt-auth' }, { use: 'file:jwt-auth' }] }]);
  });
});

describe('contents by digest', () => {
  it('are immutable, and come whole, in part, or as headers only', async () => {
    const relay = await startPolicyRelay();
    const bytes = await moduleBytes('set-headers');
    const path = `/v1/policy/modules/sha256/${hexOf(digestOf(bytes))}`;
    const whole = await relay.get(path, { 'accept-encoding': 'gzip, br' });
    expect(whole.bytes.equals(bytes)).toBe(true);
    expect(whole.headers).toMatchObject({
      etag: `"${digestOf(bytes)}"`,
      'content-type': 'application/wasm',
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
    });
    expect(whole.headers['content-encoding']).toBeUndefined();
    expect(whole.headers['cache-control']).toContain('immutable');

    const part = await relay.get(path, { range: 'bytes=10-19' });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 10-19/${bytes.length}`]);
    expect(part.bytes.equals(bytes.subarray(10, 20))).toBe(true);
    const rest = await relay.get(path, { range: 'bytes=100-', 'if-range': String(whole.headers.etag) });
    expect(rest.bytes.equals(bytes.subarray(100))).toBe(true);
    expect((await relay.get(path, { range: 'bytes=-5' })).bytes.equals(bytes.subarray(-5))).toBe(true);
    expect((await relay.get(path, { range: 'bytes=0-', 'if-range': '"other"' })).status).toBe(200);
    expect((await relay.get(path, { range: 'bytes=0-1,4-5' })).status).toBe(200);
    const beyond = await relay.get(path, { range: `bytes=${bytes.length}-` });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${bytes.length}`]);
    expect((await relay.get(path, { 'if-none-match': String(whole.headers.etag) })).status).toBe(304);

    const head = await send(relay.relay.url + path, { method: 'HEAD' });
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(bytes.length));
    expect((await relay.get(`/v1/policy/modules/sha256/${'0'.repeat(64)}`)).status).toBe(404);
  });

  it('stay to be had for a while after the folder has another one', async () => {
    const relay = await startPolicyRelay();
    const old = digestOf(await moduleBytes('set-headers'));
    await relay.folder.add(
      'set-headers',
      PROCESSING,
      '',
      'set-headers',
      new URL('../../../../wasm/policies/cors.wasm', import.meta.url),
    );
    await relay.relay.reload();
    expect(Object.keys((await relay.document()).modules as object)).not.toContain(old);
    expect((await relay.get(`/v1/policy/modules/sha256/${hexOf(old)}`)).status).toBe(200);
  });
});

describe('a folder that changes', () => {
  it('is served anew and told to streams; a broken one keeps the last good state, and says so', async () => {
    const relay = await startPolicyRelay();
    const stream = await fetch(`${relay.relay.url}/stream/v1/sse/policy/change`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const before = await relay.document();
    await relay.folder.configure(greeting('2'));
    await until(async () => (await relay.document()).revision !== before.revision);
    const { value } = await reader.read();
    const after = await relay.document();
    expect(Buffer.from(value as Uint8Array).toString()).toBe(
      `id: 1\ndata: ${JSON.stringify({ revision: after.revision })}\n\n`,
    );
    await reader.cancel();

    await relay.folder.configure('routes: [');
    await until(() => relay.events.some(({ type }) => type === 'policies-failed'));
    expect(await relay.document()).toEqual(after);
    expect((await relay.get('/health?ready')).status).toBe(503);
    await relay.folder.configure(greeting('3'));
    await until(async () => (await relay.get('/health?ready')).status === 200);
    expect((await relay.document()).revision).not.toBe(after.revision);
  });

  it('that cannot be read at start is no relay', async () => {
    await expect(startTestRelay({}, { policies: '/nowhere/at/all' })).rejects.toThrow('INVALID_POLICIES');
    await expect(startTestRelay({}, { policies: '' })).rejects.toThrow('policies: the path of a folder');
  });
});

describe('who may ask for policies', () => {
  const PATHS = ['/v1/policy/configuration', '/v1/policy/status', '/v1/policy/decisions'];

  it('is whoever may ask for flags: with a key of the relay or of a flag set', async () => {
    const relay = await startPolicyRelay(greeting('1'), { apiKeys: ['key-1'] });
    for (const path of PATHS) expect((await relay.post(path, {})).status).toBe(401);
    expect((await relay.get(`/v1/policy/modules/sha256/${'0'.repeat(64)}`)).status).toBe(401);
    expect((await relay.get('/stream/v1/sse/policy/change')).status).toBe(401);
    for (const headers of [{ 'x-api-key': 'key-1' }, { authorization: 'Bearer key-1' }]) {
      expect((await relay.post(CONFIGURATION, {}, headers as Record<string, string>)).status).toBe(200);
    }
  });

  it('is nobody where there are none: 404, and flags are served as ever', async () => {
    const { post, get } = await startTestRelay({});
    for (const path of PATHS) expect((await post(path, {})).status).toBe(404);
    expect((await get('/stream/v1/sse/policy/change')).status).toBe(404);
    expect((await post('/v1/flag/configuration', {})).status).toBe(200);
  });
});

describe('reports', () => {
  it('of engines are checked, told to the host and counted, plain and in gzip', async () => {
    const relay = await startPolicyRelay();
    const status = { revision: 'r1', outcome: 'active', routes: { active: 1 } };
    expect((await relay.post('/v1/policy/status', status)).json()).toEqual({ ingestedContentCount: 1 });
    const decisions = [{ decisionId: 'd1' }, { decisionId: 'd2' }];
    const packed = await send(`${relay.relay.url}/v1/policy/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify(decisions)),
    });
    expect([packed.status, packed.json()]).toEqual([200, { ingestedContentCount: 2 }]);
    const events = relay.events.filter(({ type }) => type.startsWith('policy-'));
    expect(events).toEqual([
      { type: 'policy-status', status },
      { type: 'policy-decisions', decisions },
    ]);
    const { text } = await relay.get('/metrics');
    expect(text).toContain('edict_policy_decisions_total 2');
    expect(text).toContain('edict_policy_status_total{outcome="active"} 1');
  });

  it('that are none are answered 400, and a bomb 413', async () => {
    const relay = await startPolicyRelay(greeting('1'), { maxBodyBytes: 100_000 });
    for (const body of [[], {}, { revision: 'r', outcome: 'fine' }]) {
      expect((await relay.post('/v1/policy/status', body)).status).toBe(400);
    }
    for (const body of [{}, [1], 'x']) expect((await relay.post('/v1/policy/decisions', body)).status).toBe(400);
    const post = (body: Buffer, coding: string) =>
      send(`${relay.relay.url}/v1/policy/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': coding },
        body,
      });
    expect((await post(Buffer.from('no gzip'), 'gzip')).status).toBe(400);
    expect((await post(Buffer.from('[]'), 'br')).status).toBe(400);
    expect((await post(gzipSync(Buffer.alloc(1_000_000, ' ')), 'gzip')).status).toBe(413);
  });
});
