/** Where requests may go: rules, addresses, headers, redirects and frames, without a network. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../src/policy-host/http/addresses.ts';
import {
  decodeHttpRequest,
  decodeHttpResponse,
  encodeHttpRequest,
  encodeHttpResponse,
} from '../../../src/policy-host/http/http-frame.ts';
import { nextHop, parseTarget, receivedHeaders, sentHeaders } from '../../../src/policy-host/http/http-request.ts';
import { httpGrant } from '../../../src/policy-host/http/http-rules.ts';
import { capabilities } from './support/host-rig.ts';

const lists = (...rules: object[]) => capabilities({ http: { allow: rules } }).http!.allow;
const allows = (rule: object, url: string, method = 'GET'): boolean =>
  httpGrant(lists(rule), new URL(url), method) !== undefined;

describe('a rule', () => {
  it('means one scheme, host, port and method', () => {
    const rule = { host: 'api.example.com', methods: ['GET', 'POST'] };
    expect(allows(rule, 'https://api.example.com/x?y')).toBe(true);
    expect(allows(rule, 'https://API.example.com:443/')).toBe(true);
    expect(allows(rule, 'https://api.example.com./')).toBe(true);
    expect(allows(rule, 'https://api.example.com/', 'POST')).toBe(true);
    expect(allows(rule, 'https://api.example.com/', 'DELETE')).toBe(false);
    expect(allows(rule, 'https://api.example.com/', 'CONNECT')).toBe(false);
    expect(allows(rule, 'http://api.example.com/')).toBe(false);
    expect(allows(rule, 'https://api.example.com:8443/')).toBe(false);
    expect(allows(rule, 'https://api.example.com.evil.test/')).toBe(false);
    expect(allows(rule, 'https://evil-api.example.com/')).toBe(false);
    expect(allows({ ...rule, port: 8_443 }, 'https://api.example.com:8443/')).toBe(true);
  });

  it('with *. means every name below, not the suffix itself', () => {
    const rule = { host: '*.example.com' };
    expect(allows(rule, 'https://a.example.com/')).toBe(true);
    expect(allows(rule, 'https://a.b.example.com/')).toBe(true);
    expect(allows(rule, 'https://example.com/')).toBe(false);
    expect(allows(rule, 'https://evilexample.com/')).toBe(false);
    expect(() => lists({ host: '*.com' })).toThrow('/http/allow/0/host');
  });

  it('with a prefix means whole segments, after dots are resolved and with nothing hidden', () => {
    const rule = { host: 'h.example', pathPrefix: '/v1/keys' };
    for (const path of ['/v1/keys', '/v1/keys/', '/v1/keys/a', '/x/../v1/keys/a', '/v1/./keys?x=/v2']) {
      expect(allows(rule, `https://h.example${path}`)).toBe(true);
    }
    for (const path of [
      '/v1/keysmith',
      '/v1',
      '/v1/keys/../admin',
      '/v1/keys/%2e%2e/admin',
      '/v1/keys/..%2fadmin',
      '/v1/keys/%2E%2E%5Cadmin',
      '/v1/keys\\..\\admin',
      '/v1/keys/%00',
      '/V1/keys',
    ]) {
      expect(allows(rule, `https://h.example${path}`)).toBe(false);
    }
  });

  it('of several lists must be there in each; private addresses and redirects too', () => {
    const author = lists({ host: 'h.example', privateAddresses: true, redirects: true })[0]!;
    const operator = lists({ host: '*.example.org' }, { host: 'h.example', redirects: true })[0]!;
    expect(httpGrant([author, operator], new URL('https://h.example/'), 'GET')).toEqual({
      privateAddresses: false,
      redirects: true,
    });
    expect(httpGrant([author, operator], new URL('https://a.example.org/'), 'GET')).toBeUndefined();
    expect(httpGrant([], new URL('https://h.example/'), 'GET')).toEqual({ privateAddresses: false, redirects: false });
  });
});

describe('P-72 addresses', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '2001:db8::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2002:7f00:1::',
    'localhost',
    '',
    '1.2.3',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '::ffff:101:101',
    '64:ff9b::1.1.1.1',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it('cannot be hidden by how they are written in a URL', () => {
    for (const host of ['2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]', '[0:0:0:0:0:0:0:1]']) {
      const { hostname } = parseTarget(`http://${host}/`)!;
      expect(isPublicAddress(hostname.replace(/[[\]]/g, ''))).toBe(false);
    }
  });
});

describe('the URL of a request', () => {
  it.each([
    'ftp://a.example/',
    'file:///etc/passwd',
    'https://user:pass@a.example/',
    'https://user@a.example/',
    '//a.example/',
    '/path',
    'https://',
    'https://a.example/\n',
    'https://a.example/ x',
    'http://a.example:0/',
    'http://a.example:99999/',
    'javascript:alert(1)',
    `https://a.example/${'x'.repeat(8_192)}`,
    '',
  ])('is refused: %j', (text) => {
    expect(parseTarget(text)).toBeUndefined();
  });

  it('loses its fragment', () => {
    expect(parseTarget('https://a.example/x#secret')?.href).toBe('https://a.example/x');
  });
});

describe('headers', () => {
  it('of a request lose those that are the connection\u2019s, and nothing else is added but what says so', () => {
    expect(
      sentHeaders([
        ['Host', 'internal'],
        ['Connection', 'upgrade'],
        ['Transfer-Encoding', 'chunked'],
        ['Content-Length', '0'],
        ['Proxy-Authorization', 'x'],
        ['X-One', '1'],
        ['x-one', '2'],
        ['Authorization', 'Bearer t'],
      ]),
    ).toEqual({
      'x-one': ['1', '2'],
      authorization: 'Bearer t',
      'accept-encoding': 'identity',
      'user-agent': 'edict-policy',
    });
  });

  it('that could end a line or are no names are refused, and so are too many', () => {
    for (const pair of [
      ['x', 'a\r\nhost: b'],
      ['x', 'a\nb'],
      ['x', '\0'],
      ['x', '\u0100'],
      ['x y', '1'],
      ['', '1'],
      [':path', '/'],
      ['x\r\n', '1'],
    ] as const) {
      expect(sentHeaders([pair])).toBeUndefined();
    }
    expect(sentHeaders(Array.from({ length: 65 }, () => ['x', '1'] as const))).toBeUndefined();
    expect(sentHeaders([['x', 'y'.repeat(16_384)]])).toBeUndefined();
  });

  it('of an answer keep every line of a name', () => {
    expect(
      receivedHeaders({ connection: 'close', 'set-cookie': ['a=1', 'b=2'], 'content-type': 'x', gone: undefined }),
    ).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['content-type', 'x'],
    ]);
  });
});

describe('a redirect', () => {
  const request = {
    method: 'POST',
    url: 'https://a.example/x',
    headers: [
      ['authorization', 'Bearer t'],
      ['content-type', 'text/plain'],
      ['x-plain', '1'],
    ] as const,
    body: new Uint8Array(1),
    timeoutMs: undefined,
  };
  const from = new URL(request.url);

  it('carries no credentials to another origin', () => {
    const next = nextHop(request, from, 307, 'https://b.example/y')!;
    expect(next.request.headers).toEqual([
      ['content-type', 'text/plain'],
      ['x-plain', '1'],
    ]);
    expect(next.request).toMatchObject({ method: 'POST', body: request.body });
    expect(nextHop(request, from, 307, '/y')!.request.headers).toHaveLength(3);
    expect(nextHop(request, from, 307, 'http://a.example/y')!.request.headers).toHaveLength(2);
  });

  it('becomes a GET without a body where the standard says so', () => {
    for (const status of [301, 302, 303]) {
      const next = nextHop(request, from, status, '/y')!;
      expect(next.request).toMatchObject({ method: 'GET', body: undefined });
      expect(next.request.headers).toEqual([
        ['authorization', 'Bearer t'],
        ['x-plain', '1'],
      ]);
    }
  });

  it('to nowhere is an answer like any other', () => {
    for (const location of [undefined, 'ftp://b.example/', 'https://u:p@b.example/', 'http://']) {
      expect(nextHop(request, from, 302, location)).toBeUndefined();
    }
    expect(nextHop(request, from, 200, '/y')).toBeUndefined();
    expect(nextHop(request, from, 304, '/y')).toBeUndefined();
  });
});

describe('frames of requests and answers', () => {
  it('read as what was written', () => {
    const request = {
      method: 'PUT',
      url: 'https://a.example/\u20ac',
      headers: [['x', '\u00ff']] as const,
      body: Uint8Array.of(0, 1, 255),
      timeoutMs: 250,
    };
    expect(decodeHttpRequest(encodeHttpRequest(request))).toEqual(request);
    expect(decodeHttpRequest(encodeHttpRequest({ url: 'u' }))).toEqual({
      method: 'GET',
      url: 'u',
      headers: [],
      body: undefined,
      timeoutMs: undefined,
    });
    const response = {
      status: 204,
      headers: [
        ['set-cookie', 'a'],
        ['set-cookie', 'b'],
      ] as const,
      body: new Uint8Array(0),
    };
    expect(decodeHttpResponse(encodeHttpResponse(response))).toEqual(response);
  });

  it('that are damaged anywhere are refused or harmless, never an exception', () => {
    const frame = encodeHttpRequest({ url: 'https://a.example/', headers: [['a', 'b']], body: Uint8Array.of(1) });
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), fc.nat(frame.length), (at, value, length) => {
        const damaged = Uint8Array.from(frame);
        damaged[at] = value;
        expect(() => decodeHttpRequest(damaged)).not.toThrow();
        if (length < frame.length) expect(decodeHttpRequest(frame.subarray(0, length))).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it('of random bytes are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeHttpRequest(bytes)).toBeUndefined();
      }),
    );
  });
});
