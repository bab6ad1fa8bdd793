/** `edict policy new NAME`: a folder with a policy that builds, passes its tests, and can be changed from there. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';

export interface NewPolicyOptions {
  readonly lang: string;
  readonly dir?: string;
  readonly json?: boolean;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

/** Rejects with a `UsageError` for a name that is none, and a folder that is there. */
export async function newPolicy(name: string, options: NewPolicyOptions): Promise<ExitCode> {
  if (!NAME.test(name))
    throw new UsageError(`${name} is no name of a policy: use lower-case words with - between them`);
  const folder = options.dir ?? name;
  try {
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(folder);
  } catch (caught) {
    const { code, message } = caught as NodeJS.ErrnoException;
    throw new UsageError(`cannot make ${folder}: ${code === 'EEXIST' ? 'it is there already' : message}`);
  }
  const files = { 'policy.yaml': manifestText(name), 'index.ts': sourceText(name) };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  if (options.json === true) printJson({ folder, files: Object.keys(files) });
  else {
    print(`${folder}: a policy in AssemblyScript. Now:`);
    print(`  edict policy build ${folder}`);
    print(`  edict policy test ${folder}`);
  }
  return ExitCode.fine;
}

function manifestText(name: string): string {
  return `# What the policy is. \`edict policy build\` writes the digest of the module.
apiVersion: edict/v1
name: ${name}
version: v1.0.0
description: Greets every request with a header.
language: AssemblyScript
module:
  file: ${name}.wasm
  sha256: ${NO_DIGEST}
processing:
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

function sourceText(name: string): string {
  return `/** ${name}: greets every request with a header, and turns bad bots away. */

import { Answer, change, Input, Json, Policy, PolicyInfo, register, REQUEST_HEADERS, respond } from 'edict/assembly/policy';

class Greeting extends Policy {
  constructor(private greeting: string) {
    super(REQUEST_HEADERS);
  }

  onRequestHeaders(input: Input): Answer | null {
    const agent = input.headers.get('user-agent');
    if (agent != null && agent.startsWith('bad-bot')) return respond(403);
    return change().setHeader('x-greeting', this.greeting);
  }
}

register((info: PolicyInfo, params: Json): Policy | null => new Greeting(params.get('greeting').asText('hello')));

export * from 'edict/assembly/policy/exports';
`;
}
