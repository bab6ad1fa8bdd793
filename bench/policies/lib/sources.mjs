/** Brings in what no entry of the package exports: a bundle of source files, made anew for each run. */

import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** All exports of the given files of src/ in one module. The code looks for wasm/ beside src/ or dist/, so it lies in dist/. */
export async function importSources(...files) {
  const folder = mkdtempSync(`${ROOT}dist/bench-`);
  try {
    const outfile = `${folder}/sources.mjs`;
    await build({
      stdin: {
        contents: files.map((file) => `export * from './src/${file}';`).join('\n'),
        resolveDir: ROOT,
        loader: 'ts',
      },
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      outfile,
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
