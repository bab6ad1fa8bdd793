/** The emitter does what the SDK's own does. */

import { OpenFeatureEventEmitter, ProviderEvents as Types } from '@openfeature/server-sdk';
import { describe, expect, it } from 'vitest';
import { ProviderEvents } from '../../../src/provider/provider-events.ts';
import { createSafeLogger } from '../../../src/telemetry/logger.ts';
import { settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';

const emitters = {
  'the provider’s': () => new ProviderEvents(createSafeLogger(new RecordingLogger())),
  'the SDK’s': () => new OpenFeatureEventEmitter(),
};

describe.each(Object.entries(emitters))('%s emitter', (_, make) => {
  it('calls handlers in order, with the details, for their type only', () => {
    const emitter = make();
    const calls: unknown[] = [];
    emitter.addHandler(Types.Ready, (details) => calls.push(['first', details]));
    emitter.addHandler(Types.Ready, () => calls.push('second'));
    emitter.addHandler(Types.Stale, () => calls.push('stale'));
    emitter.emit(Types.Ready, { message: 'm' });
    expect(calls).toEqual([['first', { message: 'm' }], 'second']);
    expect(emitter.getHandlers(Types.Ready)).toHaveLength(2);
    expect(emitter.getHandlers(Types.Error)).toEqual([]);
  });

  it('calls a handler as often as it was added, less what was removed', () => {
    const emitter = make();
    let calls = 0;
    const handler = () => {
      calls++;
    };
    emitter.removeHandler(Types.Ready, handler);
    for (let i = 0; i < 3; i++) emitter.addHandler(Types.Ready, handler);
    emitter.removeHandler(Types.Ready, handler);
    emitter.emit(Types.Ready);
    expect(calls).toBe(2);
  });

  it('forgets the handlers of one type, or all', () => {
    const emitter = make();
    for (const type of [Types.Ready, Types.Stale]) emitter.addHandler(type, () => undefined);
    emitter.removeAllHandlers(Types.Ready);
    expect([Types.Ready, Types.Stale].map((type) => emitter.getHandlers(type).length)).toEqual([0, 1]);
    emitter.removeAllHandlers();
    expect(emitter.getHandlers(Types.Stale)).toEqual([]);
  });

  it('tells its logger of a handler that throws or rejects, and goes on', async () => {
    const logger = new RecordingLogger();
    const emitter = make().setLogger(logger);
    let reached = 0;
    emitter.addHandler(Types.Ready, () => {
      throw new Error('thrown');
    });
    emitter.addHandler(Types.Ready, async () => {
      throw new Error('rejected');
    });
    emitter.addHandler(Types.Ready, () => {
      reached++;
    });
    emitter.emit(Types.Ready);
    await settle();
    expect(reached).toBe(1);
    expect(logger.at('error').join()).toMatch(/thrown[\s\S]*rejected/);
  });
});

describe('the provider’s emitter', () => {
  it('survives a logger that throws', async () => {
    const logger = new RecordingLogger();
    logger.error = () => {
      throw new Error('no disk');
    };
    const emitter = emitters['the provider’s']().setLogger(logger);
    emitter.addHandler(Types.Ready, () => {
      throw new Error('thrown');
    });
    expect(() => emitter.emit(Types.Ready)).not.toThrow();
  });
});
