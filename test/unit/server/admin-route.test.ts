import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { SHOP, startTestRelay } from './test-relay.ts';

const PATH = '/admin/v1/retriever/refresh';
const ADMIN = { 'x-api-key': 'admin-key' };
const on = { variations: { on: true }, defaultRule: { variation: 'on' } };

describe('POST /admin/v1/retriever/refresh', () => {
  it.each([
    [{}, 'missing key in request header'],
    [{ 'x-api-key': 'admin-key' }, 'code=401, message=Unauthorized'],
    [{ authorization: 'Bearer admin-key' }, 'invalid key'],
  ])('answers 401 to %o while no admin key is configured, also on an open relay', async (headers, message) => {
    const { post } = await startTestRelay();
    const answer = await post(PATH, undefined, headers);
    expect([answer.status, answer.json()]).toEqual([401, { message }]);
  });

  it('refuses an API key that is no admin key', async () => {
    const { post } = await startTestRelay({}, { apiKeys: ['user-key'], adminKeys: ['admin-key'] });
    expect((await post(PATH, undefined, { 'x-api-key': 'user-key' })).status).toBe(401);
    expect((await post(PATH, undefined, { authorization: 'Bearer admin-key' })).status).toBe(200);
  });

  it('puts a change of the file into force before it answers', async () => {
    const { post, get, write } = await startTestRelay(SHOP, { adminKeys: ['admin-key'], debounceMs: 60_000 });
    await write(JSON.stringify({ fresh: on }));
    const answer = await post(PATH, undefined, ADMIN);
    expect([answer.status, answer.text]).toEqual([200, '{"refreshed":true}\n']);
    expect((await post('/v1/flag/configuration')).json()).toEqual({ flags: { fresh: on } });
    expect((await get('/metrics')).text).toContain('gofeatureflag_force_refresh 1\n');
  });

  it('says so when a source could not be read', async () => {
    const { post, file } = await startTestRelay(SHOP, { adminKeys: ['admin-key'] });
    await rm(file);
    expect((await post(PATH, undefined, ADMIN)).text).toBe('{"refreshed":false}\n');
  });

  it('refreshes all flag sets, or the one that is named', async () => {
    const { post, relay } = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      adminKeys: ['admin-key'],
      flagSets: ['one', 'two'].map((name) => ({ name, apiKeys: [`key-${name}`], flags: { a: on } })),
    });
    expect((await post(PATH, undefined, ADMIN)).text).toBe('{"refreshed":true}\n');
    expect((await post(`${PATH}?flagset=two`, undefined, ADMIN)).text).toBe('{"refreshed":true}\n');
    const unknown = await post(`${PATH}?flagset=three`, undefined, ADMIN);
    expect([unknown.status, unknown.json()]).toEqual([
      400,
      { message: 'error while getting flagset: impossible to find the flagset with the name three' },
    ]);
    expect((await post(PATH, undefined, { 'x-api-key': 'key-one' })).status).toBe(401);
    relay.setAdminKeys(['other-key']);
    expect((await post(PATH, undefined, ADMIN)).status).toBe(401);
  });

  it('reads the files of the named flag set only', async () => {
    const one = await startTestRelay({ a: on });
    const two = await startTestRelay({ a: on });
    const { post, get } = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      adminKeys: ['admin-key'],
      checkIntervalMs: 60_000,
      debounceMs: 60_000,
      flagSets: [
        { name: 'one', apiKeys: ['key-1'], flagFiles: [one.file] },
        { name: 'two', apiKeys: ['key-2'], flagFiles: [two.file] },
      ],
    });
    await Promise.all([one, two].map(({ write }) => write(JSON.stringify({ b: on }))));
    await post(`${PATH}?flagset=two`, undefined, ADMIN);
    const keys = async (key: string) =>
      Object.keys(((await get('/v1/flag/change', { 'x-api-key': key })).json() as { flags: object }).flags);
    expect([await keys('key-1'), await keys('key-2')]).toEqual([['a'], ['b']]);
  });
});
