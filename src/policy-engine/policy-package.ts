/** One folder of a policy, `policy.yaml` and the module beside it: read, checked, never trusted. */

import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../internal/canonical-json.ts';
import { packageFile } from '../internal/package-files.ts';
import { type Sha256, sha256 } from '../internal/sha256.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import { parseManifest } from '../policy/manifest/parse-manifest.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';

export const MANIFEST_NAME = 'policy.yaml';
export const MAX_MODULE_BYTES = 16 * 1_048_576;
const MAX_MANIFEST_BYTES = 1_048_576;

export interface PolicyPackage {
  readonly manifest: PolicyManifest;
  readonly bytes: Uint8Array;
  /** Of the module: what a manifest, a reference and a list of trusted modules name. */
  readonly moduleDigest: Sha256;
  /** Of module and manifest: what an instance is made of. */
  readonly digest: Sha256;
}

/** A package as far as it could be read: a refused one keeps its name, so that routes that want it are told why. */
export interface RefusedPackage {
  readonly folder: string;
  readonly name: string | undefined;
  /** Of its module, where something names it by that. */
  readonly moduleDigest?: Sha256;
  readonly failure: PolicyFailure;
}

/** `folder` is the path of the package, `label` how messages call it. Its module is in that folder. */
export function readPackage(folder: string, label: string): Promise<PolicyPackage | RefusedPackage> {
  return readWithin(folder, label, folder);
}

/** A folder of the catalogue: its module is where this package keeps the modules it builds. */
export function shippedPackage(folder: string, label: string): Promise<PolicyPackage | RefusedPackage> {
  return readWithin(folder, label, fileURLToPath(packageFile('')));
}

async function readWithin(folder: string, label: string, within: string): Promise<PolicyPackage | RefusedPackage> {
  let name: string | undefined;
  const refused = (failure: PolicyFailure): RefusedPackage => ({ folder: label, name, failure });
  try {
    const file = join(folder, MANIFEST_NAME);
    if ((await stat(file)).size > MAX_MANIFEST_BYTES) throw new Error(`${MANIFEST_NAME} is larger than 1 MiB`);
    const read = parseManifest(await readFile(file, 'utf8'));
    if ('problems' in read) {
      const [first] = read.problems;
      return refused(
        policyFailure(
          first?.code ?? 'MODULE_INVALID',
          read.problems.map(({ path, message }) => `${path} ${message}`.trim()).join('; '),
        ),
      );
    }
    const { manifest } = read;
    name = manifest.name;
    if (manifest.module === undefined) {
      return refused(
        policyFailure('MODULE_INVALID', 'the manifest names no module; native policies are given in code'),
      );
    }
    const bytes = await readModule(folder, manifest.module.file, within);
    const moduleDigest = sha256(bytes);
    if (moduleDigest !== manifest.module.sha256) {
      const { file: path } = manifest.module;
      return refused(
        policyFailure('DIGEST_MISMATCH', `${path} is ${moduleDigest}, the manifest says ${manifest.module.sha256}`),
      );
    }
    return packageOf(manifest, bytes, moduleDigest);
  } catch (caught) {
    return refused(policyFailure('MODULE_INVALID', (caught as Error).message));
  }
}

export function packageOf(manifest: PolicyManifest, bytes: Uint8Array, moduleDigest: Sha256): PolicyPackage {
  const digest = sha256(canonicalJson({ module: moduleDigest, manifest: manifest.source }));
  return { manifest, bytes, moduleDigest, digest };
}

/** A module is beside its manifest or below it; a link must not lead out of the folder. */
async function readModule(folder: string, file: string, within: string): Promise<Uint8Array> {
  const [root, path] = await Promise.all([realpath(within), realpath(join(folder, file))]);
  if (!path.startsWith(root + sep)) throw new Error(`${file} is not in the folder of its manifest`);
  const { size } = await stat(path);
  if (size > MAX_MODULE_BYTES) throw new Error(`${file} has ${size} bytes; ${MAX_MODULE_BYTES} are the limit`);
  return new Uint8Array(await readFile(path));
}
