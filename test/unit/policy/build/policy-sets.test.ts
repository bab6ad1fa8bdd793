/** From configuration to chains: what serves after an activation, and what never does. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { PolicyLock } from '../../../../src/policy/build/reference.ts';
import { readYaml } from '../../../../src/policy/manifest/read-yaml.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { BuildRig, digestOf, documentOf } from '../support/build-rig.ts';
import { response } from '../support/exchange-rig.ts';

const LIMIT = {
  manifest: {
    parameters: {
      type: 'object',
      properties: { limits: { type: 'array', items: { type: 'object', properties: { max: { type: 'integer' } } } } },
    },
  },
};

/** Adds its key and parameters to a header, so that order and instances can be seen from outside. */
function tracing(rig: BuildRig, name: string, more: JsonObject = {}): void {
  rig.add(
    name,
    ({ params }) => ({
      requestHeaders: () => ({
        kind: 'request-changes',
        headers: { append: [['x-trace', `${name}${params.tag === undefined ? '' : `=${params.tag}`}`]] },
      }),
    }),
    { manifest: more },
  );
}

async function trace(rig: BuildRig, key: string): Promise<readonly string[]> {
  const { route, exchange, facts } = rig.exchange(key);
  await exchange.requestHeaders('none');
  route.exit(facts);
  return exchange.request.headers.get('x-trace');
}

const yaml = (text: string): JsonValue => {
  const read = readYaml(text);
  if ('fault' in read) throw new Error(read.fault);
  return read.value;
};

describe('a configuration', () => {
  it('P-20: puts system, api and operation policies in that order, each with its level', async () => {
    const rig = new BuildRig();
    for (const name of ['one', 'two', 'three']) tracing(rig, name);
    const report = await rig.sets.activate({
      revision: 'r1',
      chains: { c: { operation: [{ use: 'three' }], api: [{ use: 'two' }], system: [{ use: 'one' }] } },
      routes: [{ key: 'GET|/a|*', name: 'a', tenant: 'shop', chain: 'c', api: { name: 'Pets', kind: 'RestApi' } }],
    });
    expect(report).toMatchObject({ outcome: 'active', revision: 'r1', problems: [], counts: { NEW: 3 } });
    expect(await trace(rig, 'GET|/a|*')).toEqual(['one', 'two', 'three']);
    expect(rig.made.map(({ init }) => init.info)).toEqual([
      expect.objectContaining({ attachedTo: 'api', routeName: 'a', tenant: 'shop' }),
      expect.objectContaining({ attachedTo: 'api' }),
      expect.objectContaining({
        attachedTo: 'route',
        api: expect.objectContaining({ name: 'Pets', operationPath: '/a' }),
      }),
    ]);
    expect(rig.made.map(({ init }) => init.params.attachedTo)).toEqual(['api', 'api', 'route']);
  });

  it('U-03: gives a policy that is attached twice two instances with two sets of parameters', async () => {
    const rig = new BuildRig();
    tracing(rig, 'set');
    await rig.sets.activate(
      documentOf({
        a: [
          { use: 'set', params: { tag: 1 } },
          { use: 'set', params: { tag: 2 } },
        ],
      }),
    );
    expect(await trace(rig, 'a')).toEqual(['set=1', 'set=2']);
    expect(rig.route('a').positions.map(({ key }) => key)).toEqual(['set', 'set#2']);
  });

  it('P-22: skips a position that is not enabled, keeps its place and reports it', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    tracing(rig, 'two');
    const chain = (enabled: boolean) => documentOf({ a: [{ use: 'one', enabled }, { use: 'two' }] });
    await rig.sets.activate(chain(false));
    expect(await trace(rig, 'a')).toEqual(['two']);
    expect(rig.route('a').positions).toMatchObject([
      { key: 'one', enabled: false },
      { key: 'two', enabled: true },
    ]);
    const report = await rig.sets.activate(chain(true));
    expect(report.counts).toMatchObject({ REUSED: 2, REBUILT: 0 });
    expect(await trace(rig, 'a')).toEqual(['one', 'two']);
  });

  it('P-22: compiles conditions, and asks for none where there is none', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    const report = await rig.sets.activate(
      documentOf({ a: [{ use: 'one', condition: "request.Method == 'GET'" }], b: [{ use: 'one' }] }),
    );
    expect(report.problems).toEqual([]);
    expect(await trace(rig, 'a')).toEqual([]);
    expect(await trace(rig, 'b')).toEqual(['one']);
    expect([rig.route('a').chain.hasConditions, rig.route('b').chain.hasConditions]).toEqual([true, false]);
  });

  it('lets onFault and finally positions fail open, others fail closed, unless they say otherwise', async () => {
    const rig = new BuildRig();
    rig.add('broken', () => ({ responseHeaders: () => policyFailure('GUEST_ERROR', 'x') }), {
      manifest: { processing: { responseHeaders: 'process' } },
    });
    const use = 'broken';
    const statusAfter = async (chain: JsonObject): Promise<number> => {
      await rig.sets.activate({ chains: { c: chain }, routes: [{ key: 'a', chain: 'c' }] });
      const { exchange } = rig.exchange('a');
      await exchange.requestHeaders('none');
      const step = await exchange.responseHeaders(response(), 'none');
      return step.response.status;
    };
    expect(await statusAfter({ finally: [{ use }] })).toBe(200);
    expect(await statusAfter({ finally: [{ use, failureMode: 'closed' }] })).toBe(500);
    expect(await statusAfter({ api: [{ use, failureStatus: 502 }] })).toBe(502);
    expect(await statusAfter({ api: [{ use, failureMode: 'open' }] })).toBe(200);
    const fallback = { kind: 'immediate', status: 418, headers: { 'x-a': ['1', '2'] }, body: 'tea' };
    expect(await statusAfter({ api: [{ use, failureMode: { fallback } }] })).toBe(418);
  });

  it('P-04: says what a chain needs, and never streams the bodies of MCP routes', async () => {
    const rig = new BuildRig();
    const hooks = { requestBody: () => undefined, requestChunk: () => undefined };
    rig.add('stream', () => hooks, { manifest: { processing: { requestBody: 'stream' } } });
    rig.add('buffer', () => ({ requestBody: () => undefined }), {
      manifest: { processing: { requestBody: 'buffer' } },
    });
    await rig.sets.activate({
      routes: [
        { key: 'a', policies: [{ use: 'stream' }] },
        { key: 'b', policies: [{ use: 'stream' }, { use: 'buffer' }] },
        { key: 'c', policies: [{ use: 'stream' }], api: { kind: 'Mcp' } },
      ],
    });
    expect(['a', 'b', 'c'].map((key) => rig.route(key).streamsRequest)).toEqual([true, false, false]);
  });

  it('is the state of the world: routes it does not name are gone', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    await rig.sets.activate(documentOf({ a: [{ use: 'one' }], b: [{ use: 'one' }] }));
    const report = await rig.sets.activate(documentOf({ b: [{ use: 'one' }] }));
    expect(report.decisions).toEqual([
      { route: 'b', position: 'one', decision: 'REUSED' },
      { route: 'a', position: 'one', decision: 'REMOVED' },
    ]);
    expect(rig.sets.current.route('a')).toBeUndefined();
    expect(rig.alive).toHaveLength(1);
  });

  it('keeps fields nobody here knows', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    const upstream = { default: 'main', targets: { main: 'http://127.0.0.1:1' } };
    await rig.sets.activate({ 'x-note': 1, routes: [{ key: 'a', policies: [{ use: 'one', later: {} }], upstream }] });
    expect(rig.route('a').source.upstream).toEqual(upstream);
  });
});

describe('what is wrong with a configuration', () => {
  it('P-63: is told all at once, with paths, before anything of it serves', async () => {
    const rig = new BuildRig();
    rig.add('limit', undefined, LIMIT);
    const report = await rig.sets.activate({
      chains: {
        c: { api: [{ use: 'limit', params: { limits: [{ max: 'x' }] } }, { use: 'none' }, { use: 'limit@v1.0.0' }] },
        d: { system: [{ use: 'limit', condition: 'request.Metod == 1' }], finally: [{ use: 'limit', key: 'limit' }] },
        e: { operation: [{ use: 'limit', failureStatus: 200 }] },
      },
      routes: [
        { key: 'r0', chain: 'c' },
        { key: 'r1', chain: 'd' },
        { key: 'r2', chain: 'nowhere' },
        { key: 'r3', policies: [{ use: 'limit' }, { use: 'limit', params: { limits: [{ max: 1.5 }] } }] },
        { key: 'r4', chain: 'e' },
        { key: 'r4', chain: 'e' },
        { key: 'r5', policies: [{ use: 'limit', failureMode: { fallback: { kind: 'immediate', status: 99 } } }] },
      ],
    });
    const paths = report.problems.map(({ path, code }) => `${path} ${code}`);
    for (const expected of [
      '/chains/c/api/2/use POLICY_MISSING',
      '/chains/e/operation/0/failureStatus PARAMS_INVALID',
      '/chains/d/finally/0/key PARAMS_INVALID',
      '/routes/2/chain POLICY_MISSING',
      '/routes/3/policies/1/params/limits/0/max PARAMS_INVALID',
      '/routes/5/key PARAMS_INVALID',
      '/routes/6/policies/0/failureMode/fallback PARAMS_INVALID',
    ]) {
      expect(paths).toContain(expected);
    }
    expect(rig.made).toHaveLength(0);
    expect(new Set(report.routes.values())).toEqual(new Set(['closed']));
  });

  it('P-63: is told of parameters, conditions and missing policies of one chain together', async () => {
    const rig = new BuildRig();
    rig.add('limit', undefined, LIMIT);
    const report = await rig.sets.activate({
      chains: {
        c: {
          api: [
            { use: 'limit', params: { limits: [{ max: 'x' }] }, condition: 'request.Metod == 1' },
            { use: 'none' },
            { use: digestOf('gone') },
          ],
        },
      },
      routes: [
        { key: 'a', chain: 'c' },
        { key: 'b', chain: 'c' },
      ],
    });
    expect(report.problems.map(({ path, code }) => `${path} ${code}`)).toEqual([
      '/chains/c/api/0/condition CONDITION_ERROR',
      '/chains/c/api/0/params/limits/0/max PARAMS_INVALID',
      '/chains/c/api/1 POLICY_MISSING',
      '/chains/c/api/2 POLICY_MISSING',
    ]);
  });

  it('P-64: answers 503 on a new route whose policy is missing, never without it', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    const report = await rig.sets.activate(documentOf({ a: [{ use: 'one' }, { use: 'auth' }], b: [{ use: 'one' }] }));
    expect([...report.routes]).toEqual([
      ['a', 'closed'],
      ['b', 'active'],
    ]);
    expect(await rig.status('a')).toBe(503);
    expect(await rig.status('b')).toBe(200);
    expect(rig.route('a').refusal).toMatchObject({ path: '/chains/chain-a/api/1', code: 'POLICY_MISSING' });
  });

  it('P-64: answers 503 after a restart from the same document when a policy went missing meanwhile', async () => {
    const document = documentOf({ a: [{ use: 'auth' }] });
    const before = new BuildRig();
    tracing(before, 'auth');
    await before.sets.activate(document);
    expect(await before.status('a')).toBe(200);
    const after = new BuildRig();
    await after.sets.activate(JSON.parse(JSON.stringify(document)));
    expect(await after.status('a')).toBe(503);
    tracing(after, 'auth');
    const report = await after.sets.activate(document);
    expect(report.routes.get('a')).toBe('active');
    expect(await after.status('a')).toBe(200);
  });

  it('P-64: closes a route also when it failed closed before and fails again', async () => {
    const rig = new BuildRig();
    await rig.sets.activate(documentOf({ a: [{ use: 'auth' }] }));
    expect((await rig.sets.activate(documentOf({ a: [{ use: 'other' }] }))).routes.get('a')).toBe('closed');
    expect(rig.route('a').refusal?.message).toContain('other');
  });

  it('U-05: keeps the old revision of that route alone; the others take the new one', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one', LIMIT.manifest);
    const document = (tag: number, more: object) =>
      documentOf({ a: [{ use: 'one', params: { tag, ...more } }], b: [{ use: 'one', params: { tag } }] });
    await rig.sets.activate(document(1, {}));
    const report = await rig.sets.activate(document(2, { limits: 'many' }));
    expect([...report.routes.values()]).toEqual(['kept', 'active']);
    expect(report.problems.map(({ path }) => path)).toEqual(['/chains/chain-a/api/0/params/limits']);
    expect(await trace(rig, 'a')).toEqual(['one=1']);
    expect(await trace(rig, 'b')).toEqual(['one=2']);
    expect(report.counts).toMatchObject({ REUSED: 1, REBUILT: 1 });
  });

  it('U-05: keeps routes whose policy was refused by the catalogue, with its reason', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    await rig.sets.activate(documentOf({ a: [{ use: 'one' }] }));
    rig.refuse('one', 'imports env.abort');
    const report = await rig.sets.activate(documentOf({ a: [{ use: 'one' }] }));
    expect(report.problems).toEqual([
      { path: '/chains/chain-a/api/0', code: 'MODULE_INVALID', message: 'one: imports env.abort' },
    ]);
    expect(await rig.status('a')).toBe(200);
  });

  it('refuses a document as a whole when its envelope is wrong, and changes nothing', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    await rig.sets.activate(documentOf({ a: [{ use: 'one' }] }));
    const { current } = rig.sets;
    for (const document of [
      '<html>',
      null,
      {},
      { routes: {} },
      { schema: 2, routes: [] },
      { routes: [], chains: [] },
    ]) {
      expect((await rig.sets.activate(document as JsonValue)).outcome).toBe('refused');
    }
    let deep: JsonValue = [];
    for (let i = 0; i < 20_000; i++) deep = [deep];
    const bottomless = await rig.sets.activate({ routes: [], 'x-deep': deep });
    expect(bottomless.problems[0]?.message).toContain('nesting is deeper than 64');
    expect(rig.sets.current).toBe(current);
  });

  it('rejects a revision whose init fails, and destroys what was made beside it', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    rig.add('bad', () => policyFailure('INIT_FAILED', 'no key'));
    const report = await rig.sets.activate(documentOf({ a: [{ use: 'one' }, { use: 'bad' }] }));
    expect(report.problems).toEqual([{ path: '/chains/chain-a/api/1', code: 'INIT_FAILED', message: 'no key' }]);
    expect(rig.alive).toEqual([]);
    expect(rig.sets.instances).toMatchObject({ live: 0, referenced: 0 });
  });

  it('P-03: rejects modes that contradict the hooks or the manifest, all violations in one message', async () => {
    const rig = new BuildRig();
    rig.add('hooks', undefined, {
      manifest: { processing: { requestHeaders: 'process', requestBody: 'stream', responseBody: 'buffer' } },
      capabilities: {
        requestHeaders: true,
        requestBody: true,
        responseHeaders: true,
        responseBody: false,
        streamingRequest: false,
        streamingResponse: false,
      },
    });
    rig.add('modes', () => ({ responseHeaders: () => undefined, responseBody: () => undefined }));
    const report = await rig.sets.activate(documentOf({ a: [{ use: 'hooks' }], b: [{ use: 'modes' }] }));
    expect(report.problems.map(({ code, message }) => [code, message.split('; ').length])).toEqual([
      ['INIT_FAILED', 3],
      ['INIT_FAILED', 2],
    ]);
    expect(rig.alive).toEqual([]);
  });

  it('plans a chain with the hooks an instance reports, of those its manifest declares', async () => {
    const rig = new BuildRig();
    const both = { processing: { requestHeaders: 'process', requestBody: 'buffer' } };
    rig.add(
      'either',
      ({ params }) => (params.body === true ? { requestBody: () => undefined } : { requestHeaders: () => undefined }),
      { manifest: both },
    );
    const report = await rig.sets.activate(
      documentOf({ head: [{ use: 'either' }], body: [{ use: 'either', params: { body: true } }] }),
    );
    expect(report.problems).toEqual([]);
    const needs = (key: string) => rig.route(key).chain.needsRequestBody;
    expect([needs('head'), needs('body')]).toEqual([false, true]);
  });

  it('P-26: does not tell secrets, even when a policy does', async () => {
    const rig = new BuildRig({ templates: { secret: () => 'hunter2' } });
    rig.add('bad', ({ params }) => policyFailure('INIT_FAILED', `cannot use ${params.key}`));
    const report = await rig.sets.activate(documentOf({ a: [{ use: 'bad', params: { key: '{{ secret "k" }}' } }] }));
    expect(report.problems[0]?.message).toBe('cannot use [redacted]');
    expect(JSON.stringify([...report.routes, rig.route('a').refusal])).not.toContain('hunter2');
  });
});

describe('references', () => {
  const lock = PolicyLock.parse({
    lockVersion: 1,
    policies: [
      { name: 'one', version: 'v1.2.0', digest: digestOf('one', 'v1.2.0') },
      { name: 'one', version: 'v1.10.0', digest: digestOf('one', 'v1.10.0') },
      { name: 'one', version: 'v2.0.0', digest: digestOf('one', 'v2.0.0') },
    ],
  });

  function locked(): BuildRig {
    if (!(lock instanceof PolicyLock)) throw new Error('no lock');
    const rig = new BuildRig({ lock });
    for (const version of ['v1.2.0', 'v1.10.0', 'v1.11.0', 'v2.0.0']) tracing(rig, 'one', { version });
    return rig;
  }

  it('P-27: by major version resolve to the locked exact version, an empty one to the latest', async () => {
    const rig = locked();
    await rig.sets.activate(
      documentOf({ a: [{ use: 'one@v1' }], b: [{ use: 'one' }], c: [{ use: digestOf('one', 'v1.2.0') }] }),
    );
    expect(['a', 'b', 'c'].map((key) => rig.route(key).positions[0]?.version)).toEqual(['v1.10.0', 'v2.0.0', 'v1.2.0']);
  });

  it('P-27: with a full version are rejected, and so are those the lock does not have', async () => {
    const rig = locked();
    const report = await rig.sets.activate(
      documentOf({ a: [{ use: 'one@v1.2.0' }], b: [{ use: 'one@v3' }], c: [{ use: 'two' }], d: [{ use: 'a b' }] }),
    );
    expect(report.problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      '/chains/chain-a/api/0/use: names the full version v1.2.0; name the major version, the lock pins the rest',
      '/chains/chain-d/api/0/use: names no policy: write sha256:…, name, or name@v1',
      '/chains/chain-b/api/0: the lock has no one v3',
      '/chains/chain-c/api/0: the lock has no two',
    ]);
  });

  it('P-27: need a lock that holds full versions and digests', () => {
    const bad = PolicyLock.parse({
      lockVersion: 1,
      policies: [
        { name: 'a', version: 'v1', digest: digestOf('a') },
        { name: 'b', version: 'v1.0.0', digest: 'x' },
      ],
    });
    expect('problems' in bad && bad.problems.map(({ path }) => path)).toEqual([
      '/policies/0/version',
      '/policies/1/digest',
    ]);
    expect(PolicyLock.parse([])).toHaveProperty('problems');
  });
});

describe('P-28: the file of the reference engine', () => {
  const FILE = `
- route_key: "GET|/weather/v1.0/{country}|*"
  policies:
    - name: set-headers
      version: v1.0.0
      enabled: true
      executionCondition: "request.Method == 'POST'"
      parameters:
        tag: a
    - name: set-headers
      version: v1
      enabled: false
      executionCondition: null
    - name: set-headers
      version: ""
      parameters: { tag: c }
- route_key: "POST|/empty|*"
  policies: []
`;

  it('loads unchanged', async () => {
    const rig = new BuildRig();
    tracing(rig, 'set-headers');
    const report = await rig.sets.activate(yaml(FILE));
    expect(report.problems).toEqual([]);
    const key = 'GET|/weather/v1.0/{country}|*';
    expect(await trace(rig, key)).toEqual(['set-headers=a', 'set-headers=c']);
    expect(rig.route(key).positions.map(({ enabled }) => enabled)).toEqual([true, false, true]);
    expect(rig.route(key).api.operationPath).toBe('/weather/v1.0/{country}');
    expect(await rig.status('POST|/empty|*')).toBe(200);
  });

  it('is checked with paths into itself, route by route', async () => {
    const rig = new BuildRig();
    rig.add('limit', undefined, LIMIT);
    const report = await rig.sets.activate(
      yaml(`
- route_key: a
  policies: [{ name: limit, parameters: { limits: [{ max: x }] } }]
- route_key: b
  policies: [{ name: "no such name!" }, { name: limit, enabled: maybe }]
- route_key: c
  policies: [{ name: limit, version: v9.9.9 }]
- route_key: d
  policies: [{ name: limit }]
`),
    );
    expect(report.problems.map(({ path }) => path).sort()).toEqual([
      '/0/policies/0/parameters/limits/0/max',
      '/1/policies/1/enabled',
      '/2/policies/0',
    ]);
    expect([...report.routes.values()].filter((outcome) => outcome === 'active')).toHaveLength(1);
  });
});

describe('one revision after the other', () => {
  it('fences a slow activation: it never overwrites a newer one', async () => {
    const rig = new BuildRig();
    tracing(rig, 'fast');
    let go: (() => void) | undefined;
    rig.add('slow', async () => {
      await new Promise<void>((resolve) => (go = resolve));
      return { requestHeaders: () => undefined };
    });
    const slow = rig.sets.activate(documentOf({ a: [{ use: 'slow' }] }));
    while (go === undefined) await Promise.resolve();
    const fast = await rig.sets.activate(documentOf({ a: [{ use: 'fast' }] }, { revision: 'r2' }));
    go();
    const late = await slow;
    expect([fast.outcome, late.outcome]).toEqual(['active', 'superseded']);
    expect(rig.sets.current).toMatchObject({ revision: 'r2', generation: 2 });
    expect(rig.alive.map(({ policy }) => policy)).toEqual(['fast v1.0.0']);
  });

  it('changes one reference: a set that was taken before is whole afterwards', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    await rig.sets.activate(documentOf({ a: [{ use: 'one', params: { tag: 1 } }] }));
    const before = rig.sets.current;
    await rig.sets.activate(documentOf({ a: [{ use: 'one', params: { tag: 2 } }] }));
    expect(Object.isFrozen(before)).toBe(true);
    expect(before.route('a')).not.toBe(rig.sets.current.route('a'));
    expect(before.digest).not.toBe(rig.sets.current.digest);
  });

  it('closes: nothing serves, nothing lives, later activations change nothing', async () => {
    const rig = new BuildRig();
    tracing(rig, 'one');
    await rig.sets.activate(documentOf({ a: [{ use: 'one' }] }));
    rig.sets.close();
    expect(rig.alive).toEqual([]);
    expect((await rig.sets.activate(documentOf({ a: [{ use: 'one' }] }))).outcome).toBe('superseded');
    expect(rig.sets.current.routes.size).toBe(0);
    expect(rig.alive).toEqual([]);
  });
});
