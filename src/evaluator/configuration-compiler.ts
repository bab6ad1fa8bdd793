/** Compiles a configuration body where it costs least: at once when small, in a worker thread when large. */

import { Worker } from 'node:worker_threads';
import { EdictError, type EdictErrorCode } from '../errors.ts';
import type { CompiledConfiguration, CompileOptions } from '../flags/compile/configuration.ts';
import { packageFile } from '../internal/package-files.ts';
import type { ConfigurationSource } from './configuration-source.ts';

/** Bodies up to this size compile on the calling thread, in about 20 ms; starting a worker costs 30. */
export const INLINE_BYTES = 192 * 1024;

/** What the worker answers; errors cross as data, because a structured clone loses their class. */
export type CompileAnswer =
  | { readonly compiled: CompiledConfiguration }
  | { readonly code: EdictErrorCode | undefined; readonly text: string };

const WORKER = packageFile('dist/evaluator/compile-worker.js');

/** Room for what a compilation allocates in passing: collecting it took a fifth of the time in the default 16 MiB. */
const YOUNG_GENERATION_MIB = 64;

/** Documents up to this many flags compile on the calling thread. */
const INLINE_FLAGS = 500;

/** Rejects with `INVALID_BODY` or `CONFIGURATION_TOO_LARGE`. */
export async function compile(source: ConfigurationSource, options: CompileOptions): Promise<CompiledConfiguration> {
  if (!isSmall(source)) return compileInWorker(source, options);
  // A process that only ever sees large configurations never loads the compiler on its main thread.
  const { compileNow } = await import('./compile-now.ts');
  return compileNow(source, options);
}

function isSmall(source: ConfigurationSource): boolean {
  if ('body' in source) return source.body.length <= INLINE_BYTES;
  const { flags } = source.document as { flags?: unknown };
  return typeof flags !== 'object' || flags === null || Object.keys(flags).length <= INLINE_FLAGS;
}

function compileInWorker(source: ConfigurationSource, options: CompileOptions): Promise<CompiledConfiguration> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, {
      workerData: { source, options },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    // A process may end while a background refresh compiles; whoever waits for the answer holds it.
    worker.unref();
    worker.once('message', (answer: CompileAnswer) => {
      if ('compiled' in answer) resolve(answer.compiled);
      else reject(new EdictError(answer.code ?? 'INVALID_BODY', answer.text));
      void worker.terminate();
    });
    worker.once('error', (caught) => {
      reject(
        new EdictError('INVALID_BODY', `the configuration could not be compiled: ${caught.message}`, { cause: caught }),
      );
    });
    worker.once('exit', () => reject(new EdictError('INVALID_BODY', 'the compile worker ended without an answer')));
  });
}
