/** What a remote evaluation answers; its life is in remote-lifecycle.test.ts. */

import { describe, expect, it } from 'vitest';
import { RemoteEvaluator } from '../../../src/evaluator/remote-evaluator.ts';
import { settle } from '../relay/support/fake-clock.ts';
import { inTurn, json, reply } from '../relay/support/scripted-relay.ts';
import { hashes, RemoteBench, reset, until, value } from './support/remote-bench.ts';

describe('the options', () => {
  it('need an endpoint, and are checked before any I/O (GOFF-CFG-001)', () => {
    expect(() => new RemoteEvaluator({ bootstrap: { flags: {} } })).toThrow(/^INVALID_OPTION: endpoint/);
    expect(() => new RemoteEvaluator(null as never)).toThrow(/^INVALID_OPTION: /);
  });

  it.each([
    ['bootstrap', { bootstrap: { flags: {} } }],
    ['persistPath', { persistPath: './never-written.lkg' }],
  ])('%s has no effect and says so (GOFF-CFG-009)', async (name, options) => {
    const bench = await RemoteBench.make(options);
    expect(bench.logger.at('warn').join()).toContain(`${name} has no effect in remote mode`);
  });
});

describe('an evaluation', () => {
  it('is one request with the context, and gives the relay’s answer (GOFF-REM-001, GOFF-REM-002, GOFF-REM-003)', async () => {
    const bench = await RemoteBench.started();
    const context = Object.freeze({ targetingKey: 'u-1', since: new Date(0), n: 7n });
    expect(await bench.evaluator.evaluate('a:b', context, 'default', 'string')).toMatchObject({
      flagKey: 'a:b',
      value: 'here',
      variant: 'v',
      reason: 'STATIC',
      errorCode: undefined,
    });
    expect(bench.evaluations).toMatchObject([
      {
        path: '/ofrep/v1/evaluate/flags/a:b',
        body: '{"context":{"n":7,"since":"1970-01-01T00:00:00.000Z","targetingKey":"u-1"}}',
      },
    ]);
  });

  it.each([
    ['absent', {}],
    ['null', { value: null }],
  ])(
    'of a disabled flag, value %s, gives the default and DISABLED (D-53, D-54, GOFF-EVAL-006, GOFF-EVAL-008)',
    async (_, members) => {
      const bench = await RemoteBench.started();
      bench.single = value({ ...members, reason: 'DISABLED', variant: 'SdkDefault', metadata: { owner: 'x' } });
      expect(await bench.evaluator.evaluate('flag', {}, { mine: 1 }, 'object')).toMatchObject({
        value: { mine: 1 },
        reason: 'DISABLED',
        variant: 'SdkDefault',
        metadata: { owner: 'x' },
        errorCode: undefined,
      });
      expect((await bench.evaluator.evaluate('flag', {})).value).toBeNull();
    },
  );

  it.each<[string, unknown, unknown, 'boolean' | 'string' | 'number' | 'object', boolean]>([
    ['a boolean is no number (D-56, GOFF-EVAL-004)', true, 0, 'number', false],
    ['a number is no boolean', 1, false, 'boolean', false],
    ['an integral number is a number (GOFF-EVAL-003)', 100, 1.5, 'number', true],
    ['text is no number', '1', 0, 'number', false],
    ['an object for an object (D-55, GOFF-EVAL-002)', { a: 1 }, {}, 'object', true],
    ['an array for an array (D-55)', [1], [], 'object', true],
    ['an array for an object (D-55)', [1], {}, 'object', false],
    ['an object for an array (D-55)', { a: 1 }, [], 'object', false],
    ['a scalar for an object (D-55)', 'x', {}, 'object', false],
  ])('%s', async (_, given, defaultValue, type, isFine) => {
    const bench = await RemoteBench.started();
    bench.single = value({ value: given });
    const { value: got, errorCode } = await bench.evaluator.evaluate('flag', {}, defaultValue as never, type);
    expect([got, errorCode]).toEqual(isFine ? [given, undefined] : [defaultValue, 'TYPE_MISMATCH']);
  });

  it.each([
    [400, '{"errorCode":"TARGETING_KEY_MISSING","errorDetails":"no key"}', 'TARGETING_KEY_MISSING', 'no key'],
    [404, '{"errorCode":"FLAG_NOT_FOUND","errorDetails":"no flag"}', 'FLAG_NOT_FOUND', 'no flag'],
    [400, '{"errorCode":"FLAG_CONFIG","errorDetails":"bad"}', 'GENERAL', 'FLAG_CONFIG: bad'],
    [401, '{"message":"invalid key"}', 'GENERAL', 'UNAUTHORIZED: '],
    [404, '{"message":"Not Found"}', 'GENERAL', 'NOT_FOUND: '],
    [429, '', 'GENERAL', 'RATE_LIMITED: '],
    [500, '{"errorDetails":"x"}', 'GENERAL', 'UNAVAILABLE: '],
    [200, '<html>', 'GENERAL', 'INVALID_BODY: '],
  ])('%s %s gives the default and %s (GOFF-EVAL-011, GOFF-ERR-004)', async (status, body, code, words) => {
    const bench = await RemoteBench.started();
    bench.single = reply(status, body);
    const { value: got, errorCode, errorMessage, reason } = await bench.evaluator.evaluate('flag', {}, 'mine');
    expect([got, errorCode, reason]).toEqual(['mine', code, 'ERROR']);
    expect(errorMessage).toContain(words);
  });

  it.each(['', '.', '..'])('of the key %j is FLAG_NOT_FOUND without a request', async (key) => {
    const bench = await RemoteBench.started();
    expect(await bench.evaluator.evaluate(key, {}, 1)).toMatchObject({ value: 1, errorCode: 'FLAG_NOT_FOUND' });
    expect(bench.evaluations).toHaveLength(0);
  });

  it('with a context that cannot travel is INVALID_CONTEXT, and says nothing about the relay (D-56)', async () => {
    const bench = await RemoteBench.started();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const throwing = Object.defineProperty({}, 'x', { enumerable: true, get: () => expect.unreachable() });
    for (const context of [cyclic, throwing, undefined, null, { a: 'x'.repeat(2_097_152) }]) {
      const given = await bench.evaluator.evaluate('flag', context as never, 'mine');
      expect([given.value, given.errorCode]).toEqual(['mine', 'INVALID_CONTEXT']);
    }
    expect([bench.evaluations.length, bench.evaluator.state]).toEqual([0, 'ready']);
  });

  it('never rejects, not even for keys that JavaScript alone can make', async () => {
    const bench = await RemoteBench.started();
    for (const key of [undefined, null, Symbol('s'), 7, {}]) {
      expect(await bench.evaluator.evaluate(key as never, {}, 'mine')).toHaveProperty('reason');
    }
  });

  it('can run many at a time', async () => {
    const bench = await RemoteBench.started();
    let running = 0;
    let most = 0;
    bench.single = (exchange) => {
      most = Math.max(most, ++running);
      setImmediate(() => {
        running--;
        value({ value: 1 })(exchange);
      });
    };
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => bench.evaluator.evaluate(`f${i}`, {})));
    expect(answers.every((answer) => answer.value === 1)).toBe(true);
    expect(most).toBeGreaterThan(8);
    expect(bench.relay.openConnections).toBeLessThanOrEqual(64);
  });

  it('with one timer however many are awaited, holds the process; none stays behind', async () => {
    const bench = await RemoteBench.started();
    await settle();
    const before = bench.clock.pendingTimers;
    const waiting: (() => void)[] = [];
    bench.single = (exchange) => void waiting.push(() => value({ value: 1 })(exchange));
    const asked = Array.from({ length: 10 }, (_, i) => bench.evaluator.evaluate(`f${i}`, {}));
    await until(() => waiting.length === 10);
    // One deadline for each request, and one hold for all.
    expect(bench.clock.pendingTimers).toBe(before + 11);
    for (const go of waiting) go();
    await Promise.all(asked);
    expect(bench.clock.pendingTimers).toBe(before);
  });
});

describe('a prepared context', () => {
  it('is read once, and each evaluation is a request of its own', async () => {
    const bench = await RemoteBench.started();
    let reads = 0;
    const context = Object.defineProperty({}, 'a', { enumerable: true, get: () => ++reads });
    const prepared = bench.evaluator.prepare(context);
    expect(await prepared.evaluate('x', 'default', 'string')).toMatchObject({ value: 'here' });
    expect(await prepared.evaluate('y', 1, 'number')).toMatchObject({ value: 1, errorCode: 'TYPE_MISMATCH' });
    expect([reads, bench.evaluations.length]).toEqual([1, 2]);
  });

  it('that cannot travel is INVALID_CONTEXT each time', async () => {
    const bench = await RemoteBench.started();
    const prepared = bench.evaluator.prepare(undefined as never);
    for (const key of ['x', 'y']) expect((await prepared.evaluate(key)).errorCode).toBe('INVALID_CONTEXT');
  });
});

describe('all flags of a context', () => {
  const FLAGS = json(
    '{"flags":[{"key":"b","value":1,"reason":"STATIC","variant":"v"},{"key":"B","value":null,"reason":"DISABLED"},{"key":"a","value":null,"reason":"ERROR","errorCode":"FLAG_CONFIG","errorDetails":"x"}]}',
    { etag: '"e"' },
  );

  it('are one request, in the order of their keys', async () => {
    const bench = await RemoteBench.started();
    bench.bulk = FLAGS;
    const all = await bench.evaluator.evaluateAll({ targetingKey: 'u' });
    expect(all.map(({ flagKey, value: got, errorCode }) => [flagKey, got, errorCode])).toEqual([
      ['B', null, undefined],
      ['a', null, 'GENERAL'],
      ['b', 1, undefined],
    ]);
    expect(bench.evaluations).toMatchObject([{ path: '/ofrep/v1/evaluate/flags' }]);
  });

  it('with keys come in their order, unknown ones as FLAG_NOT_FOUND, and the caller’s object stays as it is', async () => {
    const bench = await RemoteBench.started();
    bench.bulk = FLAGS;
    const context = Object.freeze({ gofeatureflag: Object.freeze({ currentDateTime: '2026-01-01T00:00:00Z' }) });
    const some = await bench.evaluator.evaluateAll(context, ['b', 'nope', 'a', 'b', '']);
    expect(some.map(({ flagKey, errorCode }) => [flagKey, errorCode])).toEqual([
      ['b', undefined],
      ['nope', 'FLAG_NOT_FOUND'],
      ['a', 'GENERAL'],
      ['b', undefined],
      ['', 'FLAG_NOT_FOUND'],
    ]);
    expect(JSON.parse(bench.evaluations[0]?.body ?? '')).toEqual({
      context: { gofeatureflag: { currentDateTime: '2026-01-01T00:00:00Z', flagList: ['b', 'nope', 'a', 'b', ''] } },
    });
    expect(await bench.evaluator.evaluateAll(context, [])).toEqual([]);
    expect(bench.evaluations).toHaveLength(1);
  });

  it('are those of flagList and flagPrefix, as in-process, unless the caller lists others', async () => {
    const bench = await RemoteBench.started({ flagList: ['b', 'B'], flagPrefix: 'b' });
    bench.bulk = FLAGS;
    expect((await bench.evaluator.evaluateAll({})).map(({ flagKey }) => flagKey)).toEqual(['b']);
    await bench.evaluator.evaluateAll({ gofeatureflag: { flagList: ['x'] } });
    expect(bench.evaluations.map(({ body }) => JSON.parse(body).context.gofeatureflag.flagList)).toEqual([
      ['b', 'B'],
      ['x'],
    ]);
  });

  it('are not sent twice when nothing changed: validator and answer are kept for each question', async () => {
    const bench = await RemoteBench.started();
    bench.bulk = (exchange) =>
      (exchange.request.headers['if-none-match'] === '"e"' ? reply(304, '', { etag: '"e"' }) : FLAGS)(exchange);
    const first = await bench.evaluator.evaluateAll({ a: 1 });
    expect(await bench.evaluator.evaluateAll({ a: 1 })).toEqual(first);
    await bench.evaluator.evaluateAll({ a: 2 });
    await bench.evaluator.evaluateAll({ a: 1 }, ['b']);
    expect(bench.evaluations.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"e"',
      undefined,
      undefined,
    ]);
    bench.bulk = json('{"flags":[]}');
    expect(await bench.evaluator.evaluateAll({ a: 1 })).toEqual([]);
    await bench.evaluator.evaluateAll({ a: 1 });
    expect(bench.evaluations.at(-1)?.headers).not.toHaveProperty('if-none-match');
  });

  it('when the relay fails are none, or of the keys as many failures', async () => {
    const bench = await RemoteBench.started();
    bench.bulk = inTurn(reset, reset, reply(400, '{"errorCode":"INVALID_CONTEXT","errorDetails":"x"}'));
    expect(await bench.evaluator.evaluateAll({})).toEqual([]);
    expect(await bench.evaluator.evaluateAll({}, ['a'])).toMatchObject([{ flagKey: 'a', errorCode: 'GENERAL' }]);
    expect(await bench.evaluator.evaluateAll({}, ['a'])).toMatchObject([
      { flagKey: 'a', errorCode: 'INVALID_CONTEXT' },
    ]);
    expect(await bench.evaluator.evaluateAll(undefined as never, ['a'])).toMatchObject([
      { errorCode: 'INVALID_CONTEXT' },
    ]);
    expect(await bench.evaluator.evaluateAll(undefined as never)).toEqual([]);
  });
});

describe('the cache (D-08)', () => {
  const CACHEABLE = value({ value: 'kept', metadata: { gofeatureflag_cacheable: true } });
  const USER = { targetingKey: 'u', plan: 'pro' };

  it('is off unless asked for (GOFF-CACHE-003)', async () => {
    const bench = await RemoteBench.started();
    bench.single = CACHEABLE;
    for (let i = 0; i < 2; i++) expect((await bench.evaluator.evaluate('flag', USER)).reason).toBe('STATIC');
    expect([bench.evaluations.length, bench.evaluator.describe()['cache']]).toEqual([2, null]);
  });

  it('answers the same flag and context without a request, with the reason CACHED (D-06, GOFF-CACHE-005, GOFF-CACHE-007)', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10 });
    bench.single = CACHEABLE;
    expect(await bench.evaluator.evaluate('flag', USER)).toMatchObject({ value: 'kept', reason: 'STATIC' });
    const hit = await bench.evaluator.evaluate('flag', { plan: 'pro', targetingKey: 'u' }, 'default', 'string');
    expect(hit).toMatchObject({ value: 'kept', reason: 'CACHED', variant: 'v' });
    expect(await bench.evaluator.evaluate('flag', USER, 1, 'number')).toMatchObject({ errorCode: 'TYPE_MISMATCH' });
    await bench.evaluator.evaluate('flag', { ...USER, plan: 'free' });
    expect(bench.evaluations).toHaveLength(2);
    expect(bench.evaluator.describe()).toMatchObject({ cache: { entries: 2, hits: 2, misses: 2 } });
  });

  it('keeps nothing that is not marked', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10 });
    for (let i = 0; i < 2; i++) await bench.evaluator.evaluate('flag', USER);
    expect(bench.evaluations).toHaveLength(2);
  });

  it('ends with remoteCacheTtlMs (GOFF-CACHE-006)', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10, remoteCacheTtlMs: 500 });
    bench.single = CACHEABLE;
    await bench.evaluator.evaluate('flag', USER);
    await bench.clock.advance(501);
    expect((await bench.evaluator.evaluate('flag', USER)).reason).toBe('STATIC');
  });

  it('is emptied when a flag changes, also of what was asked before and answered after (GOFF-CACHE-002)', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10, remoteCacheTtlMs: -1 });
    bench.single = CACHEABLE;
    await bench.evaluator.evaluate('flag', USER);
    let go = (): void => undefined;
    bench.single = (exchange) => {
      go = () => CACHEABLE(exchange);
    };
    const late = bench.evaluator.evaluate('late', USER);
    await until(() => bench.evaluations.length === 2);
    bench.probe = hashes({ a: 1, b: 3 });
    expect(await bench.evaluator.refresh('test')).toBe('changed');
    go();
    await late;
    bench.single = CACHEABLE;
    for (const key of ['flag', 'late']) {
      expect((await bench.evaluator.evaluate(key, USER)).reason).toBe('STATIC');
      expect((await bench.evaluator.evaluate(key, USER)).reason).toBe('CACHED');
    }
  });

  it('keeps nothing "until changed" where nobody tells of changes', async () => {
    const bench = await RemoteBench.make({ remoteCacheMaxEntries: 10, remoteCacheTtlMs: -1 });
    bench.probe = reply(404, '');
    bench.single = CACHEABLE;
    await bench.evaluator.initialize();
    for (let i = 0; i < 2; i++) expect((await bench.evaluator.evaluate('flag', USER)).reason).toBe('STATIC');
  });

  it('answers while the relay asks to be left alone or is silent', async () => {
    const bench = await RemoteBench.started({ remoteCacheMaxEntries: 10 });
    bench.single = CACHEABLE;
    await bench.evaluator.evaluate('flag', USER);
    bench.single = reply(429, '', { 'retry-after': '30' });
    await bench.evaluator.evaluate('other', USER);
    expect(await bench.evaluator.evaluate('flag', USER)).toMatchObject({ value: 'kept', reason: 'CACHED' });
    expect((await bench.evaluator.evaluate('other', USER, 0)).errorMessage).toMatch(/^RATE_LIMITED: /);
    expect(bench.evaluations).toHaveLength(2);
  });
});

describe('what diagnostics show', () => {
  it('is plain JSON without credentials and context values', async () => {
    const bench = await RemoteBench.started({ apiKey: 'sesame-1', remoteCacheMaxEntries: 10 });
    bench.single = value({ value: 1, metadata: { gofeatureflag_cacheable: true } });
    await bench.evaluator.evaluate('flag', { email: 'ana@example.com' });
    await bench.evaluator.evaluateAll({ email: 'ana@example.com' });
    const text = JSON.stringify(bench.evaluator.describe());
    expect(text).not.toMatch(/sesame-1|ana@example/);
    expect(JSON.parse(text)).toMatchObject({
      state: 'ready',
      flagCount: 2,
      hasChangeFeed: true,
      evaluations: { asked: 2, answered: 2, failed: 0, spared: 0, waiting: 0 },
      endpoint: bench.relay.url,
      options: { evaluationType: 'remote', apiKey: '[redacted]' },
    });
    expect(bench.evaluator.isTrackable('flag')).toBe(true);
  });
});
