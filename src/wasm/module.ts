/** Loads a guest module: bytes against the hash first, then imports, exports and memory limits, only then compile. */

import { readFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import { packageFile } from '../internal/package-files.ts';
import { moduleRefused } from './binary/refusal.ts';
import { type ModuleRules, verifyModule } from './verify-module.ts';

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

/** Bytes, a compiled `WebAssembly.Module`, a path or a `file:` URL. */
export type ModuleSource = Uint8Array | string | URL | object;

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
  verifyModule(bytes, rules, sha256);
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
  if (typeof source !== 'string' && !(source instanceof URL))
    throw moduleRefused('it is neither bytes, a path nor a URL');
  try {
    return await readFile(typeof source === 'string' && source.startsWith('file:') ? new URL(source) : source);
  } catch (caught) {
    throw new EdictError('MODULE_REJECTED', `the module cannot be read: ${(caught as Error).message}`, {
      cause: caught,
    });
  }
}
