/** Policies in AssemblyScript: core modules, built with the SDK of this package. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../../internal/package-files.ts';
import { UsageError } from '../../usage-error.ts';
import { findPackage } from './find-package.ts';
import type { BuildInput, Compiled, Language } from './language.ts';
import { run } from './run.ts';

/** As the modules of this package are built: garbage is collected between hooks, and there is no start function. */
const FLAGS = [
  ...['-O3', '--noAssert', '--enable', 'simd'],
  ...['--runtime', 'minimal', '--exportRuntime', '--exportStart', '_initialize'],
  ...['--initialMemory', '2'],
];

export const assemblyScript: Language = {
  name: 'assemblyscript',
  title: 'AssemblyScript',
  sources: ['index.ts', 'assembly/index.ts'],
  module: (policy) => `${policy}.wasm`,
  manifest: '',
  libraries: [],
  example: (policy) => `/** ${policy}: greets every request with a header, and turns bad bots away. */

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
`,
  compile,
};

/** `edict/assembly/policy` is found through a folder in which this package has its name, wherever it is. */
async function compile({ folder, source, target, memoryPages }: BuildInput): Promise<Compiled> {
  const found = findPackage('assemblyscript', folder);
  const compiler = found === undefined ? '' : join(found, 'bin', 'asc.js');
  if (!existsSync(compiler)) {
    throw new UsageError('there is no AssemblyScript compiler', 'npm install --save-dev assemblyscript');
  }
  const packages = await mkdtemp(join(tmpdir(), 'edict-build-'));
  try {
    await symlink(dirname(fileURLToPath(packageFile('package.json'))), join(packages, 'edict'), 'junction');
    const limits = ['--maximumMemory', String(memoryPages)];
    const files = ['--outFile', resolve(target), '--path', packages];
    return await run(process.execPath, [compiler, resolve(source), ...FLAGS, ...limits, ...files]);
  } finally {
    await rm(packages, { recursive: true, force: true });
  }
}
