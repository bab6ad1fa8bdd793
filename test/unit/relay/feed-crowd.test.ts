/** Very many feeds on one relay, started in the same moment. */

import { describe, expect, it } from 'vitest';

import { resolveOptions } from '../../../src/options/resolve.ts';
import { ConfigurationFeed } from '../../../src/relay/feed.ts';
import type { CompiledFacts } from '../../../src/relay/feed-events.ts';
import { Random } from '../flags/jsonlogic/random-cases.ts';
import { FakeClock } from './support/fake-clock.ts';
import { failure, flags, unchanged } from './support/feed-bench.ts';
import { RecordingLogger } from './support/recording-logger.ts';

const FEEDS = 500;

/** All on one clock; `isUp` decides what each fetch gets. Gives the time of every fetch, in milliseconds. */
async function crowd(hours: number, isUp: (nowMs: number) => boolean) {
  const clock = new FakeClock();
  const beganMs = clock.monotonic();
  const random = new Random(7);
  const fetches: number[] = [];
  const feeds = Array.from({ length: FEEDS }, () => {
    const options = { endpoint: 'http://relay', clock, logger: new RecordingLogger(), random: () => random.next() };
    let isFirst = true;
    const feed = new ConfigurationFeed<CompiledFacts>(resolveOptions(options), {
      fetch: async () => {
        const nowMs = clock.monotonic() - beganMs;
        fetches.push(nowMs);
        if (!isUp(nowMs)) return failure('UNAVAILABLE');
        const answer = isFirst ? flags(1) : unchanged;
        isFirst = false;
        return answer;
      },
      compile: async () => ({ flagCount: 1, suspicious: false }),
      publish: () => undefined,
      flagsInUse: () => 0,
      onEvent: () => undefined,
    });
    void feed.start();
    return feed;
  });
  await clock.advance(hours * 3_600_000);
  for (const feed of feeds) feed.stop();
  return fetches;
}

/** The most fetches of any one second in [fromMs, toMs). */
function busiestSecond(fetches: readonly number[], fromMs: number, toMs: number): number {
  const seconds = new Map<number, number>();
  for (const at of fetches) {
    if (at < fromMs || at >= toMs) continue;
    const second = Math.floor(at / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...seconds.values());
}

describe('500 feeds started together (CF-09)', () => {
  it('spread their polls: over a fifth of the interval at first, over all of it within the hour', async () => {
    const fetches = await crowd(1, () => true);
    expect(busiestSecond(fetches, 0, 1_000)).toBe(FEEDS);
    expect(fetches.filter((at) => at >= 1_000 && at < 108_000)).toHaveLength(0);
    // Evenly spread over 24 s a second would see 21 of them, over 120 s it would see 4.
    expect(busiestSecond(fetches, 1_000, 240_000)).toBeLessThan(45);
    expect(busiestSecond(fetches, 3_000_000, 3_600_000)).toBeLessThan(25);
    const lastInterval = fetches.filter((at) => at >= 3_480_000).map((at) => Math.floor(at / 10_000));
    expect(new Set(lastInterval).size).toBe(12);
    if (process.env['EDICT_DEEP'] === '1') {
      const busiest = busiestSecond(fetches, 3_000_000, 3_600_000);
      console.log(`${FEEDS} feeds started together: at most ${busiest} polls in one second after 50 minutes`);
    }
  }, 60_000);

  it('and met by an outage at once come back spread as well, never as one crowd', async () => {
    const fetches = await crowd(0.25, (nowMs) => nowMs < 1_000 || nowMs >= 600_000);
    expect(busiestSecond(fetches, 240_000, 900_000)).toBeLessThan(60);
    const last = new Set(fetches.filter((at) => at >= 600_000).map((at) => Math.floor(at / 1_000)));
    expect(last.size).toBeGreaterThan(100);
  }, 60_000);
});
