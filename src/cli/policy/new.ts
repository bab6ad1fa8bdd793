/** `edict policy new NAME`: a folder with a policy that builds, passes its tests, and can be changed from there. */

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { packageFile } from '../../internal/package-files.ts';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';
import { LANGUAGES } from './languages/all.ts';
import type { Language } from './languages/language.ts';

export interface NewPolicyOptions {
  readonly language: string;
  readonly dir?: string;
  readonly json?: boolean;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

/** Rejects with a `UsageError` for a name or a language that is none, and a folder that is there. */
export async function newPolicy(name: string, options: NewPolicyOptions): Promise<ExitCode> {
  if (!NAME.test(name))
    throw new UsageError(`${name} is no name of a policy: use lower-case words with - between them`);
  const language = LANGUAGES.find((one) => one.name === options.language);
  if (language === undefined) {
    throw new UsageError(`--language can be ${LANGUAGES.map((one) => one.name).join(', ')}`);
  }
  const folder = options.dir ?? name;
  try {
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(folder);
  } catch (caught) {
    const { code, message } = caught as NodeJS.ErrnoException;
    throw new UsageError(`cannot make ${folder}: ${code === 'EEXIST' ? 'it is there already' : message}`);
  }
  const [source = ''] = language.sources;
  const files = { 'policy.yaml': manifestText(name, language), [source]: language.example(name) };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  for (const library of language.libraries) await copyFile(packageFile(library), join(folder, basename(library)));
  const written = [...Object.keys(files), ...language.libraries.map((library) => basename(library))];
  if (options.json === true) printJson({ folder, language: language.name, files: written });
  else {
    print(`${folder}: a policy in ${language.title}. Now:`);
    print(`  edict policy build ${folder}`);
    print(`  edict policy test ${folder}`);
  }
  return ExitCode.fine;
}

function manifestText(name: string, { title, module, manifest }: Language): string {
  return `# What the policy is. \`edict policy build\` writes the digest of the module.
apiVersion: edict/v1
name: ${name}
version: v1.0.0
description: Greets every request with a header.
language: ${title}
module:
  file: ${module(name)}
  sha256: ${NO_DIGEST}
${manifest}processing:
  requestHeaders: process
# Only what is named here reaches the policy.
inputs:
  headers: [user-agent]
parameters:
  type: object
  additionalProperties: false
  properties:
    greeting: { type: string, minLength: 1, maxLength: 100, default: hello }
# What \`edict policy test\` runs.
selfTest:
  - phase: requestHeaders
    input:
      params: { greeting: good day }
      request: { method: GET, path: /, headers: { user-agent: curl/8 } }
    expect:
      kind: request-changes
      headers: { set: { x-greeting: good day } }
  - phase: requestHeaders
    input:
      request: { headers: { user-agent: bad-bot/1 } }
    expect: { kind: immediate, status: 403 }
`;
}
