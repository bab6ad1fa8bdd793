/** Writes whole values — arrays, maps, the context tree — for queries that read more than single attributes. */

import { ENTRY_BYTES, Tag, VALUE_BYTES } from '../flags/image/pool.ts';
import { hasOwn } from '../internal/json.ts';
import { CONTEXT_MAX_DEPTH, plainItem, plainMembers, plainValue, tooDeep } from './context-values.ts';
import type { GuestRegion } from './guest-region.ts';
import type { EvaluationContext } from './resolution.ts';

/**
 * Writes a value below the top level, where every number is FLOAT (spec/flags.md §7.1). Without `deep`, arrays and maps
 * are only their tag. Throws `ContextError`.
 */
export function writeNested(region: GuestRegion, address: number, raw: unknown, deep: boolean, depth = 0): void {
  const value = plainValue(raw);
  if (typeof value === 'string') region.writeText(address, value);
  else if (typeof value === 'number') writeNumber(region, address, Tag.float, value);
  else if (typeof value === 'boolean') region.writeTag(address, value ? Tag.true : Tag.false);
  else if (value === undefined) region.writeTag(address, Tag.missing);
  else if (value === null) region.writeTag(address, Tag.null);
  else if (!deep) region.writeTag(address, Array.isArray(value) ? Tag.array : Tag.map);
  else if (depth >= CONTEXT_MAX_DEPTH) {
    throw tooDeep();
  } else if (Array.isArray(value)) writeArray(region, address, value, depth);
  else writeMap(region, address, value, depth);
}

/** Writes a top-level attribute that is no string: integral numbers within int64 are INT, and -0 is 0. */
export function writeTop(region: GuestRegion, address: number, value: unknown, deep: boolean): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
    writeNumber(region, address, Tag.int, value + 0);
  } else if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) {
    writeNumber(region, address, Tag.int, Number(value));
  } else writeNested(region, address, value, deep);
}

/**
 * Writes the context tree at `address`: a map of the named roots (all attributes when undefined), with enrichment laid
 * over and `key`, `targetingKey`, `anonymous` recomputed (spec/flags.md §7.2, §7.4). Throws `ContextError`.
 */
export function writeTree(
  region: GuestRegion,
  address: number,
  context: EvaluationContext,
  enrichment: Readonly<Record<string, unknown>>,
  roots: readonly string[] | undefined,
): void {
  const names = roots ?? allRoots(context, enrichment);
  const entries = region.reserve(names.length * ENTRY_BYTES);
  region.writeRef(address, Tag.map, names.length, entries);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const entry = entries + i * ENTRY_BYTES;
    region.writeName(entry, name);
    const value = rootValue(context, enrichment, name);
    if (hasOwn(enrichment, name)) writeNested(region, entry + 8, value, true);
    else writeTop(region, entry + 8, value, true);
  }
}

function allRoots(context: EvaluationContext, enrichment: Readonly<Record<string, unknown>>): string[] {
  return [...new Set([...Object.keys(context), ...Object.keys(enrichment), 'key', 'targetingKey', 'anonymous'])];
}

function rootValue(context: EvaluationContext, enrichment: Readonly<Record<string, unknown>>, name: string): unknown {
  if (name === 'key' || name === 'targetingKey') {
    const key = context.targetingKey;
    return typeof key === 'string' ? key : '';
  }
  const value = hasOwn(enrichment, name) ? enrichment[name] : hasOwn(context, name) ? context[name] : undefined;
  return name === 'anonymous' ? value === true : value;
}

function writeNumber(region: GuestRegion, address: number, tag: number, value: number): void {
  region.words[address >> 2] = tag;
  region.doubles[(address + 8) >> 3] = value;
}

function writeArray(region: GuestRegion, address: number, items: readonly unknown[], depth: number): void {
  const start = region.reserve(items.length * VALUE_BYTES);
  region.writeRef(address, Tag.array, items.length, start);
  for (let i = 0; i < items.length; i++) {
    writeNested(region, start + i * VALUE_BYTES, plainItem(items[i]), true, depth + 1);
  }
}

function writeMap(region: GuestRegion, address: number, map: object, depth: number): void {
  const members = plainMembers(map);
  const entries = region.reserve(members.length * ENTRY_BYTES);
  region.writeRef(address, Tag.map, members.length, entries);
  for (let i = 0; i < members.length; i++) {
    const [name, value] = members[i] as (typeof members)[number];
    const entry = entries + i * ENTRY_BYTES;
    region.writeName(entry, name);
    writeNested(region, entry + 8, value, true, depth + 1);
  }
}
