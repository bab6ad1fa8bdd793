import zlib from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { policyMiddleware } from '../../../src/gateway/http/index.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { definePolicy, PolicyEngine } from '../../../src/policy-engine/index.ts';
import { bodyOfRequest, HttpRig } from '../gateway/http/support/http-rig.ts';

const API = { id: 'a1', name: 'Tools', version: 'v1', kind: 'Mcp' };

function document(): { routes: Record<string, JsonValue>[] } {
  return {
    routes: [
      {
        key: 'POST|/mcp|tools.example',
        name: 'entry',
        resolver: 'mcp',
        api: API,
        policies: [{ use: 'mark', params: { value: 'entry' } }],
        operations: {
          'tools/call:weather': 'POST|/mcp/weather|tools.example',
          'tools/list': 'POST|/mcp|tools.example',
        },
      },
      {
        key: 'POST|/mcp/weather|tools.example',
        name: 'weather',
        api: API,
        policies: [{ use: 'mark', params: { value: 'weather' } }],
      },
      {
        key: 'POST|/graphql|*',
        name: 'graphql',
        resolver: 'graphql',
        policies: [{ use: 'mark', condition: "route.operation == 'query Pets'" }],
      },
    ],
  };
}

interface Rig {
  readonly http: HttpRig;
  readonly engine: PolicyEngine;
  /** What policies were told, in order. */
  readonly seen: unknown[];
}

async function started(configuration: JsonValue = document()): Promise<Rig> {
  const seen: unknown[] = [];
  const mark = definePolicy({
    name: 'mark',
    hooks: {
      onRequestHeaders: ({ exchange }) => {
        seen.push([exchange.routeName, exchange.resolvedOperation, exchange.resolutionAttributes]);
        return { kind: 'request-changes', headers: { set: [['x-route', exchange.routeName]] } };
      },
    },
  });
  const logger = { error() {}, warn() {}, info() {}, debug() {} };
  const engine = new PolicyEngine({ policies: [mark], watch: false, logger });
  onTestFinished(() => engine.close());
  await engine.load(configuration);
  const middleware = policyMiddleware(engine);
  const http = await HttpRig.start((request, response) =>
    middleware(request, response, async () => {
      response.end(JSON.stringify({ route: request.headers['x-route'], body: await bodyOfRequest(request) }));
    }),
  );
  onTestFinished(() => http.close());
  return { http, engine, seen };
}

const call = (method: string, params = {}): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

describe('a route with a resolver', () => {
  it('is chosen by what the body asks for; nothing runs before, and the handler still gets the body (P-41)', async () => {
    const { http, seen } = await started();
    const body = call('tools/call', { name: 'weather' });
    const headers = { host: 'tools.example' };
    const reply = await http.send({ method: 'POST', path: '/mcp', headers, body });
    expect(JSON.parse(reply.body)).toEqual({ route: 'weather', body });
    const listed = await http.send({ method: 'POST', path: '/mcp', headers, body: call('tools/list') });
    expect(JSON.parse(listed.body)).toMatchObject({ route: 'entry' });
    expect(seen).toEqual([
      ['weather', 'tools/call:weather', { 'mcp.method': 'tools/call', 'mcp.type': 'tool', 'mcp.name': 'weather' }],
      ['entry', 'tools/list', { 'mcp.method': 'tools/list' }],
    ]);
  });

  it('answers an operation nobody declared with the 404 of a path nobody declared, and no policy runs (P-41)', async () => {
    const { http, seen } = await started();
    const plain = { status: 404, body: '{"error":"Not found"}' };
    const headers = { host: 'tools.example' };
    for (const body of [call('tools/call', { name: 'other' }), call('prompts/get'), 'no json', '[]']) {
      const reply = await http.send({ method: 'POST', path: '/mcp', headers, body });
      expect(reply).toMatchObject(plain);
      expect(Object.keys(reply.headers).sort()).toEqual(['connection', 'content-type', 'date', 'transfer-encoding']);
    }
    expect(seen).toEqual([]);
  });

  it('reads 64 KiB at most, decoded, before anybody has authenticated (P-41)', async () => {
    const { http, seen } = await started();
    const body = JSON.stringify({ query: `{ a(x: "${'x'.repeat(70_000)}") }` });
    expect(await http.send({ method: 'POST', path: '/graphql', body })).toMatchObject({ status: 413 });
    const coded = { method: 'POST', path: '/graphql', headers: { 'content-encoding': 'gzip' } };
    expect(await http.send({ ...coded, body: zlib.gzipSync(body) })).toMatchObject({ status: 413 });
    const small = JSON.stringify({ query: 'query Pets { a }' });
    expect((await http.send({ ...coded, body: zlib.gzipSync(small) })).status).toBe(200);
    expect(seen).toEqual([
      ['graphql', 'query Pets', { 'graphql.operation.type': 'query', 'graphql.operation.name': 'Pets' }],
    ]);
  });

  it('tells conditions the operation (P-41)', async () => {
    const { http } = await started();
    const ask = async (query: string): Promise<unknown> =>
      JSON.parse((await http.send({ method: 'POST', path: '/graphql', body: JSON.stringify({ query }) })).body);
    expect(await ask('query Pets { a }')).toMatchObject({ route: 'graphql' });
    expect(await ask('query Other { a }')).not.toHaveProperty('route');
  });

  it.each<[string, Record<string, JsonValue>, string]>([
    ['another API', { api: { ...API, id: 'other' } }, 'is of another API, tenant or vhost'],
    ['another tenant', { tenant: 'other' }, 'is of another API, tenant or vhost'],
    ['another vhost', { key: 'POST|/mcp/weather|other.example' }, 'there is no route'],
  ])(
    'whose operation leads to %s is rejected with its path when it is loaded (P-41, P-63)',
    async (_, more, message) => {
      const configuration = document();
      Object.assign(configuration.routes[1] as object, more);
      const { http, engine } = await started(configuration as JsonValue);
      const [problem] = engine.describe().lastLoad?.problems ?? [];
      expect(problem?.path).toBe('/routes/0/operations/tools~1call:weather');
      expect(problem?.message).toContain(message);
      const headers = { host: 'tools.example' };
      expect((await http.send({ method: 'POST', path: '/mcp', headers, body: call('tools/list') })).status).toBe(503);
    },
  );

  it('of a kind nobody knows closes its route (P-41, P-63)', async () => {
    const { engine } = await started({
      routes: [
        { key: 'POST|/x|*', resolver: 'soap', policies: [] },
        { key: 'GET|/y|*', resolver: 'route-key', policies: [] },
      ],
    });
    expect(engine.describe().lastLoad?.problems.map(({ path }) => path)).toEqual(['/routes/0/resolver']);
    expect(Object.fromEntries(engine.describe().lastLoad?.routes ?? [])).toEqual({
      'POST|/x|*': 'closed',
      'GET|/y|*': 'active',
    });
  });
});
