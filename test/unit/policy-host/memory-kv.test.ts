/** The key-value store of this process: versions, times to live, limits, eviction, exactness. */

import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { ExpiryQueue } from '../../../src/policy-host/kv/expiry-queue.ts';
import { type KvSpace, spaceId } from '../../../src/policy-host/kv/kv-store.ts';
import { MemoryKv } from '../../../src/policy-host/kv/memory-kv.ts';
import { INFO } from '../policy/guest/support/guest-rig.ts';
import { callOf, foreignCall, hostOf, OUTSIDE, StillTime, TENANT } from './support/host-rig.ts';

const SPACE: KvSpace = { id: spaceId('shop', 'limit', '', 'a'), maxBytes: 1_024 };
const OTHER: KvSpace = { id: spaceId('shop', 'limit', '', 'b'), maxBytes: 1_024 };

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (entry: unknown): string => Buffer.from((entry as { value: Uint8Array }).value).toString();

function storeAt(time = new StillTime()): { readonly kv: MemoryKv; readonly time: StillTime } {
  return { kv: new MemoryKv(time), time };
}

describe('values', () => {
  it('are copies on the way in and out, and versions are never used twice', () => {
    const { kv } = storeAt();
    const value = bytes('one');
    const first = kv.set(SPACE, 'k', value, 0);
    value.fill(0);
    const got = kv.get(SPACE, 'k');
    expect(text(got)).toBe('one');
    (got as { value: Uint8Array }).value.fill(0);
    expect(text(kv.get(SPACE, 'k'))).toBe('one');
    expect(kv.delete(SPACE, 'k')).toBe(true);
    expect(kv.delete(SPACE, 'k')).toBe(false);
    expect(kv.get(SPACE, 'k')).toBeUndefined();
    expect(kv.set(SPACE, 'k', value, 0)).toBeGreaterThan(first as number);
  });

  it('belong to their namespace', () => {
    const { kv } = storeAt();
    kv.set(SPACE, 'k', bytes('one'), 0);
    expect(kv.get(OTHER, 'k')).toBeUndefined();
    expect(kv.describe()).toMatchObject({ spaces: 1, entries: 1 });
  });

  it.each(['', 'x'.repeat(513), '\u20ac'.repeat(171)])('have a key of 1 to 512 bytes (%#)', (key) => {
    const { kv } = storeAt();
    expect(kv.get(SPACE, key)).toBe(hostFault('bad-argument'));
    expect(kv.set(SPACE, key, bytes(''), 0)).toBe(hostFault('bad-argument'));
    expect(kv.delete(SPACE, key)).toBe(hostFault('bad-argument'));
    expect(kv.increment(SPACE, key, 1, 0, false)).toBe(hostFault('bad-argument'));
    expect(kv.compareAndSet(SPACE, key, 0, bytes(''), 0)).toBe(hostFault('bad-argument'));
  });

  it('may have any key: members of prototypes are ordinary ones', () => {
    const { kv } = storeAt();
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(kv.get(SPACE, key)).toBeUndefined();
      expect(kv.increment(SPACE, key, 2, 0, false)).toBe(2);
    }
  });
});

describe('compare and set', () => {
  it('sets where the version is the expected one; 0 stands for nothing', () => {
    const { kv } = storeAt();
    const first = kv.compareAndSet(SPACE, 'k', 0, bytes('1'), 0) as number;
    expect(first).toBeGreaterThan(0);
    expect(kv.compareAndSet(SPACE, 'k', 0, bytes('2'), 0)).toBe(hostFault('conflict'));
    const second = kv.compareAndSet(SPACE, 'k', first, bytes('2'), 0) as number;
    expect(kv.compareAndSet(SPACE, 'k', first, bytes('3'), 0)).toBe(hostFault('conflict'));
    expect(text(kv.get(SPACE, 'k'))).toBe('2');
    kv.delete(SPACE, 'k');
    expect(kv.compareAndSet(SPACE, 'k', second, bytes('3'), 0)).toBe(hostFault('conflict'));
    expect(kv.compareAndSet(SPACE, 'k', Number.NaN, bytes('3'), 0)).toBe(hostFault('conflict'));
  });

  it('sees an increment as a change', () => {
    const { kv } = storeAt();
    kv.increment(SPACE, 'n', 1, 0, false);
    const { version } = kv.get(SPACE, 'n') as { version: number };
    kv.increment(SPACE, 'n', 1, 0, false);
    expect(kv.compareAndSet(SPACE, 'n', version, bytes('9'), 0)).toBe(hostFault('conflict'));
  });
});

describe('increments', () => {
  it('begin at nothing, go both ways, and read as text', () => {
    const { kv } = storeAt();
    expect(kv.increment(SPACE, 'n', 2, 0, false)).toBe(2);
    expect(kv.increment(SPACE, 'n', -5, 0, false)).toBe(-3);
    expect(kv.increment(SPACE, 'n', 0.5, 0, false)).toBe(-2.5);
    expect(text(kv.get(SPACE, 'n'))).toBe('-2.5');
  });

  it('are exact to 2^53, and refused beyond it with nothing changed', () => {
    const { kv } = storeAt();
    expect(kv.increment(SPACE, 'n', 2 ** 53 - 2, 0, false)).toBe(2 ** 53 - 2);
    expect(kv.increment(SPACE, 'n', 1, 0, false)).toBe(2 ** 53 - 1);
    expect(kv.increment(SPACE, 'n', 1, 0, false)).toBe(hostFault('limit'));
    expect(kv.increment(SPACE, 'n', -1, 0, false)).toBe(2 ** 53 - 2);
    expect(kv.increment(SPACE, 'm', 1e308, 0, false)).toBe(hostFault('limit'));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuse %s', (delta) => {
    const { kv } = storeAt();
    expect(kv.increment(SPACE, 'n', delta, 0, false)).toBe(hostFault('bad-argument'));
    expect(kv.get(SPACE, 'n')).toBeUndefined();
  });

  it('go on from a text that is a number, and refuse any other', () => {
    const { kv } = storeAt();
    kv.set(SPACE, 'n', bytes('41'), 0);
    expect(kv.increment(SPACE, 'n', 1, 0, false)).toBe(42);
    for (const other of ['', 'x', '0x10', ' 1', '1 ', 'Infinity', 'NaN', '1'.repeat(33), '1e999']) {
      kv.set(SPACE, 'n', bytes(other), 0);
      expect(kv.increment(SPACE, 'n', 1, 0, false)).toBe(hostFault('bad-argument'));
      expect(text(kv.get(SPACE, 'n'))).toBe(other);
    }
  });
});

describe('times to live', () => {
  it('of a counter run from its creation in mode 0, and from the last increment in mode 1', () => {
    const { kv, time } = storeAt();
    kv.increment(SPACE, 'fixed', 1, 100, false);
    kv.increment(SPACE, 'sliding', 1, 100, true);
    time.monotonicMs += 60;
    expect(kv.increment(SPACE, 'fixed', 1, 100, false)).toBe(2);
    expect(kv.increment(SPACE, 'sliding', 1, 100, true)).toBe(2);
    time.monotonicMs += 60;
    expect(kv.increment(SPACE, 'fixed', 1, 100, false)).toBe(1);
    expect(kv.increment(SPACE, 'sliding', 1, 100, true)).toBe(3);
    expect(kv.describe().expired).toBe(1);
  });

  it('of 0 are for ever, and take an earlier one away when the value is set', () => {
    const { kv, time } = storeAt();
    kv.set(SPACE, 'k', bytes('1'), 10);
    kv.set(SPACE, 'k', bytes('2'), 0);
    time.monotonicMs += 1e12;
    expect(text(kv.get(SPACE, 'k'))).toBe('2');
  });

  it('end a value for every operation at once', () => {
    const { kv, time } = storeAt();
    const version = kv.set(SPACE, 'k', bytes('5'), 10) as number;
    time.monotonicMs += 10;
    expect(kv.compareAndSet(SPACE, 'k', version, bytes('6'), 0)).toBe(hostFault('conflict'));
    expect(kv.get(SPACE, 'k')).toBeUndefined();
    expect(kv.delete(SPACE, 'k')).toBe(false);
    expect(kv.describe()).toMatchObject({ spaces: 0, entries: 0, bytes: 0 });
  });

  it('are looked after by a sweep where nobody asks any more', () => {
    const { kv, time } = storeAt();
    for (let i = 0; i < 10; i++) kv.set(SPACE, `k${i}`, bytes('x'), i < 5 ? 10 : 0);
    kv.set(OTHER, 'k', bytes('x'), 10);
    time.monotonicMs += 10;
    kv.sweep();
    expect(kv.describe()).toMatchObject({ spaces: 1, entries: 5, expired: 6 });
  });
});

describe('a namespace that is full', () => {
  // 64 of its own, the key, the value: 8 of these in 1024 bytes.
  const value = new Uint8Array(62);

  it('first drops what is over, then what nobody used for longest, and counts both', () => {
    const { kv, time } = storeAt();
    for (let i = 0; i < 8; i++) kv.set(SPACE, `k${i}`, value, i === 3 ? 10 : 0);
    expect(kv.describe()).toMatchObject({ entries: 8, bytes: 1_024, evicted: 0 });
    time.monotonicMs += 10;
    kv.set(SPACE, 'k8', value, 0);
    expect(kv.describe()).toMatchObject({ entries: 8, expired: 1, evicted: 0 });
    kv.get(SPACE, 'k0');
    kv.set(SPACE, 'k9', value, 0);
    expect(kv.describe()).toMatchObject({ entries: 8, expired: 1, evicted: 1 });
    expect(kv.get(SPACE, 'k1')).toBeUndefined();
    expect(kv.get(SPACE, 'k0')).toBeDefined();
  });

  it('refuses a value that could never fit, and leaves the others alone', () => {
    const { kv } = storeAt();
    kv.set(SPACE, 'k', value, 0);
    expect(kv.set(SPACE, 'big', new Uint8Array(1_024 - 64 - 3), 0)).toEqual(expect.any(Number));
    expect(kv.set(SPACE, 'big', new Uint8Array(1_024 - 64 - 2), 0)).toBe(hostFault('too-large'));
    expect(kv.get(SPACE, 'big')).toBeDefined();
  });

  it('takes a flood of 100,000 keys in bounded memory and time', () => {
    const { kv, time } = storeAt();
    const space = { id: 'flood', maxBytes: 65_536 };
    for (let i = 0; i < 100_000; i++) {
      time.monotonicMs += 0.01;
      kv.increment(space, `k${i}`, 1, 1 + (i % 997), i % 2 === 0);
    }
    expect(kv.describe().bytes).toBeLessThanOrEqual(65_536);
    expect(kv.describe().entries).toBeGreaterThan(500);
  });
});

describe('the queue of what expires', () => {
  it('gives entries in order, without those that are gone, and keeps few ghosts', () => {
    const queue = new ExpiryQueue<{ expiresAt: number; isGone: boolean }>();
    const entries = Array.from({ length: 1_000 }, (_, index) => ({
      expiresAt: (index * 7_919) % 1_000,
      isGone: false,
    }));
    for (const entry of entries) queue.push(entry);
    for (const [index, entry] of entries.entries()) {
      if (index % 3 === 0) continue;
      entry.isGone = true;
      queue.noteGone();
    }
    expect(queue.size).toBeLessThan(668);
    const given: number[] = [];
    for (let due = queue.takeDue(2_000); due !== undefined; due = queue.takeDue(2_000)) given.push(due.expiresAt);
    expect(given).toHaveLength(334);
    expect(given).toEqual([...given].sort((a, b) => a - b));
    expect(queue.size).toBe(0);
  });
});

describe('the store behind a host', () => {
  const shape = { kv: { namespaces: ['buckets'], maxBytes: 2_048 } };

  it('is kept apart by tenant, policy, scope and namespace, never by version', () => {
    const kv = new MemoryKv(new StillTime());
    const one = hostOf(shape, { kv });
    expect(one.kvIncrement(callOf(), 'buckets', 'k', 1, 0, false)).toBe(1);
    expect(hostOf(shape, { kv }).kvIncrement(callOf(), 'buckets', 'k', 1, 0, false)).toBe(2);
    expect(hostOf(shape, { kv }, { scope: 'r2' }).kvIncrement(callOf(), 'buckets', 'k', 1, 0, false)).toBe(1);
    expect(hostOf(shape, { kv }, { policy: 'p2' }).kvIncrement(callOf(), 'buckets', 'k', 1, 0, false)).toBe(1);
    const other = hostOf(shape, { kv }, { tenant: 'other' });
    const theirs = { ...foreignCall(), info: { ...INFO, tenant: 'other' }, input: undefined };
    expect(other.kvIncrement(theirs, 'buckets', 'k', 1, 0, false)).toBe(1);
    kv.forgetTenant(TENANT);
    expect(kv.describe().spaces).toBe(1);
  });

  it('P-70 goes on over a change of params and a new version of the module', () => {
    const kv = new MemoryKv(new StillTime());
    const before = hostOf(shape, { kv }, { scope: 'pets-get' });
    before.kvIncrement({ ...callOf(), info: { ...INFO, version: 'v1.0.0' } }, 'buckets', 'caller', 5, 60_000, false);
    const after = hostOf({ kv: { ...shape.kv, maxBytes: 4_096 } }, { kv }, { scope: 'pets-get' });
    const call = { ...callOf(), info: { ...INFO, version: 'v1.1.0' } };
    expect(after.kvIncrement(call, 'buckets', 'caller', 1, 60_000, false)).toBe(6);
  });

  it('U-20 cannot be reached by another tenant, by names that look like a path, or outside the manifest', () => {
    const kv = new MemoryKv(new StillTime());
    const host = hostOf(shape, { kv });
    expect(host.kvSet(foreignCall(), 'buckets', 'k', bytes('x'), 0)).toBe(hostFault('denied'));
    for (const namespace of ['', 'other', 'buckets/', '../buckets', '__proto__']) {
      expect(host.kvGet(callOf(), namespace, 'k')).toBe(hostFault('denied'));
    }
    expect(hostOf({}, { kv }).kvGet(callOf(), 'buckets', 'k')).toBe(hostFault('denied'));
    expect(hostOf(shape).kvGet(callOf(), 'buckets', 'k')).toBe(hostFault('unavailable'));
    expect(spaceId('a', 'b/c', '', 'd')).not.toBe(spaceId('a/b', 'c', '', 'd'));
    expect(spaceId('a"', 'b', '', 'd')).not.toBe(spaceId('a', '"b', '', 'd'));
  });

  it('refuses an empty key instead of counting every caller as one', () => {
    const host = hostOf(shape, { kv: new MemoryKv(new StillTime()) });
    expect(host.kvIncrement(callOf(), 'buckets', '', 1, 0, false)).toBe(hostFault('bad-argument'));
    expect(host.kvIncrement(OUTSIDE, 'buckets', 'k', 1, 0, false)).toBe(1);
  });
});
