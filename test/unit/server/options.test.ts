import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import type { RelayOptions } from '../../../src/server/options.ts';
import { resolveRelayOptions } from '../../../src/server/options.ts';

const FILES = { flagFiles: ['flags.yaml'] };

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
    ['host', ''],
    ['port', -1],
    ['port', 65_536],
    ['port', 1.5],
    ['port', '1031'],
    ['apiKeys', ['']],
    ['apiKeys', ['schlüssel']],
    ['apiKeys', 'key'],
    ['evaluationContextEnrichment', []],
    ['evaluationContextEnrichment', { at: Number.NaN }],
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
    const options = { ...FILES, [option]: value } as unknown as RelayOptions;
    expect(() => resolveRelayOptions(options)).toThrow(EdictError);
    expect(() => resolveRelayOptions(options)).toThrow(`INVALID_OPTION: ${option}: `);
  });
});
