import { describe, expect, it, vi } from 'vitest';

import type { Logger } from '../../../src/telemetry/logger.ts';
import { consoleLogger, createSafeLogger, escapeControls } from '../../../src/telemetry/logger.ts';

function recording(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (...args: unknown[]): void =>
      void lines.push(`${level} ${args.join(' ')}`);
  return { lines, logger: { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') } };
}

describe('the safe logger', () => {
  it('passes each level on, with a prefix that says who speaks', () => {
    const { lines, logger } = recording();
    const safe = createSafeLogger(logger);
    safe.error('a');
    safe.warn('b');
    safe.info('c');
    safe.debug('d');
    expect(lines).toEqual(['error edict: a', 'warn edict: b', 'info edict: c', 'debug edict: d']);
  });

  it('a logger that throws never reaches the caller', () => {
    const broken = () => {
      throw new Error('disk full');
    };
    const safe = createSafeLogger({ error: broken, warn: broken, info: broken, debug: broken });
    expect(() => {
      safe.error('x');
      safe.warn('x');
      safe.info('x');
      safe.debug('x');
    }).not.toThrow();
  });

  it('a logger whose promise rejects causes no unhandled rejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const rejects = async (): Promise<void> => Promise.reject(new Error('remote log is down'));
    createSafeLogger({ error: rejects, warn: rejects, info: rejects, debug: rejects }).warn('x');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('replaces credentials wherever they appear, also the token inside an Authorization value', () => {
    const { lines, logger } = recording();
    const safe = createSafeLogger(logger);
    safe.remember('s3cr3t');
    safe.remember('Bearer t0k3n-value');
    safe.warn('key s3cr3t, again s3cr3t, and t0k3n-value');
    expect(lines).toEqual(['warn edict: key [redacted], again [redacted], and [redacted]']);
  });

  it('leaves no rest of a secret that begins with another', () => {
    const safe = createSafeLogger(recording().logger);
    safe.remember('team-key');
    safe.remember('team-key-of-production');
    expect(safe.redact('key team-key-of-production')).toBe('key [redacted]');
  });

  it.each([
    ['http://robot:pa55-w0rd@proxy.example:3128/x', 'http://[redacted]@proxy.example:3128/x'],
    ['CONNECT socks5://token@proxy:1080', 'CONNECT socks5://[redacted]@proxy:1080'],
    ['GET /stream/v1/sse/flag/change?apiKey=abc%2Fdef&x=1', 'GET /stream/v1/sse/flag/change?apiKey=[redacted]&x=1'],
    [
      'to https://hook.example/?a=1&access_token=abcdef failed',
      'to https://hook.example/?a=1&access_token=[redacted] failed',
    ],
    ["{ 'x-api-key': 'abcdef', accept: 'json' }", "{ 'x-api-key': '[redacted]', accept: 'json' }"],
    ['authorization: Basic cm9ib3Q6cGFzcw==', 'authorization: Basic [redacted]'],
    ['sent Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc', 'sent Bearer [redacted]'],
  ])('hides a credential that nobody named to it: %s', (text, shown) => {
    const safe = createSafeLogger(recording().logger);
    expect([safe.redact(text), safe.betrays(text)]).toEqual([shown, true]);
  });

  it.each([
    'the relay answered 401: "missing key in request header"; check apiKey and authScheme',
    'https://relay.example:8443/flags/v1/flag/configuration?x=1',
    'ana@example.com asked http://localhost:1031',
    'WWW-Authenticate: Bearer realm="x"',
    'headers: authorization cannot be set and is ignored',
  ])('leaves alone what is no credential: %s', (text) => {
    const safe = createSafeLogger(recording().logger);
    expect([safe.redact(text), safe.betrays(text)]).toEqual([text, false]);
  });

  it('a text of three letters is no secret: replacing it would only hide words', () => {
    const safe = createSafeLogger(recording().logger);
    safe.remember('');
    safe.remember('the');
    expect(safe.redact('the relay')).toBe('the relay');
  });

  it('forgets the oldest of more than 64 rotating secrets', () => {
    const safe = createSafeLogger(recording().logger);
    for (let i = 0; i < 65; i++) safe.remember(`secret-${i}-end`);
    expect(safe.redact('secret-0-end')).toBe('secret-0-end');
    expect(safe.redact('secret-1-end')).toBe('[redacted]');
    expect(safe.redact('secret-64-end')).toBe('[redacted]');
  });

  it('shows control characters as escapes: a relay steers no terminal', () => {
    expect(escapeControls('a\u001b[31mb\r\nc\u009bd\u007f')).toBe('a\\u001b[31mb\\u000d\\u000ac\\u009bd\\u007f');
    expect(escapeControls('prüfung 🚀')).toBe('prüfung 🚀');
  });
});

describe('the default logger', () => {
  it('writes warnings and errors to the console, and nothing below', () => {
    const spies = (['error', 'warn', 'info', 'debug', 'log'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation(() => undefined),
    );
    const safe = createSafeLogger(consoleLogger);
    safe.error('e');
    safe.warn('w');
    safe.info('i');
    safe.debug('d');
    expect(spies.map((spy) => spy.mock.calls)).toEqual([[['edict: e']], [['edict: w']], [], [], []]);
    for (const spy of spies) spy.mockRestore();
  });
});
