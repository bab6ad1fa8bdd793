import { describe, expect, it } from 'vitest';
import { SlotTable } from '../../../../src/flags/image/slots.ts';

describe('SlotTable', () => {
  it('keeps slot 0 for the remembered left value', () => {
    const table = new SlotTable();
    expect(table.sources).toEqual([undefined]);
    expect(table.forQuery(['plan'])).toBe(1);
  });

  it('gives the same slot for the same way to a value', () => {
    const table = new SlotTable();
    const slot = table.forQuery(['plan']);
    expect(table.forQuery(['plan'])).toBe(slot);
    expect(table.forVariable(['plan'])).toBe(slot);
    expect(table.forBucketingKey(['plan'])).toBe(slot);
    expect(table.forQuery(['Plan'])).not.toBe(slot);
    expect(table.sources).toHaveLength(3);
  });

  it('keeps the three ways to walk a path apart', () => {
    const table = new SlotTable();
    const slots = [table.forQuery(['a', 'b']), table.forBucketingKey(['a', 'b']), table.forVariable(['a', 'b'])];
    expect(new Set(slots).size).toBe(3);
    expect(slots.map((slot) => table.sources[slot]?.kind)).toEqual(['query', 'bucket', 'variable']);
  });

  it('takes the recomputed members for queries and variables, and the caller’s own for a bucketing key', () => {
    const table = new SlotTable();
    const key = table.forTargetingKey();
    for (const name of ['key', 'targetingKey']) {
      expect(table.forQuery([name])).toBe(key);
      expect(table.forVariable([name])).toBe(key);
      expect(table.sources[table.forBucketingKey([name])]).toMatchObject({ kind: 'attribute', path: [name] });
    }
    expect(table.sources[table.forQuery(['anonymous'])]?.kind).toBe('anonymous');
    expect(table.sources[table.forBucketingKey(['anonymous'])]?.kind).toBe('attribute');
  });

  it('copies an attribute with its contents once a JSONLogic variable reads it', () => {
    const table = new SlotTable();
    const slot = table.forQuery(['tags']);
    expect(table.sources[slot]?.deep).toBe(false);
    table.forVariable(['tags']);
    expect(table.sources[slot]?.deep).toBe(true);
    table.forQuery(['tags']);
    expect(table.sources[slot]?.deep).toBe(true);
    expect(table.sources[table.forVariable(['a', 'b'])]?.deep).toBe(true);
  });

  it('keeps the two dates apart', () => {
    const table = new SlotTable();
    expect(table.forDate()).not.toBe(table.forEnrichedDate());
    expect(table.forDate()).toBe(table.forDate());
  });

  it('does not take odd names for others', () => {
    const table = new SlotTable();
    const paths = [
      ['a', 'b'],
      ['a', 'b\0c'],
      ['a', 'b', 'c'],
      ['', 'a'],
      ['a', ''],
      ['__proto__'],
      ['constructor'],
      [''],
    ];
    const slots = paths.map((path) => table.forBucketingKey(path));
    expect(new Set(slots).size).toBe(paths.length);
    for (const [i, slot] of slots.entries()) expect(table.sources[slot]?.path).toEqual(paths[i]);
  });
});
