/** Builds the guests, the evaluation kernel and the policies: compiler flags, checks on the results, manifest. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesUnder, hashFiles, readStamp, sha256, writeStamp } from './hash.mjs';
import { at, CACHE } from './paths.mjs';
import { node } from './process.mjs';
import { PlainError } from './terminal.mjs';
import { inspectModule } from './wasm.mjs';

const KERNEL_SOURCES = 'assembly/flags';
const SDK_SOURCES = 'assembly/policy';
const POLICY_SOURCES = 'assembly/policies';
const COMPILER = 'node_modules/assemblyscript/bin/asc.js';
const ENGINE = 'GO Feature Flag modules/core 0.7.2 semantics';

/** Images begin here (IMAGE_BASE in src/flags/image/pool.ts), so static data must end below it. */
const IMAGE_BASE = 65_536;
const INITIAL_PAGES = 2;
/** 64 MiB: what a store of the kernel may ever take. */
const KERNEL_PAGES = 1_024;
/** 16 MiB: what a store of a policy may ever take. */
const POLICY_PAGES = 256;

const COMMON_FLAGS = ['-O3', '--noAssert', '--initialMemory', String(INITIAL_PAGES), '--enable', 'simd'];

const KERNEL_FLAGS = [
  ...COMMON_FLAGS,
  // The kernel keeps its own regions and frees nothing, so it needs no allocator.
  ...['--runtime', 'stub'],
  ...['--memoryBase', '1024'],
  ...['--maximumMemory', String(KERNEL_PAGES)],
  // Without `abort` a failed check is a plain trap and the module imports nothing.
  ...['--use', 'abort='],
];

/** What `edict policy build` would use as well: garbage is collected between hooks, and there is no start function. */
const POLICY_FLAGS = [
  ...COMMON_FLAGS,
  ...['--runtime', 'minimal'],
  '--exportRuntime',
  ...['--exportStart', '_initialize'],
  ...['--maximumMemory', String(POLICY_PAGES)],
];

export const MANIFEST_FILE = 'wasm/manifest.json';

const STAMP = 'guest';

/** Every guest: `wasm/` file, entry, flags, what it must look like, and its entry of the manifest. */
function guests() {
  const kernel = {
    name: 'flags',
    file: 'flags.wasm',
    entry: `${KERNEL_SOURCES}/kernel.ts`,
    flags: KERNEL_FLAGS,
    check: checkKernel,
    facts: { abi: constantOf(`${KERNEL_SOURCES}/abi.ts`, 'ABI_VERSION'), engine: ENGINE },
  };
  const abi = `edict-core/${constantOf(`${SDK_SOURCES}/tags.ts`, 'ABI_VERSION') >>> 16}`;
  const policies = readdirSync(at(POLICY_SOURCES))
    .sort()
    .map((name) => ({
      name,
      file: `policies/${name}.wasm`,
      entry: `${POLICY_SOURCES}/${name}/index.ts`,
      flags: POLICY_FLAGS,
      check: checkPolicy,
      facts: { abi },
    }));
  return { kernel, policies };
}

/**
 * True when wasm/ holds what the present sources give: its manifest says which inputs it was made of, and the digests of what
 * came out. So a fresh clone compiles nothing. `--check` believes no manifest and compiles.
 */
export const guestsAreCurrent = () => readStamp(STAMP) === guestStamp() || isAsDescribed(committedGuests());

function isAsDescribed({ files, manifest }) {
  if (manifest === '') return false;
  const { inputs, flags, policies } = JSON.parse(manifest);
  const described = [flags, ...Object.values(policies)];
  return (
    inputs === guestInputs() &&
    described.length === files.size &&
    described.every(({ file, sha256: digest }) => files.has(file) && sha256(files.get(file)) === digest)
  );
}

/** Remembers that wasm/ holds what the present sources give. */
export const rememberGuests = () => writeStamp(STAMP, guestStamp());

/** Changes with the sources, the compiler, its flags, and what wasm/ holds. */
function guestStamp() {
  const { files, manifest } = committedGuests();
  return sha256([guestInputs(), ...[...files].map(([file, bytes]) => `${file} ${sha256(bytes)}`), manifest].join(' '));
}

function guestInputs() {
  const compiler = JSON.parse(readFileSync(at('node_modules/assemblyscript/package.json'), 'utf8')).version;
  const sources = [KERNEL_SOURCES, SDK_SOURCES, POLICY_SOURCES].flatMap((folder) =>
    filesUnder(folder, (path) => path.endsWith('.ts')),
  );
  return hashFiles(sources, JSON.stringify([compiler, KERNEL_FLAGS, POLICY_FLAGS, ENGINE]));
}

/** Compiles all guests and gives `{ files, manifest }`, files by their path in wasm/; nothing is written into the checkout. */
export async function compileGuests() {
  const { kernel, policies } = guests();
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'guest-'));
  try {
    const files = new Map();
    for (const { name, file, entry, flags, check } of [kernel, ...policies]) {
      const target = join(folder, `${name}.wasm`);
      const { code, output } = await node(at(COMPILER), [entry, ...flags, '--outFile', target], { show: false });
      if (code !== 0) throw new PlainError(`asc could not compile ${entry}:\n${output.trim()}`);
      const bytes = readFileSync(target);
      const broken = check(inspectModule(bytes));
      if (broken.length > 0) throw new PlainError(`${entry} compiles to a broken guest: ${broken.join('; ')}`);
      files.set(file, bytes);
    }
    return { files, manifest: manifestFor(kernel, policies, files) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts compiled guests and their manifest into wasm/; files that are right already are left alone. */
export function writeGuests(built) {
  const committed = committedGuests();
  if (sameGuests(built, committed)) return;
  for (const [file, bytes] of built.files) {
    mkdirSync(dirname(at('wasm', file)), { recursive: true });
    writeFileSync(at('wasm', file), bytes);
  }
  for (const file of committed.files.keys()) if (!built.files.has(file)) rmSync(at('wasm', file));
  writeFileSync(at(MANIFEST_FILE), built.manifest);
  for (const [file, bytes] of built.files) noteDigest(file, bytes);
}

/** A policy of the catalogue names its module by digest. */
function noteDigest(file, bytes) {
  const manifest = at(file.replace(/\.wasm$/, '/policy.yaml'));
  if (!existsSync(manifest)) return;
  const text = readFileSync(manifest, 'utf8');
  const noted = text.replace(/^( {2}sha256: sha256:)[0-9a-f]{64}$/m, `$1${sha256(bytes)}`);
  if (noted !== text) writeFileSync(manifest, noted);
}

/** What wasm/ holds now, in the shape of {@link compileGuests}; the manifest is empty where it is missing. */
export function committedGuests() {
  const files = new Map();
  for (const path of filesUnder('wasm', (file) => file.endsWith('.wasm'))) {
    files.set(path.slice('wasm/'.length), readFileSync(at(path)));
  }
  return { files, manifest: readOrEmpty(MANIFEST_FILE) };
}

export function sameGuests(one, other) {
  return differences(one, other).length === 0 && one.manifest === other.manifest;
}

/** A line for each file that is not the same in both. */
export function differences(one, other) {
  const names = new Set([...one.files.keys(), ...other.files.keys()]);
  return [...names].sort().flatMap((file) => {
    const [left, right] = [one.files.get(file), other.files.get(file)];
    return left !== undefined && right !== undefined && left.equals(right)
      ? []
      : [`wasm/${file}: ${described(left)} against ${described(right)}`];
  });
}

/** One line about every file. */
export const summaryOf = ({ files }) =>
  [...files].map(([file, bytes]) => `wasm/${file}: ${described(bytes)}`).join('\n');

function described(bytes) {
  return bytes === undefined ? 'nothing' : `${bytes.length} bytes, sha256 ${sha256(bytes)}`;
}

function readOrEmpty(file) {
  try {
    return readFileSync(at(file), 'utf8');
  } catch {
    return '';
  }
}

function manifestFor(kernel, policies, files) {
  const entryOf = ({ file, facts }) => {
    const bytes = files.get(file);
    return { file, bytes: bytes.length, sha256: sha256(bytes), ...facts };
  };
  const manifest = {
    inputs: guestInputs(),
    flags: entryOf(kernel),
    policies: Object.fromEntries(policies.map((policy) => [policy.name, entryOf(policy)])),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function constantOf(file, name) {
  const found = new RegExp(`export const ${name}\\s*(?::\\s*\\w+)?\\s*=\\s*([\\d_]+)\\s*;`).exec(readOrEmpty(file));
  if (found === null) throw new PlainError(`${file} has no line \`export const ${name} … = <number>;\``);
  return Number(found[1].replaceAll('_', ''));
}

/** The contract of the kernel as the host relies on it. */
function checkKernel({ imports, exports, memory, dataEnd }) {
  const broken = checkMemory(exports, memory, KERNEL_PAGES);
  if (imports.length > 0) broken.push(`it imports ${imports.join(', ')}; the kernel must import nothing`);
  if (dataEnd >= IMAGE_BASE) broken.push(`its static data ends at ${dataEnd}; images begin at ${IMAGE_BASE}`);
  return broken;
}

/** What loading a policy checks again, found here while its author is looking. */
function checkPolicy({ imports, exports, memory }) {
  const broken = checkMemory(exports, memory, POLICY_PAGES);
  const foreign = imports.filter((name) => name !== 'env.abort' && !name.startsWith('edict.'));
  if (foreign.length > 0) broken.push(`it imports ${foreign.join(', ')}`);
  const missing = ['edict_abi_version', 'edict_init', 'edict_call'].filter(
    (name) => !exports.includes(`function ${name}`),
  );
  if (missing.length > 0) broken.push(`it does not export ${missing.join(', ')}`);
  return broken;
}

function checkMemory(exports, memory, maximum) {
  const broken = [];
  if (!exports.includes('memory memory')) broken.push('it does not export its memory');
  if (memory?.initial !== INITIAL_PAGES || memory.maximum !== maximum) {
    broken.push(`its memory is declared as ${JSON.stringify(memory)}, not ${INITIAL_PAGES} to ${maximum} pages`);
  }
  return broken;
}
