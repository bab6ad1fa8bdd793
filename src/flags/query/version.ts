/** Reads a version literal of a query into the parts the guest compares (semver 2.0.0; the lexer has checked its form). */

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** Identifiers joined by dots; "" when there are none. Build metadata never counts. */
  readonly prerelease: string;
}

const MAX_U64 = 2n ** 64n - 1n;
const DIGITS = /^[0-9]+$/;

/** `undefined` when a numeric part does not fit uint64. */
export function parseVersion(text: string): Version | undefined {
  const [withoutBuild = ''] = text.split('+', 1);
  const dash = withoutBuild.indexOf('-');
  const core = dash < 0 ? withoutBuild : withoutBuild.slice(0, dash);
  const prerelease = dash < 0 ? '' : withoutBuild.slice(dash + 1);
  const [major = 0n, minor = 0n, patch = 0n] = core.split('.').map(BigInt);
  if (major > MAX_U64 || minor > MAX_U64 || patch > MAX_U64) return undefined;
  const numeric = prerelease.split('.').filter((identifier) => DIGITS.test(identifier));
  if (numeric.some((identifier) => BigInt(identifier) > MAX_U64)) return undefined;
  return { major, minor, patch, prerelease };
}
