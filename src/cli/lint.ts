/** `edict lint FILE...`: what a relay would refuse, with place and remedy. */

import { type Finding, formatFinding } from '../flags/finding.ts';
import { escapeControls } from '../telemetry/logger.ts';
import type { Paint } from './colour.ts';
import { paintFor } from './colour.ts';
import { print, printJson } from './console.ts';
import { ExitCode } from './exit-codes.ts';
import { findingsOf, readFlagFile } from './flag-files.ts';

export interface LintOptions {
  readonly json?: boolean;
}

interface LintedFile {
  readonly file: string;
  readonly flagCount: number;
  readonly findings: readonly Finding[];
}

/** Exit code 1 when there is a finding. Rejects with a `UsageError` when a file cannot be opened, before any output. */
export async function lint(paths: readonly string[], options: LintOptions): Promise<ExitCode> {
  const files: LintedFile[] = [];
  for (const path of paths) {
    const file = await readFlagFile(path);
    files.push({ file: path, flagCount: file.flags.size, findings: findingsOf(file) });
  }
  const findingCount = files.reduce((sum, { findings }) => sum + findings.length, 0);
  if (options.json === true) printJson({ findingCount, files: files.map(documentOf) });
  else for (const file of files) printFile(file, paintFor(process.stdout));
  return findingCount === 0 ? ExitCode.fine : ExitCode.found;
}

function documentOf({ file, flagCount, findings }: LintedFile) {
  return {
    file,
    flagCount,
    findings: findings.map(({ line, column, flag, rule, field, message, remedy }) => ({
      line,
      column,
      flag,
      rule,
      field,
      message,
      remedy,
    })),
  };
}

function printFile({ file, flagCount, findings }: LintedFile, paint: Paint): void {
  for (const { remedy, ...finding } of findings) {
    print(escapeControls(formatFinding(finding, file)));
    if (remedy !== undefined) print(paint('dim', `    ${escapeControls(remedy)}`));
  }
  const flags = `${flagCount} ${flagCount === 1 ? 'flag' : 'flags'}`;
  const verdict =
    findings.length === 0
      ? paint('green', 'no findings')
      : paint('red', `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`);
  print(`${file}: ${flags}, ${verdict}`);
}
