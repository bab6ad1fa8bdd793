/** Compiles a configuration body where it costs least: at once when small, in a worker thread when large. */

import { Worker } from 'node:worker_threads';
import { EdictError, type EdictErrorCode } from '../errors.ts';
import { type CompiledConfiguration, type CompileOptions, compileConfiguration } from '../flags/compile/configuration.ts';
import { parseEnvelope, readEnvelope } from '../flags/compile/envelope.ts';

/** A configuration as it came: the bytes of an answer, or a parsed document. */
export type ConfigurationSource = { readonly body: Uint8Array } | { readonly document: object };

/** Bodies up to this size compile on the calling thread, in about 20 ms; starting a worker costs 30. */
export const INLINE_BYTES = 192 * 1024;

/** What the worker answers; errors cross as data, because a structured clone loses their class. */
export type CompileAnswer =
  | { readonly compiled: CompiledConfiguration }
  | { readonly code: EdictErrorCode | undefined; readonly text: string };

// From the sources (tests) the worker is the built file: Node 20 runs no TypeScript.
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/evaluator/compile-worker.js' : './compile-worker.js',
  import.meta.url,
);

/** Documents up to this many flags compile on the calling thread. */
const INLINE_FLAGS = 500;

/** Compiles here and now. Throws `INVALID_BODY` or `CONFIGURATION_TOO_LARGE`. */
export function compileNow(source: ConfigurationSource, options: CompileOptions): CompiledConfiguration {
  return compileConfiguration('body' in source ? parseEnvelope(source.body) : readEnvelope(source.document), options);
}

/** Rejects with `INVALID_BODY` or `CONFIGURATION_TOO_LARGE`. */
export async function compile(source: ConfigurationSource, options: CompileOptions): Promise<CompiledConfiguration> {
  return isSmall(source) ? compileNow(source, options) : compileInWorker(source, options);
}

function isSmall(source: ConfigurationSource): boolean {
  if ('body' in source) return source.body.length <= INLINE_BYTES;
  const { flags } = source.document as { flags?: unknown };
  return typeof flags !== 'object' || flags === null || Object.keys(flags).length <= INLINE_FLAGS;
}

function compileInWorker(source: ConfigurationSource, options: CompileOptions): Promise<CompiledConfiguration> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER_URL, { workerData: { source, options } });
    // A process may end while a background refresh compiles; whoever waits for the answer holds it.
    worker.unref();
    worker.once('message', (answer: CompileAnswer) => {
      if ('compiled' in answer) resolve(answer.compiled);
      else reject(new EdictError(answer.code ?? 'INVALID_BODY', answer.text));
      void worker.terminate();
    });
    worker.once('error', (caught) => {
      reject(new EdictError('INVALID_BODY', `the configuration could not be compiled: ${caught.message}`, { cause: caught }));
    });
    worker.once('exit', () => reject(new EdictError('INVALID_BODY', 'the compile worker ended without an answer')));
  });
}
