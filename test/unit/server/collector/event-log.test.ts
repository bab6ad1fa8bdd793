import { describe, expect, it } from 'vitest';
import { BatchMemory } from '../../../../src/server/collector/batch-memory.ts';
import { EventLog } from '../../../../src/server/collector/event-log.ts';

describe('EventLog', () => {
  it('keeps the last entries in order, round and round', () => {
    const log = new EventLog<number>({ capacity: 3, maxBytes: 1_000 });
    for (let entry = 1; entry <= 8; entry += 1) log.add(entry, 1);
    expect([...log.entries()]).toEqual([6, 7, 8]);
    expect(log.evicted).toBe(5);
  });

  it('keeps fewer when they are large, and none that is larger than all the room', () => {
    const log = new EventLog<string>({ capacity: 100, maxBytes: 10 });
    log.add('a', 4);
    log.add('b', 4);
    log.add('c', 4);
    expect([...log.entries()]).toEqual(['b', 'c']);
    log.add('huge', 11);
    expect([...log.entries()]).toEqual(['b', 'c']);
    expect(log.evicted).toBe(2);
    log.add('d', 10);
    expect([...log.entries()]).toEqual(['d']);
  });

  it('keeps nothing with a capacity of 0, and starts again when cleared', () => {
    const none = new EventLog<string>({ capacity: 0, maxBytes: 10 });
    none.add('a', 1);
    expect([[...none.entries()], none.evicted]).toEqual([[], 1]);
    const log = new EventLog<string>({ capacity: 2, maxBytes: 10 });
    for (const entry of ['a', 'b', 'c']) log.add(entry, 5);
    log.clear();
    expect([...log.entries()]).toEqual([]);
    for (const entry of ['d', 'e', 'f']) log.add(entry, 5);
    expect([...log.entries()]).toEqual(['e', 'f']);
  });
});

describe('BatchMemory', () => {
  it('forgets the id that was longest unseen, and no other', () => {
    const memory = new BatchMemory(2);
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map((id) => memory.hasSeen(id))).toEqual([
      false,
      false,
      true,
      false,
      true,
      false,
    ]);
    expect(memory.size).toBe(2);
  });
});
