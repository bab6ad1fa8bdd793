/**
 * Bad days, end to end: a relay, the provider, the SDK's client. On each the right answers go on, the error says what
 * happened, nothing hangs, and nothing is left running.
 */

import zlib from 'node:zlib';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import type { InProcessPorts } from '../../src/evaluator/in-process-evaluator.ts';
import { emptyRecord, type JsonValue } from '../../src/internal/json.ts';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { TrapSwitch } from '../unit/evaluator/support/trapping-stores.ts';
import { configuration, down, ProviderBench, serving, until } from '../unit/provider/support/provider-bench.ts';
import { settle } from '../unit/relay/support/fake-clock.ts';
import { deadPort, type Handler, inTurn, json, reply, ScriptedRelay } from '../unit/relay/support/scripted-relay.ts';

const MIB = 1_048_576;
const open: ProviderBench[] = [];
const relays: ScriptedRelay[] = [];

afterEach(async () => {
  for (const bench of open.splice(0)) {
    await bench.close();
    expect(bench.clock.pendingTimers, 'timers left behind').toBe(0);
  }
  for (const relay of relays.splice(0)) await relay.close();
  await OpenFeature.clearProviders();
});

async function benchWith(handler: Handler, options: EdictOptions = {}, ports?: InProcessPorts): Promise<ProviderBench> {
  const bench = await ProviderBench.create(handler, options, ports);
  open.push(bench);
  return bench;
}

interface FeedFacts {
  readonly lastError: { readonly code: string; readonly status: number | null } | null;
  readonly consecutiveFailures: number;
  readonly validator: string | null;
}

const feedOf = (bench: ProviderBench): FeedFacts => bench.provider.diagnostics()['feed'] as FeedFacts;

describe('at the start', () => {
  it('the relay is down, then up: the start fails with a reason, and the provider heals by itself', async () => {
    const port = await deadPort();
    const bench = await benchWith(down, { endpoint: `http://127.0.0.1:${port}`, initTimeoutMs: 2_000 });
    const starting = bench.start();
    await bench.advance(0, () => (feedOf(bench)?.consecutiveFailures ?? 0) > 0);
    await bench.clock.advance(2_000);
    const error = await starting;
    expect(error?.message).toMatch(/^NETWORK: .*127\.0\.0\.1/);
    expect(await bench.value()).toBe('default');
    relays.push(await ScriptedRelay.start(serving('on'), port));
    await bench.advance(60_000, () => bench.status === 'READY');
    expect(await bench.value()).toBe('on');
    expect(bench.types).toEqual(['ERROR', 'READY']);
  });

  it('the key is refused, then it is accepted', async () => {
    let isAccepted = false;
    const refused = reply(401, '{"message":"invalid key"}', { 'content-type': 'application/json' });
    const bench = await benchWith((exchange) => (isAccepted ? serving('on') : refused)(exchange), {
      apiKey: 'the-key',
    });
    const error = await bench.start();
    expect(error).toMatchObject({
      code: 'PROVIDER_FATAL',
      message: expect.stringMatching(/^UNAUTHORIZED: .*invalid key/),
    });
    expect(bench.status).toBe('FATAL');
    isAccepted = true;
    await bench.advance(400_000, () => bench.status === 'READY');
    expect(await bench.value()).toBe('on');
  });

  it.each<[string, Handler, string]>([
    ['HTML', reply(200, '<!doctype html>', { 'content-type': 'text/html' }), 'INVALID_BODY'],
    ['a 304 nobody asked for', reply(304, ''), 'UNEXPECTED_NOT_MODIFIED'],
    ['an error document', json('{"errorCode":"RETRIEVING_FLAGS_ERROR"}'), 'INVALID_BODY'],
  ])('the relay answers %s once, then well: the start waits and succeeds', async (_, bad, code) => {
    const bench = await benchWith(inTurn(bad, serving('on')));
    const starting = bench.start();
    await bench.advance(2_000, () => bench.status === 'READY');
    expect(await starting).toBeUndefined();
    expect(bench.logger.at('warn').join()).toContain(code);
    expect(await bench.value()).toBe('on');
  });

  it('the relay has no flags: READY with zero flags, a warning, FLAG_NOT_FOUND, and later flags are a change', async () => {
    const bench = await benchWith(json('{}\n'));
    expect(await bench.start()).toBeUndefined();
    expect(bench.logger.at('warn').join()).toContain('has no flags');
    expect(await bench.client.getStringDetails('flag', 'default')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
    bench.relay.handler = serving('on');
    await bench.refresh();
    expect(bench.types).toEqual(['READY', 'CONFIGURATION_CHANGED']);
  });
});

describe('while it runs, one bad answer changes nothing and is named', () => {
  const stall: Handler = ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"flags":');
  };
  const bomb = zlib.gzipSync(Buffer.alloc(64 * MIB, 0x20));
  type Fault = [name: string, handler: Handler, code: string, options?: EdictOptions];
  const faults: readonly Fault[] = [
    ['200 with HTML', reply(200, '<html>', { 'content-type': 'text/html', etag: '"html"' }), 'INVALID_BODY'],
    ['cut JSON', json(configuration('off').slice(0, -4), { etag: '"cut"' }), 'INVALID_BODY'],
    ['flags of a wrong type', json('{"flags":[]}', { etag: '"array"' }), 'INVALID_BODY'],
    ['JSON nested 100,000 deep', json(`{"flags":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`), 'INVALID_BODY'],
    ['{} that no relay signed', reply(200, '{}', { 'content-type': 'application/json' }), 'EMPTY_REFUSED'],
    ['a body that stalls', stall, 'TIMEOUT', { stallTimeoutMs: 1_000 }],
    [
      '65 kB that inflate to 64 MiB',
      reply(200, bomb, { 'content-encoding': 'gzip', 'content-type': 'application/json' }),
      'BODY_TOO_LARGE',
      { maxInflatedBytes: 16 * MIB },
    ],
    ['a redirect', reply(307, '', { location: 'http://127.0.0.1:9/' }), 'REDIRECT_REFUSED'],
    ['a reset connection', ({ socket }) => socket.resetAndDestroy(), 'NETWORK'],
    ['403', reply(403, 'gateway'), 'FORBIDDEN', { authRetryIntervalMs: 30_000 }],
    ['500', reply(500, ''), 'UNAVAILABLE'],
  ];

  it.each<Fault>(faults)('%s', async (_, fault, code, options) => {
    const bench = await benchWith(serving('on'), { pollIntervalMs: 60_000, ...options });
    await bench.start();
    bench.relay.handler = fault;
    // The poll meets it, without anybody asking.
    await bench.advance(60_000, () => feedOf(bench).consecutiveFailures === 1);
    expect(feedOf(bench)).toMatchObject({ lastError: { code }, validator: '"on"' });
    expect(bench.logger.text).toContain(code);
    expect(await bench.value()).toBe('on');
    bench.relay.handler = serving('off');
    await bench.advance(60_000, () => bench.types.includes('CONFIGURATION_CHANGED'));
    expect(await bench.value()).toBe('off');
    expect(feedOf(bench).consecutiveFailures).toBe(0);
  });

  it('{} of a credible relay is held once, and taken when it is repeated', async () => {
    const bench = await benchWith(serving('on'), { pollIntervalMs: 60_000 });
    await bench.start();
    bench.relay.handler = json('{}\n', { etag: '"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"' });
    expect(await bench.refresh()).toBe('unchanged');
    expect(await bench.value()).toBe('on');
    await bench.advance(60_000, () => bench.types.includes('CONFIGURATION_CHANGED'));
    expect(bench.heard.at(-1)?.details).toMatchObject({ flagsChanged: ['flag'] });
    expect(await bench.client.getStringDetails('flag', 'default')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
  });

  it('a 304 without ETag is "unchanged", and the validator stays', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    bench.relay.handler = reply(304, '');
    for (let i = 0; i < 3; i++) expect(await bench.refresh()).toBe('unchanged');
    expect(bench.relay.requests.slice(1).map(({ headers }) => headers['if-none-match'])).toEqual([
      '"on"',
      '"on"',
      '"on"',
    ]);
    expect(bench.types).toEqual(['READY']);
    expect(await bench.value()).toBe('on');
  });

  it('a weak ETag is echoed as it came, and other content behind the same one is taken', async () => {
    const bench = await benchWith(json(configuration('on'), { etag: 'W/"same"' }));
    await bench.start();
    bench.relay.handler = json(configuration('off'), { etag: 'W/"same"' });
    expect(await bench.refresh()).toBe('changed');
    expect(bench.relay.requests[1]?.headers['if-none-match']).toBe('W/"same"');
    expect(await bench.value()).toBe('off');
  });

  it('a start whose body stalls ends in time, and heals', async () => {
    const bench = await benchWith(stall, { initTimeoutMs: 5_000, stallTimeoutMs: 1_000 });
    const starting = bench.start();
    let isOver = false;
    void starting.then(() => {
      isOver = true;
    });
    await bench.advance(0, () => isOver);
    expect((await starting)?.message).toMatch(/^TIMEOUT: /);
    bench.relay.handler = serving('on');
    await bench.advance(60_000, () => bench.status === 'READY');
    expect(await bench.value()).toBe('on');
  });
});

describe('flags and contexts that mean harm', () => {
  const flagText = (value: string): string =>
    `{"variations":{"v":"${value}","w":"other"},"targeting":[{"query":"plan eq \\"pro\\"","variation":"v"}],"defaultRule":{"variation":"w"}}`;

  it('flags named __proto__ and constructor, from the relay’s text, are ordinary flags', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'ordinary'];
    const body = `{"flags":{${names.map((name) => `"${name}":${flagText(name)}`).join()}}}`;
    const bench = await benchWith(json(body));
    await bench.start();
    for (const name of names) {
      expect(await bench.client.getStringValue(name, 'default', { plan: 'pro' })).toBe(name);
      expect(await bench.client.getStringValue(name, 'default', {})).toBe('other');
    }
    expect(await bench.client.getStringDetails('valueOf', 'default')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
    bench.relay.handler = json(`{"flags":{"ordinary":${flagText('ordinary')}}}`);
    await bench.refresh();
    expect(bench.heard.at(-1)?.details).toMatchObject({ flagsChanged: ['__proto__', 'constructor', 'toString'] });
    expect(await bench.client.getStringDetails('__proto__', 'default')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
  });

  it('a context with BigInt, Date, NaN, cycles and 10,000-deep nesting never throws, and flags that can be decided are', async () => {
    const whole = `{"variations":{"v":"v","w":"w"},"targeting":[{"query":"{\\"==\\":[{\\"var\\":\\"thing\\"},1]}","variation":"v"}],"defaultRule":{"variation":"w"}}`;
    const bench = await benchWith(json(`{"flags":{"flag":${flagText('on')},"whole":${whole}}}`));
    await bench.start();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i++) deep = i % 2 === 0 ? { deep } : [deep];
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap of a proxy');
        },
      },
    );
    const things: readonly unknown[] = [
      10n,
      2n ** 200n,
      new Date(),
      new Date(Number.NaN),
      Number.NaN,
      -Infinity,
      cycle,
      deep,
    ];
    const others = [
      () => 1,
      Symbol('s'),
      new Map([[cycle, 1]]),
      new Set([1]),
      new WeakMap(),
      /x/,
      new Error('e'),
      '\udc00',
    ];
    for (const thing of [...things, ...others, 'x'.repeat(2 * MIB), proxy, Buffer.alloc(10), new Array(1e6)]) {
      const context = { targetingKey: 'u', plan: 'pro', thing } as never;
      expect(await bench.client.getStringValue('flag', 'default', context)).toBe('on');
      const details = await bench.client.getStringDetails('whole', 'default', context);
      if (details.errorCode === undefined) expect(details.value).toBe('w');
      else expect(details).toMatchObject({ value: 'default', errorCode: 'INVALID_CONTEXT' });
    }
    for (const thing of [cycle, deep]) {
      const details = await bench.client.getStringDetails('whole', 'default', { thing } as never);
      expect(details.errorMessage).toMatch(/^INVALID_CONTEXT: .*64 levels/);
    }
    expect(bench.provider.diagnostics()).toMatchObject({ state: 'ready', traps: 0 });
  });

  const KIB = 1_024;
  const repeat = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length));
  const ones = `[${repeat('1,', 32 * KIB)}1]`;
  const nestedLogic = (levels: number): string => `${'{"!":['.repeat(levels)}{"var":"a"}${']}'.repeat(levels)}`;
  const TOO_DEEP = /nesting depth/;
  /** What each answers where `a` is 2: a value, or an error. */
  const queries: readonly (readonly [name: string, query: string, answer: string | RegExp])[] = [
    ['alternatives', `${repeat('a eq 1 or ', 64 * KIB)}a eq 2`, 'yes'],
    ['one literal', `a eq "${'x'.repeat(64 * KIB)}"`, 'no'],
    ['a list', `a in [${repeat('1,', 64 * KIB)}2]`, 'yes'],
    ['parentheses', `${'('.repeat(32 * KIB)}a eq 2${')'.repeat(32 * KIB)}`, TOO_DEEP],
    ['open parentheses', '('.repeat(64 * KIB), TOO_DEEP],
    ['negations', `${repeat('not (', 48 * KIB)}a eq 2${')'.repeat((48 * KIB) / 5)}`, TOO_DEEP],
    ['a path', `${repeat('a.', 64 * KIB)}b eq 2`, 'no'],
    ['rubbish', repeat('\u0000{[("', 64 * KIB), 'no'],
    ['JSONLogic, wide', `{"or":[${repeat('{"==":[{"var":"a"},1]},', 64 * KIB)}{"==":[{"var":"a"},2]}]}`, 'yes'],
    ['JSONLogic, deep', nestedLogic((64 * KIB) / 8), TOO_DEEP],
    ['JSONLogic, unclosed', '{"!":['.repeat((64 * KIB) / 6), 'no'],
    ['JSONLogic, a long text', `{"==":[{"var":"a"},"${'x'.repeat(64 * KIB)}"]}`, 'no'],
    ['JSONLogic, a loop in a loop', `{"map":[${ones},{"map":[${ones},{"var":""}]}]}`, /^EVALUATION_DEADLINE: /],
  ];
  it.each(queries)('a query of 64 KiB: %s', async (_, query, answer) => {
    const flags = emptyRecord<JsonValue>();
    flags['large'] = {
      variations: { yes: 'yes', no: 'no' },
      targeting: [{ query, variation: 'yes' }],
      defaultRule: { variation: 'no' },
    };
    flags['flag'] = JSON.parse(flagText('on')) as JsonValue;
    const bench = await benchWith(json(JSON.stringify({ flags })));
    expect(await bench.start()).toBeUndefined();
    for (const a of [1, 'x', undefined, 2]) {
      const details = await bench.client.getStringDetails('large', 'default', { targetingKey: 'u', a } as never);
      if (typeof answer !== 'string') {
        expect(details).toMatchObject({
          value: 'default',
          reason: 'ERROR',
          errorMessage: expect.stringMatching(answer),
        });
      } else {
        expect(details.errorCode).toBeUndefined();
        if (a === 2) expect(details.value).toBe(answer);
      }
      expect(await bench.client.getStringValue('flag', 'default', { plan: 'pro' })).toBe('on');
    }
    expect(bench.provider.evaluator.evaluateAll({ targetingKey: 'u', a: 2, plan: 'pro' })[0]?.value).toBe('on');
    expect(bench.provider.diagnostics()).toMatchObject({ state: 'ready', flagCount: 2, traps: 0 });
  });
});

describe('a guest that traps in the middle of traffic', () => {
  it('costs the evaluations that trapped, and no other: traffic, polls and changes go on', async () => {
    const traps = new TrapSwitch();
    const ruled = (value: string): Handler =>
      json(
        JSON.stringify({
          flags: {
            flag: {
              variations: { v: value, w: 'w' },
              targeting: [{ query: 'plan eq "pro"', variation: 'v' }],
              defaultRule: { variation: 'w' },
            },
          },
        }),
      );
    const bench = await benchWith(ruled('value-0'), { wasmPoolSize: 2 }, { createStore: traps.createStore });
    await bench.start();
    traps.every = 97;
    let trapped = 0;
    for (let round = 0; round < 6; round++) {
      bench.relay.handler = ruled(`value-${round}`);
      await bench.refresh();
      for (let i = 0; i < 100; i++) {
        const details = await bench.client.getStringDetails('flag', 'default', { plan: 'pro', targetingKey: `u-${i}` });
        if (details.errorCode === undefined) expect(details.value).toBe(`value-${round}`);
        else {
          trapped++;
          expect(details).toMatchObject({
            value: 'default',
            errorCode: 'GENERAL',
            errorMessage: expect.stringMatching(/^TRAP: /),
          });
        }
      }
    }
    expect(trapped).toBe(Math.floor(600 / 97));
    expect(traps.callsAfterTrap).toBe(0);
    expect(bench.provider.diagnostics()).toMatchObject({ state: 'ready', traps: trapped, rebuilds: trapped });
  });

  it('again and again is an ERROR that ends in READY, with the flags that need no guest answered all along', async () => {
    const traps = new TrapSwitch();
    const fixed = { variations: { v: 'fixed' }, defaultRule: { variation: 'v' } };
    const rule = { ...fixed, targeting: [{ query: 'plan eq "pro"', variation: 'v' }] };
    // Several flags: one alone would be quarantined before there is a storm.
    const rules = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`rule-${i}`, rule]));
    const handler = json(JSON.stringify({ flags: { fixed, ...rules } }));
    const bench = await benchWith(handler, { pollIntervalMs: 0 }, { createStore: traps.createStore });
    await bench.start();
    traps.isOn = true;
    for (let i = 0; i < 30; i++) {
      expect(await bench.client.getStringValue(`rule-${i % 10}`, 'default', { plan: 'pro' })).toBe('default');
      expect(await bench.client.getStringValue('fixed', 'default')).toBe('fixed');
      await settle();
    }
    expect(bench.types).toEqual(['READY', 'ERROR']);
    expect(bench.heard[1]?.details).toMatchObject({ errorCode: 'GENERAL', message: expect.stringMatching(/^TRAP: /) });
    traps.isOn = false;
    await bench.advance(1_000, () => true);
    expect(await bench.client.getStringValue('rule-10', 'default', { plan: 'pro' })).toBe('fixed');
    await bench.advance(60_000, () => bench.status === 'READY');
    expect(bench.types).toEqual(['READY', 'ERROR', 'READY']);
  });
});

describe('at the end', () => {
  it('closing while the relay hangs is over at once', async () => {
    const bench = await benchWith(serving('on'));
    await bench.start();
    const seen = bench.relay.requests.length;
    bench.relay.handler = () => undefined;
    const refreshing = bench.provider.refresh();
    await until(() => bench.relay.requests.length > seen);
    await OpenFeature.clearProviders();
    expect(await refreshing).toBe('failed');
    expect(bench.clock.pendingTimers).toBe(0);
    await until(() => bench.relay.openConnections === 0);
  });
});
