import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graphqlOperation } from '../../../../src/policy/resolve/graphql.ts';
import { type BodyResolver, MAX_RESOLVED_BYTES, resolveOperation } from '../../../../src/policy/resolve/operation.ts';

const names = (resolver: BodyResolver, body: unknown): readonly string[] | undefined =>
  resolveOperation(resolver, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))?.names;

describe('a GraphQL document', () => {
  it.each<[string, string, string | undefined, string | undefined]>([
    ['a named query', 'query Pets { pets { id } }', undefined, 'query Pets'],
    ['a shorthand', '{ pets { id } }', undefined, 'query'],
    [
      'a mutation with variables and directives',
      'mutation Add($p: [Pet!]! = [{n: "}"}]) @auth(r: ["a"]) { add(p: $p) { id } }',
      undefined,
      'mutation Add',
    ],
    ['a subscription', 'subscription { pets { id } }', undefined, 'subscription'],
    ['one of several, by its name', 'query A { a } mutation B { b }', 'B', 'mutation B'],
    ['fields called like keywords', 'query query { mutation { subscription } }', undefined, 'query query'],
    [
      'fragments, comments and texts that look like operations',
      '# mutation X {\nfragment F on Pet { id(q: "mutation { } \\" ", b: """query { """) } query Q { ...F }',
      undefined,
      'query Q',
    ],
    ['several without a name', 'query A { a } query B { b }', undefined, undefined],
    ['a name that is not there', 'query A { a }', 'B', undefined],
    ['a name that is there twice', 'query A { a } mutation A { b }', 'A', undefined],
    ['braces that do not match', 'query A { a', undefined, undefined],
    ['brackets of another kind', 'query A { a ) }', undefined, undefined],
    ['a text without an end', 'query A { a(q: "x) }', undefined, undefined],
    ['a schema', 'type Query { a: Int }', undefined, undefined],
    ['an operation without a selection', 'query A', undefined, undefined],
    ['nothing', '', undefined, undefined],
  ])('with %s (P-41)', (_, query, operationName, expected) => {
    const operation = graphqlOperation(query, operationName);
    expect(operation && [operation.type, operation.name].filter(Boolean).join(' ')).toBe(expected);
  });

  it('may be any text at all: an answer or none, never a throw (P-41)', () => {
    const part = fc.constantFrom(
      'query',
      'mutation',
      '{',
      '}',
      '(',
      ')',
      '"',
      '"""',
      '#',
      '\n',
      '\\',
      ' a ',
      'fragment',
      '$x',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const operation = graphqlOperation(parts.join(''));
        expect(operation === undefined || ['query', 'mutation'].includes(operation.type)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a body', () => {
  it.each<[BodyResolver, unknown, readonly string[] | undefined]>([
    ['graphql', { query: 'query Pets { a }' }, ['query Pets', 'query']],
    ['graphql', { query: '{ a }', operationName: null }, ['query']],
    ['graphql', { query: 'query A { a } query B { b }', operationName: 'B' }, ['query B', 'query']],
    ['graphql', { query: '{ a }', operationName: 7 }, undefined],
    ['graphql', { extensions: { persistedQuery: {} } }, undefined],
    [
      'mcp',
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'weather' } },
      ['tools/call:weather', 'tools/call'],
    ],
    [
      'mcp',
      { jsonrpc: '2.0', method: 'resources/read', params: { uri: 'file:///a' } },
      ['resources/read:file:///a', 'resources/read'],
    ],
    ['mcp', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, ['tools/list']],
    ['mcp', { jsonrpc: '2.0', id: 1, method: 'constructor' }, ['constructor']],
    ['mcp', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} }, undefined],
    ['mcp', { id: 1, method: 'tools/list' }, undefined],
    ['mcp', [{ jsonrpc: '2.0', id: 1, method: 'tools/list' }], undefined],
    ['a2a', { jsonrpc: '2.0', id: 1, method: 'message/send', params: {} }, ['message/send']],
    ['a2a', { jsonrpc: '2.0', id: 1, method: 3 }, undefined],
    ['a2a', 'not json', undefined],
    ['a2a', '"text"', undefined],
  ])('for %s: %j names %j (P-41)', (resolver, body, expected) => {
    expect(names(resolver, body)).toEqual(expected);
  });

  it('over 64 KiB, or not in UTF-8, names nothing (P-41)', () => {
    const call = { jsonrpc: '2.0', method: 'a', params: 'x'.repeat(MAX_RESOLVED_BYTES) };
    expect(names('a2a', call)).toBeUndefined();
    expect(resolveOperation('a2a', Buffer.from('{"jsonrpc":"2.0","method":"\xff"}', 'latin1'))).toBeUndefined();
  });

  it('has attributes for policies (P-41)', () => {
    const call = Buffer.from('{"jsonrpc":"2.0","method":"tools/call","params":{"name":"weather"}}');
    expect(resolveOperation('mcp', call)?.attributes).toEqual({
      'mcp.method': 'tools/call',
      'mcp.type': 'tool',
      'mcp.name': 'weather',
    });
  });
});
