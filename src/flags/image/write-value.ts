/** Writes plain JSON as values of an image; the layout is drawn in assembly/flags/value.ts. */

import type { JsonValue } from '../../internal/json.ts';
import { ENTRY_BYTES, type Pool, Tag, VALUE_BYTES } from './pool.ts';

/**
 * Writes `value` at `address`. Numbers become FLOAT, as everything that came through enrichment or nesting does
 * (spec/flags.md §7.1). Without `deep`, arrays and maps are only their tag.
 */
export function writeValue(pool: Pool, address: number, value: JsonValue, deep: boolean): void {
  if (value === null) pool.writeTag(address, Tag.null);
  else if (typeof value === 'boolean') pool.writeTag(address, value ? Tag.true : Tag.false);
  else if (typeof value === 'number') pool.writeNumber(address, Tag.float, value);
  else if (typeof value === 'string') pool.writeString(address, value);
  else if (!deep) pool.writeTag(address, Array.isArray(value) ? Tag.array : Tag.map);
  else if (Array.isArray(value)) writeArray(pool, address, value);
  else writeMap(pool, address, Object.entries(value));
}

function writeArray(pool: Pool, address: number, items: readonly JsonValue[]): void {
  const start = pool.reserve(items.length * VALUE_BYTES, 8);
  pool.writeRef(address, Tag.array, items.length, start);
  for (const [i, item] of items.entries()) writeValue(pool, start + i * VALUE_BYTES, item, true);
}

function writeMap(pool: Pool, address: number, members: readonly [string, JsonValue][]): void {
  const start = pool.reserve(members.length * ENTRY_BYTES, 8);
  pool.writeRef(address, Tag.map, members.length, start);
  for (const [i, [name, member]] of members.entries()) {
    const entry = start + i * ENTRY_BYTES;
    const ref = pool.string(name);
    pool.setU32(entry, ref.ptr);
    pool.setU32(entry + 4, ref.bytes);
    writeValue(pool, entry + 8, member, true);
  }
}
