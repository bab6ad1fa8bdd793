/**
 * Projects an evaluation context into guest memory: only the attributes a flag reads, as typed values (the layout is drawn
 * in assembly/flags/value.ts). What decides — comparing, lower-casing, hashing, dates — is the guest's.
 *
 * Hot path: half of an evaluation is spent here. A table of slot plans measured faster over many flags than extractors
 * generated per flag. Each slot has a cell for its text and remembers what is in it, because one request usually asks for
 * several flags: `npm run bench:flags -- --only W7,W9`.
 *
 *   context region of the guest
 *   +-----------------+---------------------------+----------------------------------+
 *   | tree root value | cells, 64 bytes each slot | strings and trees, bottom up ▸   |
 *   +-----------------+---------------------------+----------------------------------+
 */

import { Tag, VALUE_BYTES } from '../flags/image/pool.ts';
import type { SlotSource } from '../flags/image/slots.ts';
import { ABORT, isMap, KEEP, memberOf, walkMembers, walkQuery } from '../flags/walk.ts';
import { hasOwn } from '../internal/json.ts';
import type { FlagStore } from '../wasm/flag-store.ts';
import { writeNested, writeTop, writeTree } from './context-tree.ts';
import { copyAscii, GuestRegion } from './guest-region.ts';
import type { EvaluationContext } from './resolution.ts';

const CELL_BYTES = 64;
/** Images with more slots do without cells, so that they leave most of the region to strings and trees. */
const MAX_CELLS = 16_384;

/** A slot source made ready for the loop. */
export interface SlotPlan {
  readonly slot: number;
  /** A plain top-level attribute: the case the loop is written for. */
  readonly isAttribute: boolean;
  readonly kind: SlotSource['kind'];
  /** First name of the path. */
  readonly name: string;
  readonly path: readonly string[];
  readonly deep: boolean;
  /** The name means something on every object (`constructor`), so only an own member counts. */
  readonly inherited: boolean;
}

export function planSlot(slot: number, source: SlotSource): SlotPlan {
  const { kind, path, deep } = source;
  const name = kind === 'anonymous' ? 'anonymous' : (path[0] ?? '');
  const inherited = name in Object.prototype;
  return { slot, isAttribute: kind === 'attribute' && !inherited, kind, name, path, deep, inherited };
}

export class ContextWriter {
  readonly #store: FlagStore;
  readonly #region: GuestRegion;
  /** The text in each slot's cell, where the slot's value is that text. */
  #texts: (string | undefined)[] = [];
  #hasCells = false;
  #slotBase = 0;
  #cellBase = 0;
  #treeRoot = 0;

  constructor(store: FlagStore) {
    this.#store = store;
    this.#region = new GuestRegion(store.memory);
  }

  /** Takes the regions of a freshly loaded image with `slots` slots. */
  attach(slots: number): void {
    const layout = this.#store.layout();
    this.#slotBase = layout.slots;
    this.#treeRoot = layout.context;
    this.#cellBase = layout.context + VALUE_BYTES;
    this.#hasCells = slots <= MAX_CELLS;
    this.#texts = new Array(this.#hasCells ? slots : 0).fill(undefined);
    this.#region.attach(this.#cellBase + this.#texts.length * CELL_BYTES, layout.contextEnd);
  }

  /** Begins another context: the region is free again. */
  begin(): void {
    this.#region.begin();
  }

  /** Remembers where the next string goes; `rewind` gives back everything written since. */
  mark(): void {
    this.#region.mark();
  }

  rewind(): void {
    this.#region.rewind();
  }

  /** Writes one slot from the context. Throws `ContextError`, or what a getter of the context throws. */
  writeSlot(plan: SlotPlan, context: EvaluationContext): void {
    if (!plan.isAttribute) {
      this.#writeOther(plan, context);
      return;
    }
    const value = context[plan.name];
    const { slot } = plan;
    if (typeof value === 'string') {
      if (this.#texts[slot] !== value) this.#writeText(slot, value);
      return;
    }
    if (this.#hasCells) this.#texts[slot] = undefined;
    const { words, doubles } = this.#region;
    const address = this.#slotBase + slot * VALUE_BYTES;
    const word = address >> 2;
    if (typeof value === 'number' && (value | 0) === value) {
      words[word] = Tag.int;
      // `| 0` makes -0 an ordinary zero, as GO Feature Flag does (spec/flags.md §7.1).
      doubles[(address + 8) >> 3] = value | 0;
    } else if (typeof value === 'boolean') words[word] = value ? Tag.true : Tag.false;
    else if (value === undefined) words[word] = Tag.missing;
    else writeTop(this.#region, address, value, plan.deep);
  }

  /** See `writeTree` of context-tree.ts. */
  writeTree(
    context: EvaluationContext,
    enrichment: Readonly<Record<string, unknown>>,
    roots: readonly string[] | undefined,
  ): void {
    writeTree(this.#region, this.#treeRoot, context, enrichment, roots);
  }

  #writeOther(plan: SlotPlan, context: EvaluationContext): void {
    const { slot } = plan;
    const address = this.#slotBase + slot * VALUE_BYTES;
    if (plan.kind === 'targetingKey') {
      const key = context.targetingKey;
      const text = typeof key === 'string' ? key : '';
      if (this.#texts[slot] !== text) this.#writeText(slot, text);
      return;
    }
    if (this.#hasCells) this.#texts[slot] = undefined;
    const region = this.#region;
    switch (plan.kind) {
      case 'anonymous':
        region.writeTag(address, context.anonymous === true ? Tag.true : Tag.false);
        return;
      case 'date':
      case 'enrichedDate': {
        const reserved = context.gofeatureflag;
        const date = isMap(reserved) ? memberOf(reserved, 'currentDateTime') : undefined;
        if (typeof date === 'string') region.writeText(address, date);
        else region.writeTag(address, Tag.missing);
        return;
      }
      case 'attribute':
        writeTop(region, address, own(context, plan.name), plan.deep);
        return;
      case 'query': {
        const value = walkQuery(own(context, plan.name), plan.path);
        if (value === KEEP) region.writeTag(address, Tag.keep);
        else if (value === ABORT) region.writeTag(address, Tag.abort);
        else writeNested(region, address, value, plan.deep);
        return;
      }
      default:
        writeNested(region, address, walkMembers(own(context, plan.name), plan.path), plan.deep);
    }
  }

  /** Text goes into the slot's cell when it fits, and stays there for the next evaluation that brings the same text. */
  #writeText(slot: number, text: string): void {
    const address = this.#slotBase + slot * VALUE_BYTES;
    const { length } = text;
    const cell = this.#cellBase + slot * CELL_BYTES;
    if (length <= CELL_BYTES && this.#hasCells && copyAscii(text, this.#region.bytes, cell)) {
      const { words } = this.#region;
      const word = address >> 2;
      words[word] = Tag.ascii;
      words[word + 1] = length;
      words[word + 2] = cell;
      words[word + 3] = 0;
      this.#texts[slot] = text;
      return;
    }
    if (this.#hasCells) this.#texts[slot] = undefined;
    this.#region.writeText(address, text);
  }
}

function own(context: EvaluationContext, name: string): unknown {
  return hasOwn(context, name) ? context[name] : undefined;
}
