import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlagStore, KERNEL_RULES } from '../../../src/wasm/flag-store.ts';
import { loadModule, type ManifestEntry, readManifest } from '../../../src/wasm/module.ts';
import type { ModuleRules } from '../../../src/wasm/verify-module.ts';
import { WASI_IMPORTS } from '../../../src/wasm/wasi.ts';
import { assemble, binary } from './support/wat.ts';

const EXPORTS = [
  ['memory', 'memory'],
  ['run', 'function'],
] as const;
const RULES: ModuleRules = { imports: WASI_IMPORTS, exports: new Map(EXPORTS), maxPages: 16 };
const ENTRY: ManifestEntry = { file: 'none.wasm', bytes: 0, sha256: 'f'.repeat(64), abi: 1, engine: '' };

const compile = vi.spyOn(WebAssembly, 'compile');
beforeEach(() => {
  compile.mockClear();
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function load(bytes: Uint8Array, rules = RULES): Promise<WebAssembly.Module> {
  return loadModule(ENTRY, rules, bytes, false);
}

function run(module: WebAssembly.Module): unknown {
  return (new WebAssembly.Instance(module).exports['run'] as () => number)();
}

describe('a module that keeps the rules', () => {
  const bytes = assemble('well-formed');

  it('is compiled', async () => {
    expect(run(await load(bytes))).toBe(42);
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it('is taken with the right pin', async () => {
    expect(run(await loadModule(ENTRY, RULES, bytes, sha256(bytes)))).toBe(42);
    expect(run(await loadModule({ ...ENTRY, sha256: sha256(bytes) }, RULES, bytes))).toBe(42);
    expect(run(await loadModule(ENTRY, RULES, bytes, sha256(bytes).toUpperCase()))).toBe(42);
  });

  it('may come compiled already, and is then the very same (D-01, GOFF-WASM-011)', async () => {
    const module = new WebAssembly.Module(bytes);
    expect(await loadModule(ENTRY, RULES, module)).toBe(module);
  });
});

describe('a module from a file', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edict-module-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('may be named by path, file: text or URL (D-01, GOFF-WASM-011)', async () => {
    const file = join(folder, 'guest.wasm');
    await writeFile(file, assemble('well-formed'));
    const url = pathToFileURL(file);
    for (const source of [file, url, url.href]) expect(run(await loadModule(ENTRY, RULES, source, false))).toBe(42);
  });

  it('is refused when it is not there, with the reason', async () => {
    await expect(loadModule(ENTRY, RULES, join(folder, 'gone.wasm'), false)).rejects.toMatchObject({
      code: 'MODULE_REJECTED',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('is refused when the source is nothing that can be read', async () => {
    await expect(loadModule(ENTRY, RULES, { not: 'a module' }, false)).rejects.toMatchObject({
      code: 'MODULE_REJECTED',
      message: expect.stringContaining('neither bytes, a path nor a URL'),
    });
  });
});

describe('a module is refused before it is compiled', () => {
  afterEach(() => {
    expect(compile).not.toHaveBeenCalled();
  });

  it.each([
    ['too large', new Uint8Array(4 * 1024 * 1024 + 1), '4194305 bytes, more than 4194304'],
    ['not WebAssembly', new TextEncoder().encode('<!doctype html>'), 'not a version 1 WebAssembly module'],
    ['truncated', assemble('well-formed').subarray(0, 30), 'passes its end'],
    ['without a memory', assemble('no-memory'), 'does not export memory'],
    ['without a maximum for its memory', assemble('no-maximum'), 'memory maximum is not declared'],
    ['of too large a maximum', assemble('large-maximum'), 'memory maximum is 17, more than 16 pages'],
    ['of a shared memory', assemble('shared-memory'), 'memory is shared'],
    ['with a start function', assemble('start-function'), 'start function'],
    ['with two memories', binary([5, 2, 1, 1, 16, 0, 1]), '2 memories'],
  ])('when it is %s (GOFF-WASM-002)', async (_, bytes, text) => {
    await expect(load(bytes)).rejects.toMatchObject({
      code: 'MODULE_REJECTED',
      openFeatureCode: 'PROVIDER_FATAL',
      message: expect.stringContaining(text),
    });
  });

  it('when its memory is defined but another thing is exported in its place', async () => {
    const rules: ModuleRules = { ...RULES, exports: new Map([['run', 'function']]) };
    await expect(load(assemble('no-memory'), rules)).rejects.toThrow('it defines no memory');
  });

  it('when it imports anything but WASI functions, and the names are told', async () => {
    await expect(load(assemble('foreign-imports'))).rejects.toThrow(
      'it imports env.now, gojs.syscall/js.valueGet, env.table (table), env.counter (global); only what was granted of wasi_snapshot_preview1 is linked',
    );
  });

  it('when it imports its memory, also under the name of a WASI function', async () => {
    await expect(load(assemble('imported-memory'))).rejects.toThrow('it imports env.memory (memory)');
    await expect(load(assemble('disguised-memory'))).rejects.toThrow(
      'it imports wasi_snapshot_preview1.fd_write (memory)',
    );
  });

  it('when exports are missing or of another kind, and the names are told (GOFF-WASM-001)', async () => {
    await expect(load(assemble('missing-exports'))).rejects.toThrow('it does not export memory, run');
    await expect(load(assemble('well-formed'), KERNEL_RULES)).rejects.toThrow(
      'it does not export abiVersion, reserve, loadImage, slots, context, contextEnd, results, evaluate, evaluateAll',
    );
  });

  it('when one bit differs from its pin, or the pin is none (D-64, GOFF-WASM-010)', async () => {
    const bytes = assemble('well-formed');
    const pin = sha256(bytes);
    const changed = Uint8Array.from(bytes);
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    await expect(loadModule(ENTRY, RULES, changed, pin)).rejects.toThrow(
      `its sha256 is ${sha256(changed)}, not ${pin}`,
    );
    for (const wrong of [ENTRY.sha256, '', pin.slice(2), `${pin}00`, 'sha256']) {
      await expect(loadModule(ENTRY, RULES, bytes, wrong)).rejects.toMatchObject({ code: 'MODULE_REJECTED' });
    }
  });
});

describe('a module whose shape is right and whose code is not', () => {
  it('is refused by the compiler under the same code', async () => {
    const bytes = assemble('well-formed');
    // The body of `run` ends the file: 42 becomes an operation that does not exist.
    bytes[bytes.length - 3] = 0xff;
    await expect(load(bytes)).rejects.toMatchObject({
      code: 'MODULE_REJECTED',
      message: expect.stringContaining('does not compile'),
      cause: expect.any(Error),
    });
  });
});

describe('the module of the package', () => {
  it('is what its manifest says, keeps the rules and speaks its ABI (D-64, GOFF-ENG-002, GOFF-WASM-010)', async () => {
    const { flags } = await readManifest();
    expect(flags).toMatchObject({ file: 'flags.wasm', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const store = new FlagStore(await loadModule(flags, KERNEL_RULES), flags.abi);
    expect(store.isPoisoned).toBe(false);
  });
});
