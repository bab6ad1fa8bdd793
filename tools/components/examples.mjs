/**
 * Builds the example policies in languages other than AssemblyScript, or says why that cannot be done here. What is a few
 * kilobytes is committed beside its source with its digest in examples/policies/manifest.json; engines of several megabytes
 * are built into the cache.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesUnder, hashFiles, readStamp, sha256, writeStamp } from '../../scripts/lib/hash.mjs';
import { at, CACHE } from '../../scripts/lib/paths.mjs';
import { node, run } from '../../scripts/lib/process.mjs';
import { dim, PlainError, say, seconds } from '../../scripts/lib/terminal.mjs';

const WIT = 'wasm/wit';
const TOOLS = 'tools/components';
const MANIFEST = 'examples/policies/manifest.json';

/** Guests corrupt their memory quietly when the shadow stack is small, so it has 256 KiB and lies below all else. */
const C_FLAGS = [
  ...['--target=wasm32', '-O3', '-std=c11', '-Wall', '-Wextra', '-Werror'],
  ...['-nostdlib', '-ffreestanding', '-mbulk-memory'],
  ...['-Wl,--no-entry', '-Wl,--strip-all', '-Wl,-z,stack-size=262144', '-Wl,--stack-first'],
  '-Wl,--max-memory=16777216',
];
const RUST_FLAGS = '-C link-arg=-zstack-size=262144 -C link-arg=--stack-first';
const RUST_TARGET = 'wasm32-unknown-unknown';

/**
 * What there is: the sources that decide the result, where it goes, and how it is made. `build` gives the reason when
 * something is missing, or nothing.
 */
export const EXAMPLES = {
  c: {
    what: 'a core module in C',
    sources: () => filesUnder('examples/policies/c', (path) => !path.endsWith('.wasm')),
    file: 'examples/policies/c/four-hooks.wasm',
    build: buildC,
  },
  rust: {
    what: 'a component in Rust, one core module',
    sources: () => [
      ...['Cargo.toml', 'Cargo.lock', 'src/lib.rs'].map((name) => `examples/policies/rust/${name}`),
      ...filesUnder(WIT),
    ],
    file: 'examples/policies/rust/four-hooks.component.wasm',
    transpiled: true,
    build: (file) => buildRust('rust', 'four_hooks', file),
  },
  'rust-host': {
    what: 'a component in Rust that calls host functions of every capability',
    sources: () => [
      ...['Cargo.toml', 'Cargo.lock', 'src/lib.rs'].map((name) => `examples/policies/rust-host/${name}`),
      ...filesUnder(WIT),
    ],
    file: 'examples/policies/rust-host/host-calls.component.wasm',
    transpiled: true,
    build: (file) => buildRust('rust-host', 'host_calls', file),
  },
  js: {
    what: 'a component in JavaScript, with the StarlingMonkey engine inside',
    sources: () => ['examples/policies/js/four-hooks.js', ...filesUnder(WIT)],
    transpiled: true,
    build: (file) => buildJs(file, 'examples/policies/js/four-hooks.js'),
  },
  shop: {
    what: 'the policy of the shop example in JavaScript',
    sources: () => ['examples/shop/content-language.js', ...filesUnder(WIT)],
    build: (file) => buildJs(file, 'examples/shop/content-language.js'),
  },
  python: {
    what: 'a component in Python, with CPython inside',
    sources: () => ['examples/policies/python/four_hooks.py', ...filesUnder(WIT)],
    transpiled: true,
    build: buildPython,
  },
};

/**
 * Gives `{ file, transpiled }`, paths of the built module and of the ES module jco made of it (where the example is a
 * component), or `{ reason }`. What is there and made of the same sources is not made again, unless `rebuild` asks for it; so a
 * committed module needs no toolchain of its language.
 */
export async function example(name, { build = true, rebuild = false, quiet = false } = {}) {
  const { sources, file, transpiled, build: make } = EXAMPLES[name];
  const folder = join(CACHE, 'components', name);
  const built = file === undefined ? join(folder, 'four-hooks.component.wasm') : at(file);
  const script = join(folder, 'transpiled', 'four-hooks.js');
  const found = transpiled ? { file: built, transpiled: script } : { file: built };
  const wanted = hashFiles(sources());
  const tools = hashFiles([`${TOOLS}/examples.mjs`, `${TOOLS}/package-lock.json`]);
  const isBuilt = !rebuild && existsSync(built) && isOf(name, built, wanted);
  const stampOf = () => `${hashFiles([], sha256(readFileSync(built)))} ${tools}`;
  if (isBuilt && (!transpiled || (existsSync(script) && readStamp(`component-${name}`) === stampOf()))) return found;
  if (!build) return { reason: `it is not built; \`node ${TOOLS}/build.mjs ${name}\` builds it` };
  const began = performance.now();
  if (!isBuilt) {
    mkdirSync(dirname(built), { recursive: true });
    const missing = await make(built);
    if (missing !== undefined) return { reason: missing };
    remember(name, built, wanted);
  }
  if (transpiled) {
    const missing = await transpile(built, dirname(script));
    if (missing !== undefined) return { reason: missing };
    writeStamp(`component-${name}`, stampOf());
  }
  if (!quiet) say(dim(`Built ${name} in ${seconds(performance.now() - began)}.`));
  return found;
}

/** Whether a module was made of these sources: committed ones say so in the manifest, others in a stamp. */
function isOf(name, built, sources) {
  if (EXAMPLES[name].file === undefined) return readStamp(`component-source-${name}`) === sources;
  const entry = readManifest()[name];
  return entry?.sources === sources && entry.sha256 === sha256(readFileSync(built));
}

function remember(name, built, sources) {
  const { file } = EXAMPLES[name];
  if (file === undefined) {
    writeStamp(`component-source-${name}`, sources);
    return;
  }
  const bytes = readFileSync(built);
  const entry = { file: file.slice('examples/policies/'.length), bytes: bytes.length, sha256: sha256(bytes), sources };
  writeFileSync(at(MANIFEST), `${JSON.stringify({ ...readManifest(), [name]: entry }, null, 2)}\n`);
}

const readManifest = () => JSON.parse(readFileSync(at(MANIFEST), 'utf8'));

async function buildC(file) {
  if (!(await answers('clang', ['--print-targets'], /wasm32/))) {
    return 'clang for wasm32 is not installed (Debian: apt-get install clang lld)';
  }
  const args = [...C_FLAGS, '-o', file, at('examples/policies/c/four-hooks.c')];
  const { code, output } = await run('clang', args, { show: false });
  if (code === 0) {
    chmodSync(file, 0o644);
    return undefined;
  }
  if (/wasm-ld|unable to execute|linker/.test(output) && !(await answers('wasm-ld', ['--version'], /LLD/))) {
    return 'the linker of clang, wasm-ld, is not installed (Debian: apt-get install lld)';
  }
  throw new PlainError(`examples/policies/c does not compile:\n${output.trim()}`);
}

async function buildRust(folder, crate, file) {
  if (!(await answers('cargo', ['--version'], /cargo/))) return 'Rust is not installed';
  if (!(await answers('rustc', ['--print', 'target-libdir', '--target', RUST_TARGET], /./, existsSync))) {
    return `Rust has no ${RUST_TARGET} (rustup target add ${RUST_TARGET})`;
  }
  const missing = await ensureTools();
  if (missing !== undefined) return missing;
  const target = join(CACHE, 'cargo');
  // Paths of this machine stay out of the module, so that it is the same everywhere.
  const remap = `--remap-path-prefix=${at()}=edict --remap-path-prefix=${process.env.HOME}=home`;
  const env = { CARGO_TARGET_DIR: target, RUSTFLAGS: `${RUST_FLAGS} ${remap}` };
  const cwd = at('examples/policies', folder);
  const fetched = await run('cargo', ['fetch', '--locked'], { cwd, show: false });
  if (fetched.code !== 0) return `its crates cannot be downloaded: ${lastLine(fetched.output)}`;
  const args = ['build', '--release', '--locked', '--offline', '--target', RUST_TARGET];
  const { code, output } = await run('cargo', args, { cwd, env, show: false });
  if (code !== 0) throw new PlainError(`examples/policies/${folder} does not compile:\n${output.trim()}`);
  return await jco(['new', join(target, RUST_TARGET, 'release', `${crate}.wasm`), '-o', file]);
}

/** `--disable all`: the engine gets no clock, no random numbers and no output but those the world imports. */
async function buildJs(file, source) {
  const missing = await ensureTools();
  if (missing !== undefined) return missing;
  return await jco(['componentize', at(source), '--wit', at(WIT), '-n', 'pure-policy', '--disable', 'all', '-o', file]);
}

async function buildPython(file) {
  const missing = await ensureTools();
  if (missing !== undefined) return missing;
  const program = await componentizePy();
  if (program.reason !== undefined) return program.reason;
  const args = ['-d', at(WIT), '-w', 'pure-policy', 'componentize', '--stub-wasi', 'four_hooks', '-o', file];
  const { code, output } = await run(program.file, args, { cwd: at('examples/policies/python'), show: false });
  if (code !== 0) throw new PlainError(`examples/policies/python does not build:\n${output.trim()}`);
  return undefined;
}

/** In an environment of its own in the cache, at the version of requirements.txt. */
async function componentizePy() {
  const folder = join(CACHE, 'componentize-py');
  const file = join(folder, 'bin', 'componentize-py');
  const requirements = at('examples/policies/python/requirements.txt');
  const stamp = hashFiles(['examples/policies/python/requirements.txt']);
  if (existsSync(file) && readStamp('componentize-py') === stamp) return { file };
  rmSync(folder, { recursive: true, force: true });
  if (!(await answers('python3', ['--version'], /Python 3/))) return { reason: 'Python 3 is not installed' };
  const made = await run('python3', ['-m', 'venv', folder], { show: false });
  if (made.code !== 0) return { reason: `python3 cannot make an environment: ${lastLine(made.output)}` };
  const args = ['install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  const { code, output } = await run(join(folder, 'bin', 'pip'), args, { show: false });
  if (code === 0) {
    writeStamp('componentize-py', stamp);
    return { file };
  }
  rmSync(folder, { recursive: true, force: true });
  return { reason: `componentize-py cannot be installed: ${lastLine(output)}` };
}

/** Turns a component into an ES module whose caller supplies core modules and imports. Gives why it could not. */
export async function transpile(file, folder) {
  const missing = await ensureTools();
  if (missing !== undefined) return missing;
  rmSync(folder, { recursive: true, force: true });
  const flags = ['--instantiation', 'sync', '--no-wasi-shim', '--no-nodejs-compat', '--base64-cutoff', '0', '--quiet'];
  return await jco(['transpile', file, '--name', 'four-hooks', ...flags, '--no-typescript', '-o', folder]);
}

async function jco(args) {
  const { code, output } = await node(at(TOOLS, 'node_modules/@bytecodealliance/jco/dist/jco.js'), args, {
    show: false,
  });
  if (code !== 0) throw new PlainError(`jco ${args[0]} failed:\n${output.trim()}`);
  return undefined;
}

/** Several hundred megabytes, so they are installed when something is to be built with them and never with the project. */
async function ensureTools() {
  const lock = `${TOOLS}/package-lock.json`;
  const stamp = hashFiles([lock]);
  if (existsSync(at(TOOLS, 'node_modules')) && readStamp('component-tools') === stamp) return undefined;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { code, output } = await run('npm', args, { cwd: at(TOOLS), show: false, shell: process.platform === 'win32' });
  if (code !== 0) return `the tools for components cannot be installed: ${lastLine(output)}`;
  writeStamp('component-tools', stamp);
  return undefined;
}

/** Whether a program is there and says what is expected. */
async function answers(command, args, expected, holds = () => true) {
  try {
    const { code, output } = await run(command, args, { show: false });
    return code === 0 && expected.test(output) && holds(output.trim());
  } catch {
    return false;
  }
}

const lastLine = (text) => text.trim().split('\n').at(-1);
