/** Reads flag files for the commands that need flags, merged as the relay merges them. */

import { readFile } from 'node:fs/promises';
import type { FlagFile } from '../flags/files/flag-file.ts';
import { formatOf, parseFlagFile } from '../flags/files/read-flag-file.ts';
import { type Finding, formatFinding, locateFindings } from '../flags/finding.ts';
import { validateFlag } from '../flags/validate.ts';
import type { JsonValue } from '../internal/json.ts';
import { UsageError } from './usage-error.ts';

/** Reads one file by the format its name asks for. Rejects with a `UsageError` when it cannot be opened. */
export async function readFlagFile(path: string): Promise<FlagFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (caught) {
    throw new UsageError(`cannot read ${path}: ${reason(caught)}`);
  }
  return parseFlagFile(text, formatOf(path));
}

/** Everything wrong with a file, in the order of the file, each with its place. */
export function findingsOf(file: FlagFile): Finding[] {
  const findings: Finding[] = [...file.findings];
  for (const [key, flag] of file.flags) findings.push(...validateFlag(key, flag));
  const located = locateFindings(findings, file.positions);
  return located.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

export interface LoadedFlag {
  readonly value: JsonValue;
  readonly path: string;
  readonly file: FlagFile;
}

/** The flags of several files; a later file's flag replaces an earlier one's. Rejects with a `UsageError`. */
export async function loadFlags(paths: readonly string[]): Promise<Map<string, LoadedFlag>> {
  const flags = new Map<string, LoadedFlag>();
  for (const path of paths) {
    const file = await readFlagFile(path);
    if (!file.isReadable) {
      const [finding] = file.findings;
      throw new UsageError(finding === undefined ? `cannot read ${path}` : formatFinding(finding, path));
    }
    for (const [key, value] of file.flags) flags.set(key, { value, path, file });
  }
  return flags;
}

function reason(caught: unknown): string {
  switch ((caught as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
      return 'permission denied';
    default:
      return (caught as Error).message;
  }
}
