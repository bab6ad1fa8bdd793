/** Compiles a test guest from AssemblyScript sources, with the options of the real ones; kept by digest in the system's temp folder. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Of the evaluation kernel. */
const KERNEL_OPTIONS: readonly string[] = [
  ...['-O3', '--noAssert', '--runtime', 'stub', '--memoryBase', '1024', '--enable', 'simd', '--use', 'abort='],
];

/** Of policies. */
export const POLICY_OPTIONS: readonly string[] = [
  ...['-O3', '--noAssert', '--runtime', 'minimal', '--exportRuntime', '--exportStart', '_initialize'],
  ...['--initialMemory', '2', '--maximumMemory', '256', '--enable', 'simd'],
];

/**
 * Gives the module made of `entry`, a path from the project's root without its ending. Entries end in `.as`, because
 * `.ts` files under test/ are type-checked as TypeScript.
 */
export async function buildGuest(entry: string): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(await buildGuestBytes(entry, KERNEL_OPTIONS));
}

/** The same as bytes, with the options of choice. */
export async function buildGuestBytes(entry: string, options: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const name = `${entry}.ts`;
  const read = new Map<string, string | null>();
  const files = new Map<string, Uint8Array>();

  const sources = (path: string): string | null => {
    const known = read.get(path);
    if (known !== undefined) return known;
    let text: string | null = null;
    try {
      text = readFileSync(resolve(ROOT, path === name ? `${entry}.as` : path), 'utf8');
    } catch {
      // Not there: the compiler tries the next place.
    }
    read.set(path, text);
    return text;
  };

  const kept = keptFile(sourcesOf(name, sources), options);
  try {
    return readFileSync(kept);
  } catch {
    // First build of these sources.
  }
  const asc = await import('assemblyscript/asc');
  const { error, stderr } = await asc.main([name, ...options, '--outFile', 'guest.wasm'], {
    readFile: sources,
    writeFile: (path, contents) => {
      files.set(path, typeof contents === 'string' ? new TextEncoder().encode(contents) : contents);
    },
    listFiles: () => [],
  });
  const bytes = files.get('guest.wasm');
  if (error !== null || bytes === undefined) throw new Error(`the test guest does not compile:\n${stderr.toString()}`);
  // Written beside and renamed: another test process may be at the same.
  const folder = mkdtempSync(join(tmpdir(), 'edict-guest-'));
  writeFileSync(join(folder, 'guest.wasm'), bytes);
  renameSync(join(folder, 'guest.wasm'), kept);
  rmSync(folder, { recursive: true });
  return bytes as Uint8Array<ArrayBuffer>;
}

/** The entry and everything it imports, as one text. */
function sourcesOf(entry: string, read: (path: string) => string | null): string {
  const seen = new Map<string, string>();
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    const text = read(path) ?? '';
    seen.set(path, text);
    for (const [, target = ''] of text.matchAll(/from '(\.[^']+)'/g)) {
      open.push(`${new URL(target, `file:///${path}`).pathname.slice(1)}.ts`);
    }
  }
  return [...seen].map((file) => file.join('\0')).join('\0');
}

function keptFile(sources: string, options: readonly string[]): string {
  const compiler = readFileSync(resolve(ROOT, 'node_modules/assemblyscript/package.json'), 'utf8');
  const digest = createHash('sha256')
    .update([compiler, ...options, sources].join('\0'))
    .digest('hex');
  return join(tmpdir(), `edict-test-guest-${digest.slice(0, 32)}.wasm`);
}
