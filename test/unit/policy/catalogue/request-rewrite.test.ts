import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { dynamicEndpoint } from '../../../../src/policy/catalogue/dynamic-endpoint.ts';
import { requestRewrite } from '../../../../src/policy/catalogue/request-rewrite.ts';
import type { RequestChanges } from '../../../../src/policy/model/actions.ts';
import type { HeaderPair } from '../../../../src/policy/model/headers.ts';
import { ExchangeRig, position, request } from '../support/exchange-rig.ts';
import { actionOf, inputOf, made, refusal } from './support/catalogue-rig.ts';

const API = { projectId: 'p', id: 'i', name: 'Pets', version: 'v1', kind: 'RestApi' };

async function rewrite(params: JsonObject, path: string, context = '/shop', operationPath = '/pets/{id}') {
  const input = inputOf({ path });
  const exchange = { ...input.exchange, api: { ...API, context, operationPath } };
  return actionOf(await made(requestRewrite, params), { ...input, exchange });
}

/** What the next policy sees of the request target. */
async function onTheWire(params: JsonObject, path: string): Promise<string> {
  const instance = await made(requestRewrite, params);
  let seen = '';
  const after = position('after', {
    requestHeaders(input) {
      seen = input.request.path;
      return undefined;
    },
  });
  const before = { ...position('rewrite', {}), instance };
  await new ExchangeRig([before, after], request({ path })).exchange.requestHeaders('none');
  return seen;
}

const rules = (...list: JsonValue[]): JsonObject => ({ queryRewrite: { rules: list } });

describe('request-rewrite: the path', () => {
  const prefix = (to: string): JsonObject => ({ pathRewrite: { type: 'ReplacePrefixMatch', replacePrefixMatch: to } });

  it.each([
    ['/shop/pets/7?x=1', '/animals', '/animals/7'],
    ['/shop/pets', '/animals', '/animals'],
    ['/shop/pets/7', '/', '/7'],
    ['/shop/pets', '', '/'],
    ['/pets/7', '/animals/', '/animals/7'],
  ])('replaces the prefix of the route in %s by %j', async (path, to, expected) => {
    expect(await rewrite(prefix(to), path)).toEqual({ kind: 'request-changes', path: expected });
  });

  it('replaces whole segments only, and leaves other paths alone', async () => {
    expect(await rewrite(prefix('/animals'), '/shop/petshop/7')).toBeUndefined();
    expect(await rewrite(prefix('/v2'), '/shop/a/b', '/', '/*')).toEqual({
      kind: 'request-changes',
      path: '/v2/shop/a/b',
    });
  });

  it('replaces all of it, keeping the query unless the new path has one', async () => {
    const full = (path: string): JsonObject => ({ pathRewrite: { type: 'ReplaceFullPath', replaceFullPath: path } });
    expect(await onTheWire(full('/new'), '/old?b=2&a=1')).toBe('/new?b=2&a=1');
    expect(await onTheWire(full('/new?c=3'), '/old?b=2&a=1')).toBe('/new?c=3');
  });

  it('replaces matches of a pattern, with groups', async () => {
    const regex = (pattern: string, substitution: string): JsonObject => ({
      pathRewrite: { type: 'ReplaceRegexMatch', replaceRegexMatch: { pattern, substitution } },
    });
    expect(await onTheWire(regex('^/pets/([0-9]+)/(.*)$', '/\\2/of/\\1'), '/pets/7/toys?x')).toBe('/toys/of/7?x');
    expect(await onTheWire(regex('a', 'b\\\\'), '/aa')).toBe('/b\\b\\');
    expect(await onTheWire(regex('nothing', 'x'), '/aa')).toBe('/aa');
  });

  it('takes time that grows with the path alone, whatever the pattern (U-09)', async () => {
    const params: JsonObject = {
      pathRewrite: { type: 'ReplaceRegexMatch', replaceRegexMatch: { pattern: '^/(a+)+$', substitution: '/x' } },
    };
    expect(await onTheWire(params, `/${'a'.repeat(4_000)}!`)).toBe(`/${'a'.repeat(4_000)}!`);
  });
});

describe('request-rewrite: the query', () => {
  it.each<[string, JsonValue, string, string]>([
    ['Replace', { action: 'Replace', name: 'a', value: 'x y' }, '/p?b=2&a=1&c&a=3', '/p?b=2&a=x%20y&c'],
    ['Replace of nothing', { action: 'Replace', name: 'z', value: '1' }, '/p', '/p?z=1'],
    ['Remove', { action: 'Remove', name: 'a b' }, '/p?a%20b=1&c=%7e&a+b=2', '/p?c=%7e'],
    ['Remove of all', { action: 'Remove', name: 'a' }, '/p?a=1', '/p'],
    ['Add', { action: 'Add', name: 'a', value: 'é' }, '/p?a=1', '/p?a=1&a=%C3%A9'],
    ['Append', { action: 'Append', name: 'a', value: '2', separator: ',' }, '/p?a=1&b', '/p?a=1%2C2&b'],
    ['Append to nothing', { action: 'Append', name: 'a', value: '2', separator: ',' }, '/p?b', '/p?b&a=2'],
    [
      'ReplaceRegexMatch',
      { action: 'ReplaceRegexMatch', name: 'id', pattern: '^v([0-9]+)$', substitution: '\\1' },
      '/p?id=v12&id=x&o=v1',
      '/p?id=12&id=x&o=v1',
    ],
  ])('%s keeps bytes and order of every other pair (U-09)', async (_name, rule, before, after) => {
    expect(await onTheWire(rules(rule), before)).toBe(after);
  });

  it('applies rules in order, to the query of the rewritten path', async () => {
    const params: JsonObject = {
      pathRewrite: { type: 'ReplaceFullPath', replaceFullPath: '/n?a=1' },
      ...rules({ action: 'Add', name: 'b', value: '2' }, { action: 'Remove', name: 'a' }),
    };
    expect(await onTheWire(params, '/o?z')).toBe('/n?b=2');
    const all: JsonObject = { ...params, ...rules({ action: 'Remove', name: 'a' }) };
    expect(await onTheWire(all, '/o?z&%zz=1')).toBe('/n');
  });

  it('changes nothing where a pair cannot be decoded', async () => {
    expect(await onTheWire(rules({ action: 'Append', name: 'a', value: '!' }), '/p?a=%zz=')).toBe('/p?a=%25zz%3D%21');
    expect(await onTheWire(rules({ action: 'Remove', name: 'a' }), '/p?%zz&&b')).toBe('/p?%zz&&b');
  });
});

describe('request-rewrite: method and conditions', () => {
  const matching = (match: JsonObject): JsonObject => ({ match, methodRewrite: 'PUT' });
  const headers: HeaderPair[] = [
    ['x-kind', 'cat'],
    ['x-kind', 'dog'],
  ];

  it.each<[JsonObject, boolean]>([
    [{ headers: [{ name: 'X-Kind', type: 'Exact', value: 'dog' }] }, true],
    [{ headers: [{ name: 'x-kind', type: 'Exact', value: 'do' }] }, false],
    [{ headers: [{ name: 'x-kind', type: 'Regex', value: '^c.t$' }] }, true],
    [{ headers: [{ name: 'x-kind', type: 'Present' }] }, true],
    [{ headers: [{ name: 'x-none', type: 'Present' }] }, false],
    [{ queryParams: [{ name: 'a b', type: 'Exact', value: 'x y' }] }, true],
    [{ queryParams: [{ name: 'A b', type: 'Present' }] }, false],
    [
      {
        headers: [{ name: 'x-kind', type: 'Present' }],
        queryParams: [{ name: 'q', type: 'Regex', value: 'no' }],
      },
      false,
    ],
  ])('applies where all of %j hold: %s', async (match, applies) => {
    const input = inputOf({ path: '/p?a+b=x%20y&q=1', headers });
    const action = (await actionOf(await made(requestRewrite, matching(match)), input)) as RequestChanges | undefined;
    expect(action?.method).toBe(applies ? 'PUT' : undefined);
  });
});

describe('request-rewrite: refusals', () => {
  it.each<[JsonObject, string]>([
    [{}, 'give at least one of pathRewrite, queryRewrite and methodRewrite'],
    [{ methodRewrite: 'put' }, '/methodRewrite: is one of GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS'],
    [
      { pathRewrite: { type: 'Prefix' } },
      '/pathRewrite/type: is ReplacePrefixMatch, ReplaceFullPath or ReplaceRegexMatch',
    ],
    [
      { pathRewrite: { type: 'ReplaceFullPath', replaceFullPath: 'x y' } },
      '/pathRewrite/replaceFullPath: begins with "/" and holds no control characters, spaces or "#"',
    ],
    [
      { pathRewrite: { type: 'ReplaceRegexMatch', replaceRegexMatch: { pattern: '(a)', substitution: '\\2' } } },
      '/pathRewrite/replaceRegexMatch/substitution: the pattern has no group 2',
    ],
    [
      rules({ action: 'Set', name: 'a' }),
      '/queryRewrite/rules/0/action: is Replace, Remove, Add, Append or ReplaceRegexMatch',
    ],
  ])('refuses %j when it is deployed', async (params, reason) => {
    expect(await refusal(requestRewrite, params)).toBe(`PARAMS_INVALID: ${reason}`);
  });

  it.each(['(', '(?=look)', '\\1'])('refuses the pattern %j when it is deployed (U-09)', async (pattern) => {
    const params = rules({ action: 'ReplaceRegexMatch', name: 'a', pattern, substitution: '' });
    expect(await refusal(requestRewrite, params)).toMatch(
      /^PARAMS_INVALID: \/queryRewrite\/rules\/0\/pattern: is no pattern/,
    );
  });
});

describe('dynamic-endpoint', () => {
  it('names the upstream, and refuses to have none', async () => {
    const instance = await made(dynamicEndpoint, { targetUpstream: 'blue' });
    expect(await actionOf(instance, inputOf())).toEqual({ kind: 'request-changes', upstreamName: 'blue' });
    expect(await refusal(dynamicEndpoint, {})).toBe('PARAMS_INVALID: /targetUpstream: is missing');
  });
});
