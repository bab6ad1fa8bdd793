/** The names a mistyped one probably meant. */

/** Two names this much alike are worth a hint; 1 is equal. */
const ALIKE = 0.45;
const MOST = 3;

/** At most three, the most alike first. */
export function nearestNames(wanted: string, known: readonly string[]): string[] {
  const pairs = pairsOf(wanted);
  return known
    .map((name) => ({ name, likeness: likeness(pairs, pairsOf(name)) }))
    .filter((one) => one.likeness >= ALIKE)
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, MOST)
    .map(({ name }) => name);
}

/** Neighbouring letters, word by word: `new-checkout` and `checkout.new` share most of them. */
function pairsOf(name: string): Set<string> {
  const pairs = new Set<string>();
  for (const word of name.toLowerCase().split(/[^\p{L}\p{N}]+/u)) {
    for (let i = 0; i < word.length; i += 1) pairs.add(word.slice(i, i + 2));
  }
  return pairs;
}

/** Sørensen–Dice: the shared pairs over all pairs. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const pair of a) if (b.has(pair)) shared += 1;
  return a.size + b.size === 0 ? 0 : (2 * shared) / (a.size + b.size);
}
