import os from 'node:os';
import { describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { describeOptions, resolveOptions } from '../../../src/options/resolve.ts';
import type { OptionName } from '../../../src/options/table.ts';
import { OPTION_NAMES } from '../../../src/options/table.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';

const endpoint = 'http://localhost:1031';

/** An empty module: magic and version. */
const MODULE_BYTES = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const clock = { now: () => 7, monotonic: () => 8, setTimeout: () => 9, clearTimeout: () => undefined };

const nothing = () => ({});
const meter = {
  createObservableCounter: nothing,
  createObservableGauge: nothing,
  addBatchObservableCallback: nothing,
  removeBatchObservableCallback: nothing,
};

/** For every option: a value that is not its default, and values that break its rule. */
const VALUES: { readonly [Name in OptionName]: { readonly good: unknown; readonly bad: readonly unknown[] } } = {
  endpoint: {
    good: 'https://relay.example/flags/',
    bad: [
      '',
      'relay:1031',
      'ftp://relay',
      'http://u:p@relay',
      'http://relay?a=1',
      'http://relay#x',
      7,
      [endpoint, `${endpoint}/`],
      [endpoint, 'relay'],
      Array.from({ length: 9 }, (_, port) => `http://relay:${port + 1}`),
      [],
      null,
    ],
  },
  evaluationType: { good: 'remote', bad: ['in-process', '', null] },
  apiKey: { good: 'key', bad: ['line\nbreak', 'ключ', 7, null, {}] },
  authScheme: { good: 'bearer', bad: ['Bearer', '', 1, null] },
  headers: { good: { 'x-a': 'b' }, bad: [{ 'bad name': 'x' }, { a: 'x\r\ny' }, { a: 1 }, [], 'a: b', null] },
  timeoutMs: { good: 1, bad: [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2_147_483_648, '1000', null] },
  stallTimeoutMs: { good: 1, bad: [0, -1, '5'] },
  maxWireBytes: { good: 1_024, bad: [1_023, -1, 1e300, '8M'] },
  maxInflatedBytes: { good: 1_024, bad: [1_023, Number.NaN] },
  dispatcher: { good: { dispatch: () => true }, bad: [{}, 'agent', null, () => undefined] },
  fetch: { good: async () => new Response(), bad: [{}, 'fetch', null] },
  pollIntervalMs: { good: 60_000, bad: [1, 99, -1, 100.5, Number.POSITIVE_INFINITY] },
  maxBackoffMs: { good: 1_000, bad: [999] },
  authRetryIntervalMs: { good: 1_000, bad: [999] },
  maxRetryAfterMs: { good: 0, bad: [-1] },
  flagList: { good: ['a'], bad: ['a', [''], ['a', 'a'], [1], new Array(1), new Set(['a']), null] },
  flagPrefix: { good: 'shop.', bad: ['', 1, null] },
  emptyConfiguration: { good: 'reject', bad: ['refuse', true] },
  streaming: { good: 'sse', bad: ['on', true, null] },
  streamIdleTimeoutMs: { good: 1_000, bad: [999, '5000'] },
  streamTriggerDelayMs: { good: 0, bad: [-1] },
  policies: { good: ['shop'], bad: ['shop', [], [''], ['a', 'a'], 1, null] },
  staleAfterFailures: { good: 1, bad: [0, 1.5] },
  errorAfterStaleMs: { good: 1, bad: [-1] },
  startup: { good: 'lenient', bad: ['loose'] },
  initTimeoutMs: { good: 0, bad: [-1] },
  bootstrap: {
    good: { flags: {} },
    bad: [[], '', 'https://host/flags.json', new URL('http://host/'), 1, null, { a: 1n }],
  },
  persistPath: { good: './last-good.json', bad: ['', 'https://host/file', 1, null] },
  persistMaxAgeMs: { good: 1, bad: [-1, 0.5] },
  cacheDir: { good: './cache', bad: ['', 'https://host/cache', 1, null] },
  closeTimeoutMs: { good: 0, bad: [-1] },
  flushOnExit: { good: 'off', bad: ['exit', false] },
  wasmPoolSize: { good: 64, bad: [0, 65, 1.5] },
  wasmModule: { good: MODULE_BYTES, bad: ['', {}, 1, null, new ArrayBuffer(8)] },
  wasmSha256: { good: 'A'.repeat(64), bad: ['abc', true, null, 'g'.repeat(64)] },
  fallback: {
    good: 'spec',
    bad: [
      'on',
      true,
      null,
      [],
      { mode: 'x' },
      { budgetMs: 0 },
      { budgetMs: 1.5 },
      { budget: 1 },
      { maxConcurrent: '8' },
    ],
  },
  remoteCacheMaxEntries: { good: 10_000, bad: [-1, 1.5, 1_000_001] },
  remoteCacheTtlMs: { good: -1, bad: [-2, 0.5, '60'] },
  disableDataCollection: { good: true, bad: ['true', 1, null] },
  dataCollectorBaseUrl: { good: 'https://collector.example/base/', bad: ['', 'collector', 'http://c?x=1', 1, null] },
  flushIntervalMs: { good: 0, bad: [1, 99, -1] },
  maxPendingEvents: { good: 1, bad: [0, 1_000_001] },
  maxPendingBytes: { good: 1_024, bad: [1_023] },
  maxBatchEvents: { good: 1, bad: [0, 100_001] },
  maxBatchBytes: { good: 1_024, bad: [1_023] },
  overflow: { good: 'drop-newest', bad: ['drop', null] },
  exporterMetadata: { good: { service: 'shop' }, bad: [{ a: {} }, { a: Number.NaN }, { a: null }, [], 'x', null] },
  eventMode: { good: 'summary', bad: ['all', null] },
  eventSampleRate: { good: 0.5, bad: [-0.1, 1.1, Number.NaN, '0.5'] },
  privateAttributes: { good: ['email'], bad: ['email', [''], ['a', 'a'], [1], null] },
  userKeySecret: { good: 'sixteen or more!', bad: ['short', '', 1, null] },
  meter: { good: meter, bad: [{}, 'meter', null] },
  logger: { good: silent, bad: [{ error: () => undefined }, 'console', null] },
  clock: { good: clock, bad: [{ now: () => 1 }, Date, null] },
  random: { good: () => 0.25, bad: [0.5, null] },
};

function resolve(options: Record<string, unknown>): ReturnType<typeof resolveOptions> {
  return resolveOptions({ endpoint, logger: silent, ...options } as EdictOptions);
}

describe('every option of the table', () => {
  it.each(OPTION_NAMES)('%s: a good value is taken in place of the default', (name) => {
    const absent = resolve({ logger: undefined });
    const given = resolve({ logger: undefined, [name]: VALUES[name].good });
    expect(given[name]).not.toEqual(absent[name]);
  });

  it.each(OPTION_NAMES)(
    '%s: a value that breaks the rule throws INVALID_OPTION naming option, kind and rule',
    (name) => {
      for (const bad of VALUES[name].bad) {
        expect(() => resolve({ [name]: bad }), String(bad)).toThrow(
          expect.objectContaining({
            code: 'INVALID_OPTION',
            text: expect.stringMatching(new RegExp(`^${name}: got (a|an|null|NaN|the number) ?.*; must be .`)),
          }),
        );
      }
    },
  );

  it.each(OPTION_NAMES)('%s: undefined counts as absent', (name) => {
    if (name === 'endpoint') return expect(() => resolve({ endpoint: undefined })).toThrow('required unless bootstrap');
    const shown = (options: Record<string, unknown>) => describeOptions(resolve(options));
    expect(shown({ [name]: undefined })).toEqual(shown({}));
  });

  it('an error never shows the value, which may be a secret', () => {
    expect(() => resolve({ apiKey: 'hunter2\n' })).toThrow(/^INVALID_OPTION: apiKey: got a string; must be/);
    expect(() => resolve({ endpoint: 'http://user:hunter2@relay' })).not.toThrow(/hunter2/);
  });
});

describe('defaults (D-07)', () => {
  it('are these; changing one is a breaking change (GOFF-CFG-003, GOFF-WASM-009)', () => {
    const { wasmPoolSize, ...rest } = describeOptions(resolveOptions({ endpoint }));
    expect(rest).toEqual({
      endpoint: [endpoint],
      evaluationType: 'inprocess',
      apiKey: null,
      authScheme: 'x-api-key',
      headers: null,
      timeoutMs: 10_000,
      stallTimeoutMs: 5_000,
      maxWireBytes: 8_388_608,
      maxInflatedBytes: 67_108_864,
      dispatcher: null,
      fetch: null,
      pollIntervalMs: 120_000,
      maxBackoffMs: 60_000,
      authRetryIntervalMs: 300_000,
      maxRetryAfterMs: 600_000,
      flagList: [],
      flagPrefix: null,
      emptyConfiguration: 'guarded',
      streaming: 'off',
      streamIdleTimeoutMs: 300_000,
      streamTriggerDelayMs: 1_000,
      policies: null,
      staleAfterFailures: 3,
      errorAfterStaleMs: 0,
      startup: 'strict',
      initTimeoutMs: 10_000,
      bootstrap: null,
      persistPath: null,
      persistMaxAgeMs: 0,
      cacheDir: null,
      closeTimeoutMs: 2_000,
      flushOnExit: 'beforeExit',
      wasmModule: null,
      wasmSha256: null,
      fallback: {
        mode: 'budgeted',
        budgetMs: 50,
        failureThreshold: 5,
        openMs: 30_000,
        maxConcurrent: 8,
        maxPerSecond: 20,
      },
      // The cache is off unless asked for: an answer it gives may be a minute old.
      remoteCacheMaxEntries: 0,
      remoteCacheTtlMs: 60_000,
      disableDataCollection: false,
      dataCollectorBaseUrl: null,
      flushIntervalMs: 60_000,
      maxPendingEvents: 10_000,
      maxPendingBytes: 8_388_608,
      maxBatchEvents: 1_000,
      maxBatchBytes: 524_288,
      overflow: 'drop-oldest',
      exporterMetadata: {},
      eventMode: 'each',
      eventSampleRate: 1,
      privateAttributes: [],
      userKeySecret: null,
      meter: null,
      clock: 'system',
      random: 'system',
    });
    expect(wasmPoolSize).toBeGreaterThanOrEqual(1);
    expect(wasmPoolSize).toBeLessThanOrEqual(64);
  });
});

describe('defaults of the GO Feature Flag provider specification', () => {
  it('are its own: 10 s, 120 s, 60 s, 10 000 events, collection on, as many stores as CPUs (GOFF-CFG-003)', () => {
    expect(resolveOptions({ endpoint })).toMatchObject({
      timeoutMs: 10_000,
      pollIntervalMs: 120_000,
      flushIntervalMs: 60_000,
      maxPendingEvents: 10_000,
      disableDataCollection: false,
      // A second store is what a reload and a trap need; more than 64 would serve nobody.
      wasmPoolSize: Math.max(2, Math.min(os.availableParallelism(), 64)),
    });
  });
});

describe('resolving', () => {
  it('normalises the endpoint on a copy, and keeps the path prefix (D-31)', () => {
    const given = { endpoint: 'HTTPS://Relay.Example:8443/a/b///' };
    expect(resolveOptions(given).endpoint).toEqual(['https://relay.example:8443/a/b']);
    expect(given.endpoint).toBe('HTTPS://Relay.Example:8443/a/b///');
    expect(resolveOptions({ endpoint: 'http://relay/' }).endpoint).toEqual(['http://relay']);
  });

  it('needs an endpoint or a bootstrap', () => {
    expect(() => resolveOptions({})).toThrow(/INVALID_OPTION: endpoint: .*required unless bootstrap/);
    expect(resolveOptions({ bootstrap: {} }).endpoint).toBeUndefined();
    for (const nothing of [null, 'x', [], 7]) {
      expect(() => resolveOptions(nothing as unknown as EdictOptions)).toThrow('INVALID_OPTION');
    }
  });

  it('takes several endpoints in their order, as a frozen copy', () => {
    const given = ['http://b/', 'http://a'];
    const { endpoint: kept } = resolveOptions({ endpoint: given });
    given.push('http://c');
    expect(kept).toEqual(['http://b', 'http://a']);
    expect(Object.isFrozen(kept)).toBe(true);
  });

  it('refuses a fetch beside a dispatcher, and remote evaluation without an endpoint', () => {
    const fetch = async () => new Response();
    expect(() => resolve({ fetch, dispatcher: { dispatch: () => true } })).toThrow(
      /^INVALID_OPTION: fetch: .*together/,
    );
    expect(() => resolveOptions({ bootstrap: {}, evaluationType: 'remote' })).toThrow(/^INVALID_OPTION: endpoint: /);
  });

  it('completes a fallback of which only some members are given', () => {
    expect(resolve({ fallback: { budgetMs: 10, maxPerSecond: undefined } }).fallback).toEqual({
      ...resolve({}).fallback,
      budgetMs: 10,
    });
  });

  it('keeps provider and openfeature of exporterMetadata to itself, with a warning (GOFF-COLL-011)', () => {
    const logger = new RecordingLogger();
    const given = { provider: 'mine', openfeature: false, service: 'shop' };
    expect({ ...resolve({ logger, exporterMetadata: given }).exporterMetadata }).toEqual({ service: 'shop' });
    expect(logger.at('warn')).toEqual([expect.stringContaining('provider and openfeature cannot be set')]);
    expect(given).toEqual({ provider: 'mine', openfeature: false, service: 'shop' });
  });

  it('takes texts, finite numbers and booleans as exporterMetadata, and nothing else (GOFF-COLL-013)', () => {
    const given = { service: 'shop', shard: 7, canary: true };
    expect({ ...resolve({ exporterMetadata: given }).exporterMetadata }).toEqual(given);
    for (const wrong of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY, 7n, {}, [], new Date(0), () => 1]) {
      expect(() => resolve({ exporterMetadata: { service: 'shop', wrong } })).toThrow(
        /^INVALID_OPTION: exporterMetadata: /,
      );
    }
  });

  it('passes what it gave unchanged, without a second warning', () => {
    const logger = new RecordingLogger();
    const once = resolve({ logger, wrong: 1 });
    expect(resolveOptions(once)).toBe(once);
    expect(logger.at('warn')).toHaveLength(1);
  });

  it('clips stallTimeoutMs to timeoutMs', () => {
    expect(resolve({ timeoutMs: 300 }).stallTimeoutMs).toBe(300);
  });

  it('copies and freezes: later changes by the caller have no effect, and the caller sees none of ours (D-32, GOFF-CFG-004)', () => {
    const flags = { one: { disable: false } };
    const given = {
      endpoint,
      flagList: ['a'],
      headers: { 'x-a': '1' } as Record<string, string>,
      bootstrap: { flags },
      wasmModule: Buffer.from(MODULE_BYTES),
    };
    const before = structuredClone(given);
    const resolved = resolveOptions(given);
    expect({ ...given, wasmModule: 0 }).toEqual({ ...before, wasmModule: 0 });
    given.flagList.push('b');
    given.headers['x-b'] = '2';
    flags.one.disable = true;
    given.wasmModule.fill(0);
    expect(resolved.flagList).toEqual(['a']);
    expect(resolved.headers).toEqual([['x-a', '1']]);
    expect(resolved.bootstrap).toEqual({ kind: 'document', json: '{"flags":{"one":{"disable":false}}}' });
    expect(resolved.wasmModule).toEqual({ kind: 'bytes', bytes: MODULE_BYTES });
    for (const frozen of [resolved, resolved.flagList, resolved.headers, resolved.bootstrap, resolved.wasmModule]) {
      expect(Object.isFrozen(frozen)).toBe(true);
    }
  });

  it('takes files as paths, file: URLs and their text, and compiled modules', () => {
    const url = new URL('file:///etc/flags.json');
    for (const file of ['/etc/flags.json', url, url.href]) {
      expect(resolve({ bootstrap: file }).bootstrap).toEqual({ kind: 'file', path: '/etc/flags.json' });
      expect(resolve({ wasmModule: file }).wasmModule).toEqual({ kind: 'file', path: '/etc/flags.json' });
    }
    expect(resolve({ bootstrap: './flags.json' }).bootstrap).toEqual({ kind: 'file', path: './flags.json' });
    const load = () => ({ flags: {} });
    expect(resolve({ bootstrap: load }).bootstrap).toEqual({ kind: 'load', load });
    const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } };
    const module = new WebAssembly.Module(MODULE_BYTES);
    expect(resolve({ wasmModule: module }).wasmModule).toEqual({ kind: 'module', module });
  });

  it('a random source that gives nonsense gives the middle', () => {
    for (const nonsense of [Number.NaN, 1, -0.1, 'x' as unknown as number]) {
      expect(resolve({ random: () => nonsense }).random()).toBe(0.5);
    }
    expect(resolve({ random: () => 0.25 }).random()).toBe(0.25);
  });

  it('a clock keeps its own this', () => {
    class Own {
      readonly ms = 42;
      now(): number {
        return this.ms;
      }
      monotonic(): number {
        return this.ms;
      }
      setTimeout(): number {
        return this.ms;
      }
      clearTimeout(): void {}
    }
    const { now } = resolve({ clock: new Own() }).clock;
    expect(now()).toBe(42);
  });
});

describe('warnings', () => {
  function warningsOf(options: Record<string, unknown>): string[] {
    const logger = new RecordingLogger();
    resolveOptions({ endpoint, logger, ...options } as EdictOptions);
    return logger.at('warn');
  }

  it.each([
    ['timeout', 'timeoutMs'],
    ['flagChangePollingInterval', 'pollIntervalMs'],
    ['evaluationFlagList', 'flagList'],
    ['wasmEvaluatorPoolSize', 'wasmPoolSize'],
    ['dataFlushInterval', 'flushIntervalMs'],
    ['dataCollectorBaseURL', 'dataCollectorBaseUrl'],
    ['pollInterval', 'pollIntervalMs'],
    ['APIKEY', 'apiKey'],
    ['endPoint', 'endpoint'],
    ['initTimeout', 'initTimeoutMs'],
  ])('an unknown name warns once and names the nearest: %s → %s', (name, nearest) => {
    expect(warningsOf({ [name]: 1 })).toEqual([
      `edict: option '${name}' does not exist and is ignored; did you mean '${nearest}'?`,
    ]);
  });

  it('a name that resembles nothing gets no suggestion, and a huge one costs nothing', () => {
    expect(warningsOf({ zzzzzzzz: 1 })).toEqual(["edict: option 'zzzzzzzz' does not exist and is ignored"]);
    expect(warningsOf({ ['x'.repeat(1_000_000)]: 1 })[0]?.length).toBeLessThan(200);
  });

  it('names of the prototype are unknown names like any other (D-35)', () => {
    const options = JSON.parse('{"__proto__":{"timeoutMs":5},"constructor":1,"hasOwnProperty":2}') as Record<
      string,
      unknown
    >;
    expect(warningsOf({ ...options, toString: 3 })).toHaveLength(4);
    expect(resolveOptions({ endpoint, logger: silent, ...options } as EdictOptions).timeoutMs).toBe(10_000);
  });

  it('another object passed by mistake does not flood the log', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`wrong${i}`, i]));
    expect(warningsOf(many)).toHaveLength(11);
  });

  it.each([
    [{ pollIntervalMs: 0 }, 'refresh()'],
    [{ pollIntervalMs: 4_999 }, 'asks the relay that often'],
    [{ wasmSha256: false }, 'without checking'],
    [{ headers: { Host: 'a', 'x-ok': 'b' } }, 'Host cannot be set'],
  ])('%j warns', (options, text) => {
    expect(warningsOf(options)).toEqual([expect.stringContaining(text)]);
  });

  it('no polling beside a stream is no mistake', () => {
    expect(warningsOf({ pollIntervalMs: 0, streaming: 'sse' })).toEqual([]);
  });

  it('nothing is said about good options', () => {
    expect(warningsOf({ pollIntervalMs: 5_000, apiKey: 'key' })).toEqual([]);
  });
});

describe('describeOptions', () => {
  it('is plain JSON without credentials', () => {
    const shown = describeOptions(
      resolve({
        apiKey: 's3cr3t',
        userKeySecret: 's3cr3t of sixteen',
        headers: { Authorization: 's3cr3t' },
        bootstrap: () => ({}),
        dispatcher: { dispatch() {} },
      }),
    );
    expect(JSON.parse(JSON.stringify(shown))).toEqual({ ...shown });
    expect(shown).toMatchObject({
      apiKey: '[redacted]',
      headers: ['Authorization'],
      bootstrap: 'load',
      dispatcher: 'custom',
    });
    expect(JSON.stringify(shown)).not.toContain('s3cr3t');
  });
});
