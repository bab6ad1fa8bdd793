import { describe, expect, it } from 'vitest';

import { environmentName, optionsFromEnv } from '../../../src/options/env.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';

describe('optionsFromEnv (D-34)', () => {
  it('names variables after the options', () => {
    expect(environmentName('pollIntervalMs')).toBe('EDICT_POLL_INTERVAL_MS');
    expect(environmentName('apiKey')).toBe('EDICT_API_KEY');
    expect(environmentName('wasmSha256')).toBe('EDICT_WASM_SHA256');
  });

  it('reads every option that a text can say', () => {
    expect(
      optionsFromEnv({
        EDICT_ENDPOINT: 'http://relay/base/',
        EDICT_API_KEY: 'key',
        EDICT_AUTH_SCHEME: 'bearer',
        EDICT_TIMEOUT_MS: '500',
        EDICT_POLL_INTERVAL_MS: '0',
        EDICT_FLAG_PREFIX: 'shop.',
        EDICT_EMPTY_CONFIGURATION: 'accept',
        EDICT_STARTUP: 'lenient',
        EDICT_BOOTSTRAP: './flags.json',
        EDICT_WASM_SHA256: 'false',
        EDICT_WASM_POOL_SIZE: '2',
        EDICT_FALLBACK: 'off',
        EDICT_DISABLE_DATA_COLLECTION: 'true',
        EDICT_EVENT_SAMPLE_RATE: '0.25',
        EDICT_REMOTE_CACHE_TTL_MS: '-1',
      }),
    ).toEqual({
      endpoint: 'http://relay/base/',
      apiKey: 'key',
      authScheme: 'bearer',
      timeoutMs: 500,
      pollIntervalMs: 0,
      flagPrefix: 'shop.',
      emptyConfiguration: 'accept',
      startup: 'lenient',
      bootstrap: './flags.json',
      wasmSha256: false,
      wasmPoolSize: 2,
      fallback: 'off',
      disableDataCollection: true,
      eventSampleRate: 0.25,
      remoteCacheTtlMs: -1,
    });
  });

  it('reads several endpoints separated by commas', () => {
    expect(optionsFromEnv({ EDICT_ENDPOINT: 'http://a, http://b' })).toEqual({ endpoint: ['http://a', 'http://b'] });
  });

  it('reads nothing from an environment without its variables, and an empty variable counts as not set', () => {
    expect(optionsFromEnv({ PATH: '/bin', EDICT_ENDPOINT: '', OFREP_ENDPOINT: '', EDICT_UNKNOWN: 'x' })).toEqual({});
  });

  it.each([
    ['EDICT_TIMEOUT_MS', '10s'],
    ['EDICT_TIMEOUT_MS', '0x10'],
    ['EDICT_TIMEOUT_MS', ' '],
    ['EDICT_WASM_POOL_SIZE', '1.5'],
    ['EDICT_ENDPOINT', 'relay:1031'],
    ['EDICT_AUTH_SCHEME', 'basic'],
    ['OFREP_ENDPOINT', 'relay'],
    ['OFREP_TIMEOUT_MS', '-1'],
    ['OFREP_HEADERS', 'novalue'],
    ['OFREP_HEADERS', '=x'],
    ['OFREP_HEADERS', 'a=%'],
    ['OFREP_HEADERS', 'a=x%0Ay'],
  ])('%s=%j throws INVALID_OPTION naming the variable', (name, text) => {
    expect(() => optionsFromEnv({ [name]: text })).toThrow(
      new RegExp(`^INVALID_OPTION: environment variable ${name}: must be`),
    );
  });

  it('an error never shows the text', () => {
    expect(() => optionsFromEnv({ EDICT_API_KEY: 'hunter2\n' })).not.toThrow(/hunter2/);
  });

  it('takes the OFREP variables for what is missing only', () => {
    const ofrep = {
      OFREP_ENDPOINT: 'http://ofrep',
      OFREP_TIMEOUT_MS: '700',
      OFREP_HEADERS: 'x-a%3D1%2Cx-b%3Dtwo%20words',
    };
    expect(optionsFromEnv(ofrep)).toEqual({
      endpoint: 'http://ofrep',
      timeoutMs: 700,
      headers: { 'x-a': '1', 'x-b': 'two words' },
    });
    expect(optionsFromEnv({ ...ofrep, EDICT_ENDPOINT: 'http://edict', EDICT_TIMEOUT_MS: '1' })).toMatchObject({
      endpoint: 'http://edict',
      timeoutMs: 1,
    });
  });

  it('header values keep their equals signs, and names of the prototype are ordinary', () => {
    const { headers } = optionsFromEnv({ OFREP_HEADERS: 'Authorization=Basic YTpi==,__proto__=x1' });
    expect(Object.entries(headers ?? {})).toEqual([
      ['Authorization', 'Basic YTpi=='],
      ['__proto__', 'x1'],
    ]);
  });

  it('the environment acts only through it: a variable alone changes no option (GOFF-CFG-005)', () => {
    process.env.EDICT_TIMEOUT_MS = '123';
    process.env.OFREP_ENDPOINT = 'http://ofrep';
    try {
      expect(resolveOptions({ endpoint: 'http://relay' })).toMatchObject({
        timeoutMs: 10_000,
        endpoint: ['http://relay'],
      });
      expect(optionsFromEnv()).toMatchObject({ timeoutMs: 123, endpoint: 'http://ofrep' });
      expect(resolveOptions({ ...optionsFromEnv(), timeoutMs: 5 })).toMatchObject({ timeoutMs: 5 });
    } finally {
      delete process.env.EDICT_TIMEOUT_MS;
      delete process.env.OFREP_ENDPOINT;
    }
  });
});
