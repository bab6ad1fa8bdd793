/** How a position names its policy, and how a name and a major version become one exact version. */

import { isJsonObject, type JsonValue } from '../../internal/json.ts';
import type { Sha256 } from '../../internal/sha256.ts';
import { type ConfigProblem, pointer, problem } from '../model/config-problem.ts';

/** What a catalogue is asked for. */
export type Wanted =
  | { readonly digest: Sha256 }
  /** An exact version, a major one, or the latest. */
  | { readonly name: string; readonly version: string | undefined };

/** A policy as the lock file pins it. */
export interface LockedPolicy {
  readonly name: string;
  /** Exact: `v1.2.0`. */
  readonly version: string;
  readonly digest: Sha256;
  /** Digest of the module alone, for people who look. */
  readonly module?: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const NAME = /^[a-zA-Z][a-zA-Z0-9._-]{0,127}$/;
const MAJOR = /^v(0|[1-9]\d{0,8})$/;
const EXACT = /^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:[-+][0-9A-Za-z.+-]{1,64})?$/;

/** `sha256:…`, `name`, or `name@v1`. */
export function parseReference(text: string): Wanted | { readonly fault: string } {
  if (DIGEST.test(text)) return { digest: text as Sha256 };
  const [name = '', version, ...rest] = text.split('@');
  if (!NAME.test(name) || rest.length > 0) return { fault: 'names no policy: write sha256:…, name, or name@v1' };
  if (version === undefined || version === '' || MAJOR.test(version)) return { name, version: version || undefined };
  if (isExact(version))
    return { fault: `names the full version ${version}; name the major version, the lock pins the rest` };
  return { fault: 'names no version: write v1, v2, …' };
}

export function isExact(version: string): boolean {
  return EXACT.test(version);
}

export function majorOf(version: string): string {
  return `v${/^v?(\d+)/.exec(version)?.[1] ?? '0'}`;
}

/** The content of `edict-policies.lock`. */
export class PolicyLock {
  readonly policies: readonly LockedPolicy[];

  constructor(policies: readonly LockedPolicy[]) {
    this.policies = Object.freeze([...policies].sort((left, right) => compareVersions(right.version, left.version)));
  }

  /** `{ "lockVersion": 1, "policies": [{ name, version, digest, module }] }`, `module` being optional. */
  static parse(value: JsonValue): PolicyLock | { readonly problems: readonly ConfigProblem[] } {
    const list = isJsonObject(value) ? value.policies : undefined;
    if (!isJsonObject(value) || value.lockVersion !== 1 || !Array.isArray(list)) {
      return { problems: [problem('', 'a lock is { "lockVersion": 1, "policies": [] }', 'POLICY_MISSING')] };
    }
    const problems: ConfigProblem[] = [];
    const policies: LockedPolicy[] = [];
    for (const [index, one] of list.entries()) {
      const at = pointer('/policies', index);
      const { name, version, digest, module } = isJsonObject(one) ? one : {};
      if (typeof name !== 'string' || !NAME.test(name))
        problems.push(problem(`${at}/name`, 'is no name', 'POLICY_MISSING'));
      else if (typeof version !== 'string' || !isExact(version)) {
        problems.push(problem(`${at}/version`, 'must be a full version', 'POLICY_MISSING'));
      } else if (typeof digest !== 'string' || !DIGEST.test(digest)) {
        problems.push(problem(`${at}/digest`, 'must be sha256:<64 hex digits>', 'POLICY_MISSING'));
      } else {
        const also = typeof module === 'string' ? { module } : {};
        policies.push({ name, version, digest: digest as Sha256, ...also });
      }
    }
    return problems.length > 0 ? { problems } : new PolicyLock(policies);
  }

  /** The highest locked version of a major one, or of all when none is named. */
  resolve(name: string, version: string | undefined): LockedPolicy | undefined {
    const isWanted = (locked: LockedPolicy): boolean =>
      version === undefined || (isExact(version) ? locked.version === version : majorOf(locked.version) === version);
    return this.policies.find((locked) => locked.name === name && isWanted(locked));
  }
}

/** Above 0 when the left one is newer. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => (/^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
