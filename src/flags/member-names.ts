/** Member names as Go's JSON decoder matches them: exactly, or else under simple case folding. */

/** The names of one struct, ready for both ways of matching. */
export interface MemberNames<Name extends string> {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlyMap<string, Name>;
}

export function memberNames<Name extends string>(names: readonly Name[]): MemberNames<Name> {
  return { exact: new Set(names), folded: new Map(names.map((name) => [foldCase(name), name])) };
}

/** The struct's member that `name` stands for, or `undefined` for an unknown member. */
export function matchMember<Name extends string>(name: string, names: MemberNames<Name>): Name | undefined {
  // Nearly every member is spelled exactly, and then no folded copy of the name is made.
  return names.exact.has(name) ? (name as Name) : names.folded.get(foldCase(name));
}

/**
 * Unicode simple folding, as far as it can reach an ASCII letter: A to Z, the long s and the Kelvin sign. (Full case
 * mapping would be wrong: it turns U+0130 into two characters.)
 */
function foldCase(name: string): string {
  return name.replace(/[A-Z\u017f\u212a]/g, (char) => {
    if (char === '\u017f') return 's';
    return char === '\u212a' ? 'k' : char.toLowerCase();
  });
}
