import { describe, expect, it } from 'vitest';
import { RouteTable } from '../../../src/policy-engine/route-table.ts';

const tableOf = (...keys: string[]): RouteTable<string> => new RouteTable(keys.map((key) => [key, key]));

describe('a route', () => {
  it.each([
    ['GET|/pets|*', 'GET', '/pets'],
    ['GET|/pets|*', 'HEAD', '/pets'],
    ['*|/pets|', 'PATCH', '/pets?id=1#top'],
    ['GET|/pets/{id}|*', 'GET', '/pets/7'],
    ['GET|/pets/{id}/toys/{toy}|*', 'GET', '/pets/7/toys/ball'],
    ['GET|/pets/*|*', 'GET', '/pets/7/toys'],
    ['GET|/pets/**|*', 'GET', '/pets'],
    ['GET|/*|*', 'GET', '/'],
    ['GET|/*/toys|*', 'GET', '/7/toys'],
    ['GET|/pets|api.example.com', 'GET', '/pets'],
    ['GET|/pets|*.example.com', 'GET', '/pets'],
  ])('%s is found by %s %s', (key, method, path) => {
    expect(tableOf(key).find(method, path, 'API.example.com:8080')).toBe(key);
  });

  it.each([
    ['GET|/pets|*', 'POST', '/pets'],
    ['GET|/pets|*', 'GET', '/pet'],
    ['GET|/pets|*', 'GET', '/pets/7'],
    ['GET|/pets/{id}|*', 'GET', '/pets'],
    ['GET|/pets|other.example.com', 'GET', '/pets'],
    ['GET|/pets|*.api.example.com', 'GET', '/pets'],
  ])('%s is not found by %s %s', (key, method, path) => {
    expect(tableOf(key).find(method, path, 'api.example.com')).toBeUndefined();
  });

  it('is not slipped past by another spelling that handlers take for the same path', () => {
    const table = tableOf('GET|/admin/users|*');
    for (const path of [
      '/admin/users/',
      '//admin//users',
      '/./admin/x/../users',
      '/x/%2e%2E/admin/users',
      '/%61dmin/users',
      '/admin\\users',
      'http://elsewhere/admin/users?x',
    ]) {
      expect(table.find('GET', path, 'host'), path).toBe('GET|/admin/users|*');
    }
  });

  it('that says more goes first: the vhost, then texts before parameters before the rest, then the method', () => {
    const table = tableOf(
      'GET|/pets/mine|*',
      'GET|/pets/{id}|*',
      'GET|/pets/**|*',
      '*|/pets/mine|*',
      'GET|/pets/{id}|api.test',
      'GET|/pets/{id}|*.test',
    );
    const find = (path: string, host = 'x', method = 'GET') => table.find(method, path, host);
    expect(find('/pets/mine')).toBe('GET|/pets/mine|*');
    expect(find('/pets/mine', 'x', 'PUT')).toBe('*|/pets/mine|*');
    expect(find('/pets/7')).toBe('GET|/pets/{id}|*');
    expect(find('/pets/7/toys')).toBe('GET|/pets/**|*');
    expect(find('/pets/mine', 'api.test')).toBe('GET|/pets/{id}|api.test');
    expect(find('/pets/mine', 'www.test')).toBe('GET|/pets/{id}|*.test');
  });

  it('is looked for again in the less exact vhost, and on the less exact way', () => {
    const table = tableOf('GET|/a/b/c|api.test', 'GET|/{x}/b/d|*', 'GET|/a/e|*');
    expect(table.find('GET', '/a/e', 'api.test')).toBe('GET|/a/e|*');
    expect(table.find('GET', '/a/b/d', 'x')).toBe('GET|/{x}/b/d|*');
  });

  it.each([
    ['GET|pets|*', 'begins with /'],
    ['get|/pets|*', 'in capitals'],
    ['GET', 'METHOD|path-template|vhost'],
    ['GET|/a|b|c', 'METHOD|path-template|vhost'],
    ['GET|/a{b}|*', 'is no segment'],
    ['GET|/**/b|*', 'is no segment'],
    ['GET|/a|not a host', 'the vhost'],
  ])('with the key %s has a fault', (key, fault) => {
    expect(tableOf(key).faults.get(key)).toContain(fault);
  });

  it('that another one hides has a fault', () => {
    const { faults } = tableOf('GET|/pets/{id}|*', 'GET|/pets/{name}/|');
    expect([...faults.keys()]).toEqual(['GET|/pets/{name}/|']);
  });

  it('is found in steps that do not grow with the number of ways', () => {
    // Every segment may be a text or a parameter: a search that went back for each would take 2^25 steps.
    const depth = 25;
    const keys = Array.from({ length: depth }, (_, at) => {
      const steps = Array.from({ length: depth }, (_step, i) => (i === at ? '{x}' : 'a'));
      return `GET|/${steps.join('/')}/end|*`;
    });
    const table = tableOf(...keys);
    expect(table.find('GET', `/${'a/'.repeat(depth)}other`, 'x')).toBeUndefined();
    expect(table.find('GET', `/${'a/'.repeat(depth)}end`, 'x')).toBe(keys.at(-1));
  });
});
