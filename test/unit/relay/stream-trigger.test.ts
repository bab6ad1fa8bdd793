/** The stream on a clock the test owns, with streams the test writes to. */

import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import type { StreamResult } from '../../../src/relay/stream-client.ts';
import { StreamTrigger } from '../../../src/relay/stream-trigger.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { failure } from './support/feed-bench.ts';
import { RecordingLogger } from './support/recording-logger.ts';

type Scripted = Exclude<StreamResult, { kind: 'open' }> | 'stream' | Promise<StreamResult>;

class StreamBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly streams: PassThrough[] = [];
  /** What was told, in order, each with its time. */
  readonly told: string[] = [];
  /** When each connect was tried. */
  readonly connects: number[] = [];
  isClosed = false;
  readonly trigger: StreamTrigger;
  #script: Scripted[];

  /** The last answer repeats for ever. */
  constructor(script: readonly Scripted[], options: EdictOptions = {}) {
    this.#script = [...script];
    const { clock, logger } = this;
    const given = { endpoint: 'http://relay', streaming: 'sse', random: () => 0.5, clock, logger } as const;
    this.trigger = new StreamTrigger(
      resolveOptions({ ...given, ...options }),
      {
        open: async () => this.#open(),
        close: async () => {
          this.isClosed = true;
        },
      },
      {
        onTrigger: () => this.told.push(`trigger ${this.now}`),
        onUp: (isUp) => this.told.push(`${isUp ? 'up' : 'down'} ${this.now}`),
      },
    );
  }

  get now(): number {
    return this.clock.monotonic() - 1_000;
  }

  get triggers(): string[] {
    return this.told.filter((line) => line.startsWith('trigger'));
  }

  get stream(): PassThrough {
    return this.streams.at(-1) as PassThrough;
  }

  nowAnswer(...script: Scripted[]): void {
    this.#script = script;
  }

  async start(): Promise<void> {
    this.trigger.start();
    await settle();
  }

  async write(text: string): Promise<void> {
    this.stream.write(text);
    await settle();
  }

  async end(): Promise<void> {
    this.stream.end();
    await settle();
    await settle();
  }

  async #open(): Promise<StreamResult> {
    this.connects.push(this.now);
    const [answer = failure('NETWORK')] = this.#script;
    if (this.#script.length > 1) this.#script.shift();
    if (answer !== 'stream') return answer;
    const body = new PassThrough();
    this.streams.push(body);
    return { kind: 'open', body };
  }
}

const EVENT = 'id: \ndata: {"deleted":{},"added":{},"updated":{}}\n\n';

let bench: StreamBench;
beforeEach(() => {
  bench = new StreamBench(['stream']);
});
afterEach(async () => {
  await bench.trigger.stop();
});

describe('an open stream (D-38)', () => {
  it('asks for one fetch after the connect, which no event announces', async () => {
    await bench.start();
    await bench.clock.advance(1_000);
    expect(bench.told).toEqual(['up 0', 'trigger 500']);
    expect(bench.trigger.describe()).toMatchObject({ state: 'up', connects: 1, events: 0, triggers: 1, failures: 0 });
  });

  it('asks for one after each event, a random time later, bursts for one together (D-14)', async () => {
    await bench.start();
    await bench.clock.advance(1_000);
    await bench.write(EVENT);
    await bench.clock.advance(400);
    await bench.write(EVENT.repeat(50));
    await bench.clock.advance(10_000);
    await bench.write(EVENT);
    await bench.clock.advance(10_000);
    expect(bench.triggers).toEqual(['trigger 500', 'trigger 1500', 'trigger 11900']);
    expect(bench.trigger.describe()).toMatchObject({ events: 52, triggers: 3 });
  });

  it.each([
    [0, 0],
    [0.999, 999],
  ])('spreads the delay over streamTriggerDelayMs (chance %d)', async (chance, delayMs) => {
    bench = new StreamBench(['stream'], { random: () => chance });
    await bench.start();
    await bench.clock.advance(2_000);
    expect(bench.triggers).toEqual([`trigger ${delayMs}`]);
  });

  it('cares not what an event says: foreign, malformed and duplicate ones cost one fetch at most (S-26)', async () => {
    await bench.start();
    await bench.clock.advance(1_000);
    await bench.write('data: {"updated":{"of another tenant":{}}}\n\ndata: not json\n\n');
    await bench.write(`data: ${'x'.repeat(2_000_000)}\n\n`);
    await bench.write(EVENT + EVENT);
    await bench.clock.advance(5_000);
    expect(bench.triggers).toHaveLength(2);
  });

  it('is nobody’s business when a comment comes, but for the watchdog (S-25)', async () => {
    await bench.start();
    for (let i = 0; i < 20; i++) {
      await bench.clock.advance(60_000);
      await bench.write(': heartbeat\n\n');
    }
    expect(bench.told).toEqual(['up 0', 'trigger 500']);
    expect(bench.connects).toEqual([0]);
  });

  it('that is silent for streamIdleTimeoutMs is opened anew, and that is no reason for a warning (S-25)', async () => {
    await bench.start();
    await bench.clock.advance(299_999);
    expect(bench.connects).toEqual([0]);
    const [silent] = bench.streams;
    await bench.clock.advance(3_000);
    expect(bench.told).toEqual(['up 0', 'trigger 500', 'down 300000', 'up 301000', 'trigger 301500']);
    expect(silent?.destroyed).toBe(true);
    expect(bench.logger.at('warn')).toEqual([]);
  });

  it('that trickles through a half-open connection without ever finishing a line is not silent', async () => {
    bench = new StreamBench(['stream'], { streamIdleTimeoutMs: 1_000 });
    await bench.start();
    for (let i = 0; i < 10; i++) {
      await bench.clock.advance(900);
      await bench.write('x');
    }
    expect(bench.connects).toEqual([0]);
  });
});

describe('a stream that ends', () => {
  it('is opened again after a second at the earliest, also when it ended at once', async () => {
    bench = new StreamBench(['stream'], { random: () => 0 });
    await bench.start();
    for (let i = 0; i < 5; i++) {
      await bench.end();
      await bench.clock.advance(999);
      expect(bench.connects).toHaveLength(i + 1);
      await bench.clock.advance(1);
      expect(bench.connects).toHaveLength(i + 2);
    }
  });

  it('again and again is opened with growing delays up to maxBackoffMs', async () => {
    bench = new StreamBench(['stream'], { random: () => 0.999_999, streamTriggerDelayMs: 0 });
    await bench.start();
    for (let i = 0; i < 8; i++) {
      await bench.end();
      const tries = bench.connects.length;
      while (bench.connects.length === tries) await bench.clock.advance(1_000);
    }
    const waits = bench.told.filter((line) => !line.startsWith('trigger')).map((line) => line.split(' '));
    const delays = waits.flatMap(([what, at], i) =>
      what === 'up' && i > 0 ? [Number(at) - Number(waits[i - 1]?.[1])] : [],
    );
    expect(delays.map((ms) => Math.round(ms / 1_000))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(bench.logger.at('warn')).toHaveLength(1);
  });

  it('after it was steady begins with small delays again, without a warning', async () => {
    bench = new StreamBench([failure('NETWORK'), failure('NETWORK'), failure('NETWORK'), 'stream']);
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.logger.at('warn')).toHaveLength(1);
    expect(bench.logger.at('info')).toEqual([expect.stringContaining('up again')]);
    const before = bench.now;
    await bench.end();
    await bench.clock.advance(1_000);
    expect(bench.connects.at(-1)).toBe(before + 1_000);
    expect(bench.logger.at('warn')).toHaveLength(1);
  });

  it('with an error is opened again like one that ended, and counted once', async () => {
    await bench.start();
    bench.stream.destroy(new Error('ECONNRESET'));
    await bench.clock.advance(2_000);
    expect(bench.connects).toEqual([0, 1_000]);
    expect(bench.trigger.describe()).toMatchObject({ connects: 2, failures: 1, lastError: { code: 'NETWORK' } });
  });

  it('waits as long as the server wished with retry:', async () => {
    await bench.start();
    await bench.write('retry: 20000\n\n');
    await bench.end();
    await bench.clock.advance(19_999);
    expect(bench.connects).toHaveLength(1);
    await bench.clock.advance(1);
    expect(bench.connects).toHaveLength(2);
  });
});

describe('a stream that cannot be opened', () => {
  it.each([204, 404])('because the relay has none (%d): one warning, no other try', async (status) => {
    bench = new StreamBench([{ kind: 'absent', status }]);
    await bench.start();
    await bench.clock.advance(86_400_000);
    expect(bench.connects).toEqual([0]);
    expect(bench.logger.at('warn')).toEqual([
      expect.stringContaining(`it answered ${status}); the configuration is polled`),
    ]);
    expect([bench.trigger.describe().state, bench.told]).toEqual(['absent', []]);
  });

  it.each(['UNAUTHORIZED', 'FORBIDDEN', 'BAD_REQUEST'] as const)(
    'because of %s is tried slowly, for ever',
    async (code) => {
      bench = new StreamBench([failure(code)]);
      await bench.start();
      await bench.clock.advance(300_000 * 3);
      expect(bench.connects).toEqual([0, 300_000, 600_000, 900_000]);
      expect(bench.logger.at('warn')).toHaveLength(1);
      bench.nowAnswer('stream');
      await bench.clock.advance(300_000);
      expect(bench.trigger.describe()).toMatchObject({ state: 'up', connects: 1 });
    },
  );

  it('because the relay asked to wait is not tried before (S-08)', async () => {
    bench = new StreamBench([failure('UNAVAILABLE', { retryAfterMs: 90_000 }), 'stream']);
    await bench.start();
    await bench.clock.advance(89_999);
    expect(bench.connects).toHaveLength(1);
    await bench.clock.advance(1);
    expect(bench.connects).toHaveLength(2);
  });
});

describe('stopping', () => {
  it('ends the stream and every timer, and tells nothing more', async () => {
    await bench.start();
    await bench.write(EVENT);
    const { stream } = bench;
    await bench.trigger.stop();
    await bench.trigger.stop();
    expect([stream.destroyed, bench.isClosed, bench.clock.pendingTimers]).toEqual([true, true, 0]);
    await bench.clock.advance(600_000);
    expect(bench.told).toEqual(['up 0']);
    bench.trigger.start();
    await settle();
    expect(bench.connects).toEqual([0]);
  });

  it('while it waits to reconnect leaves no timer', async () => {
    bench = new StreamBench([failure('NETWORK')]);
    await bench.start();
    await bench.trigger.stop();
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('while it connects lets go of a stream that comes too late', async () => {
    let answer: (result: StreamResult) => void = () => undefined;
    bench = new StreamBench([
      new Promise<StreamResult>((resolve) => {
        answer = resolve;
      }),
    ]);
    await bench.start();
    await bench.trigger.stop();
    const late = new PassThrough();
    answer({ kind: 'open', body: late });
    await settle();
    expect([late.destroyed, bench.told, bench.clock.pendingTimers]).toEqual([true, [], 0]);
  });

  it('is not delayed by a connect that failed because of it', async () => {
    bench = new StreamBench([failure('NETWORK')]);
    bench.trigger.start();
    await bench.trigger.stop();
    await settle();
    expect([bench.logger.lines, bench.clock.pendingTimers]).toEqual([[], 0]);
  });
});
