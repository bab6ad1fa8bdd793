/** The slot table of an image: which attributes the rules read, and how each is found in a context. */

/**
 * How a slot's value is found.
 *
 * - `attribute`: one top-level member of the context (enrichment wins).
 * - `query`: a nikunjy path of two or more names (spec/flags.md §8.5): KEEP when a parent is absent or null, ABORT when a
 *   parent is no map.
 * - `bucket`: a bucketingKey of two or more pieces split on "." (§4.1), empty pieces included.
 * - `variable`: a JSONLogic `var` of two or more pieces split on "." (§9.2), empty pieces skipped, no array indexing.
 * - `targetingKey`: `targetingKey` when it is a string, else "" (§7.1); enrichment never changes it.
 * - `anonymous`: whether `anonymous`, after enrichment, is boolean true (§7.4).
 * - `date`: `gofeatureflag.currentDateTime` of the caller's context, before enrichment (§7.3).
 * - `enrichedDate`: the same after enrichment.
 */
export type SlotKind =
  | 'attribute'
  | 'query'
  | 'bucket'
  | 'variable'
  | 'targetingKey'
  | 'anonymous'
  | 'date'
  | 'enrichedDate';

export interface SlotSource {
  readonly kind: SlotKind;
  readonly path: readonly string[];
  /** Arrays and maps are copied with their contents (JSONLogic reads them); otherwise only their tag is written. */
  deep: boolean;
}

/** Slot 0 is never a source: in instructions it stands for the `left` register of stateful queries. */
export class SlotTable {
  readonly sources: (SlotSource | undefined)[] = [undefined];
  readonly #index = new Map<string, number>();
  /** Top-level attributes by name: nearly every look-up, and no text to build for it. */
  readonly #attributes = new Map<string, number>();

  /** A path as queries see it: `key`, `targetingKey` and `anonymous` are the recomputed ones (§7.4). */
  forQuery(path: readonly string[]): number {
    const [name] = path;
    if (path.length > 1) return this.#slot('query', path, false);
    if (name === 'key' || name === 'targetingKey') return this.#slot('targetingKey', [], false);
    if (name === 'anonymous') return this.#slot('anonymous', [], false);
    return this.#attribute(path);
  }

  /** A constant JSONLogic variable, already split on "." with empty pieces dropped (at least one is left). */
  forVariable(path: readonly string[]): number {
    if (path.length === 1) {
      const slot = this.forQuery(path);
      const source = this.sources[slot];
      if (source?.kind === 'attribute') source.deep = true;
      return slot;
    }
    return this.#slot('variable', path, true);
  }

  forBucketingKey(path: readonly string[]): number {
    return path.length === 1 ? this.#attribute(path) : this.#slot('bucket', path, false);
  }

  forTargetingKey(): number {
    return this.#slot('targetingKey', [], false);
  }

  forDate(): number {
    return this.#slot('date', [], false);
  }

  forEnrichedDate(): number {
    return this.#slot('enrichedDate', [], false);
  }

  #attribute(path: readonly string[]): number {
    const name = path[0] as string;
    let slot = this.#attributes.get(name);
    if (slot === undefined) {
      slot = this.#slot('attribute', path, false);
      this.#attributes.set(name, slot);
    }
    return slot;
  }

  #slot(kind: SlotKind, path: readonly string[], deep: boolean): number {
    // No piece holds a dot: that is what paths are split on.
    const name = `${kind} ${path.join('.')}`;
    let slot = this.#index.get(name);
    if (slot === undefined) {
      slot = this.sources.length;
      this.sources.push({ kind, path, deep });
      this.#index.set(name, slot);
    }
    return slot;
  }
}
