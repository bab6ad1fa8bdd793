/** Situations of relay-and-provider §5.4 and §8 seen from an evaluator: slow relays, limits, waits, schedules, large configurations. */

import zlib from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';

import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const GOOD = JSON.stringify({ flags: { flag: { variations: { v: 'here' }, defaultRule: { variation: 'v' } } } });

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function begin(handler: Handler, options: EdictOptions = {}) {
  const relay = await ScriptedRelay.start(handler);
  closing.push(() => relay.close());
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const evaluator = new InProcessEvaluator({ endpoint: relay.url, clock, logger, random: () => 0.5, ...options });
  closing.push(() => evaluator.close());
  const value = () => evaluator.evaluate('flag', {}, 'default').value;
  const feed = () => evaluator.describe().feed as JsonObject;
  return { relay, clock, logger, evaluator, value, feed };
}

/** Real time passes until it happened, while the clock stands still. */
async function happened(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const SLOW: readonly (readonly [string, Handler])[] = [
  ['sends headers and then nothing', ({ response }) => void response.writeHead(200).write('{')],
  ['sends nothing at all', () => undefined],
  [
    'drips one byte after another',
    ({ response }) => {
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    },
  ],
];

describe('a relay that is slow without end (S-10)', () => {
  it.each(SLOW)('%s never makes initialize() hang: it rejects at the end of its window', async (_, handler) => {
    const { relay, clock, evaluator } = await begin(handler, { timeoutMs: 60_000, stallTimeoutMs: 60_000 });
    const starting = evaluator.initialize().catch((caught: unknown) => caught);
    await happened(() => relay.requests.length === 1);
    await clock.advance(10_000);
    expect(await starting).toMatchObject({ code: 'TIMEOUT' });
    expect(evaluator.state).toBe('error');
  });

  it.each(SLOW)('%s never makes a poll hang: it fails, and the last good configuration serves', async (_, handler) => {
    const { relay, clock, evaluator, value, feed } = await begin(json(GOOD));
    await evaluator.initialize();
    relay.handler = handler;
    const refreshing = evaluator.refresh('test');
    await happened(() => relay.requests.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(10_000);
    expect(await refreshing).toBe('failed');
    expect([evaluator.state, value(), (feed().lastError as JsonObject).code]).toEqual(['ready', 'here', 'TIMEOUT']);
  });

  it.each(SLOW)('%s never makes close() hang', async (_, handler) => {
    const { relay, evaluator, clock } = await begin(json(GOOD));
    await evaluator.initialize();
    relay.handler = handler;
    const refreshing = evaluator.refresh('test');
    await happened(() => relay.requests.length === 2);
    await evaluator.close();
    expect([await refreshing, clock.pendingTimers]).toEqual(['failed', 0]);
  });
});

describe('a body over a limit (S-23)', () => {
  const bomb = zlib.gzipSync(Buffer.alloc(4 * 1_048_576, 0x20));
  it.each<[string, Handler, EdictOptions]>([
    ['maxWireBytes', json(GOOD + ' '.repeat(4_096)), { maxWireBytes: 2_048 }],
    ['maxInflatedBytes', reply(200, bomb, { 'content-encoding': 'gzip' }), { maxInflatedBytes: 1_048_576 }],
  ])('fails the refresh with a text that names %s, and changes nothing', async (option, handler, options) => {
    const { relay, evaluator, value, logger } = await begin(json(GOOD), options);
    await evaluator.initialize();
    relay.handler = handler;
    expect(await evaluator.refresh('test')).toBe('failed');
    expect(value()).toBe('here');
    expect(logger.at('warn').at(-1)).toContain('BODY_TOO_LARGE');
    expect(logger.at('warn').at(-1)).toContain(`raise ${option}`);
  });
});

describe('a relay that asks to wait (S-08)', () => {
  it.each([429, 503])('with %d and Retry-After is left alone that long, and it counts as a failure', async (status) => {
    const { relay, clock, evaluator, value, feed } = await begin(json(GOOD), { staleAfterFailures: 1 });
    await evaluator.initialize();
    relay.handler = reply(status, '', { 'retry-after': '90' });
    await evaluator.refresh('test');
    expect([evaluator.state, value(), feed().nextAttemptInMs]).toEqual(['stale', 'here', 90_000]);
    relay.handler = json(GOOD);
    await clock.advance(89_999);
    expect(relay.requests).toHaveLength(2);
    await clock.advance(1);
    await happened(() => evaluator.state === 'ready');
    expect(relay.requests).toHaveLength(3);
  });
});

describe('schedules follow the wall clock, intervals do not (CF-10, S-38)', () => {
  /** Steps in Berlin's time around both changes of 2026, in a leap night, and at the end of a year. */
  const steps = [
    ['2026-03-29T01:59:59+01:00', 'before-spring'],
    ['2026-03-29T03:00:00+02:00', 'spring'],
    ['2026-10-25T02:30:00+02:00', 'first-half-past-two'],
    ['2026-10-25T02:30:00+01:00', 'second-half-past-two'],
    ['2026-12-31T23:59:59Z', 'last-second'],
    ['2028-02-29T00:00:00Z', 'leap-day'],
    ['2028-03-01T00:00:00Z', 'march'],
  ] as const;
  const names = ['none', ...steps.map(([, name]) => name)];
  const flag = {
    variations: Object.fromEntries(names.map((name) => [name, name])),
    defaultRule: { variation: 'none' },
    scheduledRollout: steps.map(([date, variation]) => ({ date, defaultRule: { variation } })),
  };

  it.each(['UTC', 'Europe/Berlin', 'America/New_York'])(
    'through both changes of daylight saving, a leap day and jumps of a day, in a process in %s',
    async (zone) => {
      const before = process.env['TZ'];
      process.env['TZ'] = zone;
      try {
        const clock = new FakeClock();
        const evaluator = new InProcessEvaluator({ bootstrap: { flags: { flag } }, clock });
        closing.push(() => evaluator.close());
        await evaluator.initialize();
        const at = (ms: number): unknown => {
          clock.wallMs = ms;
          return evaluator.evaluate('flag', { targetingKey: 'u' }, 'default').value;
        };
        for (const [i, [date, name]] of steps.entries()) {
          const ms = Date.parse(date);
          expect([at(ms - 1_000), at(ms + 1)], date).toEqual([names[i], name]);
        }
        // One second apart although the clocks on the wall show an hour and a second; an hour apart although they show the same.
        expect(Date.parse(steps[1][0]) - Date.parse(steps[0][0])).toBe(1_000);
        expect(Date.parse(steps[3][0]) - Date.parse(steps[2][0])).toBe(3_600_000);
        const noon = Date.parse('2028-02-29T12:00:00Z');
        const day = 86_400_000;
        expect([at(noon), at(noon + day), at(noon), at(noon - day), at(noon)]).toEqual([
          'leap-day',
          'march',
          'leap-day',
          'last-second',
          'leap-day',
        ]);
      } finally {
        if (before === undefined) delete process.env['TZ'];
        else process.env['TZ'] = before;
      }
    },
  );
});

describe('overlapping refreshes (D-24)', () => {
  it('take effect in the order they were asked for, each with its validator, however large the first is', async () => {
    const big = (n: number): string => {
      const flag = { variations: { v: `v${n}`, pad: 'x'.repeat(500) }, defaultRule: { variation: 'v' } };
      const count = n === 1 ? 1_500 : 1;
      return JSON.stringify({
        flags: Object.fromEntries(Array.from({ length: count }, (_, i) => [i === 0 ? 'flag' : `f${i}`, flag])),
      });
    };
    let n = 0;
    const { relay, evaluator, value, feed } = await begin((exchange) => {
      n++;
      json(big(n), { etag: `"v${n}"` })(exchange);
    });
    const seen: unknown[] = [];
    const starting = evaluator.initialize();
    const refreshes = [evaluator.refresh('one')];
    await starting;
    seen.push(value());
    refreshes.push(evaluator.refresh('two'), evaluator.refresh('three'));
    await Promise.all(refreshes);
    seen.push(value());
    expect(seen).toEqual(['v1', `v${n}`]);
    expect(feed().validator).toBe(`"v${n}"`);
    expect(relay.requests.map(({ headers }) => headers['if-none-match'])).toEqual(
      Array.from({ length: n }, (_, i) => (i === 0 ? undefined : `"v${i}"`)),
    );
  });
});

describe('a large configuration costs what the filter leaves of it (D-13)', () => {
  it('flags outside flagPrefix are neither compiled nor held, and diagnostics show the memory of the rest', async () => {
    const flag = (i: number): JsonObject => ({
      variations: { v: `value ${i}` },
      targeting: [{ query: `name eq "${i}"`, variation: 'v' }],
      defaultRule: { variation: 'v' },
    });
    const flags = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, i) => [`${i < 20 ? 'shop' : 'other'}.${i}`, flag(i)]),
    );
    const body = JSON.stringify({ flags });
    const all = await begin(json(body));
    const some = await begin(json(body), { flagPrefix: 'shop.' });
    await Promise.all([all.evaluator.initialize(), some.evaluator.initialize()]);
    const [whole, part] = [all, some].map(({ evaluator }) => evaluator.describe());
    expect([whole?.flagCount, part?.flagCount]).toEqual([2_000, 20]);
    expect(part?.imageBytes).toBeLessThan((whole?.imageBytes ?? 0) / 20);
    expect(part?.guestMemoryBytes).toBeGreaterThan(0);
    expect(some.relay.requests[0]?.body).toBe('{"flags":[],"flagPrefix":"shop."}');
  });
});
