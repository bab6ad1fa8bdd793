/** What becomes of the persisted file, and of those who use it, when the process or the relay dies. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

import { InProcessEvaluator } from '../../src/evaluator/in-process-evaluator.ts';
import { FakeClock, settle } from '../unit/relay/support/fake-clock.ts';
import { RecordingLogger } from '../unit/relay/support/recording-logger.ts';
import { killWhileSaving } from './support/kill-run.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a process that is killed while it saves', () => {
  it('leaves a file that passes its checksum, or none: 30 times (CF-08)', async () => {
    const { broken, whole, absent, kills } = await killWhileSaving(30);
    expect(broken).toEqual([]);
    expect(whole + absent).toBe(kills);
    expect(whole).toBeGreaterThan(0);
  }, 60_000);
});

describe('a relay that is down for an hour', () => {
  it('with stream, file and polls all failing causes no unhandled rejection, and the hour after it is a good one', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    cleanups.push(() => process.off('unhandledRejection', onUnhandled));
    const folder = mkdtempSync(join(tmpdir(), 'edict-hour-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'flags.lkg');
    writeFileSync(path, 'rubbish');

    const clock = new FakeClock();
    const logger = new RecordingLogger();
    let [isUp, requests, next] = [false, 0, 0];
    const outages: readonly ((signal: AbortSignal) => Promise<Response>)[] = [
      async () => {
        throw new TypeError('fetch failed');
      },
      async () => new Response('bad gateway', { status: 502 }),
      async () => new Response('{"flags":', { headers: { 'content-type': 'application/json' } }),
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      async () => Promise.reject('a text'),
    ];
    const fetch: typeof globalThis.fetch = async (_, init) => {
      requests++;
      if (isUp) return new Response('{"flags":{"flag":{"variations":{"v":"back"},"defaultRule":{"variation":"v"}}}}');
      return (outages[next++ % outages.length] as (signal: AbortSignal) => Promise<Response>)(
        init?.signal as AbortSignal,
      );
    };
    const bootstrap = { flags: { flag: { variations: { v: 'local' }, defaultRule: { variation: 'v' } } } };
    const evaluator = new InProcessEvaluator({
      endpoint: ['http://one', 'http://two'],
      bootstrap,
      fetch,
      clock,
      logger,
      streaming: 'sse',
      persistPath: path,
      errorAfterStaleMs: 1_800_000,
    });
    cleanups.push(() => evaluator.close());
    const starting = evaluator.initialize();
    while (evaluator.state === 'not-ready' || evaluator.state === 'starting') {
      await clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await starting;
    const value = () => evaluator.evaluate('flag', {}, 'default').value;
    for (let second = 0; second < 3_600; second++) {
      await clock.advance(1_000);
      expect(value()).toBe('local');
    }
    expect(evaluator.state).toBe('error');
    expect(requests).toBeGreaterThan(100);
    // One line when an outage begins, for the polls and for the stream, and one for the file: not one for each failure.
    expect(logger.at('warn').length + logger.at('error').length).toBeLessThan(6);
    isUp = true;
    for (let second = 0; second < 120 && evaluator.state !== 'ready'; second++) await clock.advance(1_000);
    expect([evaluator.state, value()]).toEqual(['ready', 'back']);
    await evaluator.close();
    for (let i = 0; i < 10; i++) await settle();
    expect(unhandled).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  }, 60_000);
});
