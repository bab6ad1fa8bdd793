/** The argument of policy commands: a module, or a folder with `policy.yaml` and the module it names. */

import { existsSync, type Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../internal/package-files.ts';
import {
  MANIFEST_NAME,
  MAX_MODULE_BYTES,
  type PolicyPackage,
  type RefusedPackage,
  readPackage,
  shippedPackage,
} from '../../policy-engine/policy-package.ts';
import { UsageError } from '../usage-error.ts';

/** Rejects with a `UsageError` when there is nothing to look at. */
export async function readPolicyFolder(folder: string): Promise<PolicyPackage | RefusedPackage> {
  await readable(join(folder, MANIFEST_NAME));
  return isShipped(folder) ? shippedPackage(folder, folder) : readPackage(folder, folder);
}

/** A module stands for the folder of its manifest, and a name that is no path for a policy of the catalogue. */
export async function folderOf(from: string): Promise<string> {
  const found = await stat(from).catch(() => undefined);
  if (found?.isFile()) return dirname(from);
  return found === undefined ? (shippedFolder(from) ?? from) : from;
}

/** Whether a folder is of the catalogue, whose modules are not beside their manifests. */
export function isShipped(folder: string): boolean {
  return resolve(folder, '..') === fileURLToPath(packageFile('policies'));
}

function shippedFolder(name: string): string | undefined {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
  const folder = fileURLToPath(packageFile(`policies/${name}`));
  return existsSync(join(folder, MANIFEST_NAME)) ? folder : undefined;
}

/** The bytes of a module, or the package of a folder. */
export async function readModuleOrFolder(path: string): Promise<Uint8Array | PolicyPackage | RefusedPackage> {
  const found = await readable(path);
  if (found.isDirectory()) return readPolicyFolder(path);
  if (found.size > MAX_MODULE_BYTES) throw new UsageError(`${path} has ${found.size} bytes and is no policy module`);
  return new Uint8Array(await readFile(path));
}

async function readable(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (caught) {
    const { code, message } = caught as NodeJS.ErrnoException;
    throw new UsageError(`cannot read ${path}: ${code === 'ENOENT' ? 'it is not there' : message}`);
  }
}
