import { describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { RequestHeaders } from '../../../src/relay/request-headers.ts';
import { RecordingLogger } from './support/recording-logger.ts';

const logger = new RecordingLogger();

function headersOf(options: EdictOptions, validator?: string): Promise<Record<string, string>> {
  const headers = new RequestHeaders(resolveOptions({ endpoint: 'http://relay', logger, ...options }));
  return headers.build('configuration', validator).then((list) => Object.fromEntries(list));
}

describe('request headers (§2.1)', () => {
  it('without credentials: ours, and nothing else (GOFF-AUTH-003)', async () => {
    expect(await headersOf({})).toEqual({
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': 'gzip, br',
      'user-agent': expect.stringMatching(/^edict\/\d+\.\d+\.\d+/),
    });
  });

  it.each([
    [{ apiKey: 'secret' }, 'x-api-key', 'secret'],
    [{ apiKey: 'secret', authScheme: 'bearer' }, 'authorization', 'Bearer secret'],
    [{ apiKey: async () => 'fresh' }, 'x-api-key', 'fresh'],
    [{ headers: { 'X-Tenant': 'blue' } }, 'x-tenant', 'blue'],
    [{ headers: async () => ({ 'X-Tenant': 'red' }) }, 'x-tenant', 'red'],
    [{ apiKey: 'one', headers: { 'X-API-KEY': 'two' } }, 'x-api-key', 'two'],
  ] as const)('%j sends %s: %s (GOFF-AUTH-001, GOFF-AUTH-004)', async (options, name, value) => {
    expect(await headersOf(options as EdictOptions)).toMatchObject({ [name]: value });
  });

  it('calls functions for each request, with the purpose (GOFF-AUTH-004)', async () => {
    const purposes: string[] = [];
    let count = 0;
    const options = resolveOptions({
      endpoint: 'http://relay',
      apiKey: () => `key-${++count}`,
      headers: (purpose) => {
        purposes.push(purpose);
        return {};
      },
    });
    const headers = new RequestHeaders(options);
    await headers.build('configuration', undefined);
    expect(new Map(await headers.build('configuration', undefined)).get('x-api-key')).toBe('key-2');
    expect(purposes).toEqual(['configuration', 'configuration']);
    expect(headers.canChange).toBe(true);
  });

  it.each(['', () => '', () => undefined as unknown as string])(
    'an empty or unset key sends nothing',
    async (apiKey) => {
      expect(await headersOf({ apiKey })).not.toHaveProperty('x-api-key');
    },
  );

  it('the caller cannot frame the message, and is told once', async () => {
    const own = new RecordingLogger();
    const reserved = {
      'Content-Type': 'text/plain',
      'content-length': '1',
      Host: 'evil',
      'If-None-Match': '"x"',
      Connection: 'close',
      'Transfer-Encoding': 'chunked',
    };
    const options = resolveOptions({ endpoint: 'http://relay', logger: own, headers: () => reserved });
    const headers = new RequestHeaders(options);
    for (let i = 0; i < 3; i++) {
      const sent = Object.fromEntries(await headers.build('configuration', '"mine"'));
      expect(sent).toMatchObject({ 'content-type': 'application/json', 'if-none-match': '"mine"' });
      expect(sent).not.toHaveProperty('host');
      expect(sent).not.toHaveProperty('connection');
    }
    expect(own.at('warn')).toHaveLength(1);
  });

  it('names of the prototype are ordinary header names (D-35)', async () => {
    const record = JSON.parse('{"__proto__":"a1b2","constructor":"c3d4","hasOwnProperty":"e5f6"}') as Record<
      string,
      string
    >;
    const headers = new RequestHeaders(resolveOptions({ endpoint: 'http://relay', headers: record }));
    const sent = new Map(await headers.build('configuration', undefined));
    expect(sent.get('__proto__')).toBe('a1b2');
    expect(sent.get('constructor')).toBe('c3d4');
    expect(sent.get('hasownproperty')).toBe('e5f6');
  });

  it.each([
    [{ apiKey: () => 'a\nb: c' }, 'apiKey'],
    [{ apiKey: () => 7 as unknown as string }, 'apiKey'],
    [
      {
        apiKey: () => {
          throw new Error('vault: token s3cr3t-value expired');
        },
      },
      'apiKey',
    ],
    [{ headers: () => ({ 'bad name': 'x' }) }, 'headers'],
    [{ headers: () => ({ good: 'a\r\nb' }) }, 'headers'],
    [{ headers: async () => Promise.reject(new Error('s3cr3t-value')) }, 'headers'],
  ])('a function that gives nonsense is an error that names the option and no value (%#)', async (options, option) => {
    const error = await headersOf(options as EdictOptions).then(
      () => undefined,
      (caught: Error) => caught,
    );
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error?.message).toContain(option);
    expect(error?.message).not.toContain('s3cr3t-value');
  });

  it('remembers credentials, so that no log line shows them', async () => {
    const own = new RecordingLogger();
    const options = resolveOptions({ endpoint: 'http://relay', logger: own, apiKey: () => 'rotating-key-1' });
    await new RequestHeaders(options).build('configuration', undefined);
    options.logger.warn('the relay said: rotating-key-1 is wrong');
    expect(own.text).not.toContain('rotating-key-1');
  });
});
