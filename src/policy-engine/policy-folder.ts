/** A folder of policies: `policies.yaml`, and a folder for each policy that it uses. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { readYaml } from '../policy/manifest/read-yaml.ts';
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
    const packages = new Map<string, PolicyPackage>();
    const refused: RefusedPackage[] = [];
    const folders = entries.filter((entry) => entry.isDirectory()).slice(0, MAX_PACKAGES);
    for (const { name: label } of folders) {
      const inside = await readdir(join(folder, label));
      if (!inside.includes(MANIFEST_NAME)) continue;
      const one = await readPackage(join(folder, label), label);
      if ('failure' in one) refused.push(one);
      else packages.set(label, one);
    }
    return { document: withoutFiles(read.value, packages), packages: [...packages.values()], refused };
  } catch (caught) {
    return { fault: (caught as Error).message };
  }
}

/** `use: file:greet` names the policy in the folder `greet` by what its content is. Unknown folders stay and are reported. */
function withoutFiles(document: JsonValue, packages: ReadonlyMap<string, PolicyPackage>): JsonValue {
  const withDigest = (named: JsonObject): JsonObject => {
    const { use } = named;
    if (typeof use !== 'string' || !use.startsWith('file:')) return named;
    const found = packages.get(use.slice('file:'.length).replace(/^\.\//, '').replace(/\/$/, ''));
    return found === undefined ? named : { ...named, use: found.digest };
  };
  return mapPositions(document, (position) => {
    const { rollout } = position;
    return withDigest(isJsonObject(rollout) ? { ...position, rollout: withDigest(rollout) } : position);
  });
}
