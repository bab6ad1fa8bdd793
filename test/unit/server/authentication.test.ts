import { describe, expect, it } from 'vitest';
import type { TestRelay } from './test-relay.ts';
import { startTestRelay } from './test-relay.ts';

const PATHS = [
  '/v1/flag/configuration',
  '/ofrep/v1/evaluate/flags',
  '/ofrep/v1/evaluate/flags/checkout',
  '/v1/data/collector',
  '/v1/allflags',
  '/v1/feature/checkout/eval',
];

async function guarded(): Promise<TestRelay> {
  return startTestRelay({}, { apiKeys: ['key-1', 'key-2'] });
}

describe('authentication', () => {
  it.each(PATHS)('lets everybody ask %s when no key is configured', async (path) => {
    const { post } = await startTestRelay();
    expect((await post(path, { context: {} })).status).not.toBe(401);
  });

  it.each<[string, Record<string, string>, string]>([
    ['no key', {}, 'missing key in request header'],
    ['an empty X-API-Key', { 'x-api-key': '' }, 'missing key in request header'],
    ['a wrong bearer key', { authorization: 'Bearer nope' }, 'invalid key'],
    ['another scheme', { authorization: 'Basic a2V5LTE=' }, 'invalid key in the request header'],
    ['a bare key in Authorization', { authorization: 'key-1' }, 'invalid key in the request header'],
    ['a scheme without key', { authorization: 'Bearer' }, 'invalid key in the request header'],
    ['a wrong X-API-Key', { 'x-api-key': 'nope' }, 'code=401, message=Unauthorized'],
    ['a prefix of a key', { 'x-api-key': 'key-' }, 'code=401, message=Unauthorized'],
    [
      'a wrong X-API-Key beside a good bearer key',
      { 'x-api-key': 'nope', authorization: 'Bearer key-1' },
      'code=401, message=Unauthorized',
    ],
  ])('refuses %s with the exact answer, on every guarded route', async (_case, headers, message) => {
    const { post, get } = await guarded();
    const answers = await Promise.all([
      ...PATHS.map((path) => post(path, { context: {} }, headers)),
      get('/v1/flag/change', headers),
      get('/openfeature/v0/manifest', headers),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.text).toBe(`{"message":"${message}"}\n`);
      expect(answer.headers.etag).toBeUndefined();
    }
  });

  it.each<Record<string, string>>([
    { 'x-api-key': 'key-1' },
    { 'x-api-key': 'key-2', authorization: 'Basic whatever' },
    { authorization: 'Bearer key-2' },
    { authorization: 'bEaReR key-1' },
  ])('accepts %o', async (headers) => {
    const { post } = await guarded();
    expect((await post('/v1/flag/configuration', undefined, headers)).text).toBe('{}\n');
  });

  it('takes new keys without a restart', async () => {
    const { relay, post } = await guarded();
    relay.setApiKeys(['key-3']);
    expect((await post('/v1/flag/configuration', undefined, { 'x-api-key': 'key-1' })).status).toBe(401);
    expect((await post('/v1/flag/configuration', undefined, { 'x-api-key': 'key-3' })).status).toBe(200);
    expect(() => relay.setApiKeys(['with space'])).toThrow('INVALID_OPTION');
  });

  it('leaves health, information and metrics open', async () => {
    const { get } = await guarded();
    for (const path of ['/health', '/health?ready', '/info', '/metrics']) {
      expect((await get(path)).status).toBe(200);
    }
  });
});
