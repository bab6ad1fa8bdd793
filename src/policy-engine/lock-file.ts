/**
 * `edict-policies.lock` beside `policies.yaml`: which exact version and which bytes every policy of the folder has. Where there
 * is one, a package that it does not hold is refused, so what serves tomorrow is what was added and tried today.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../internal/json.ts';
import { type LockedPolicy, PolicyLock } from '../policy/build/reference.ts';
import { policyFailure } from '../policy/model/failure.ts';
import type { PolicyPackage, RefusedPackage } from './policy-package.ts';

export const LOCK_NAME = 'edict-policies.lock';

/** Undefined where there is no lock. Rejects with the reason when there is one that cannot be read. */
export async function readLock(folder: string): Promise<PolicyLock | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, LOCK_NAME), 'utf8');
  } catch (caught) {
    if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw caught;
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (caught) {
    throw new Error(`${LOCK_NAME} is no JSON: ${(caught as Error).message}`);
  }
  const lock = PolicyLock.parse(value);
  if ('problems' in lock) {
    throw new Error(lock.problems.map(({ path, message }) => `${LOCK_NAME}${path} ${message}`).join('; '));
  }
  return lock;
}

/** The packages that a lock holds, and why each of the others must not serve. `folders` are those of the packages. */
export function lockedOnly(
  lock: PolicyLock,
  packages: ReadonlyMap<string, PolicyPackage>,
): { readonly packages: Map<string, PolicyPackage>; readonly refused: readonly RefusedPackage[] } {
  const sound = new Map<string, PolicyPackage>();
  const refused: RefusedPackage[] = [];
  for (const [folder, one] of packages) {
    const { name, version } = one.manifest;
    const locked = lock.policies.filter((entry) => entry.name === name && entry.version === version);
    if (locked.some(({ digest }) => digest === one.digest)) sound.set(folder, one);
    else {
      const failure =
        locked[0] === undefined
          ? policyFailure(
              'POLICY_MISSING',
              `${LOCK_NAME} does not hold ${name} ${version}; \`edict policy add\` puts it there`,
            )
          : policyFailure('DIGEST_MISMATCH', `${folder} is ${one.digest}, ${LOCK_NAME} says ${locked[0].digest}`);
      refused.push({ folder, name, failure });
    }
  }
  // What is locked and not there must not become something else of the same name, the catalogue's for example.
  const present = new Set([...sound.values(), ...packages.values()].map(({ manifest }) => manifest.name));
  for (const { name, version } of lock.policies) {
    if (present.has(name)) continue;
    present.add(name);
    const failure = policyFailure('POLICY_MISSING', `${LOCK_NAME} holds ${name} ${version}, and the folder has none`);
    refused.push({ folder: LOCK_NAME, name, failure });
  }
  return { packages: sound, refused };
}

export function lockEntry({ manifest: { name, version }, digest, moduleDigest }: PolicyPackage): LockedPolicy {
  return { name, version, digest, module: moduleDigest };
}

/** In an order that does not depend on how the entries were found. */
export async function writeLock(folder: string, entries: readonly LockedPolicy[]): Promise<void> {
  const policies = [...entries].sort((left, right) =>
    `${left.name} ${left.version}` < `${right.name} ${right.version}` ? -1 : 1,
  );
  await writeFile(join(folder, LOCK_NAME), `${JSON.stringify({ lockVersion: 1, policies }, null, 2)}\n`);
}
