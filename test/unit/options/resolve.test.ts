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
      [endpoint],
      null,
    ],
  },
  apiKey: { good: 'key', bad: ['line\nbreak', 'ключ', 7, null, {}] },
  authScheme: { good: 'bearer', bad: ['Bearer', '', 1, null] },
  headers: { good: { 'x-a': 'b' }, bad: [{ 'bad name': 'x' }, { a: 'x\r\ny' }, { a: 1 }, [], 'a: b', null] },
  timeoutMs: { good: 1, bad: [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2_147_483_648, '1000', null] },
  stallTimeoutMs: { good: 1, bad: [0, -1, '5'] },
  maxWireBytes: { good: 1_024, bad: [1_023, -1, 1e300, '8M'] },
  maxInflatedBytes: { good: 1_024, bad: [1_023, Number.NaN] },
  dispatcher: { good: { dispatch: () => true }, bad: [{}, 'agent', null, () => undefined] },
  pollIntervalMs: { good: 60_000, bad: [1, 99, -1, 100.5, Number.POSITIVE_INFINITY] },
  maxBackoffMs: { good: 1_000, bad: [999] },
  authRetryIntervalMs: { good: 1_000, bad: [999] },
  maxRetryAfterMs: { good: 0, bad: [-1] },
  flagList: { good: ['a'], bad: ['a', [''], ['a', 'a'], [1], new Array(1), new Set(['a']), null] },
  flagPrefix: { good: 'shop.', bad: ['', 1, null] },
  emptyConfiguration: { good: 'reject', bad: ['refuse', true] },
  staleAfterFailures: { good: 1, bad: [0, 1.5] },
  errorAfterStaleMs: { good: 1, bad: [-1] },
  startup: { good: 'lenient', bad: ['loose'] },
  initTimeoutMs: { good: 0, bad: [-1] },
  bootstrap: {
    good: { flags: {} },
    bad: [[], '', 'https://host/flags.json', new URL('http://host/'), 1, null, { a: 1n }],
  },
  closeTimeoutMs: { good: 0, bad: [-1] },
  wasmPoolSize: { good: 64, bad: [0, 65, 1.5] },
  wasmModule: { good: MODULE_BYTES, bad: ['', {}, 1, null, new ArrayBuffer(8)] },
  wasmSha256: { good: 'A'.repeat(64), bad: ['abc', true, null, 'g'.repeat(64)] },
  logger: { good: silent, bad: [{ error: () => undefined }, 'console', null] },
  clock: { good: clock, bad: [{ now: () => 1 }, Date, null] },
  random: { good: () => 0.25, bad: [0.5, null] },
};

function resolve(options: Record<string, unknown>): ReturnType<typeof resolveOptions> {
  return resolveOptions({ endpoint, logger: silent, ...options } as EdictOptions);
}

describe('every option of the table', () => {
  it.each(OPTION_NAMES)('%s: a good value has an effect (D-33)', (name) => {
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
  it('are these; changing one is a breaking change', () => {
    const { wasmPoolSize, ...rest } = describeOptions(resolveOptions({ endpoint }));
    expect(rest).toEqual({
      endpoint,
      apiKey: null,
      authScheme: 'x-api-key',
      headers: null,
      timeoutMs: 10_000,
      stallTimeoutMs: 5_000,
      maxWireBytes: 8_388_608,
      maxInflatedBytes: 67_108_864,
      dispatcher: null,
      pollIntervalMs: 120_000,
      maxBackoffMs: 60_000,
      authRetryIntervalMs: 300_000,
      maxRetryAfterMs: 600_000,
      flagList: [],
      flagPrefix: null,
      emptyConfiguration: 'guarded',
      staleAfterFailures: 3,
      errorAfterStaleMs: 0,
      startup: 'strict',
      initTimeoutMs: 10_000,
      bootstrap: null,
      closeTimeoutMs: 2_000,
      wasmModule: null,
      wasmSha256: null,
      clock: 'system',
      random: 'system',
    });
    expect(wasmPoolSize).toBeGreaterThanOrEqual(1);
    expect(wasmPoolSize).toBeLessThanOrEqual(64);
  });
});

describe('resolving', () => {
  it('normalises the endpoint on a copy, and keeps the path prefix (D-31)', () => {
    const given = { endpoint: 'HTTPS://Relay.Example:8443/a/b///' };
    expect(resolveOptions(given).endpoint).toBe('https://relay.example:8443/a/b');
    expect(given.endpoint).toBe('HTTPS://Relay.Example:8443/a/b///');
    expect(resolveOptions({ endpoint: 'http://relay/' }).endpoint).toBe('http://relay');
  });

  it('needs an endpoint or a bootstrap', () => {
    expect(() => resolveOptions({})).toThrow(/INVALID_OPTION: endpoint: .*required unless bootstrap/);
    expect(resolveOptions({ bootstrap: {} }).endpoint).toBeUndefined();
    for (const nothing of [null, 'x', [], 7]) {
      expect(() => resolveOptions(nothing as unknown as EdictOptions)).toThrow('INVALID_OPTION');
    }
  });

  it('clips stallTimeoutMs to timeoutMs', () => {
    expect(resolve({ timeoutMs: 300 }).stallTimeoutMs).toBe(300);
  });

  it('copies and freezes: later changes by the caller have no effect, and the caller sees none of ours (D-32)', () => {
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

  it('nothing is said about good options', () => {
    expect(warningsOf({ pollIntervalMs: 5_000, apiKey: 'key' })).toEqual([]);
  });
});

describe('describeOptions', () => {
  it('is plain JSON without credentials', () => {
    const shown = describeOptions(
      resolve({
        apiKey: 's3cr3t',
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
