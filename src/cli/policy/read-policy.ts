/** The argument of policy commands: a module, or a folder with `policy.yaml` and the module it names. */

import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MANIFEST_NAME,
  MAX_MODULE_BYTES,
  type PolicyPackage,
  type RefusedPackage,
  readPackage,
} from '../../policy-engine/policy-package.ts';
import { UsageError } from '../usage-error.ts';

/** Rejects with a `UsageError` when there is nothing to look at. */
export async function readPolicyFolder(folder: string): Promise<PolicyPackage | RefusedPackage> {
  await readable(join(folder, MANIFEST_NAME));
  return readPackage(folder, folder);
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
