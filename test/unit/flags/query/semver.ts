/** Strict semantic versions, as the test interpreter needs them: parse and precedence (spec/flags.md §8.7). */

export interface Semver {
  readonly numbers: readonly bigint[];
  readonly preRelease: readonly (bigint | string)[];
}

const MAX_UINT64 = 2n ** 64n - 1n;
const IDENTIFIER = /^[0-9A-Za-z-]+$/;

/** `undefined` for anything that is no strict semantic version (no `v`, no missing part, no leading zero). */
export function parseSemver(text: string): Semver | undefined {
  const firstDot = text.indexOf('.');
  const secondDot = text.indexOf('.', firstDot + 1);
  if (firstDot < 0 || secondDot < 0) return undefined;
  let patch = text.slice(secondDot + 1);
  let build: string[] = [];
  let preRelease: string[] = [];
  const plus = patch.indexOf('+');
  if (plus >= 0) {
    build = patch.slice(plus + 1).split('.');
    patch = patch.slice(0, plus);
  }
  const dash = patch.indexOf('-');
  if (dash >= 0) {
    preRelease = patch.slice(dash + 1).split('.');
    patch = patch.slice(0, dash);
  }
  const numbers = [text.slice(0, firstDot), text.slice(firstDot + 1, secondDot), patch].map(parseUint64);
  const identifiers = preRelease.map((id) => {
    if (/^[0-9]+$/.test(id)) return parseUint64(id);
    return IDENTIFIER.test(id) ? id : undefined;
  });
  if (!build.every((id) => IDENTIFIER.test(id))) return undefined;
  if (!isComplete(numbers) || !isComplete(identifiers)) return undefined;
  return { numbers, preRelease: identifiers };
}

/** Negative, zero or positive, as `a` comes before, with or after `b`; build metadata has no say. */
export function compareSemver(a: Semver, b: Semver): number {
  for (const [i, number] of a.numbers.entries()) {
    const order = compare(number, b.numbers[i] as bigint);
    if (order !== 0) return order;
  }
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length;
  for (const [i, left] of a.preRelease.entries()) {
    const right = b.preRelease[i];
    if (right === undefined) return 1;
    if (typeof left !== typeof right) return typeof left === 'bigint' ? -1 : 1;
    const order = compare(left, right);
    if (order !== 0) return order;
  }
  return a.preRelease.length - b.preRelease.length;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function parseUint64(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]*)$/.test(text)) return undefined;
  const value = BigInt(text);
  return value <= MAX_UINT64 ? value : undefined;
}

function isComplete<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return !values.includes(undefined);
}
