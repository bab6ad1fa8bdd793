import { describe, expect, it } from 'vitest';
import type { UsageEvent } from '../../../../src/server/collector/usage-event.ts';
import type { ExportQueueOptions } from '../../../../src/server/exporters/export-queue.ts';
import { BatchRefused, ExportQueue } from '../../../../src/server/exporters/export-queue.ts';
import { createSafeLogger } from '../../../../src/telemetry/logger.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';

const EVENT = {} as UsageEvent;

/** A queue whose destination answers what `outcomes` says, batch by batch, and takes everything after that. */
function start(outcomes: readonly (Error | 'hang')[] = [], options: Partial<ExportQueueOptions> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const batches: string[][] = [];
  const counts = { exported: 0, dropped: 0 };
  const queue = new ExportQueue({
    kind: 'test',
    label: 'export to test',
    flushIntervalMs: 1_000,
    maxBatchEvents: 3,
    maxQueuedEvents: 5,
    clock,
    random: () => 0.5,
    logger: createSafeLogger(logger),
    onOutcome: (_kind, outcome, events) => {
      counts[outcome] += events;
    },
    send: async (texts, signal) => {
      const outcome = outcomes[batches.length];
      batches.push([...texts]);
      if (outcome === 'hang') {
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
      } else if (outcome !== undefined) throw outcome;
    },
    ...options,
  });
  const take = (...texts: string[]): void => {
    for (const text of texts) queue.take(EVENT, text);
  };
  return { clock, logger, batches, counts, queue, take };
}

describe('ExportQueue', () => {
  it('waits for the flush interval, then sends what came as one batch', async () => {
    const { clock, batches, counts, take } = start();
    take('a', 'b');
    await clock.advance(999);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches).toEqual([['a', 'b']]);
    expect([counts.exported, clock.pendingTimers]).toEqual([2, 0]);
  });

  it('sends at once when a batch is full, and the rest in batches after it', async () => {
    const { batches, take } = start();
    take('a', 'b', 'c', 'd');
    await settle();
    expect(batches).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('has one batch under way at a time', async () => {
    const { clock, batches, take } = start(['hang']);
    take('a', 'b', 'c', 'd', 'e', 'f');
    await clock.advance(10_000);
    expect(batches).toEqual([['a', 'b', 'c']]);
  });

  it('tries a failed batch again with growing delays, in order, and warns once', async () => {
    const { clock, logger, batches, counts, take } = start([new Error('down'), new Error('down')]);
    take('a', 'b', 'c');
    await settle();
    take('d');
    // Uniform between 250 ms and 1 s, at the middle; then between 250 ms and 2 s.
    await clock.advance(624);
    expect(batches).toHaveLength(1);
    await clock.advance(1);
    expect(batches).toHaveLength(2);
    await clock.advance(1_124);
    expect(batches).toHaveLength(2);
    await clock.advance(1);
    expect(batches).toEqual([['a', 'b', 'c'], ['a', 'b', 'c'], ['a', 'b', 'c'], ['d']]);
    expect(counts).toEqual({ exported: 4, dropped: 0 });
    expect(logger.at('warn')).toEqual(['edict: export to test: down; tried again with growing delays']);
    expect(logger.at('info')).toEqual(['edict: export to test: takes events again']);
  });

  it('drops a batch that the destination will never take, and goes on with the next', async () => {
    const { logger, batches, counts, take } = start([new BatchRefused('status 400')]);
    take('a', 'b', 'c', 'd');
    await settle();
    expect(batches).toEqual([['a', 'b', 'c'], ['d']]);
    expect(counts).toEqual({ exported: 1, dropped: 3 });
    expect(logger.at('warn')).toEqual(['edict: export to test: 3 events dropped: status 400']);
  });

  it('drops the oldest events when too many wait, counts each, and warns once', async () => {
    const { clock, logger, batches, counts, take } = start([new Error('down')]);
    take('a', 'b', 'c');
    await settle();
    take('d', 'e', 'f', 'g');
    expect(counts.dropped).toBe(2);
    await clock.advance(1_000);
    expect(batches.slice(1)).toEqual([
      ['c', 'd', 'e'],
      ['f', 'g'],
    ]);
    expect(counts).toEqual({ exported: 5, dropped: 2 });
    expect(logger.at('warn')).toHaveLength(2);
  });

  it('bounds what waits by size as well', async () => {
    const { counts, take } = start(['hang'], { maxQueuedEvents: 1_000, maxBatchEvents: 1 });
    take('first');
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 20; count += 1) take(megabyte);
    expect(counts.dropped).toBeGreaterThanOrEqual(4);
  });

  it('sends what it holds when it closes', async () => {
    const { clock, batches, counts, queue, take } = start();
    take('a', 'b');
    await queue.close(5_000);
    await queue.close(5_000);
    expect(batches).toEqual([['a', 'b']]);
    take('late');
    expect(counts).toEqual({ exported: 2, dropped: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up at the deadline of closing, and says how much was lost', async () => {
    const { clock, logger, counts, queue, take } = start(['hang']);
    take('a', 'b', 'c', 'd');
    const closing = queue.close(2_000);
    await clock.advance(2_000);
    await closing;
    expect(counts).toEqual({ exported: 0, dropped: 4 });
    expect(logger.at('warn').at(-1)).toBe('edict: export to test: 4 events were not exported before the end');
    expect(clock.pendingTimers).toBe(0);
  });

  it('makes one last attempt when it closes in a backoff', async () => {
    const { clock, batches, counts, queue, take } = start([new Error('down')]);
    take('a');
    await queue.flush();
    await queue.close(2_000);
    expect(batches).toEqual([['a'], ['a']]);
    expect(counts).toEqual({ exported: 1, dropped: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
