/** Conditions in CEL: what they see, what is refused when they are compiled, and what an evaluation may cost. */

import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { celConditions } from '../../../../src/policy/chain/cel-condition.ts';
import type { Condition } from '../../../../src/policy/chain/condition.ts';
import type { ConditionOptions } from '../../../../src/policy/chain/condition-options.ts';
import type { AuthLayer } from '../../../../src/policy/model/actions.ts';
import { HeaderMap, type HeaderPair } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { bodyOf, ExchangeRig, position, request, response } from '../support/exchange-rig.ts';

interface Given {
  readonly headers?: readonly HeaderPair[];
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly metadata?: Record<string, never> | object;
  readonly auth?: Partial<AuthLayer>;
  readonly response?: HookInput['response'];
}

const facts = {
  requestId: 'r-1',
  routeName: 'pets-get',
  tenant: 'shop',
  api: { projectId: 'p', id: 'i', name: 'Pets', version: 'v1', kind: 'RestApi', context: '/', operationPath: '/pets' },
  deadline: 1_000,
  clientIp: '10.0.0.7',
};

function input(given: Given = {}): HookInput {
  const { headers = [['x-user', 'ann']], method = 'POST', path = '/pets/7?limit=5', body } = given;
  const auth: AuthLayer[] =
    given.auth === undefined ? [] : [{ authenticated: true, authorized: true, authType: 'jwt', ...given.auth }];
  return {
    exchange: { ...facts },
    request: request({ headers, method, path, ...(body === undefined ? {} : { body: bodyOf(body) }) }),
    gathered: { ...NOTHING_GATHERED, auth, metadata: (given.metadata ?? {}) as never },
    ...(given.response === undefined ? {} : { response: given.response }),
  };
}

const compile = celConditions();

function condition(source: string, options?: ConditionOptions): Condition {
  const compiled = (options === undefined ? compile : celConditions(options))(source);
  if ('fault' in compiled) throw new Error(compiled.fault);
  return compiled;
}

function fault(source: string): string {
  const compiled = compile(source);
  return 'fault' in compiled ? compiled.fault : 'compiled';
}

const test = (source: string, given: Given = {}, phase: Phase = Phase.requestHeaders): unknown =>
  condition(source).test(phase, input(given));

describe('P-22: the table of conditions', () => {
  const late = { response: response({ status: 404, headers: [['x-cache', 'hit']] }) };
  const table: [name: string, source: string, given: Given, expected: boolean][] = [
    ['method equality', "request.Method == 'POST'", {}, true],
    ['method inequality', "request.Method != 'OPTIONS'", { method: 'OPTIONS' }, false],
    ['method in a list', "request.Method in ['GET', 'HEAD']", {}, false],
    ['header presence', "'x-user' in request.Headers", {}, true],
    ['header absence', "!('x-none' in request.Headers)", {}, true],
    ['has() of a header', "has(request.Headers.host) || 'x-user' in request.Headers", {}, true],
    ['header index', "request.Headers['x-user'][0] == 'ann'", {}, true],
    [
      'a second value',
      "request.Headers['x-a'][1] == '2'",
      {
        headers: [
          ['x-a', '1'],
          ['X-A', '2'],
        ],
      },
      true,
    ],
    [
      'number of values',
      "size(request.Headers['x-a']) == 2",
      {
        headers: [
          ['x-a', '1'],
          ['x-a', '2'],
        ],
      },
      true,
    ],
    ['path prefix', "request.Path.startsWith('/pets/')", {}, true],
    ['path pattern', "request.Path.matches('^/pets/[0-9]+')", {}, true],
    ['&&', "request.Method == 'POST' && request.Path.startsWith('/cats')", {}, false],
    ['status range', 'response.ResponseStatus >= 400 && response.ResponseStatus < 500', late, true],
    ['status before the response', 'response.ResponseStatus == 0', {}, true],
    ['missing header guarded', "'x-none' in request.Headers && request.Headers['x-none'][0] == 'a'", {}, false],
    ['zero-valued response', "!('x-cache' in response.ResponseHeaders) && !response.ResponseBody.Present", {}, true],
    ['response headers', "response.ResponseHeaders['x-cache'][0] == 'hit'", late, true],
    [
      'the request seen from the response',
      "response.RequestMethod == 'POST' && response.RequestPath != ''",
      late,
      true,
    ],
    ['body bytes', "request.Body.Present && request.Body.Content == b'hi'", { body: 'hi' }, true],
    ['body as text', "string(request.Body.Content).contains('ell')", { body: 'hello' }, true],
    ['request id', "request.RequestID == 'r-1' && response.RequestID == 'r-1'", {}, true],
    [
      'metadata',
      "request.Metadata.tier == 'gold' && request.Metadata['n'] > 2",
      { metadata: { tier: 'gold', n: 3 } },
      true,
    ],
    ['metadata of any type', 'request.Metadata.list.exists(x, x.ok)', { metadata: { list: [{ ok: true }] } }, true],
    ['nobody', "!auth.authenticated && auth.subject == '' && size(auth.scopes) == 0", {}, true],
    ['scopes', "'write' in auth.scopes && auth.authType == 'jwt'", { auth: { scopes: ['read', 'write'] } }, true],
    ['auth properties', "auth.properties['team'] == 'a'", { auth: { properties: { team: 'a' } } }, true],
    [
      'api, route, tenant, client',
      "api.kind == 'RestApi' && route.name == 'pets-get' && tenant.id == 'shop'",
      {},
      true,
    ],
    ['client address', "client.ip.startsWith('10.')", {}, true],
    ['ternary', "request.Method == 'POST' ? true : false", {}, true],
    ['exists over headers', "request.Headers.exists(name, name.startsWith('x-'))", {}, true],
    ['all over values', "request.Headers['x-user'].all(v, v != '')", {}, true],
    ['filter and size', "size(request.Headers['x-user'].filter(v, v == 'ann')) == 1", {}, true],
  ];
  it.each(table)('%s', (_name, source, given, expected) => {
    expect(test(source, given, given.response === undefined ? Phase.requestHeaders : Phase.responseHeaders)).toBe(
      expected,
    );
  });

  it('the phase, where chunks report the phase of their body', () => {
    const seen = [Phase.requestHeaders, Phase.requestBody, Phase.responseHeaders, Phase.responseBody, 6, 8].map(
      (phase) =>
        ['request_headers', 'request_body', 'response_headers', 'response_body'].find((name) =>
          condition(`processing.phase == '${name}'`).test(phase as Phase, input()),
        ),
    );
    expect(seen).toEqual([
      'request_headers',
      'request_body',
      'response_headers',
      'response_body',
      'request_body',
      'response_body',
    ]);
  });

  it('an index into an absent header is an error with its reason, not false', () => {
    expect(test("request.Headers['x-none'][0] == 'a'")).toEqual({ error: expect.stringContaining('x-none') });
    expect(test("request.Headers['x-user'][3] == 'a'")).toEqual({ error: expect.any(String) });
    expect(test('request.Metadata.none')).toEqual({ error: expect.any(String) });
    expect(test('request.Metadata.word', { metadata: { word: 'x' } })).toEqual({
      error: 'the result is neither true nor false',
    });
  });
});

describe('P-63: what is refused before it serves', () => {
  const wrong: [name: string, source: string, says: string][] = [
    ['a result that is no boolean', 'request.Method', 'the result must be bool, this is string'],
    ['an unknown root', "requst.Method == 'GET'", 'there is no requst'],
    ['an unknown field', "request.Methd == 'GET'", 'request has no field Methd'],
    ['an unknown function', "request.Path.beginsWith('/')", 'there is no function beginsWith'],
    ['a comparison that can never hold', 'request.Method == 5', 'string is never equal to int'],
    ['a status compared with a text', "response.ResponseStatus == '200'", 'int is never equal to string'],
    ['a membership that can never hold', '1 in auth.scopes', 'int is never in list(string)'],
    ['a header compared as if it were one text', "request.Headers['x-user'] == 'ann'", 'list(string) is never equal'],
    ['a function on the wrong type', 'request.Body.startsWith("x")', 'Body.startsWith(string) is not defined'],
    ['an operand that is no boolean', 'request.Method && true', 'bool is wanted here, this is string'],
    ['arithmetic on unlike types', '1 + 1.5 == 2.5', 'is not defined'],
    ['a loop over a number', 'response.ResponseStatus.exists(x, x)', 'int has no members'],
    ['a wrong loop variable inside', 'auth.scopes.all(s, s == 1)', 'string is never equal to int'],
    ['a flag without default', "flags.boolean('a')", 'flags.boolean(string) is not defined'],
    ['a flag of another type', "flags.string('a', true) == 'x'", 'flags.string(string, bool) is not defined'],
    ['a message', 'Foo{a: 1} == Foo{a: 1}', 'messages such as Foo are not supported'],
  ];
  it.each(wrong)('%s', (_name, source, says) => {
    expect(fault(source)).toContain(says);
  });

  it('U-09: patterns with look-around or bad syntax, when they are constants', () => {
    expect(fault("request.Path.matches('(?=x)')")).toContain('the pattern cannot be used');
    expect(fault("request.Path.matches('(')")).toContain('the pattern cannot be used');
    expect(test("request.Path.matches(request.Headers['x-user'][0])", { headers: [['x-user', '(']] })).toEqual({
      error: expect.any(String),
    });
  });

  it('syntax, length, size and depth', () => {
    expect(fault('request.Method ==')).not.toBe('compiled');
    expect(fault('')).not.toBe('compiled');
    expect(fault(`true ${'|| true '.repeat(600)}`)).toContain('4096 characters');
    expect(fault(`[${'1,'.repeat(2_040)}1] == [1]`)).toContain('2000 parts');
    expect(fault(`${'!'.repeat(4_000)}true`)).not.toContain('undefined');
    expect(fault(`${'('.repeat(2_000)}true${')'.repeat(2_000)}`)).toMatch(/compiled|deep/);
  });
});

describe('the cost of a condition', () => {
  const many = Array.from({ length: 2_000 }, (_, i): HeaderPair => [`x-${i}`, 'v']);

  it('is limited: loops inside loops end as an error, in time', () => {
    const nested = 'request.Headers.all(a, request.Headers.all(b, request.Headers.all(c, a != b || b != c || true)))';
    expect(test(nested, { headers: many })).toEqual({ error: 'the cost limit of 10000 steps was reached' });
  });

  it('is not hidden by an operator that swallows errors', () => {
    const nested = 'request.Headers.all(a, request.Headers.all(b, a != "" && b != ""))';
    expect(test(`${nested} || true`, { headers: many })).toEqual({ error: expect.stringContaining('cost limit') });
    expect(test(`true || ${nested}`, { headers: many })).toBe(true);
  });

  it('counts what functions look at, so that texts which double are no way out', () => {
    const doubled = `['${'x'.repeat(60)}']${'.map(s, s + s)'.repeat(40)}.all(s, size(s) > 0)`;
    expect(test(doubled)).toEqual({ error: expect.stringContaining('cost limit') });
    const tree = `dyn([0]${'.map(l, dyn([l, l]))'.repeat(60)})`;
    expect(test(`${tree} == ${tree}`)).toEqual({ error: expect.stringContaining('cost limit') });
  });

  it('leaves room for one look at a whole body of a megabyte', () => {
    expect(test("string(request.Body.Content).contains('needle')", { body: 'x'.repeat(1_048_576) })).toBe(false);
  });

  it('is an option', () => {
    const source = 'request.Headers.all(name, name != "")';
    expect(condition(source, { costLimit: 100 }).test(Phase.requestHeaders, input({ headers: many }))).toHaveProperty(
      'error',
    );
    expect(condition(source, { costLimit: 1e6 }).test(Phase.requestHeaders, input({ headers: many }))).toBe(true);
  });
});

describe('flags in conditions', () => {
  const asked: string[] = [];
  const options: ConditionOptions = {
    targetingHeader: 'x-user',
    flags: {
      evaluate: (kind, key, targetingKey) => {
        asked.push(`${kind} ${key} ${targetingKey}`);
        return { on: true, colour: 'red', share: 2.5, wrong: 'text' }[key];
      },
    },
  };

  it('are asked once a key for each exchange, whichever condition asks', () => {
    asked.length = 0;
    const compileWithFlags = celConditions(options);
    const [first, second] = [
      "flags.boolean('on', false)",
      "flags.boolean('on', true) && flags.string('colour', '') == 'red'",
    ].map((source) => compileWithFlags(source) as Condition) as [Condition, Condition];
    const one = input();
    expect(first.test(Phase.requestHeaders, one)).toBe(true);
    expect(second.test(Phase.requestHeaders, one)).toBe(true);
    expect(second.test(Phase.responseHeaders, { ...one, response: response() })).toBe(true);
    expect(asked).toEqual(['boolean on ann', 'string colour ann']);
    first.test(Phase.requestHeaders, input({ auth: { subject: 'bob' } }));
    expect(asked.at(-1)).toBe('boolean on bob');
  });

  it('fall back to the default of the expression: no port, no flag, another type', () => {
    expect(test("flags.boolean('on', true)")).toBe(true);
    const ask = (source: string) => condition(source, options).test(Phase.requestHeaders, input());
    expect(ask("flags.boolean('wrong', false)")).toBe(false);
    expect(ask("flags.string('none', 'x') == 'x'")).toBe(true);
    expect(ask("flags.number('share', 1) == 2.5 && flags.number('none', 1) == 1.0")).toBe(true);
  });
});

describe('conditions in a chain', () => {
  it('P-22: are evaluated in every phase, and once when sticky', () => {
    const seen: string[] = [];
    const hooks = (name: string) => ({
      requestHeaders: () => void seen.push(`${name} request`),
      responseHeaders: () => void seen.push(`${name} response`),
    });
    const when = condition("processing.phase == 'request_headers'");
    const rig = new ExchangeRig([
      position('each', hooks('each'), { condition: when }),
      position('sticky', hooks('sticky'), { condition: when, sticky: true }),
    ]);
    rig.exchange.requestHeaders('none');
    rig.exchange.responseHeaders(response(), 'none');
    expect(seen).toEqual(['each request', 'sticky request', 'sticky response']);
  });

  it('P-22: a runtime error is a failure of the position, which fails closed', () => {
    const rig = new ExchangeRig([
      position(
        'a',
        { requestHeaders: () => undefined },
        { condition: condition("request.Headers['x-none'][0] == 'a'") },
      ),
    ]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 500 } });
    expect(rig.outcomes).toEqual(['a/1: CONDITION_ERROR']);
  });
});

describe('the engine of conditions', () => {
  it('P-04: is not loaded by chains without conditions', async () => {
    const bundle = await build({
      stdin: {
        contents:
          "export * from './src/policy/chain/load-conditions.ts'; export * from './src/policy/chain/exchange.ts';",
        resolveDir: process.cwd(),
      },
      bundle: true,
      write: false,
      metafile: true,
      splitting: true,
      outdir: 'out',
      format: 'esm',
      platform: 'node',
      packages: 'external',
    });
    const entry = Object.values(bundle.metafile.outputs).find(({ entryPoint }) => entryPoint === '<stdin>')!;
    const eager = entry.imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => path);
    expect(eager.filter((path) => path.startsWith('@bufbuild'))).toEqual([]);
    expect(entry.imports.some(({ kind }) => kind === 'dynamic-import')).toBe(true);
    expect(HeaderMap.empty.size).toBe(0);
  });
});
