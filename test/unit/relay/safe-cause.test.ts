import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { safeCause } from '../../../src/relay/safe-cause.ts';
import { createSafeLogger } from '../../../src/telemetry/logger.ts';
import { RecordingLogger } from './support/recording-logger.ts';

const logger = createSafeLogger(new RecordingLogger());
logger.remember('the-secret-key');

const printed = (caught: unknown): string => inspect(safeCause(caught, logger), { depth: 20 });

describe('the cause of an error (D-96)', () => {
  it('is the very thing that was caught when nothing in it is secret', () => {
    const caught = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') });
    expect(safeCause(caught, logger)).toBe(caught);
    expect(safeCause(undefined, logger)).toBeUndefined();
  });

  it.each([
    ['in its message', new Error('GET /?k=the-secret-key failed')],
    [
      'in the message of a cause',
      new Error('failed', { cause: new Error('inner', { cause: new Error('the-secret-key') }) }),
    ],
    [
      'among the errors of an aggregate',
      new AggregateError([new Error('a'), new Error('with the-secret-key')], 'all failed'),
    ],
    [
      'in the request that hangs on it',
      Object.assign(new Error('failed'), { config: { headers: { 'x-api-key': 'the-secret-key' } } }),
    ],
    ['in a proxy it names', new Error('tunnel through http://robot:pass-word@proxy.example:3128 failed')],
    ['in an object that is no error', { headers: ['the-secret-key'] }],
    ['in a text', 'the-secret-key was refused'],
  ])('is a copy without the credential that is %s', (_, caught) => {
    expect(inspect(caught, { depth: 20 })).toMatch(/the-secret-key|pass-word/);
    expect(printed(caught)).not.toMatch(/the-secret-key|pass-word/);
    expect(safeCause(caught, logger)).toBeInstanceOf(Error);
  });

  it('keeps names, codes and words of the whole chain', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const caught = new TypeError('asked with the-secret-key', { cause: inner });
    expect(safeCause(caught, logger)).toMatchObject({
      name: 'TypeError',
      message: 'asked with [redacted]',
      cause: { name: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
    });
  });

  it('ends, also where causes go round in a circle', () => {
    const first = new Error('the-secret-key');
    first.cause = new Error('second', { cause: first });
    expect(printed(first)).not.toContain('the-secret-key');
  });

  it('is a plain error where what was caught cannot even be looked at', () => {
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('the-secret-key');
      },
      getPrototypeOf() {
        throw new Error('the-secret-key');
      },
    });
    expect(printed(hostile)).not.toContain('the-secret-key');
  });
});
