import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { SHOP, startTestRelay, until } from './test-relay.ts';

describe('operations', () => {
  it('answers liveness with a constant', async () => {
    const { get } = await startTestRelay();
    expect((await get('/health')).text).toBe('{"initialized":true}\n');
  });

  it('answers readiness apart from liveness', async () => {
    const { get } = await startTestRelay();
    const answer = await get('/health?ready');
    expect([answer.status, answer.json()]).toEqual([200, { initialized: true, ready: true }]);
  });

  it('tells on /info when the flags were taken over', async () => {
    const before = Date.now();
    const { get, relay } = await startTestRelay();
    const first = (await get('/info')).json() as { cacheRefresh: string };
    expect(Object.keys(first)).toEqual(['cacheRefresh']);
    expect(new Date(first.cacheRefresh).toISOString()).toBe(first.cacheRefresh);
    expect(Date.parse(first.cacheRefresh)).toBeGreaterThanOrEqual(before);
    await until(() => Date.now() > Date.parse(first.cacheRefresh));
    await relay.reload();
    const second = (await get('/info')).json() as { cacheRefresh: string };
    expect(Date.parse(second.cacheRefresh)).toBeGreaterThan(Date.parse(first.cacheRefresh));
  });

  it('shows an unreadable source on /info and /health?ready, while liveness and flags stay as they were', async () => {
    const { get, post, relay, file, write } = await startTestRelay(SHOP);
    const good = await post('/v1/flag/configuration');
    await rm(file);
    await relay.reload();

    const source = { error: 'the file cannot be read (ENOENT)', name: 'flags.yaml', since: expect.any(String) };
    expect((await get('/info')).json()).toEqual({ cacheRefresh: expect.any(String), sources: [source] });
    const readiness = await get('/health?ready');
    expect(readiness.status).toBe(503);
    expect(readiness.json()).toEqual({ initialized: true, ready: false, sources: [source] });
    expect((await get('/health')).status).toBe(200);
    expect((await post('/v1/flag/configuration')).text).toBe(good.text);

    await write(JSON.stringify(SHOP));
    await until(async () => (await get('/health?ready')).status === 200);
    expect((await get('/info')).json()).toEqual({ cacheRefresh: expect.any(String) });
  });

  it('tells on /info how many flags are left out', async () => {
    const { get } = await startTestRelay({ ...SHOP, bad: { defaultRule: {} } });
    expect((await get('/info')).json()).toMatchObject({ invalidFlags: 1 });
  });

  it('counts under the names of GO Feature Flag’s relay', async () => {
    const { get, post, relay, replace } = await startTestRelay({ ...SHOP, bad: { defaultRule: { variation: 'on' } } });
    await post('/v1/flag/configuration');
    await post('/ofrep/v1/evaluate/flags/checkout', { context: {} });
    await post('/ofrep/v1/evaluate/flags/unknown', { context: {} });
    await post('/ofrep/v1/evaluate/flags', { context: { gofeatureflag: { flagList: ['banner'] } } });
    await replace(JSON.stringify({ checkout: { ...(SHOP.checkout as object), disable: true }, extra: SHOP.banner }));
    await relay.reload();
    await get('/no/such/path');

    const { text, headers } = await get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=/);
    const lines = new Set(text.split('\n'));
    for (const line of [
      'gofeatureflag_flag_configuration_total 1',
      'gofeatureflag_flag_evaluations_total{flag_name="checkout"} 1',
      'gofeatureflag_all_flag_evaluations_total 1',
      'gofeatureflag_all_flags_evaluations_total_with_flag{flag_name="banner"} 1',
      'gofeatureflag_flag_changes_total 1',
      'gofeatureflag_flag_create_total 1',
      'gofeatureflag_flag_create{flag_name="extra"} 1',
      'gofeatureflag_flag_update_total 1',
      'gofeatureflag_flag_update{flag_name="checkout"} 1',
      'gofeatureflag_flag_delete_total 3',
      'gofeatureflag_flag_delete{flag_name="banner"} 1',
      'gofeatureflag_force_refresh 1',
      'gofeatureflag_invalid_flags_total 1',
      'gofeatureflag_invalid_flags 0',
      'gofeatureflag_source_failures_total 0',
      'gofeatureflag_stream_clients 0',
      'gofeatureflag_request_duration_seconds_count{code="200",method="POST",url="/v1/flag/configuration"} 1',
      'gofeatureflag_request_duration_seconds_count{code="404",method="GET",url="unmatched"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    expect(text).toContain('url="/ofrep/v1/evaluate/flags/:key"');
    // What a client makes up must not become a label: it has no bound.
    expect(text).not.toContain('unknown');
    expect(text).not.toContain('no/such/path');
  });

  it('counts two relays of one process apart', async () => {
    const one = await startTestRelay();
    const two = await startTestRelay();
    await one.post('/v1/flag/configuration');
    expect((await two.get('/metrics')).text).toContain('gofeatureflag_flag_configuration_total 0\n');
  });
});
