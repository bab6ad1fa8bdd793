/** Builds the evaluation kernel: compiler flags, checks on the result, manifest. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesUnder, hashFiles, readStamp, sha256, writeStamp } from './hash.mjs';
import { at, CACHE } from './paths.mjs';
import { node } from './process.mjs';
import { PlainError } from './terminal.mjs';
import { inspectModule } from './wasm.mjs';

const SOURCES = 'assembly/flags';
const ENTRY = `${SOURCES}/kernel.ts`;
const ABI_FILE = `${SOURCES}/abi.ts`;
const COMPILER = 'node_modules/assemblyscript/bin/asc.js';
const ENGINE = 'GO Feature Flag modules/core 0.7.2 semantics';

/** Images begin here (IMAGE_BASE in src/flags/image/pool.ts), so static data must end below it. */
const IMAGE_BASE = 65_536;
const INITIAL_PAGES = 2;
/** 64 MiB: what a store may ever take. */
const MAXIMUM_PAGES = 1_024;

const FLAGS = [
  '-O3',
  '--noAssert',
  // The kernel keeps its own regions and frees nothing, so it needs no allocator.
  ...['--runtime', 'stub'],
  ...['--memoryBase', '1024'],
  ...['--initialMemory', String(INITIAL_PAGES)],
  ...['--maximumMemory', String(MAXIMUM_PAGES)],
  ...['--enable', 'simd'],
  // Without `abort` a failed check is a plain trap and the module imports nothing.
  ...['--use', 'abort='],
];

export const WASM_FILE = 'wasm/flags.wasm';
export const MANIFEST_FILE = 'wasm/manifest.json';

const STAMP = 'guest';

/** True when wasm/ holds what the last build of the present sources gave. */
export const guestIsCurrent = () => readStamp(STAMP) === guestStamp();

/** Remembers that wasm/ holds what the present sources give. */
export const rememberGuest = () => writeStamp(STAMP, guestStamp());

/** Changes with the sources, the compiler, its flags, and what wasm/ holds. */
function guestStamp() {
  const { bytes, manifest } = committedGuest();
  return sha256([guestInputs(), sha256(bytes), manifest].join(' '));
}

function guestInputs() {
  const compiler = JSON.parse(readFileSync(at('node_modules/assemblyscript/package.json'), 'utf8')).version;
  const sources = filesUnder(SOURCES, (path) => path.endsWith('.ts'));
  return hashFiles(sources, JSON.stringify([compiler, FLAGS, ENGINE]));
}

/** Compiles the guest and gives `{ bytes, manifest }`; nothing is written into the checkout. */
export async function compileGuest() {
  const abi = abiVersion();
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'guest-'));
  try {
    const file = join(folder, 'flags.wasm');
    const { code, output } = await node(at(COMPILER), [ENTRY, ...FLAGS, '--outFile', file], { show: false });
    if (code !== 0) throw new PlainError(`asc could not compile ${ENTRY}:\n${output.trim()}`);
    const bytes = readFileSync(file);
    check(bytes);
    return { bytes, manifest: manifestFor(bytes, abi) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts a compiled guest and its manifest into wasm/; files that are right already are left alone. */
export function writeGuest(guest) {
  if (sameGuest(guest, committedGuest())) return;
  mkdirSync(at('wasm'), { recursive: true });
  writeFileSync(at(WASM_FILE), guest.bytes);
  writeFileSync(at(MANIFEST_FILE), guest.manifest);
}

/** What wasm/ holds now, in the shape of {@link compileGuest}; empty where a file is missing. */
export function committedGuest() {
  return { bytes: readOrEmpty(WASM_FILE), manifest: readOrEmpty(MANIFEST_FILE).toString('utf8') };
}

export function sameGuest(one, other) {
  return Buffer.compare(one.bytes, other.bytes) === 0 && one.manifest === other.manifest;
}

function readOrEmpty(file) {
  try {
    return readFileSync(at(file));
  } catch {
    return Buffer.alloc(0);
  }
}

function manifestFor(bytes, abi) {
  const flags = { file: 'flags.wasm', bytes: bytes.length, sha256: sha256(bytes), abi, engine: ENGINE };
  return `${JSON.stringify({ flags }, null, 2)}\n`;
}

function abiVersion() {
  const found = /export const ABI_VERSION\s*(?::\s*\w+)?\s*=\s*(\d+)\s*;/.exec(readOrEmpty(ABI_FILE).toString('utf8'));
  if (found === null) throw new PlainError(`${ABI_FILE} has no line \`export const ABI_VERSION … = <number>;\``);
  return Number(found[1]);
}

/** The contract of the module as the host relies on it. */
function check(bytes) {
  const { imports, exports, memory, dataEnd } = inspectModule(bytes);
  const broken = [];
  if (imports.length > 0) broken.push(`it imports ${imports.join(', ')}; the kernel must import nothing`);
  if (!exports.includes('memory memory')) broken.push('it does not export its memory');
  if (memory?.initial !== INITIAL_PAGES || memory.maximum !== MAXIMUM_PAGES) {
    broken.push(`its memory is declared as ${JSON.stringify(memory)}, not ${INITIAL_PAGES} to ${MAXIMUM_PAGES} pages`);
  }
  if (dataEnd >= IMAGE_BASE) broken.push(`its static data ends at ${dataEnd}; images begin at ${IMAGE_BASE}`);
  if (broken.length > 0) throw new PlainError(`The compiled guest breaks its contract: ${broken.join('; ')}`);
}
