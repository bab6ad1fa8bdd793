/** Starting, loading and closing an evaluator by itself; with a relay and the SDK see test/unit/provider/. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { json, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const FLAGS = { flags: { flag: { variations: { v: 'here' }, defaultRule: { variation: 'v' } } } };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function make(options: EdictOptions) {
  const logger = new RecordingLogger();
  const evaluator = new InProcessEvaluator({ logger, ...options });
  cleanups.push(() => evaluator.close());
  return { evaluator, logger, value: () => evaluator.evaluate('flag', {}, 'default').value };
}

async function relayWith(body: string): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(json(body));
  cleanups.push(() => relay.close());
  return relay;
}

describe('offline, from a bootstrap configuration', () => {
  it.each<[string, (path: string) => EdictOptions['bootstrap']]>([
    ['a document', () => FLAGS],
    ['a file', (path) => path],
    ['a file URL', (path) => pathToFileURL(path)],
    ['a function', () => () => FLAGS],
    ['an asynchronous function', () => async () => FLAGS],
  ])('given as %s', async (_, bootstrapOf) => {
    const folder = mkdtempSync(join(tmpdir(), 'edict-bootstrap-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'flags.json');
    writeFileSync(path, JSON.stringify(FLAGS));
    const { evaluator, value } = make({ bootstrap: bootstrapOf(path) });
    expect(value()).toBe('default');
    await evaluator.initialize();
    expect([evaluator.state, value(), evaluator.confirmedAgeMs]).toEqual(['ready', 'here', undefined]);
    expect(await evaluator.refresh('test')).toBe('unchanged');
    expect(evaluator.describe()).toMatchObject({ source: 'bootstrap', feed: null, flagCount: 1 });
  });

  it('that is none: the start rejects with its error, and a later one may do better', async () => {
    let document: object = { flags: [] };
    const { evaluator, value } = make({ bootstrap: () => document });
    await expect(evaluator.initialize()).rejects.toMatchObject({ name: 'EdictError', code: 'INVALID_BODY' });
    expect([evaluator.state, value()]).toEqual(['error', 'default']);
    document = FLAGS;
    await evaluator.initialize();
    expect([evaluator.state, value()]).toEqual(['ready', 'here']);
  });

  it('that is missing or throws rejects with an EdictError, and never shows as an unhandled rejection', async () => {
    const failing = async () => {
      throw new Error('no such bucket');
    };
    for (const [bootstrap, words] of [
      ['/no/such/file.json', 'ENOENT'],
      [failing, 'no such bucket'],
    ] as const) {
      const { evaluator } = make({ bootstrap });
      const error = await evaluator.initialize().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ name: 'EdictError', message: expect.stringContaining(words) });
    }
  });

  it('is ignored with a warning when it is none and a relay answers', async () => {
    const relay = await relayWith(JSON.stringify(FLAGS));
    const { evaluator, logger, value } = make({ bootstrap: { flags: null }, endpoint: relay.url });
    await evaluator.initialize();
    expect(value()).toBe('here');
    expect(logger.at('warn').join()).toContain('the bootstrap configuration is ignored: INVALID_BODY');
  });
});

describe('a configuration with broken flags', () => {
  it('warns once, naming a few of them and counting the rest', async () => {
    const broken = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`broken-${i}`, { variations: i }]));
    const { evaluator, logger } = make({ bootstrap: { flags: { ...FLAGS.flags, ...broken } } });
    await evaluator.initialize();
    const warnings = logger.at('warn');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/"broken-0" \(.+\).*"broken-4".* and 4 more/);
    expect(evaluator.describe()).toMatchObject({ flagCount: 10, brokenFlags: 9 });
  });
});

describe('loading by hand', () => {
  it('before the start is NOT_STARTED, after the close as well', async () => {
    const { evaluator } = make({ bootstrap: FLAGS });
    await expect(evaluator.load(FLAGS)).rejects.toMatchObject({ code: 'NOT_STARTED' });
    await evaluator.initialize();
    await evaluator.load(FLAGS);
    await evaluator.close();
    await expect(evaluator.load(FLAGS)).rejects.toMatchObject({ code: 'NOT_STARTED' });
  });

  it('tells listeners of the change, and one that throws is logged and harms nobody', async () => {
    const { evaluator, logger, value } = make({ bootstrap: FLAGS });
    await evaluator.initialize();
    const heard: unknown[] = [];
    evaluator.onChange(() => {
      throw new Error('a listener of the application');
    });
    const remove = evaluator.onChange((event) => heard.push(event));
    await evaluator.load({ flags: {} });
    expect(heard).toEqual([{ type: 'changed', flagsChanged: ['flag'] }]);
    expect(logger.at('error').join()).toContain('a listener of the application');
    remove();
    await evaluator.load(FLAGS);
    expect([heard.length, value()]).toEqual([1, 'here']);
  });
});

describe('the clock that was given (D-65)', () => {
  it('decides scheduled steps, also when it jumps back, and currentDateTime of the context goes before it (S-38)', async () => {
    const clock = new FakeClock();
    const flag = {
      variations: { before: 'before', after: 'after' },
      defaultRule: { variation: 'before' },
      scheduledRollout: [{ date: '2026-02-01T00:00:00Z', defaultRule: { variation: 'after' } }],
    };
    const { evaluator } = make({ bootstrap: { flags: { flag } }, clock });
    await evaluator.initialize();
    const at = (wallMs: number, context = {}): unknown => {
      clock.wallMs = wallMs;
      return evaluator.evaluate('flag', { targetingKey: 'u', ...context }).value;
    };
    const [january, march] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 2, 1)];
    expect([january, march, january].map((ms) => at(ms))).toEqual(['before', 'after', 'before']);
    expect(at(january, { gofeatureflag: { currentDateTime: '2026-03-01T00:00:00Z' } })).toBe('after');
    expect(at(march, { gofeatureflag: { currentDateTime: '2026-01-01T00:00:00Z' } })).toBe('before');
  });
});

describe('an unknown flag', () => {
  it('is FLAG_NOT_FOUND with its name, trackable, and logged once at debug level (D-11)', async () => {
    const { evaluator, logger } = make({ bootstrap: FLAGS });
    await evaluator.initialize();
    for (let i = 0; i < 3; i++) {
      expect(evaluator.evaluate('nothing', {}, 1)).toMatchObject({ value: 1, errorCode: 'FLAG_NOT_FOUND' });
    }
    expect(evaluator.isTrackable('nothing')).toBe(true);
    expect(logger.at('debug').filter((line) => line.includes('"nothing"'))).toHaveLength(1);
    for (let i = 0; i < 2_000; i++) evaluator.evaluate(`nothing-${i}`, {});
    expect(logger.at('debug').length).toBeLessThanOrEqual(1_001);
    expect(logger.at('warn')).toEqual([]);
  });
});

describe('closing', () => {
  it('before the start, twice and at once is nothing special', async () => {
    const { evaluator } = make({ bootstrap: FLAGS });
    await evaluator.close();
    await evaluator.initialize();
    await Promise.all([evaluator.close(), evaluator.close()]);
    await evaluator.close();
    expect(evaluator.state).toBe('not-ready');
    expect(evaluator.evaluateAll({})).toEqual([]);
    expect(evaluator.flagKeys()).toEqual([]);
    expect(evaluator.describe()).toMatchObject({ flagCount: 0, pool: null, guestMemoryBytes: 0 });
  });

  it('while a prepared context is in use makes it answer CLOSED', async () => {
    const { evaluator } = make({ bootstrap: FLAGS });
    await evaluator.initialize();
    const prepared = evaluator.prepare({});
    expect(prepared.evaluate('flag').value).toBe('here');
    await evaluator.close();
    expect(prepared.evaluate('flag', 'default')).toMatchObject({
      value: 'default',
      errorCode: 'PROVIDER_NOT_READY',
      errorMessage: expect.stringMatching(/^CLOSED: /),
    });
  });

  it('by an aborted signal ends the start with CLOSED', async () => {
    const relay = await relayWith('');
    relay.handler = () => undefined;
    const clock = new FakeClock();
    const { evaluator } = make({ endpoint: relay.url, clock });
    const abort = new AbortController();
    const starting = evaluator.initialize(abort.signal).catch((caught: unknown) => caught);
    while (relay.requests.length === 0) await settle();
    abort.abort();
    expect(await starting).toMatchObject({ code: 'CLOSED' });
    await evaluator.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('during a load gives the load CLOSED and leaves nothing in use', async () => {
    const { evaluator } = make({ bootstrap: FLAGS });
    await evaluator.initialize();
    const loading = evaluator.load({ flags: {} }).catch((caught: unknown) => caught);
    await evaluator.close();
    expect(await loading).toMatchObject({ code: 'CLOSED' });
    expect(evaluator.flagKeys()).toEqual([]);
  });

  it('and starting again, many times over, keeps one pool and no timer', async () => {
    const clock = new FakeClock();
    const { evaluator, value } = make({ bootstrap: FLAGS, clock });
    for (let i = 0; i < 20; i++) {
      await evaluator.initialize();
      expect(value()).toBe('here');
      await evaluator.close();
      expect(value()).toBe('default');
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('at once followed by a start leaves the new life working', async () => {
    const { evaluator, value } = make({ bootstrap: FLAGS });
    await evaluator.initialize();
    const closing = evaluator.close();
    await evaluator.initialize();
    await closing;
    await settle();
    expect([evaluator.state, value()]).toEqual(['ready', 'here']);
  });

  it('whose budget is over leaves the start that follows in peace', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<object>((resolve) => {
      release = () => resolve(FLAGS);
    });
    let starts = 0;
    const { evaluator, value } = make({ bootstrap: () => (starts++ === 0 ? held : FLAGS) });
    const first = evaluator.initialize().catch((caught: unknown) => caught);
    while (starts === 0) await settle();
    await evaluator.close(0);
    await evaluator.initialize();
    expect(value()).toBe('here');
    release();
    expect(await first).toMatchObject({ code: 'CLOSED' });
    for (let i = 0; i < 5; i++) await settle();
    expect([evaluator.state, value()]).toEqual(['ready', 'here']);
    expect(evaluator.evaluate('flag', {}).errorCode).toBeUndefined();
    expect(evaluator.describe()).toMatchObject({ pool: { leased: expect.any(Number) } });
  });
});
