/** Loads a guest module: bytes against the hash first, then imports, exports and memory limits, only then compile. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import { packageFile } from '../internal/package-files.ts';
import { inspectModule } from './inspect.ts';
import { WASI_FUNCTIONS, WASI_MODULE } from './wasi.ts';

/** One entry of wasm/manifest.json. */
export interface ManifestEntry {
  readonly file: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly abi: number;
  /** Which engine's semantics the guest has. */
  readonly engine: string;
}

/** One policy of wasm/manifest.json. */
export interface PolicyEntry extends Pick<ManifestEntry, 'file' | 'bytes' | 'sha256'> {
  /** The interface it speaks: `edict-core/1`. */
  readonly abi: string;
}

/** wasm/manifest.json. */
export interface Manifest {
  readonly flags: ManifestEntry;
  /** By name. */
  readonly policies: Readonly<Record<string, PolicyEntry>>;
}

/** What a guest must look like. */
export interface ModuleRules {
  readonly exports: readonly string[];
  /** Largest declared memory maximum, in pages of 64 KiB. */
  readonly maxPages: number;
}

/** Bytes, a compiled `WebAssembly.Module`, a path or a `file:` URL. */
export type ModuleSource = Uint8Array | string | URL | object;

const MAX_MODULE_BYTES = 4 * 1024 * 1024;

/** Reads the manifest that is shipped with the package. */
export async function readManifest(): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(packageFile('wasm/manifest.json'), 'utf8')) as Manifest;
  } catch (caught) {
    throw new EdictError('MODULE_REJECTED', 'wasm/manifest.json of the package cannot be read; reinstall it', {
      cause: caught,
    });
  }
}

/**
 * Loads and compiles a module: the built-in one, or another copy of it (`source`).
 *
 * `sha256` is the pin; `false` trusts the bytes. A `WebAssembly.Module` has no bytes left to check.
 * Throws `MODULE_REJECTED`.
 */
export async function loadModule(
  entry: ManifestEntry,
  rules: ModuleRules,
  source?: ModuleSource,
  sha256: string | false = entry.sha256,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  const bytes = await bytesOf(source ?? packageFile(`wasm/${entry.file}`));
  if (bytes.length > MAX_MODULE_BYTES) throw rejected(`it has ${bytes.length} bytes, more than ${MAX_MODULE_BYTES}`);
  if (sha256 !== false) verifyHash(bytes, sha256);
  verifyShape(bytes, rules);
  try {
    return await WebAssembly.compile(bytes);
  } catch (caught) {
    throw new EdictError('MODULE_REJECTED', `the module does not compile: ${(caught as Error).message}`, {
      cause: caught,
    });
  }
}

async function bytesOf(source: ModuleSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string' && !(source instanceof URL)) throw rejected('it is neither bytes, a path nor a URL');
  try {
    return await readFile(typeof source === 'string' && source.startsWith('file:') ? new URL(source) : source);
  } catch (caught) {
    throw new EdictError('MODULE_REJECTED', `the module cannot be read: ${(caught as Error).message}`, {
      cause: caught,
    });
  }
}

function verifyHash(bytes: Uint8Array, sha256: string): void {
  const actual = createHash('sha256').update(bytes).digest();
  const expected = Buffer.from(sha256, 'hex');
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw rejected(`its sha256 is ${actual.toString('hex')}, not ${sha256}`);
  }
}

/** Checks what the bytes say of themselves against the rules. Throws `MODULE_REJECTED` with the offending names. */
export function verifyShape(bytes: Uint8Array, rules: ModuleRules): void {
  const facts = inspectModule(bytes);
  const allowed = new Set(WASI_FUNCTIONS.map((name) => `${WASI_MODULE}.${name}`));
  const foreign = facts.imports.filter((name) => !allowed.has(name));
  if (foreign.length > 0) throw rejected(`it imports ${foreign.join(', ')}; only denying WASI functions are linked`);
  const missing = rules.exports.filter(
    (name) => facts.exports.get(name) !== (name === 'memory' ? 'memory' : 'function'),
  );
  if (missing.length > 0) throw rejected(`it does not export ${missing.join(', ')}`);
  const { memory } = facts;
  if (memory === undefined) throw rejected('it defines no memory');
  if (memory.shared) throw rejected('its memory is shared');
  if (memory.maximum === undefined || memory.maximum > rules.maxPages) {
    throw rejected(`its memory maximum is ${memory.maximum ?? 'not declared'}, more than ${rules.maxPages} pages`);
  }
  if (facts.hasStart) throw rejected('it has a start function');
}

function rejected(text: string): EdictError {
  return new EdictError('MODULE_REJECTED', `the module was refused: ${text}`);
}
