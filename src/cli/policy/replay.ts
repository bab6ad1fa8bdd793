/** `edict policy replay FILE`: recorded hooks run again, and every one that decides differently. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPolicyFailure, type PolicyFailure } from '../../policy/model/failure.ts';
import {
  MANIFEST_NAME,
  type PolicyPackage,
  type RefusedPackage,
  readPackage,
} from '../../policy-engine/policy-package.ts';
import { replayedPackage } from '../../policy-engine/replay-package.ts';
import type { RecordedHook } from '../../policy-host/recording-policy.ts';
import {
  parseRecord,
  type ReplayDifference,
  type ReplayedPolicy,
  type ReplayResult,
  replayHooks,
} from '../../policy-host/replay-hooks.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';

export interface ReplayOptions {
  readonly policy: string;
  readonly json?: boolean;
}

/** Hooks that are shown with their differences; the rest is counted. */
const MAX_SHOWN = 20;
const MAX_TEXT = 120;

/** Exit code 1 when a hook decides differently or cannot be run. Rejects with a `UsageError` when there is nothing to run. */
export async function replayPolicy(file: string, options: ReplayOptions): Promise<ExitCode> {
  const records = await readRecords(file);
  const packages = await readPackages(options.policy);
  if (packages.length === 0) throw new UsageError(`there is no policy in ${options.policy}`);
  const results = await replayHooks(records, finderIn(packages));
  const different = results.filter(({ isIdentical }) => !isIdentical);
  if (options.json === true) {
    printJson({ hooks: results.length, identical: results.length - different.length, different });
  } else printResults(results.length, different);
  return different.length === 0 ? ExitCode.fine : ExitCode.found;
}

async function readRecords(file: string): Promise<readonly RecordedHook[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (caught) {
    throw new UsageError(`cannot read ${file}: ${(caught as Error).message}`);
  }
  const records = text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    const record = parseRecord(line);
    if ('fault' in record) throw new UsageError(`${file}, line ${at + 1}: ${record.fault}`);
    return [record];
  });
  if (records.length === 0) throw new UsageError(`there is no recorded hook in ${file}`);
  return records;
}

/** The folder of a policy, or a folder of such folders. */
async function readPackages(folder: string): Promise<readonly (PolicyPackage | RefusedPackage)[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((caught: Error) => {
    throw new UsageError(`cannot read ${folder}: ${caught.message}`);
  });
  if (entries.some(({ name }) => name === MANIFEST_NAME)) return [await readPackage(folder, folder)];
  const packages: (PolicyPackage | RefusedPackage)[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const path = join(folder, name);
    if ((await readdir(path)).includes(MANIFEST_NAME)) packages.push(await readPackage(path, path));
  }
  return packages;
}

/** The policy that decided, by its digest; else one of its name, to see whether it decides the same. */
function finderIn(
  packages: readonly (PolicyPackage | RefusedPackage)[],
): (record: RecordedHook) => ReplayedPolicy | PolicyFailure | undefined {
  const loaded = new Map<PolicyPackage, ReplayedPolicy | PolicyFailure>();
  return ({ digest, policy }) => {
    const sound = packages.filter((one): one is PolicyPackage => !('failure' in one));
    const found = sound.find((one) => one.digest === digest) ?? sound.find(({ manifest }) => manifest.name === policy);
    if (found === undefined) {
      const refused = packages.find((one): one is RefusedPackage => 'failure' in one && one.name === policy);
      return refused?.failure;
    }
    let policyOf = loaded.get(found);
    if (policyOf === undefined) {
      policyOf = replayedPackage(found);
      loaded.set(found, policyOf);
    }
    return policyOf;
  };
}

function printResults(count: number, different: readonly ReplayResult[]): void {
  const paint = paintFor(process.stdout);
  for (const { line, policy, phase, differences, divergence, failure } of different.slice(0, MAX_SHOWN)) {
    print(`${paint('red', 'BAD')} ${line} ${escapeControls(policy)} phase ${phase}`);
    if (failure !== undefined && isPolicyFailure(failure)) print(`      ${escapeControls(failure.message)}`);
    if (divergence !== undefined) print(`      ${escapeControls(divergence)}`);
    for (const one of differences) print(`      ${shown(one)}`);
  }
  if (different.length > MAX_SHOWN) print(`    … and ${different.length - MAX_SHOWN} more`);
  const summary = different.length === 0 ? paint('green', 'all identical') : paint('red', `${different.length} differ`);
  print(`${count} ${count === 1 ? 'hook' : 'hooks'}, ${summary}`);
}

function shown({ pointer, recorded, replayed }: ReplayDifference): string {
  const text = (value: unknown): string => {
    const json = value === undefined ? 'nothing' : JSON.stringify(value);
    return json.length > MAX_TEXT ? `${json.slice(0, MAX_TEXT)}…` : json;
  };
  return escapeControls(`${pointer}: recorded ${text(recorded)}, now ${text(replayed)}`);
}
