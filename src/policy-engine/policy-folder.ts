/** A folder of policies: `policies.yaml`, a folder for each policy that it uses, and the lock that pins them. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { readYaml } from '../policy/manifest/read-yaml.ts';
import { lockedOnly, readLock } from './lock-file.ts';
import { MANIFEST_NAME, type PolicyPackage, type RefusedPackage, readPackage } from './policy-package.ts';
import { mapPositions } from './positions.ts';

const DOCUMENT_NAMES = ['policies.yaml', 'policies.yml', 'policies.json'];
const MAX_PACKAGES = 1_000;

export interface PolicyFolder {
  readonly document: JsonValue;
  readonly packages: readonly PolicyPackage[];
  readonly refused: readonly RefusedPackage[];
}

/** `fault` when the document cannot be read; what is wrong with one policy is that policy's. Never rejects. */
export async function readFolder(folder: string): Promise<PolicyFolder | { readonly fault: string }> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const name = DOCUMENT_NAMES.find((one) => entries.some((entry) => entry.name === one));
    if (name === undefined) return { fault: `there is no ${DOCUMENT_NAMES[0]} in ${folder}` };
    const text = await readFile(join(folder, name), 'utf8');
    // An empty file is most often one that is being written.
    if (text.trim() === '') return { fault: `${name} is empty` };
    const read = readYaml(text);
    if ('fault' in read) return { fault: `${name}: ${read.fault}` };
    const found = await readPackages(folder);
    const lock = await readLock(folder);
    const { packages, refused } = lock === undefined ? { ...found, refused: [] } : lockedOnly(lock, found.packages);
    const all = [...found.refused, ...refused];
    return { document: withoutFiles(read.value, packages, all), packages: [...packages.values()], refused: all };
  } catch (caught) {
    return { fault: (caught as Error).message };
  }
}

/** The packages of a folder by the folders they are in, and those that cannot be used. */
export async function readPackages(
  folder: string,
): Promise<{ readonly packages: Map<string, PolicyPackage>; readonly refused: readonly RefusedPackage[] }> {
  const packages = new Map<string, PolicyPackage>();
  const refused: RefusedPackage[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  // Hidden folders are version control's, or being written.
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const { name: label } of folders.slice(0, MAX_PACKAGES)) {
    const inside = await readdir(join(folder, label));
    if (!inside.includes(MANIFEST_NAME)) continue;
    const one = await readPackage(join(folder, label), label);
    if ('failure' in one) refused.push(one);
    else packages.set(label, one);
  }
  return { packages, refused };
}

/**
 * `use: file:greet` names the policy in the folder `greet` by what its content is; of one that is refused by its name, so that
 * the reason is told. Unknown folders stay and are reported.
 */
function withoutFiles(
  document: JsonValue,
  packages: ReadonlyMap<string, PolicyPackage>,
  refused: readonly RefusedPackage[],
): JsonValue {
  const named = (one: JsonObject): JsonObject => {
    const { use } = one;
    if (typeof use !== 'string' || !use.startsWith('file:')) return one;
    const label = use.slice('file:'.length).replace(/^\.\//, '').replace(/\/$/, '');
    const digest = packages.get(label)?.digest;
    const name = refused.find(({ folder }) => folder === label)?.name;
    return { ...one, use: digest ?? name ?? use };
  };
  return mapPositions(document, (position) => {
    const { rollout } = position;
    return named(isJsonObject(rollout) ? { ...position, rollout: named(rollout) } : position);
  });
}
