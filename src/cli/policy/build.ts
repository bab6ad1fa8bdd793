/** `edict policy build DIR`: compiles a policy in AssemblyScript with the SDK of this package, and writes its digest. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import { packageFile } from '../../internal/package-files.ts';
import { sha256 } from '../../internal/sha256.ts';
import { parseManifest } from '../../policy/manifest/parse-manifest.ts';
import { MANIFEST_NAME } from '../../policy-engine/policy-package.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';

const SOURCES = ['index.ts', 'assembly/index.ts'];
/** As the modules of this package are built: garbage is collected between hooks, and there is no start function. */
const FLAGS = [
  ...['-O3', '--noAssert', '--enable', 'simd'],
  ...['--runtime', 'minimal', '--exportRuntime', '--exportStart', '_initialize'],
  ...['--initialMemory', '2'],
];

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
  const source = SOURCES.map((one) => join(folder, one)).find(existsSync);
  if (source === undefined) throw new UsageError(`there is neither ${SOURCES.join(' nor ')} in ${folder}`);
  if (module === undefined) throw new UsageError(`${file} names no module`);
  const target = join(folder, module.file);
  const { code, output } = await compile(findCompiler(folder), source, target, limits.memoryPages);
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

/** The author's compiler goes before the one beside this package. */
function findCompiler(policy: string): string {
  for (const from of [pathToFileURL(resolve(policy, 'x')), pathToFileURL(resolve('x')), import.meta.url]) {
    for (const folder of createRequire(from).resolve.paths('assemblyscript') ?? []) {
      const compiler = join(folder, 'assemblyscript', 'bin', 'asc.js');
      if (existsSync(compiler)) return compiler;
    }
  }
  throw new UsageError('there is no AssemblyScript compiler', 'npm install --save-dev assemblyscript');
}

/** `edict/assembly/policy` is found through a folder in which this package has its name, wherever it is. */
async function compile(
  compiler: string,
  source: string,
  target: string,
  pages: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const packages = await mkdtemp(join(tmpdir(), 'edict-build-'));
  try {
    await symlink(dirname(fileURLToPath(packageFile('package.json'))), join(packages, 'edict'), 'junction');
    const args = [compiler, resolve(source), ...FLAGS, '--maximumMemory', String(pages), '--outFile', resolve(target)];
    return await run([...args, '--path', packages]);
  } finally {
    await rm(packages, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject).on('close', (code) => done({ code: code ?? 1, output }));
  });
}

/** Everything else of the manifest stays as its author wrote it, comments too. */
function withDigest(text: string, digest: string): string {
  const document = parseDocument(text);
  document.setIn(['module', 'sha256'], digest);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
