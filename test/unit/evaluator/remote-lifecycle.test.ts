/** The life of a remote evaluator: start, changes, outages, silence, end (relay-and-provider §5.2–5.5). */

import { describe, expect, it } from 'vitest';
import { settle } from '../relay/support/fake-clock.ts';
import { inTurn, reply } from '../relay/support/scripted-relay.ts';
import { hashes, RemoteBench, reset, until, value } from './support/remote-bench.ts';

const missing = reply(404, '{"message":"Not Found"}');
const silent = (): void => undefined;

describe('the start', () => {
  it('asks the change probe once; READY, with no change event for the first load (GOFF-EVT-003, GOFF-LIFE-001)', async () => {
    const bench = await RemoteBench.started();
    expect([bench.evaluator.state, bench.probes.length, bench.relay.requests.length]).toEqual(['ready', 1, 1]);
    await bench.nextProbe();
    expect([bench.probes[1]?.headers['if-none-match'], bench.eventTypes]).toEqual(['"1"', []]);
    expect(bench.evaluator.confirmedAgeMs).toBe(0);
  });

  it('against a server without the probe is READY, with one notice; changes are told once it has one', async () => {
    const bench = await RemoteBench.make();
    bench.probe = missing;
    await bench.evaluator.initialize();
    expect([bench.evaluator.state, bench.evaluator.describe()['hasChangeFeed']]).toEqual(['ready', false]);
    expect(await bench.evaluator.evaluate('flag', {})).toMatchObject({ value: 'here' });
    await bench.nextProbe();
    expect(bench.logger.lines.filter(({ text }) => text.includes('/v1/flag/change')).length).toBe(1);
    bench.probe = hashes({ a: 1 });
    await bench.nextProbe();
    bench.probe = hashes({ a: 2 });
    await bench.nextProbe();
    expect(bench.events).toEqual([{ type: 'changed', flagsChanged: ['a'] }]);
    bench.probe = missing;
    expect(await bench.evaluator.refresh('test')).toBe('failed');
  });

  it('against nobody rejects in strict mode; evaluations may ask, and one that succeeds makes it READY (GOFF-EVT-008)', async () => {
    const bench = await RemoteBench.make({ initTimeoutMs: 3_000 });
    bench.probe = reset;
    bench.single = reset;
    expect(await bench.failedStart(3_000)).toMatchObject({ code: 'NETWORK' });
    expect(bench.evaluator.state).toBe('error');
    // D-60: nothing was ever answered, so "not ready" it is.
    expect(await bench.evaluator.evaluate('flag', {}, 'mine')).toMatchObject({
      value: 'mine',
      errorCode: 'PROVIDER_NOT_READY',
    });
    bench.single = value({ value: 'here' });
    await bench.clock.advance(1_000);
    expect(await bench.evaluator.evaluate('flag', {}, 'mine')).toMatchObject({ value: 'here', errorCode: undefined });
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', ['ready']]);
  });

  it('against nobody resolves in lenient mode, then says ERROR, and READY at the first success', async () => {
    const bench = await RemoteBench.make({ initTimeoutMs: 1_000, startup: 'lenient' });
    bench.probe = reset;
    expect(await bench.failedStart(1_000)).toBeUndefined();
    await bench.clock.advance(1);
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['error', ['error']]);
    bench.probe = hashes({ a: 1 });
    while (bench.evaluator.state !== 'ready') await bench.pass(250);
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', ['error', 'ready']]);
  });

  it('with a refused key is FATAL at once: no evaluation asks, the slow probe does (S-03, D-27, D-60)', async () => {
    const bench = await RemoteBench.make();
    bench.probe = reply(401, '');
    await expect(bench.evaluator.initialize()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(bench.evaluator.state).toBe('fatal');
    expect(await bench.evaluator.evaluate('flag', {}, 1)).toMatchObject({ errorCode: 'PROVIDER_NOT_READY' });
    expect(bench.evaluations).toHaveLength(0);
    bench.probe = hashes({ a: 1 });
    await bench.nextProbe(300_000);
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', ['ready']]);
  });

  it.each([
    ['HTML', '<html>'],
    ['an empty object', '{}'],
    ['an error that came as a 200', '{"errorCode":"X"}'],
  ])('is not fooled by a probe that answers %s (S-11)', async (_, body) => {
    const bench = await RemoteBench.make({ initTimeoutMs: 500 });
    bench.probe = reply(200, body);
    expect(await bench.failedStart(500)).toMatchObject({ code: 'INVALID_BODY' });
  });

  it('twice at the same time is one; when ready it is one more probe (GOFF-LIFE-002, S-30, S-31)', async () => {
    const bench = await RemoteBench.make();
    await Promise.all([bench.evaluator.initialize(), bench.evaluator.initialize()]);
    expect(bench.probes).toHaveLength(1);
    await bench.evaluator.initialize();
    expect(bench.probes).toHaveLength(2);
  });
});

describe('before the start, and after the end', () => {
  it('evaluations are PROVIDER_NOT_READY without a request (D-60, GOFF-LIFE-006)', async () => {
    const bench = await RemoteBench.make();
    const { errorCode, errorMessage } = await bench.evaluator.evaluate('flag', {}, 1);
    expect([errorCode, errorMessage]).toEqual(['PROVIDER_NOT_READY', 'NOT_STARTED: the relay has not answered yet']);
    expect(await bench.evaluator.evaluateAll({})).toEqual([]);
    expect(await bench.evaluator.evaluateAll({}, ['a'])).toMatchObject([{ errorCode: 'PROVIDER_NOT_READY' }]);
    expect(bench.relay.requests).toHaveLength(0);
  });

  it('close answers what is in flight, and nothing is asked or rebuilt any more (D-61, S-34)', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10 });
    bench.single = value({ value: 1, metadata: { gofeatureflag_cacheable: true } });
    await bench.evaluator.evaluate('flag', {});
    bench.single = silent;
    const inFlight = bench.evaluator.evaluate('other', {}, 'mine');
    await until(() => bench.evaluations.length === 2);
    await bench.evaluator.close();
    expect(await inFlight).toMatchObject({ value: 'mine', errorCode: 'PROVIDER_NOT_READY' });
    const after = await bench.evaluator.evaluate('flag', {}, 'mine');
    expect(after).toMatchObject({ value: 'mine', errorCode: 'PROVIDER_NOT_READY' });
    expect(after.errorMessage).toMatch(/^CLOSED: /);
    await bench.clock.advance(3_600_000);
    expect([bench.relay.requests.length, bench.clock.pendingTimers, bench.evaluator.state]).toEqual([
      3,
      0,
      'not-ready',
    ]);
    expect(bench.eventTypes).toEqual([]);
  });

  it('a start after close begins afresh (GOFF-LIFE-003, S-35)', async () => {
    const bench = await RemoteBench.started();
    await bench.evaluator.close();
    bench.probe = hashes({ a: 9 });
    await bench.evaluator.initialize();
    expect(await bench.evaluator.evaluate('flag', {})).toMatchObject({ value: 'here' });
    expect([bench.evaluator.state, bench.probes[1]?.headers['if-none-match'], bench.eventTypes]).toEqual([
      'ready',
      undefined,
      [],
    ]);
  });
});

describe('a change (GOFF-EVT-001, GOFF-EVT-002)', () => {
  it('is told with the keys that were added, removed or changed, sorted; the same content is none (GOFF-EVT-004)', async () => {
    const bench = await RemoteBench.started();
    bench.probe = hashes({ b: 7, c: 1 }, { etag: '"2"' });
    await bench.nextProbe();
    bench.probe = hashes({ b: 7, c: 1 }, { etag: '"3"' });
    await bench.nextProbe();
    bench.probe = reply(304, '');
    await bench.nextProbe();
    expect(bench.events).toEqual([{ type: 'changed', flagsChanged: ['a', 'b', 'c'] }]);
    expect(bench.probes.at(-1)?.headers['if-none-match']).toBe('"3"');
  });

  it('to zero flags is taken at once: the relay decides, whatever it has', async () => {
    const bench = await RemoteBench.started();
    bench.probe = reply(200, '{"hash":0,"flags":{}}');
    await bench.nextProbe();
    expect(bench.events).toEqual([{ type: 'changed', flagsChanged: ['a', 'b'] }]);
    expect(bench.evaluator.state).toBe('ready');
  });

  it('of flags that this service does not ask for is no event', async () => {
    const bench = await RemoteBench.started({ flagPrefix: 'a' });
    bench.probe = hashes({ a: 1, b: 3 });
    await bench.nextProbe();
    bench.probe = hashes({ a: 2, b: 3 });
    await bench.nextProbe();
    expect(bench.events).toEqual([{ type: 'changed', flagsChanged: ['a'] }]);
  });
});

describe('failures of probes and evaluations', () => {
  it('count together for STALE, and a success of an evaluation recovers (GOFF-EVT-005, GOFF-EVT-006)', async () => {
    const bench = await RemoteBench.started();
    bench.probe = reply(500, '');
    await bench.nextProbe();
    bench.single = reply(502, '');
    await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluator.state).toBe('ready');
    expect(await bench.evaluator.evaluate('flag', {}, 'mine')).toMatchObject({ value: 'mine', errorCode: 'GENERAL' });
    expect(bench.evaluator.state).toBe('stale');
    expect(bench.events).toMatchObject([
      { type: 'stale', message: expect.stringMatching(/^3 requests failed in a row/) },
    ]);
    bench.single = value({ value: 'back' });
    expect((await bench.evaluator.evaluate('flag', {})).value).toBe('back');
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', ['stale', 'ready']]);
  });

  it('are forgotten at a success of a probe', async () => {
    const bench = await RemoteBench.started();
    bench.single = reply(500, '');
    for (let i = 0; i < 3; i++) await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluator.state).toBe('stale');
    await bench.nextProbe();
    for (let i = 0; i < 2; i++) await bench.evaluator.evaluate('flag', {});
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', ['stale', 'ready']]);
  });

  it('mean STALE at once when the credentials are refused (S-05)', async () => {
    const bench = await RemoteBench.started();
    bench.single = reply(401, '{"message":"invalid key"}');
    await bench.evaluator.evaluate('flag', {});
    expect([bench.evaluator.state, bench.logger.at('error').length]).toEqual(['stale', 1]);
  });

  it('are not what a relay says about a flag or a context', async () => {
    const bench = await RemoteBench.started();
    bench.single = inTurn(
      reply(404, '{"errorCode":"FLAG_NOT_FOUND"}'),
      reply(400, '{"errorCode":"TARGETING_KEY_MISSING"}'),
      reply(400, '{"errorCode":"FLAG_CONFIG"}'),
    );
    for (let i = 0; i < 6; i++) await bench.evaluator.evaluate('flag', {});
    expect([bench.evaluator.state, bench.eventTypes]).toEqual(['ready', []]);
  });

  it('of evaluations do not put off the next probe', async () => {
    const bench = await RemoteBench.started();
    bench.single = reply(500, '');
    for (let i = 0; i < 50; i++) await bench.evaluator.evaluate('flag', {});
    bench.probe = reply(500, '');
    await bench.nextProbe();
    // The delay after the first failed probe, however many evaluations failed before it.
    await bench.nextProbe(1_000);
  });

  it('are one warning and one line at the end, however many they are', async () => {
    const bench = await RemoteBench.started();
    bench.single = reply(500, '');
    for (let i = 0; i < 50; i++) await bench.evaluator.evaluate('flag', {});
    bench.single = value({ value: 1 });
    await bench.evaluator.evaluate('flag', {});
    expect([bench.logger.at('warn').length, bench.logger.at('info').length]).toEqual([1, 1]);
  });

  it('of a server without a probe mean STALE too', async () => {
    const bench = await RemoteBench.make();
    bench.probe = missing;
    await bench.evaluator.initialize();
    bench.single = reply(500, '');
    for (let i = 0; i < 3; i++) await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluator.state).toBe('stale');
  });
});

describe('a relay that is silent', () => {
  it('costs staleAfterFailures timeouts; then one evaluation a second tries, the others are answered at once (§5.5)', async () => {
    const bench = await RemoteBench.started({ timeoutMs: 400, staleAfterFailures: 2 });
    bench.single = silent;
    for (let i = 0; i < 2; i++) {
      const given = await bench.timeOut(400, 'mine');
      expect([given.value, given.errorMessage?.startsWith('TIMEOUT: ')]).toEqual(['mine', true]);
    }
    expect([bench.evaluator.state, bench.evaluator.describe()['isRelaySilent']]).toEqual(['stale', true]);
    const trial = bench.timeOut(400);
    const { errorCode, errorMessage } = await bench.evaluator.evaluate('flag', {}, 'mine');
    expect([errorCode, errorMessage]).toEqual([
      'GENERAL',
      'UNAVAILABLE: the relay did not answer the last 2 requests; it is tried once a second',
    ]);
    await trial;
    const asked = bench.evaluations.length;
    for (let i = 0; i < 100; i++) await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluations.length).toBe(asked);
    await bench.clock.advance(1_000);
    bench.single = value({ value: 'back' });
    expect((await bench.evaluator.evaluate('flag', {})).value).toBe('back');
    expect([bench.evaluator.state, bench.evaluator.describe()['isRelaySilent']]).toEqual(['ready', false]);
    expect((await bench.evaluator.evaluate('flag', {})).value).toBe('back');
  });

  it('is silent for probes and evaluations alike; any status is an answer', async () => {
    const bench = await RemoteBench.started({ staleAfterFailures: 2 });
    bench.probe = reset;
    await bench.nextProbe();
    bench.single = reset;
    await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluator.describe()['isRelaySilent']).toBe(true);
    bench.single = reply(500, '');
    await bench.evaluator.evaluate('flag', {});
    expect(bench.evaluator.describe()['isRelaySilent']).toBe(false);
  });
});

describe('Retry-After (S-08, GOFF-REM-004)', () => {
  it('of an evaluation counts as one failure, however many evaluations it keeps back', async () => {
    const bench = await RemoteBench.started();
    bench.single = reply(429, '', { 'retry-after': '30' });
    for (let i = 0; i < 20; i++) await bench.evaluator.evaluate('flag', {});
    expect([bench.evaluations.length, bench.evaluator.state]).toEqual([1, 'ready']);
    expect(bench.evaluator.describe()).toMatchObject({ quietForMs: 30_000, evaluations: { asked: 1, spared: 19 } });
    bench.single = value({ value: 'back' });
    await bench.clock.advance(30_000);
    expect((await bench.evaluator.evaluate('flag', {})).value).toBe('back');
  });
});

describe('an hour without a relay (RF-02)', () => {
  it('is defaults with the right code, no unhandled rejection, no timer left over', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    const bench = await RemoteBench.started();
    bench.probe = reset;
    bench.single = reset;
    for (let minute = 0; minute < 60; minute++) {
      for (let i = 0; i < 5; i++) {
        const given = await bench.evaluator.evaluate('flag', {}, 'mine');
        expect([given.value, given.errorCode]).toEqual(['mine', 'GENERAL']);
        expect(given.errorMessage).toMatch(/^(?:NETWORK|UNAVAILABLE): /);
      }
      await bench.clock.advance(60_000);
    }
    await settle();
    expect([bench.evaluator.state, bench.eventTypes, rejections]).toEqual(['stale', ['stale'], []]);
    await bench.evaluator.close();
    expect(bench.clock.pendingTimers).toBe(0);
    process.off('unhandledRejection', onRejection);
  });
});
