import { describe, expect, it } from 'vitest';

import { redirectHost, refusalOf, relayMessage } from '../../../src/relay/refusal.ts';

const facts = {
  path: '/base/v1/flag/configuration',
  message: undefined,
  relayVersion: undefined,
  redirectHost: undefined,
};

describe('what a status means', () => {
  it.each([
    [201, 'UNEXPECTED_STATUS', 'backoff'],
    [204, 'UNEXPECTED_STATUS', 'backoff'],
    [206, 'UNEXPECTED_STATUS', 'backoff'],
    [301, 'REDIRECT_REFUSED', 'backoff'],
    [304, 'UNEXPECTED_NOT_MODIFIED', 'backoff'],
    [307, 'REDIRECT_REFUSED', 'backoff'],
    [400, 'BAD_REQUEST', 'auth'],
    [401, 'UNAUTHORIZED', 'auth'],
    [403, 'FORBIDDEN', 'auth'],
    [404, 'NOT_FOUND', 'backoff'],
    [405, 'UNEXPECTED_STATUS', 'auth'],
    [408, 'UNAVAILABLE', 'backoff'],
    [410, 'UNEXPECTED_STATUS', 'auth'],
    [413, 'UNEXPECTED_STATUS', 'auth'],
    [418, 'UNEXPECTED_STATUS', 'auth'],
    [425, 'UNAVAILABLE', 'backoff'],
    [429, 'RATE_LIMITED', 'backoff'],
    [500, 'UNAVAILABLE', 'backoff'],
    [503, 'UNAVAILABLE', 'backoff'],
    [599, 'UNAVAILABLE', 'backoff'],
  ] as const)('%i is %s, asked again at the pace %s', (status, code, pace) => {
    expect(refusalOf(status, facts)).toMatchObject({ code, pace });
  });

  it('a 404 names the path, both causes and the version of the relay (S-06)', () => {
    const { text } = refusalOf(404, { ...facts, relayVersion: '1.30.0' });
    for (const part of [facts.path, 'base path', 'older than May 2025', '1.30.0']) expect(text).toContain(part);
  });

  it('a 400 quotes the relay (S-07)', () => {
    expect(refusalOf(400, { ...facts, message: 'flagset not found' }).text).toContain('"flagset not found"');
  });

  it('a redirect names the target host only', () => {
    expect(redirectHost('https://user:pw@other.example:8443/path?token=abc', 'http://relay')).toBe(
      'other.example:8443',
    );
    expect(redirectHost('/login', 'http://relay:1031')).toBe('relay:1031');
    expect(redirectHost('http://[', 'http://relay')).toBeUndefined();
    expect(redirectHost(undefined, 'http://relay')).toBeUndefined();
    expect(refusalOf(302, { ...facts, redirectHost: 'other.example' }).text).toContain('to other.example;');
  });
});

describe('the sentence in an error body', () => {
  it.each([
    ['{"message":"missing key in request header"}', 'missing key in request header'],
    ['{"errorCode":"INVALID_REQUEST","errorDetails":"no body"}', 'no body'],
    ['{"errorCode":"RETRIEVING_FLAGS_ERROR"}', 'RETRIEVING_FLAGS_ERROR'],
    ['{"message":7,"errorDetails":"text"}', 'text'],
    ['{"message":"  "}', undefined],
    ['["message"]', undefined],
    ['<html>', undefined],
    ['', undefined],
    ['null', undefined],
  ])('%s', (body, message) => {
    expect(relayMessage(Buffer.from(body))).toBe(message);
  });

  it('is cut', () => {
    expect(relayMessage(Buffer.from(JSON.stringify({ message: 'x'.repeat(10_000) })))).toHaveLength(200);
  });
});
