/** A copy of a store that begins as what is there, goes its own way, and leaves what is there alone. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KvOverlay } from '../../../src/policy-host/kv/kv-overlay.ts';
import { MemoryKv } from '../../../src/policy-host/kv/memory-kv.ts';

const CLOCK = { monotonic: () => 0 };
const SPACE = { id: 's', maxBytes: 1_000_000 };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

type Step = {
  readonly name: 'get' | 'set' | 'delete' | 'add' | 'swap' | 'stale';
  readonly key: string;
  readonly value: number;
};

const steps = fc.array(
  fc.record({
    name: fc.constantFrom('get', 'set', 'delete', 'add', 'swap', 'stale'),
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.integer({ min: -5, max: 5 }),
  }) as fc.Arbitrary<Step>,
  { maxLength: 30 },
);

/** What a step gives, without the numbers that only one store knows. */
function run(kv: MemoryKv | KvOverlay, { name, key, value }: Step): unknown {
  const entry = kv.get(SPACE, key);
  const version = entry === undefined || 'fault' in entry ? 0 : entry.version;
  switch (name) {
    case 'get':
      return entry === undefined || 'fault' in entry ? entry : Buffer.from(entry.value).toString();
    case 'set':
      return typeof kv.set(SPACE, key, bytes(String(value)), 0);
    case 'delete':
      return kv.delete(SPACE, key);
    case 'add':
      return kv.increment(SPACE, key, value, 0, false);
    case 'swap':
      return typeof kv.compareAndSet(SPACE, key, version, bytes(String(value)), 0);
    case 'stale':
      return kv.compareAndSet(SPACE, key, version + 1_000, bytes('9'), 0);
  }
}

describe('a store that hooks are tried on', () => {
  it('answers as the one below would, and changes nothing there (P-60)', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const [below, twin] = [new MemoryKv(CLOCK), new MemoryKv(CLOCK)];
        for (const step of before) for (const kv of [below, twin]) run(kv, step);
        const shown = (): unknown => ['a', 'b', 'c'].map((key) => below.get(SPACE, key));
        const was = shown();
        const overlay = new KvOverlay(below, CLOCK);
        for (const step of after) expect(run(overlay, step)).toEqual(run(twin, step));
        expect(shown()).toEqual(was);
      }),
      { numRuns: 300 },
    );
  });
});
