/** Headers as policies see them: an ordered, immutable multimap with lower-case names. */

/** One header line; values are byte strings, one character a byte (Latin-1). */
export type HeaderPair = readonly [name: string, value: string];

const NO_VALUES: readonly string[] = Object.freeze([]);

/**
 * Names keep the order of their first appearance, values of one name theirs; names that differ in case are one name.
 * INVARIANT: a map never changes; every change gives another map, and value lists are frozen, so both can be shared.
 */
export class HeaderMap {
  static readonly empty = new HeaderMap(new Map());
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  static from(pairs: Iterable<HeaderPair>): HeaderMap {
    const lists = new Map<string, string[]>();
    for (const [name, value] of pairs) {
      const key = name.toLowerCase();
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [value]);
      else list.push(value);
    }
    for (const list of lists.values()) Object.freeze(list);
    return new HeaderMap(lists);
  }

  /** All values of a name, in any spelling; frozen. */
  get(name: string): readonly string[] {
    return this.#values.get(name) ?? this.#values.get(name.toLowerCase()) ?? NO_VALUES;
  }

  first(name: string): string | undefined {
    return this.get(name)[0];
  }

  has(name: string): boolean {
    return this.get(name).length > 0;
  }

  /** One text for all values: `cookie` joins with `; `, others with `, `; `set-cookie` cannot be joined and gives its first. */
  joined(name: string): string | undefined {
    const values = this.get(name);
    const lower = name.toLowerCase();
    if (values.length < 2 || lower === 'set-cookie') return values[0];
    return values.join(lower === 'cookie' ? '; ' : ', ');
  }

  names(): IterableIterator<string> {
    return this.#values.keys();
  }

  entries(): IterableIterator<[string, readonly string[]]> {
    return this.#values.entries();
  }

  /** One pair a header line. */
  *pairs(): Generator<HeaderPair> {
    for (const [name, values] of this.#values) for (const value of values) yield [name, value];
  }

  /** Number of header lines. */
  get size(): number {
    let size = 0;
    for (const values of this.#values.values()) size += values.length;
    return size;
  }

  /** With `name` holding just these values, in its old place or at the end; none removes it. Names are lower-case. */
  with(name: string, values: readonly string[]): HeaderMap {
    const copy = new Map(this.#values);
    if (values.length === 0) copy.delete(name);
    else copy.set(name, Object.freeze([...values]));
    return new HeaderMap(copy);
  }

  /**
   * One action's changes: set, then append, then remove, so that remove wins over both (spec/policies.md §2.2). Names are
   * lower-case already.
   */
  change(changes: HeaderChanges): HeaderMap {
    const { set = [], append = [], remove = [] } = changes;
    if (set.length + append.length + remove.length === 0) return this;
    const copy = new Map(this.#values);
    for (const [name, value] of set) copy.set(name, Object.freeze([value]));
    for (const [name, value] of append) copy.set(name, Object.freeze([...(copy.get(name) ?? NO_VALUES), value]));
    for (const name of remove) copy.delete(name);
    return new HeaderMap(copy);
  }

  /** Whether both hold the same values for the same names; the order of names is not part of the meaning. */
  equals(other: HeaderMap): boolean {
    if (this === other) return true;
    if (this.#values.size !== other.#values.size) return false;
    for (const [name, values] of this.#values) if (!sameValues(values, other.get(name))) return false;
    return true;
  }
}

/** What an action does to headers. */
export interface HeaderChanges {
  /** Each replaces all values of its name. */
  readonly set?: readonly HeaderPair[];
  /** Each adds one value at the end of its name's. */
  readonly append?: readonly HeaderPair[];
  /** Each removes all values of its name. */
  readonly remove?: readonly string[];
}

export function sameValues(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
