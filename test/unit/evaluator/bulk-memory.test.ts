import { describe, expect, it } from 'vitest';
import { BulkMemory } from '../../../src/evaluator/bulk-memory.ts';

const answer = (bytes = 10) => ({ resolutions: [], validator: '"e"', bytes });

describe('the memory of bulk answers', () => {
  it('gives what was put for the same question, the newest of it', () => {
    const memory = new BulkMemory();
    memory.put('{}', answer());
    memory.put('{}', answer(20));
    expect(memory.get('{}')).toMatchObject({ bytes: 20 });
    expect(memory.get('{"a":1}')).toBeUndefined();
    memory.delete('{}');
    expect(memory.describe()).toEqual({ answers: 0, bytes: 0 });
  });

  it('lets the least recently used go, by count', () => {
    const memory = new BulkMemory();
    for (let i = 0; i < 64; i++) memory.put(`${i}`, answer());
    memory.get('0');
    memory.put('one more', answer());
    expect([memory.get('0') !== undefined, memory.get('1'), memory.describe().answers]).toEqual([true, undefined, 64]);
  });

  it('lets the least recently used go, by bytes, and never takes what is larger than all of it', () => {
    const memory = new BulkMemory();
    for (let i = 0; i < 10; i++) memory.put(`${i}`, answer(1_000_000));
    expect(memory.describe().answers).toBe(4);
    expect(memory.get('9')).toBeDefined();
    memory.put('giant', answer(5_000_000));
    expect([memory.get('giant'), memory.describe().answers]).toEqual([undefined, 4]);
    memory.clear();
    expect(memory.describe()).toEqual({ answers: 0, bytes: 0 });
  });
});
