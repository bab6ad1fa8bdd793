/** `edict policy add`: a built policy into a folder of policies, and into the lock of that folder. */

import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { isPolicyFailure } from '../../policy/model/failure.ts';
import { loadPackage } from '../../policy-engine/load-package.ts';
import { LOCK_NAME, lockEntry, lockedOnly, readLock, writeLock } from '../../policy-engine/lock-file.ts';
import { readPackages } from '../../policy-engine/policy-folder.ts';
import {
  MANIFEST_NAME,
  type PolicyPackage,
  type RefusedPackage,
  readPackage,
} from '../../policy-engine/policy-package.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';
import { folderOf, isShipped, readPolicyFolder } from './read-policy.ts';

export interface AddOptions {
  readonly to: string;
  readonly json?: boolean;
}

/**
 * `from` is a folder with `policy.yaml`, a module beside one, or a name of the catalogue. Exit code 1 when an engine would refuse
 * the policy: then nothing is written. What the lock said of other policies stays.
 */
export async function addPolicy(from: string, { to, json }: AddOptions): Promise<ExitCode> {
  const folder = await folderOf(from);
  const found = await readPolicyFolder(folder);
  if (isShipped(folder) && 'failure' in found) {
    throw new UsageError(
      `${from} is of the catalogue, and this installation has no module of it`,
      `write \`use: ${from}\`: the catalogue needs no adding`,
    );
  }
  const loaded = 'failure' in found ? found.failure : await loadPackage(found, () => undefined);
  if (isPolicyFailure(loaded) || 'failure' in found) {
    const { code, message } = isPolicyFailure(loaded) ? loaded : (found as RefusedPackage).failure;
    if (json === true) printJson({ added: null, problem: { code, message } });
    else print(`${from}: ${paintFor(process.stdout)('red', escapeControls(`${code}: ${message}`))}`);
    return ExitCode.found;
  }
  const { name, version } = found.manifest;
  const target = join(to, name);
  await put(folder, found, to, target);
  const added = await readPackage(target, name);
  if ('failure' in added) throw new Error(`${target}: ${added.failure.message}`);
  const unlocked = await lock(to, name, added);
  const facts = { name, version, digest: added.digest, module: added.moduleDigest };
  if (json === true) printJson({ added: { ...facts, folder: target }, lock: join(to, LOCK_NAME), unlocked });
  else print(`${target}: ${name} ${version}, ${added.digest}, in ${LOCK_NAME}`);
  for (const { folder: other, failure } of unlocked) printError(escapeControls(`${other}: ${failure.message}`));
  return ExitCode.fine;
}

/** Whole or not at all: a service may be watching the folder. */
async function put(from: string, { manifest, bytes }: PolicyPackage, to: string, target: string): Promise<void> {
  const text = await readFile(join(from, MANIFEST_NAME), 'utf8');
  const file = basename(manifest.module?.file ?? '');
  await mkdir(to, { recursive: true });
  const aside = await mkdtemp(join(to, '.adding-'));
  try {
    await writeFile(join(aside, file), bytes);
    await writeFile(join(aside, MANIFEST_NAME), withFile(text, manifest.module?.file === file ? undefined : file));
    await rm(target, { recursive: true, force: true });
    await rename(aside, target);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function withFile(text: string, file: string | undefined): string {
  if (file === undefined) return text;
  const document = parseDocument(text);
  document.setIn(['module', 'file'], file);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** Gives the packages that the lock refuses. A first lock holds everything that is there. */
async function lock(to: string, name: string, added: PolicyPackage): Promise<readonly RefusedPackage[]> {
  const before = await readLock(to);
  const { packages } = await readPackages(to);
  const entries =
    before === undefined
      ? [...packages.values()].map(lockEntry)
      : [...before.policies.filter((entry) => entry.name !== name), lockEntry(added)];
  await writeLock(to, entries);
  const after = await readLock(to);
  return after === undefined ? [] : lockedOnly(after, packages).refused;
}
