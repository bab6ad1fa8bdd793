/** Slots that enrichment decides: their values are part of the image and cost an evaluation nothing (spec/flags.md §7.2). */

import { hasOwn, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { CONSTANT_SLOT_BYTES } from '../image/abi.ts';
import { type Pool, Tag } from '../image/pool.ts';
import type { SlotSource, SlotTable } from '../image/slots.ts';
import { writeValue } from '../image/write-value.ts';
import { ABORT, isMap, KEEP, memberOf, walkMembers, walkQuery } from '../walk.ts';

/** The enrichment member a slot depends on, or `undefined` for slots that enrichment never changes. */
export function enrichmentName(source: SlotSource): string | undefined {
  switch (source.kind) {
    case 'targetingKey':
    case 'date':
      return undefined;
    case 'anonymous':
      return 'anonymous';
    case 'enrichedDate':
      return 'gofeatureflag';
    default:
      return source.path[0];
  }
}

export function isConstant(source: SlotSource, enrichment: JsonObject): boolean {
  const name = enrichmentName(source);
  return name !== undefined && hasOwn(enrichment, name);
}

/** Writes the constant slots and gives where they are. */
export function writeConstants(
  pool: Pool,
  slots: SlotTable,
  enrichment: JsonObject,
): { readonly address: number; readonly count: number } {
  const constant = [...slots.sources.entries()].filter(
    (entry): entry is [number, SlotSource] => entry[1] !== undefined && isConstant(entry[1], enrichment),
  );
  const address = pool.reserve(constant.length * CONSTANT_SLOT_BYTES, 8);
  for (const [i, [slot, source]] of constant.entries()) {
    const entry = address + i * CONSTANT_SLOT_BYTES;
    pool.setU32(entry, slot);
    const value = constantValue(source, enrichment[enrichmentName(source) as string] as JsonValue);
    if (value === undefined) pool.writeTag(entry + 8, Tag.missing);
    else if (value === KEEP) pool.writeTag(entry + 8, Tag.keep);
    else if (value === ABORT) pool.writeTag(entry + 8, Tag.abort);
    else writeValue(pool, entry + 8, value as JsonValue, source.deep);
  }
  return { address, count: constant.length };
}

function constantValue(source: SlotSource, root: JsonValue): unknown {
  switch (source.kind) {
    case 'anonymous':
      return root === true;
    case 'enrichedDate':
      return isMap(root) ? memberOf(root, 'currentDateTime') : undefined;
    case 'query':
      return walkQuery(root, source.path);
    case 'bucket':
    case 'variable':
      return walkMembers(root, source.path);
    default:
      return root;
  }
}
