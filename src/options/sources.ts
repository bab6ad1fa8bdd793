/** Where documents and module bytes come from: the bytes themselves, a file, or a function. */

import { fileURLToPath } from 'node:url';

import { REFUSED } from './kinds.ts';

/** `bootstrap` after validation. A document is kept as the JSON text it was, so later changes by the caller have no effect. */
export type BootstrapSource =
  | { readonly kind: 'document'; readonly json: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'load'; readonly load: () => object | Promise<object> };

/** `wasmModule` after validation. `module` is a `WebAssembly.Module` (typed as object: its type needs a browser's library). */
export type ModuleSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'module'; readonly module: object }
  | { readonly kind: 'file'; readonly path: string };

export function parseBootstrap(value: unknown): BootstrapSource | typeof REFUSED {
  if (typeof value === 'function') {
    return Object.freeze({ kind: 'load', load: value as () => object | Promise<object> });
  }
  const path = parseFilePath(value);
  if (path !== undefined) return Object.freeze({ kind: 'file', path });
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof URL) return REFUSED;
  try {
    const json = JSON.stringify(value) as string | undefined;
    return json === undefined ? REFUSED : Object.freeze({ kind: 'document', json });
  } catch {
    return REFUSED; // cycles, BigInt, or nesting beyond what the runtime can write
  }
}

export function parseModuleSource(value: unknown): ModuleSource | typeof REFUSED {
  if (value instanceof Uint8Array) return Object.freeze({ kind: 'bytes', bytes: new Uint8Array(value) });
  if (Object.prototype.toString.call(value) === '[object WebAssembly.Module]') {
    return Object.freeze({ kind: 'module', module: value as object });
  }
  const path = parseFilePath(value);
  return path === undefined ? REFUSED : Object.freeze({ kind: 'file', path });
}

/** A path, a `file:` URL, or the text of one; `undefined` for anything else. */
export function parseFilePath(value: unknown): string | undefined {
  if (typeof value === 'string' && !/^[a-z][a-z0-9+.-]+:/i.test(value)) {
    return value === '' || value.includes('\0') ? undefined : value;
  }
  if (typeof value !== 'string' && !(value instanceof URL)) return undefined;
  try {
    return fileURLToPath(value);
  } catch {
    return undefined;
  }
}
