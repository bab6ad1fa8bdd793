/**
 * Builds what the package ships: the guests (wasm/) when their sources changed, then dist/ when src/ changed: every module and
 * its types by the TypeScript compiler, then the entry points bundled over them, because opening a hundred small files
 * costs a starting process 40 ms. The package ships types and bundles; tests reach the single modules.
 * Nothing changed: nothing is done, in a fraction of a second. Waits for another build in the same checkout.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { ensure } from './lib/ensure.mjs';
import {
  committedGuests,
  compileGuests,
  guestsAreCurrent,
  rememberGuests,
  sameGuests,
  writeGuests,
} from './lib/guest.mjs';
import { filesUnder, hashFiles, readStamp, writeStamp } from './lib/hash.mjs';
import { locked } from './lib/lock.mjs';
import { at } from './lib/paths.mjs';
import { node } from './lib/process.mjs';
import { dim, main, PlainError, say, seconds } from './lib/terminal.mjs';

const STAMP = 'dist';

/** What package.json exports or starts, and the workers; what they share goes to dist/chunks/. */
const ENTRIES = [
  'index',
  'server/index',
  'policy-engine/index',
  'gateway/http/index',
  'cli/main',
  'evaluator/compile-worker',
  'policy-host/kv/redis-worker',
  'policy-workers/policy-worker',
];
const CHUNKS = 'dist/chunks/';

await main(async () => {
  await ensure();
  await locked(async () => {
    await buildGuests();
    await buildDist();
  });
});

async function buildGuests() {
  if (guestsAreCurrent()) return;
  const began = performance.now();
  const guests = await compileGuests();
  const changed = !sameGuests(guests, committedGuests());
  writeGuests(guests);
  rememberGuests();
  say(dim(`Built wasm/ in ${took(began)}${changed ? '; it changed: commit it with its manifest' : ''}.`));
}

async function buildDist() {
  const sources = filesUnder('src', (path) => path.endsWith('.ts'));
  const typescript = JSON.parse(readFileSync(at('node_modules/typescript/package.json'), 'utf8')).version;
  const entries = ENTRIES.filter((entry) => existsSync(at(`src/${entry}.ts`)));
  const inputs = hashFiles([...sources, 'tsconfig.json', 'scripts/build.mjs'], typescript);
  const wanted = sources.flatMap((path) => outputsOf(path));
  if (readStamp(STAMP) === inputs && wanted.every((path) => existsSync(at(path)))) return;
  const began = performance.now();
  const { code } = await node(at('node_modules/typescript/bin/tsc'), ['-p', 'tsconfig.json', '--pretty', 'false']);
  if (code !== 0) throw new PlainError('src/ does not compile; the messages are above');
  trimTypes(entries, publicTypes(entries));
  const outputs = new Set([...wanted, ...(await bundleTypes()), ...(await bundle(entries))]);
  // What has no source any more must not be packed. Last, so that a program running from dist/ finds what it began with.
  for (const path of filesUnder('dist')) if (!outputs.has(path)) rmSync(at(path));
  writeStamp(STAMP, inputs);
  say(dim(`Built dist/ in ${took(began)}.`));
}

/** Gives the paths written. */
async function bundle(entries) {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: at(),
    entryPoints: entries.map((entry) => `src/${entry}.ts`),
    outbase: 'src',
    outdir: 'dist',
    chunkNames: `${CHUNKS.slice('dist/'.length)}[name]-[hash]`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    // The package stays small; a stack then names files and lines of dist/, not what a function is called.
    minify: true,
    charset: 'utf8',
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs);
}

/** The doors of the package: what `exports` names types for. */
function doorsOf() {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const types = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [types]));
  return types.map((path) => path.replace(/^\.\/dist\//, '').replace(/\.d\.ts$/, ''));
}

/**
 * The types of the doors, each in one file over what they share: half the bytes of a file for each module, and a user's
 * compiler reads nothing that no door leads to. Gives the paths written.
 */
async function bundleTypes() {
  const [{ rollup }, { dts }] = await Promise.all([import('rollup'), import('rollup-plugin-dts')]);
  const bundled = await rollup({
    input: Object.fromEntries(doorsOf().map((door) => [door, at(`dist/${door}.d.ts`)])),
    plugins: [dts()],
    external: [/^[^./]/],
    // Types that a public type mentions need no name of their own outside.
    onLog: (level, log) => {
      if (level === 'warn' && log.plugin !== 'dts') say(log.message);
    },
  });
  const { output } = await bundled.generate({
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'types/[name]-[hash].d.ts',
  });
  for (const { fileName, code } of output) {
    mkdirSync(at(dirname(`dist/${fileName}`)), { recursive: true });
    writeFileSync(at(`dist/${fileName}`), code);
  }
  return output.map(({ fileName }) => `dist/${fileName}`);
}

/** The declarations that the public doors name, directly or not: what a user's compiler reads, and nothing of the inside. */
function publicTypes(entries) {
  const reached = new Set();
  const visit = (path) => {
    if (reached.has(path) || !existsSync(at(path))) return;
    reached.add(path);
    for (const named of declarationsIn(path)) visit(named);
  };
  for (const entry of entries) visit(`dist/${entry}.d.ts`);
  return reached;
}

/** Types that no door names are read by compilers alone: without their comments the package is 26 kB smaller. */
function trimTypes(entries, types) {
  const doors = entries.map((entry) => `dist/${entry}.d.ts`);
  const named = doors.flatMap((door) => (existsSync(at(door)) ? [door, ...declarationsIn(door)] : []));
  for (const path of types) {
    if (named.includes(path)) continue;
    const text = readFileSync(at(path), 'utf8');
    writeFileSync(at(path), text.replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, ''));
  }
}

/** The declarations that one names. */
function declarationsIn(path) {
  const named = readFileSync(at(path), 'utf8').matchAll(/(?:from|import\()\s*['"](\.{1,2}\/[^'"]+)['"]/g);
  return [...named].map(([, specifier]) => join(dirname(path), specifier).replace(/\.[jt]s$/, '.d.ts'));
}

function outputsOf(source) {
  return source.endsWith('.d.ts') ? [] : [source.replace(/^src/, 'dist').replace(/\.ts$/, '.js')];
}

function took(began) {
  return seconds(performance.now() - began);
}
