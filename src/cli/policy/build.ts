/** `edict policy build DIR`: compiles a policy with the tools of its language, and writes the digest of its module. */

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { sha256 } from '../../internal/sha256.ts';
import { parseManifest } from '../../policy/manifest/parse-manifest.ts';
import { MANIFEST_NAME } from '../../policy-engine/policy-package.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';
import { LANGUAGES } from './languages/all.ts';
import type { Language } from './languages/language.ts';

/** Exit code 1 when the source does not compile. Rejects with a `UsageError` when there is nothing to compile, or no compiler. */
export async function buildPolicy(folder: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const file = join(folder, MANIFEST_NAME);
  const text = await readFile(file, 'utf8').catch((caught: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${file}: ${caught.code === 'ENOENT' ? 'it is not there' : caught.message}`);
  });
  const read = parseManifest(text);
  if ('problems' in read) {
    const faults = read.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new UsageError(`${file}: ${faults.join('; ')}`);
  }
  const { module, limits, name } = read.manifest;
  const { language, source } = sourceIn(folder);
  if (module === undefined) throw new UsageError(`${file} names no module`);
  const target = join(folder, module.file);
  const { code, output } = await language.compile({ folder, source, target, memoryPages: limits.memoryPages });
  if (code !== 0) {
    printError(escapeControls(output).replaceAll('\\n', '\n'));
    return ExitCode.found;
  }
  const bytes = await readFile(target);
  const digest = sha256(bytes);
  await writeFile(file, withDigest(text, digest));
  if (options.json === true) printJson({ policy: name, file: target, bytes: bytes.length, sha256: digest });
  else print(`${target}: ${bytes.length} bytes, ${digest}`);
  return ExitCode.fine;
}

/** The language follows from the name of the source. */
function sourceIn(folder: string): { readonly language: Language; readonly source: string } {
  for (const language of LANGUAGES) {
    const name = language.sources.find((one) => existsSync(join(folder, one)));
    if (name !== undefined) return { language, source: join(folder, name) };
  }
  const names = LANGUAGES.flatMap(({ sources }) => sources);
  throw new UsageError(`there is no source in ${folder}: ${names.join(', ')}`);
}

/** Everything else of the manifest stays as its author wrote it, comments too. */
function withDigest(text: string, digest: string): string {
  const document = parseDocument(text);
  document.setIn(['module', 'sha256'], digest);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
