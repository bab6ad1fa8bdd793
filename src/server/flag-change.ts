/** The difference between two flag sets, as counted by metrics and as told to the listeners of the change stream. */

import { objectOfTexts } from '../internal/canonical-json.ts';
import type { FlagSet, ServedFlag } from './flag-set.ts';

export interface FlagChange {
  readonly added: ReadonlyMap<string, ServedFlag>;
  readonly deleted: ReadonlyMap<string, ServedFlag>;
  readonly updated: ReadonlyMap<string, { readonly before: ServedFlag; readonly after: ServedFlag }>;
}

/** What changed from one set to the next; `undefined` when every flag is the same. */
export function diffFlagSets(before: FlagSet, after: FlagSet): FlagChange | undefined {
  const added = new Map<string, ServedFlag>();
  const deleted = new Map<string, ServedFlag>();
  const updated = new Map<string, { before: ServedFlag; after: ServedFlag }>();
  for (const [key, flag] of after.flags) {
    const old = before.flags.get(key);
    if (old === undefined) added.set(key, flag);
    else if (old.text !== flag.text) updated.set(key, { before: old, after: flag });
  }
  for (const [key, flag] of before.flags) {
    if (!after.flags.has(key)) deleted.set(key, flag);
  }
  return added.size + deleted.size + updated.size === 0 ? undefined : { added, deleted, updated };
}

/** The keys of a change, sorted by UTF-16 code unit. */
export function changedKeys(change: FlagChange): string[] {
  return [...change.added.keys(), ...change.deleted.keys(), ...change.updated.keys()].sort();
}

/** The payload of the change stream; empty groups are `{}`. */
export function changePayload(change: FlagChange): string {
  return objectOfTexts([
    ['added', groupText(change.added)],
    ['deleted', groupText(change.deleted)],
    ['updated', objectOfTexts([...change.updated].map(([key, { before, after }]) => [key, pairText(before, after)]))],
  ]);
}

function groupText(flags: ReadonlyMap<string, ServedFlag>): string {
  return objectOfTexts([...flags].map(([key, flag]) => [key, flag.text]));
}

function pairText(before: ServedFlag, after: ServedFlag): string {
  return objectOfTexts([
    ['old_value', before.text],
    ['new_value', after.text],
  ]);
}
