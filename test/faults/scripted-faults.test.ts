/** The embedded relay misbehaves in every way its switches can; an evaluator, and the provider on it, must not lose a good answer. */

import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { EvaluatorEvent } from '../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../src/evaluator/in-process-evaluator.ts';
import type { JsonObject } from '../../src/internal/json.ts';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { EdictProvider } from '../../src/provider/edict-provider.ts';
import { FakeClock } from '../unit/relay/support/fake-clock.ts';
import { RecordingLogger } from '../unit/relay/support/recording-logger.ts';
import { CONFIGURATION, raw } from '../unit/server/faults/raw-client.ts';
import type { TestRelay } from '../unit/server/test-relay.ts';
import { startTestRelay } from '../unit/server/test-relay.ts';

const MIB = 1_048_576;

/** What the relay serves; the value of `flag` tells which version an answer is from. */
function content(version: string): JsonObject {
  return {
    flag: {
      variations: { plain: version, staff: `${version} for staff` },
      targeting: [{ name: 'staff', query: 'email ew "@example.com"', variation: 'staff' }],
      defaultRule: { variation: 'plain' },
      metadata: { description: 'A long text makes a long body, with many places to be cut at. '.repeat(20) },
    },
    other: { variations: { on: true, off: false }, defaultRule: { variation: 'on' } },
  };
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
});

/** A relay in test mode and an evaluator on a clock that stands still, so that it polls only when told to. */
class Bench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events: EvaluatorEvent['type'][] = [];
  readonly test: TestRelay;
  readonly evaluator: InProcessEvaluator;
  /** Whether the clock runs while something is awaited. */
  isTimePassing = false;

  private constructor(test: TestRelay, options: EdictOptions) {
    this.test = test;
    this.clock.wallMs = Date.now();
    this.evaluator = new InProcessEvaluator(this.options(options));
    this.evaluator.onChange(({ type }) => this.events.push(type));
  }

  static async create(options: EdictOptions = {}): Promise<Bench> {
    const bench = new Bench(await startTestRelay(content('v1'), { faults: true }), options);
    onTestFinished(() => bench.evaluator.close());
    return bench;
  }

  options(options: EdictOptions): EdictOptions {
    const { clock, logger, test } = this;
    // No polling: each refresh is one that the test asked for. The limits are those of the clock that stands still.
    return { endpoint: test.relay.url, clock, logger, random: () => 0.5, pollIntervalMs: 0, ...options };
  }

  get faults() {
    return this.test.relay.faults;
  }

  get feed() {
    return this.evaluator.describe().feed as JsonObject & {
      polls: JsonObject;
      lastError: { code: string; status: number | null } | null;
    };
  }

  /** What the evaluator answers to three questions. */
  get answers(): unknown[] {
    const staff = { targetingKey: 'u', email: 'ann@example.com' };
    return [
      this.evaluator.evaluate('flag', { targetingKey: 'u' }, 'default').value,
      this.evaluator.evaluate('flag', staff, 'default').value,
      this.evaluator.evaluate('other', {}, false).value,
    ];
  }

  async serve(version: string): Promise<void> {
    await this.test.write(JSON.stringify(content(version)));
    await this.test.relay.reload();
  }

  refresh(): Promise<string> {
    return this.passing(this.evaluator.refresh('test'));
  }

  /** Lets the clock run until the work is done: whatever waits for a limit meets it. */
  async passing<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    // Awaited below; a rejection in between is not an unhandled one.
    settled.catch(() => undefined);
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (!done && this.isTimePassing) await this.clock.advance(50);
    }
    return settled;
  }
}

const answersOf = (version: string): unknown[] => [version, `${version} for staff`, true];

interface FailureCase {
  readonly fault: string;
  readonly code: string;
  readonly options?: EdictOptions;
  /** In force while the first configuration is loaded. */
  readonly before?: string;
  /** The fault waits for a limit of the client. */
  readonly waits?: boolean;
}

const FAILURES: readonly FailureCase[] = [
  { fault: 'status:201', code: 'UNEXPECTED_STATUS' },
  { fault: 'status:204', code: 'UNEXPECTED_STATUS' },
  { fault: 'status:206', code: 'UNEXPECTED_STATUS' },
  { fault: 'status:301', code: 'REDIRECT_REFUSED' },
  { fault: 'status:400', code: 'BAD_REQUEST' },
  { fault: 'status:403', code: 'FORBIDDEN' },
  { fault: 'status:404', code: 'NOT_FOUND' },
  { fault: 'status:405', code: 'UNEXPECTED_STATUS' },
  { fault: 'status:408', code: 'UNAVAILABLE' },
  { fault: 'status:413', code: 'UNEXPECTED_STATUS' },
  { fault: 'status:429+retry-after:1', code: 'RATE_LIMITED' },
  { fault: 'status:500', code: 'UNAVAILABLE' },
  { fault: 'status:502+close-early', code: 'UNAVAILABLE' },
  { fault: 'status:503+retry-after:garbage', code: 'UNAVAILABLE' },
  { fault: 'redirect:127.0.0.1:9', code: 'REDIRECT_REFUSED' },
  { fault: 'auth-flip', code: 'UNAUTHORIZED' },
  { fault: '304-unasked', code: 'UNEXPECTED_NOT_MODIFIED', before: 'no-etag' },
  { fault: 'html-200', code: 'INVALID_BODY' },
  { fault: 'cut-json', code: 'INVALID_BODY' },
  { fault: 'array-200', code: 'INVALID_BODY' },
  { fault: 'flags-null', code: 'INVALID_BODY' },
  { fault: 'flags-array', code: 'INVALID_BODY' },
  { fault: 'error-code-200', code: 'INVALID_BODY' },
  { fault: 'deep-json', code: 'INVALID_BODY' },
  { fault: 'empty-object', code: 'EMPTY_REFUSED', options: { emptyConfiguration: 'reject' } },
  { fault: 'bomb:300', code: 'BODY_TOO_LARGE' },
  { fault: 'bomb:90', code: 'BODY_TOO_LARGE', options: { maxInflatedBytes: 4 * MIB } },
  { fault: 'bomb:20', code: 'INVALID_BODY' },
  { fault: 'huge:9000000', code: 'BODY_TOO_LARGE' },
  { fault: 'huge:20000', code: 'BODY_TOO_LARGE', options: { maxWireBytes: 16_384 } },
  { fault: 'stall-headers', code: 'TIMEOUT', options: { timeoutMs: 1_000 }, waits: true },
  { fault: 'stall-body', code: 'TIMEOUT', options: { timeoutMs: 3_600_000, stallTimeoutMs: 1_000 }, waits: true },
  { fault: 'drip:5', code: 'TIMEOUT', options: { timeoutMs: 2_000, stallTimeoutMs: 2_000 }, waits: true },
  { fault: 'close-early', code: 'NETWORK' },
];

let survived = 0;

/** Three refreshes fail, the state follows, nothing is lost; the first refresh without the fault brings the new content. */
async function survives({ fault, code, options, before, waits = false }: FailureCase): Promise<void> {
  const bench = await Bench.create(options);
  if (before !== undefined) bench.faults.set('configuration', before);
  await bench.evaluator.initialize();
  const { validator } = bench.feed;
  expect(bench.answers).toEqual(answersOf('v1'));

  // What the fault hides is new: a validator stored with it by mistake would hide it for ever.
  await bench.serve('v2');
  bench.faults.set('configuration', fault);
  bench.isTimePassing = waits;
  const isRefusedCredential = code === 'UNAUTHORIZED' || code === 'FORBIDDEN';
  for (const attempt of [1, 2, 3]) {
    expect(await bench.refresh()).toBe('failed');
    expect(bench.feed.lastError?.code).toBe(code);
    expect(bench.feed).toMatchObject({ consecutiveFailures: attempt, validator });
    expect(bench.evaluator.state).toBe(attempt === 3 || isRefusedCredential ? 'stale' : 'ready');
    expect(bench.answers).toEqual(answersOf('v1'));
  }
  expect(bench.events).toEqual(['stale']);

  bench.isTimePassing = false;
  bench.faults.clear();
  expect(await bench.refresh()).toBe('changed');
  expect(bench.evaluator.state).toBe('ready');
  expect(bench.events).toEqual(['stale', 'ready', 'changed']);
  expect(bench.answers).toEqual(answersOf('v2'));
  expect(await bench.refresh()).toBe('unchanged');
  survived++;
}

describe('a good configuration survives, STALE comes on time, and one refresh recovers (CF-01)', () => {
  // The figure of the deep run; every case has its own verdict above.
  afterAll(() => {
    if (process.env['EDICT_DEEP'] === '1')
      console.log(`scripted relay faults: ${survived} survived without losing the last good set`);
  });

  it.each(FAILURES)('$fault is $code', survives);

  it.each([0, 1, 9, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, -1])(
    'a reset at %d (a byte, a share of the answer, or its last byte)',
    async (at) => {
      const { relay } = await startTestRelay(content('v2'), { faults: true });
      relay.faults.set('configuration', 'reset-at:1000000');
      const whole = raw(relay.port, CONFIGURATION);
      await whole.end();
      const length = Buffer.concat(whole.chunks).length;
      expect(length).toBeGreaterThan(1_500);
      const position = at < 0 ? length + at : at < 1 ? Math.floor(length * at) : at;
      await survives({ fault: `reset-at:${position}`, code: 'NETWORK' });
    },
  );
});

describe('304', () => {
  it.each(['304-no-etag', '304-other-etag'])(
    '%s is unchanged and writes nothing, not even the validator (S-14, GOFF-IP-015)',
    async (fault) => {
      const bench = await Bench.create();
      await bench.evaluator.initialize();
      const { validator } = bench.feed;
      await bench.serve('v2');
      bench.faults.set('configuration', fault);
      for (let i = 0; i < 4; i += 1) expect(await bench.refresh()).toBe('unchanged');
      expect(bench.feed).toMatchObject({ validator, consecutiveFailures: 0 });
      expect(bench.answers).toEqual(answersOf('v1'));
      expect(
        bench.faults
          .seen('configuration')
          .slice(1)
          .map(({ ifNoneMatch }) => ifNoneMatch),
      ).toEqual(Array.from({ length: 4 }, () => validator));
      bench.faults.clear();
      expect(await bench.refresh()).toBe('changed');
      expect(bench.answers).toEqual(answersOf('v2'));
      expect(bench.events).toEqual(['changed']);
    },
  );

  it.each(['304-unasked', 'html-200', 'cut-json', 'status:503', 'reset-at:300'])(
    '%s as the answer to the first request fails that attempt only (S-15, S-01)',
    async (fault) => {
      const bench = await Bench.create();
      bench.faults.set('configuration', fault, { times: 1 });
      bench.isTimePassing = true;
      await bench.passing(bench.evaluator.initialize());
      expect(bench.feed.polls).toMatchObject({ changed: 1, failed: 1 });
      expect(bench.faults.seen('configuration').map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([undefined, undefined]);
      expect(bench.evaluator.state).toBe('ready');
      expect(bench.answers).toEqual(answersOf('v1'));
    },
  );
});

describe('validators against content', () => {
  it('weak-etag: the weak form is echoed byte for byte, the strong one of a 304 changes nothing (S-16)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'weak-etag');
    await bench.evaluator.initialize();
    const { validator } = bench.feed;
    expect(validator).toMatch(/^W\/"/);
    for (let i = 0; i < 2; i += 1) expect(await bench.refresh()).toBe('unchanged');
    expect(bench.faults.seen('configuration').map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([
      undefined,
      validator,
      validator,
    ]);
    await bench.serve('v2');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v2'));
  });

  it('etag-frozen: the same validator over other content hides nothing (S-18)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'etag-frozen');
    await bench.evaluator.initialize();
    await bench.serve('v2');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.feed.validator).toBe('"frozen"');
    expect(bench.answers).toEqual(answersOf('v2'));
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.events).toEqual(['changed']);
  });

  it('etag-random: another validator over the same content is stored, and is no change (S-17)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'etag-random');
    await bench.evaluator.initialize();
    const first = bench.feed.validator;
    expect(await bench.refresh()).toBe('unchanged');
    const second = bench.feed.validator;
    expect(second).not.toBe(first);
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.faults.seen('configuration').map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([
      undefined,
      first,
      second,
    ]);
    expect(bench.events).toEqual([]);
  });

  it.each(['no-etag', 'huge-etag'])('%s: the content decides, and no validator is kept', async (fault) => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    bench.faults.set('configuration', fault);
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.feed.validator).toBeNull();
    await bench.serve('v2');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v2'));
    bench.faults.clear();
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.feed.validator).toMatch(/^"\d+-[0-9a-f]{40}"$/);
    expect(bench.faults.seen('configuration').map(({ ifNoneMatch }) => ifNoneMatch === undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe('Last-Modified', () => {
  it.each([
    ['-1d', / UTC$/],
    ['-3650d', / UTC$/],
    ['1d', / UTC$/],
    ['0,America/Sao_Paulo', / -03$/],
    ['-2h,Europe/Berlin', / (CET|CEST|GMT\+[12]|\+0[12])$/],
    ['garbage', undefined],
    ['none', undefined],
  ])('%s never decides, and is shown when it can be read (S-19)', async (parameter, shown) => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    await bench.serve('v2');
    bench.faults.set('configuration', `last-modified:${parameter}`);
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v2'));
    if (shown === undefined) expect(bench.feed.lastModified).toBeNull();
    else expect(bench.feed.lastModified).toMatch(shown);
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.feed).toMatchObject({ consecutiveFailures: 0 });
  });
});

describe('content', () => {
  it('empty-object once is held: nothing is written, and the next good answer is no change (S-13)', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    const { validator } = bench.feed;
    bench.faults.set('configuration', 'empty-object', { times: 1 });
    expect(await bench.refresh()).toBe('unchanged');
    expect(bench.feed).toMatchObject({ validator, polls: { held: 1 } });
    expect(bench.answers).toEqual(answersOf('v1'));
    expect(await bench.refresh()).toBe('unchanged');
    expect([bench.events, bench.evaluator.state]).toEqual([[], 'ready']);
  });

  it('empty-object, a failure, empty-object: the guard begins afresh', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    for (const [fault, result] of [
      ['empty-object', 'unchanged'],
      ['status:503', 'failed'],
      ['empty-object', 'unchanged'],
      ['cut-json', 'failed'],
      ['empty-object', 'unchanged'],
    ] as const) {
      bench.faults.set('configuration', fault, { times: 1 });
      expect(await bench.refresh()).toBe(result);
      expect(bench.answers).toEqual(answersOf('v1'));
    }
  });

  it('empty-object twice is believed; the flags are back with the first answer that has them (S-13)', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    bench.faults.set('configuration', 'empty-object');
    expect([await bench.refresh(), await bench.refresh()]).toEqual(['unchanged', 'changed']);
    expect(bench.answers).toEqual(['default', 'default', false]);
    expect(await bench.refresh()).toBe('unchanged');
    bench.faults.clear();
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v1'));
    expect(bench.events).toEqual(['changed', 'changed']);
  });

  it('empty-object at the first load is zero flags, with a warning (S-12)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'empty-object');
    await bench.evaluator.initialize();
    expect(bench.evaluator.state).toBe('ready');
    expect(bench.logger.at('warn').join()).toContain('has no flags');
    bench.faults.clear();
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v1'));
  });

  it('replica-flap: each content is applied, the flips are counted and warned of (S-20)', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    bench.faults.set('configuration', 'replica-flap');
    for (let i = 0; i < 8; i += 1) {
      expect(await bench.refresh()).toBe('changed');
      const extra = bench.evaluator.evaluate('replica-flap', {}, false);
      expect(extra.value).toBe(i % 2 === 0);
      expect(bench.answers).toEqual(answersOf('v1'));
    }
    expect(bench.feed.configFlips).toBeGreaterThan(3);
    expect(bench.logger.at('warn').filter((line) => line.includes('back and forth'))).not.toEqual([]);
    bench.faults.clear();
    expect(await bench.refresh()).toBe('unchanged');
  });

  it('huge within the limits is a configuration like any other', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    await bench.serve('v2');
    bench.faults.set('configuration', 'huge:2000000');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v2'));
  });

  it('drip that ends in time is a configuration like any other', async () => {
    const bench = await Bench.create();
    await bench.evaluator.initialize();
    await bench.serve('v2');
    bench.faults.set('configuration', 'drip:20000');
    expect(await bench.refresh()).toBe('changed');
    expect(bench.answers).toEqual(answersOf('v2'));
  });
});

describe('Retry-After', () => {
  it.each([
    ['429', '400', 400_000],
    ['503', 'date:400', 400_000],
    ['429', '86400', 600_000],
    ['429', 'date:-400', 625],
    ['503', 'Sun, 06 Nov 1994 08:49:37 GMT', 625],
    ['503', 'garbage', 625],
  ])('%s with %s is waited for, clamped, or ignored (S-08)', async (status, parameter, expectedMs) => {
    const bench = await Bench.create({ pollIntervalMs: 120_000 });
    await bench.evaluator.initialize();
    bench.faults.set('configuration', `status:${status}+retry-after:${parameter}`);
    expect(await bench.refresh()).toBe('failed');
    // A date is cut to the second, and the relay's clock has moved on since the test's stood still.
    expect(bench.feed.nextAttemptInMs).toBeGreaterThanOrEqual(expectedMs - 1_000);
    expect(bench.feed.nextAttemptInMs).toBeLessThan(expectedMs + 10_000);
    expect(bench.answers).toEqual(answersOf('v1'));
  });
});

describe('the provider in the SDK', () => {
  async function provide(bench: Bench, domain: string, options: EdictOptions = {}) {
    const provider = new EdictProvider(bench.options(options));
    onTestFinished(async () => {
      await OpenFeature.clearProviders();
      OpenFeature.clearHandlers();
    });
    const client = OpenFeature.getClient(domain);
    const start = OpenFeature.setProviderAndWait(domain, provider);
    start.catch(() => undefined);
    const statuses = async (count: number): Promise<string[]> => {
      const list: string[] = [];
      for (let i = 0; i < count; i += 1) {
        await bench.passing(provider.refresh());
        list.push(client.providerStatus);
      }
      return list;
    };
    return { start, client, statuses, value: () => client.getStringValue('flag', 'default') };
  }

  it.each([
    ['status:503', ['READY', 'READY', 'STALE', 'STALE']],
    ['cut-json', ['READY', 'READY', 'STALE', 'STALE']],
    ['reset-at:500', ['READY', 'READY', 'STALE', 'STALE']],
    ['auth-flip', ['STALE', 'STALE']],
    ['304-no-etag', ['READY', 'READY', 'READY', 'READY']],
  ])('%s: statuses, values, and READY with the first good answer (S-05, S-09, S-11)', async (fault, expected) => {
    const bench = await Bench.create();
    const { start, statuses, value } = await provide(bench, `faults-${fault}`);
    await start;
    await bench.serve('v2');
    bench.faults.set('configuration', fault);
    expect(await statuses(expected.length)).toEqual(expected);
    expect(await value()).toBe('v1');
    bench.faults.clear();
    expect(await statuses(1)).toEqual(['READY']);
    expect(await value()).toBe('v2');
  });

  it('auth-flip at the start is FATAL at once, and READY when the key is accepted (S-03, S-41)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'auth-flip');
    const { start, client, value } = await provide(bench, 'faults-fatal', { pollIntervalMs: 120_000 });
    await expect(start).rejects.toMatchObject({ code: 'PROVIDER_FATAL' });
    expect(client.providerStatus).toBe('FATAL');
    bench.faults.clear();
    while (client.providerStatus !== 'READY') {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await bench.clock.advance(10_000);
    }
    expect(await value()).toBe('v1');
  });

  it('stall-headers at the start ends it when its time is over, and READY comes without anybody asking (S-01, S-10)', async () => {
    const bench = await Bench.create();
    bench.faults.set('configuration', 'stall-headers');
    const { start, client, value } = await provide(bench, 'faults-stall', { initTimeoutMs: 1_000 });
    bench.isTimePassing = true;
    await expect(bench.passing(start)).rejects.toMatchObject({ code: 'PROVIDER_NOT_READY' });
    expect(client.providerStatus).toBe('ERROR');
    expect(await value()).toBe('default');
    bench.faults.clear();
    while (client.providerStatus !== 'READY') {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await bench.clock.advance(100);
    }
    expect(await value()).toBe('v1');
  });
});

describe('closing', () => {
  it.each(['stall-headers', 'stall-body', 'drip:1'])(
    'the relay ends %s at once, and the client fails that refresh only',
    async (fault) => {
      const bench = await Bench.create();
      await bench.evaluator.initialize();
      bench.faults.set('configuration', fault);
      const refresh = bench.refresh();
      while (bench.faults.seen('configuration').length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
      await bench.test.relay.close();
      expect(await refresh).toBe('failed');
      expect(bench.feed.lastError?.code).toBe('NETWORK');
      expect(bench.answers).toEqual(answersOf('v1'));
    },
  );
});
