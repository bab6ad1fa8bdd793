import { describe, expect, it } from 'vitest';
import { Router } from '../../../src/server/router.ts';

const handler = () => ({ status: 200 });
const router = new Router([
  { method: 'GET', path: '/a', handler },
  { method: 'POST', path: '/a', handler },
  { method: 'POST', path: '/a/:key', handler },
  { method: 'POST', path: '/c/:key/end', handler },
]);

describe('Router', () => {
  it.each([
    ['GET', '/a', 'GET /a', ''],
    ['POST', '/a', 'POST /a', ''],
    ['POST', '/a/b', 'POST /a/:key', 'b'],
    ['POST', '/a/%2F', 'POST /a/:key', '%2F'],
    ['POST', '/a/..', 'POST /a/:key', '..'],
    ['POST', '/a/:key', 'POST /a/:key', ':key'],
    ['POST', '/c/x/end', 'POST /c/:key/end', 'x'],
    ['POST', '/c/end/end', 'POST /c/:key/end', 'end'],
  ])('finds %s %s and leaves the variable segment as sent', (method, path, route, segment) => {
    const match = router.match(method, path);
    expect(match.kind === 'found' && `${match.route.method} ${match.route.path}`).toBe(route);
    expect(match).toMatchObject({ segment });
  });

  it('tells a wrong method, with those the path has', () => {
    expect(router.match('PUT', '/a')).toEqual({ kind: 'wrong-method', path: '/a', allowed: ['GET', 'POST'] });
    expect(router.match('GET', '/a/b')).toEqual({ kind: 'wrong-method', path: '/a/:key', allowed: ['POST'] });
  });

  it.each(['', '/', '/A', '/a/', '/a/b/c', '/a//', '/b', '/c/end', '/c//end', '/c/x', '/c/x/y/end', '/c/x/end/'])(
    'does not know "%s"',
    (path) => {
      expect(router.match('POST', path)).toEqual({ kind: 'unknown' });
    },
  );
});
