/** In what two answers to the same hook differ, as JSON pointers. */

import type { Outcome } from '../model/instance.ts';

/** One place. Texts and bytes are not told: they may be what a client or an upstream meant for nobody else. */
export interface OutcomeDifference {
  readonly pointer: string;
  readonly active?: number | boolean | string;
  readonly candidate?: number | boolean | string;
}

/** Places of one pair of answers that are told. */
const MAX_POINTERS = 16;
const PAIR_LISTS: ReadonlySet<string> = new Set(['set', 'append', 'headers']);
/** Members whose texts are words of ours. */
const WORDS: ReadonlySet<string> = new Set(['kind', 'code']);

/** Names of headers may come in any order; values of one name may not. */
export function outcomeDifferences(active: Outcome, candidate: Outcome): readonly OutcomeDifference[] {
  const found: OutcomeDifference[] = [];
  compare('', '', shown(active), shown(candidate), found);
  return found;
}

/** A failure is compared by its code: messages may hold addresses and numbers. */
function shown(outcome: Outcome): unknown {
  if (outcome.kind === 'action') return outcome.action;
  if (outcome.kind === 'failure') return { kind: outcome.kind, code: outcome.code };
  return outcome;
}

function compare(pointer: string, name: string, left: unknown, right: unknown, found: OutcomeDifference[]): void {
  if (found.length >= MAX_POINTERS || left === right) return;
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    if (left.length !== right.length || left.some((byte, i) => byte !== right[i])) found.push({ pointer });
    return;
  }
  const [one, other] = [membersOf(left, name), membersOf(right, name)];
  if (one === undefined || other === undefined) {
    found.push({ pointer: pointer || '/', ...tellable('active', left, name), ...tellable('candidate', right, name) });
    return;
  }
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    compare(`${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, key, one.get(key), other.get(key), found);
  }
}

/** The members of an object or list; header lines by name. `undefined` where there are none to look into. */
function membersOf(value: unknown, name: string): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value).filter(([, inner]) => inner !== undefined));
  if (!PAIR_LISTS.has(name) || !value.every(Array.isArray)) return new Map(value.map((one, i) => [String(i), one]));
  const lists = new Map<string, unknown[]>();
  for (const [header, text] of value as [string, unknown][]) {
    const key = header.toLowerCase();
    lists.set(key, [...(lists.get(key) ?? []), text]);
  }
  return lists;
}

function tellable(side: 'active' | 'candidate', value: unknown, name: string): Partial<OutcomeDifference> {
  const isWord = typeof value === 'string' && WORDS.has(name);
  if (typeof value === 'number' || typeof value === 'boolean' || isWord) return { [side]: value };
  return {};
}
