/** One configuration in use: its flags by key, what each needs of a context, and the outcomes by number. */

import type { CompiledConfiguration } from '../flags/compile/configuration.ts';
import { FLAG_WORDS, FlagBit, FlagColumn } from '../flags/image/abi.ts';
import type { SlotSource } from '../flags/image/slots.ts';
import { planSlot, type SlotPlan } from './context-writer.ts';
import { OutcomeReader } from './outcome-reader.ts';
import type { Resolution } from './resolution.ts';

/** A flag as the evaluation path sees it; made on first use. */
export interface FlagEntry {
  readonly index: number;
  /** The answer of a flag that neither context nor clock can change. */
  readonly constant: Resolution | undefined;
  /** The first slot it reads, and the others: most flags read one, and an array is two loads away. */
  readonly plan: SlotPlan | undefined;
  readonly morePlans: readonly SlotPlan[];
  readonly readsTime: boolean;
  readonly readsTree: boolean;
  /** Top-level attributes of its tree; undefined: all. */
  readonly roots: readonly string[] | undefined;
}

const NO_PLANS: readonly SlotPlan[] = [];

/** INVARIANT: nothing in it changes once it is published, except what is memoised and which flags are pinned. */
export class Snapshot {
  readonly compiled: CompiledConfiguration;
  readonly keys: readonly string[];
  readonly outcomes: OutcomeReader;
  readonly #index = new Map<string, number>();
  readonly #entries = new Map<string, FlagEntry>();
  readonly #plans: (SlotPlan | undefined)[];
  #everything: FlagEntry | undefined;

  constructor(compiled: CompiledConfiguration) {
    this.compiled = compiled;
    this.keys = JSON.parse(compiled.keys) as string[];
    for (let i = 0; i < this.keys.length; i++) this.#index.set(this.keys[i] as string, i);
    this.#plans = new Array(compiled.slots.length);
    this.outcomes = new OutcomeReader(compiled, this.keys);
  }

  get flagCount(): number {
    return this.keys.length;
  }

  entry(flagKey: string): FlagEntry | undefined {
    const known = this.#entries.get(flagKey);
    if (known !== undefined) return known;
    const index = this.#index.get(flagKey);
    if (index === undefined) return undefined;
    const entry = this.#makeEntry(index);
    this.#entries.set(flagKey, entry);
    return entry;
  }

  /** The flag answers this from now on, whatever the context; `undefined`: what its rules say. */
  pin(flagKey: string, answer: Resolution | undefined): void {
    const index = this.#index.get(flagKey);
    if (index === undefined) return;
    if (answer === undefined) this.#entries.delete(flagKey);
    else this.#entries.set(flagKey, this.#makeEntry(index, answer));
  }

  /** Two flags of one key with one digest decide alike; `undefined`: no such flag. */
  digest(flagKey: string): string | undefined {
    const index = this.#index.get(flagKey);
    if (index === undefined) return undefined;
    const at = index * FLAG_WORDS;
    const { flags } = this.compiled;
    return `${flags[at + FlagColumn.digestHigh]}:${flags[at + FlagColumn.digestLow]}`;
  }

  /** What all flags together need: every slot, one tree. */
  get everything(): FlagEntry {
    this.#everything ??= this.#makeEverything();
    return this.#everything;
  }

  isTrackable(flagKey: string): boolean {
    const index = this.#index.get(flagKey);
    return index === undefined || (this.#bits(index) & FlagBit.untracked) === 0;
  }

  /** Keys that were added, removed or changed since `previous`, sorted. */
  changesFrom(previous: Snapshot): string[] {
    const changed: string[] = [];
    for (let i = 0; i < this.keys.length; i++) {
      const key = this.keys[i] as string;
      const before = previous.#index.get(key);
      if (before === undefined || !this.#sameDigest(i, previous, before)) changed.push(key);
    }
    for (const key of previous.keys) if (!this.#index.has(key)) changed.push(key);
    return changed.sort();
  }

  #sameDigest(index: number, other: Snapshot, otherIndex: number): boolean {
    const mine = this.compiled.flags;
    const theirs = other.compiled.flags;
    const a = index * FLAG_WORDS;
    const b = otherIndex * FLAG_WORDS;
    return (
      mine[a + FlagColumn.digestLow] === theirs[b + FlagColumn.digestLow] &&
      mine[a + FlagColumn.digestHigh] === theirs[b + FlagColumn.digestHigh]
    );
  }

  #bits(index: number): number {
    return this.compiled.flags[index * FLAG_WORDS + FlagColumn.bits] as number;
  }

  #plan(slot: number): SlotPlan {
    let plan = this.#plans[slot];
    if (plan === undefined) {
      plan = planSlot(slot, this.compiled.slots[slot] as SlotSource);
      this.#plans[slot] = plan;
    }
    return plan;
  }

  #makeEntry(index: number, pinned?: Resolution): FlagEntry {
    const { flags, lists, rootNames } = this.compiled;
    const at = index * FLAG_WORDS;
    const column = (offset: number) => flags[at + offset] as number;
    const bits = this.#bits(index);
    const constant = column(FlagColumn.constantOutcome);
    const slots = lists.subarray(
      column(FlagColumn.slotsStart),
      column(FlagColumn.slotsStart) + column(FlagColumn.slotsCount),
    );
    const roots = lists.subarray(
      column(FlagColumn.rootsStart),
      column(FlagColumn.rootsStart) + column(FlagColumn.rootsCount),
    );
    const [first, ...more] = Array.from(slots, (slot) => this.#plan(slot));
    return {
      index,
      constant: pinned ?? (constant === 0 ? undefined : this.outcomes.resolution(constant - 1)),
      plan: first,
      morePlans: more.length === 0 ? NO_PLANS : more,
      readsTime: (bits & FlagBit.time) !== 0,
      readsTree: (bits & FlagBit.tree) !== 0,
      roots: (bits & FlagBit.allRoots) !== 0 ? undefined : Array.from(roots, (root) => rootNames[root] as string),
    };
  }

  #makeEverything(): FlagEntry {
    let bits = 0;
    for (let i = 0; i < this.keys.length; i++) bits |= this.#bits(i);
    const morePlans: SlotPlan[] = [];
    for (const [slot, source] of this.compiled.slots.entries())
      if (source !== undefined) morePlans.push(this.#plan(slot));
    return {
      index: -1,
      constant: undefined,
      plan: undefined,
      morePlans,
      readsTime: (bits & FlagBit.time) !== 0,
      readsTree: (bits & FlagBit.tree) !== 0,
      roots: (bits & FlagBit.allRoots) !== 0 ? undefined : this.compiled.rootNames,
    };
  }
}
