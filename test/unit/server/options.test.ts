import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import type { RelayOptions } from '../../../src/server/options.ts';
import { resolveRelayOptions } from '../../../src/server/options.ts';

const FILES = { flagFiles: ['flags.yaml'] };
const HOOK = { type: 'webhook', url: 'https://hook.test/events' };

describe('resolveRelayOptions', () => {
  it('listens on loopback, port 1031, for everybody, unless told otherwise', () => {
    expect(resolveRelayOptions(FILES)).toMatchObject({
      flagFiles: [{ path: 'flags.yaml' }],
      host: '127.0.0.1',
      port: 1031,
      apiKeys: [],
      evaluationContextEnrichment: {},
      timeZone: 'UTC',
      heartbeatMs: 15_000,
      maxStreams: 64,
      maxBodyBytes: 8_388_608,
      drainMs: 5_000,
      faults: false,
    });
  });

  it('copies the enrichment, so that later changes by the caller have no effect', () => {
    const mine = { tags: ['a'] };
    const { evaluationContextEnrichment } = resolveRelayOptions({ ...FILES, evaluationContextEnrichment: mine });
    mine.tags.push('b');
    expect(evaluationContextEnrichment).toEqual({ tags: ['a'] });
  });

  it('takes an option given as undefined for one not given', () => {
    const options = { ...FILES, port: undefined, apiKeys: undefined } as unknown as RelayOptions;
    expect(resolveRelayOptions(options)).toMatchObject({ port: 1031, apiKeys: [] });
  });

  it.each<[string, unknown]>([
    ['flagFiles', undefined],
    ['flagFiles', []],
    ['flagFiles', ['']],
    ['flagFiles', [{ path: 'x', format: 'ini' }]],
    ['flags', []],
    ['flags', { a: Number.NaN }],
    ['flagSets', {}],
    ['flagUrls', {}],
    ['flagUrls', [7]],
    ['flagUrls', ['flags.yaml']],
    ['flagUrls', [{ url: 'https://user:word@x' }]],
    ['flagUrls', [{ url: 'https://x', format: 'ini' }]],
    ['flagUrls', [{ url: 'https://x', headers: { 'a b': 'c' } }]],
    ['flagUrls.pollIntervalMs', [{ url: 'https://x', pollIntervalMs: 99 }]],
    ['flagUrls.timeoutMs', [{ url: 'https://x', timeoutMs: 0 }]],
    ['host', ''],
    ['port', -1],
    ['port', 65_536],
    ['port', 1.5],
    ['port', '1031'],
    ['apiKeys', ['']],
    ['apiKeys', ['schlüssel']],
    ['apiKeys', 'key'],
    ['adminKeys', ['']],
    ['evaluationContextEnrichment', []],
    ['evaluationContextEnrichment', { at: Number.NaN }],
    ['exporters', {}],
    ['exporters[0]', ['file']],
    ['exporters[0].type', [{ type: 'kafka' }]],
    ['exporters[0].path', [{ type: 'file' }]],
    ['exporters[0].url', [{ type: 'webhook', url: 'ftp://x' }]],
    ['exporters[0].url', [{ type: 'webhook', url: 'http://user:word@x' }]],
    ['exporters[0].secret', [{ ...HOOK, secret: 7 }]],
    ['exporters[0].headers', [{ ...HOOK, headers: { a: 1 } }]],
    ['exporters[0].headers', [{ ...HOOK, headers: { 'a b': 'c' } }]],
    ['exporters[0].meta', [{ ...HOOK, meta: [] }]],
    ['exporters[0].flushIntervalMs', [{ ...HOOK, flushIntervalMs: -1 }]],
    ['exporters[0].maxBatchEvents', [{ ...HOOK, maxBatchEvents: 0 }]],
    ['exporters[1].timeoutMs', [{ type: 'log' }, { ...HOOK, timeoutMs: 0 }]],
    ['maxStoredEvents', -1],
    ['timeZone', 'Mars/Olympus'],
    ['debounceMs', -1],
    ['checkIntervalMs', 0],
    ['heartbeatMs', 2 ** 31],
    ['streamIdleMs', Number.NaN],
    ['maxStreams', -1],
    ['maxBodyBytes', 0],
    ['drainMs', 5_001],
    ['faults', 'yes'],
  ])('refuses %s = %o, naming the option', (option, value) => {
    const options = { ...FILES, [option.replace(/[[.].*/, '')]: value } as unknown as RelayOptions;
    expect(() => resolveRelayOptions(options)).toThrow(EdictError);
    expect(() => resolveRelayOptions(options)).toThrow(`INVALID_OPTION: ${option}: `);
  });

  const SET = { name: 'a', apiKeys: ['key-a'], flags: {} };
  it.each<[string, unknown]>([
    ['flagSets[0]', [7]],
    ['flagSets[0].name', [{ ...SET, name: '' }]],
    ['flagSets[1].name', [SET, { ...SET, apiKeys: ['key-b'] }]],
    ['flagSets[0].apiKeys', [{ ...SET, apiKeys: [] }]],
    ['flagSets[0].apiKeys', [{ ...SET, apiKeys: ['with space'] }]],
    ['flagSets[1].apiKeys', [SET, { ...SET, name: 'b' }]],
    ['flagSets[0].flagFiles', [{ name: 'a', apiKeys: ['key-a'] }]],
    ['flagSets[0].flagFiles', [{ ...SET, flagFiles: [''] }]],
    ['flagSets[0].flags', [{ ...SET, flags: 7 }]],
    ['flagSets[0].evaluationContextEnrichment', [{ ...SET, evaluationContextEnrichment: [] }]],
  ])('refuses a flag set with a wrong %s', (option, flagSets) => {
    const options = { flagSets } as RelayOptions;
    expect(() => resolveRelayOptions(options)).toThrow(`INVALID_OPTION: ${option}: `);
  });

  it('takes flags and enrichment beside flag sets for a mistake', () => {
    for (const beside of [FILES, { flags: {} }, { evaluationContextEnrichment: {} }]) {
      const [name = ''] = Object.keys(beside);
      expect(() => resolveRelayOptions({ flagSets: [SET], ...beside })).toThrow(`INVALID_OPTION: ${name}: `);
    }
  });
});
