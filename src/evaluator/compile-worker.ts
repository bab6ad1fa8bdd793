/** The worker thread that compiles one large configuration and ends. */

import { parentPort, workerData } from 'node:worker_threads';
import { EdictError } from '../errors.ts';
import type { CompileOptions } from '../flags/compile/configuration.ts';
import { compileNow } from './compile-now.ts';
import type { CompileAnswer } from './configuration-compiler.ts';
import type { ConfigurationSource } from './configuration-source.ts';

const { source, options } = workerData as { source: ConfigurationSource; options: CompileOptions };

function answer(): void {
  try {
    const compiled = compileNow(source, options);
    const message: CompileAnswer = { compiled };
    const { image, flags, lists, outcomes } = compiled;
    parentPort?.postMessage(message, [image.buffer, flags.buffer, lists.buffer, outcomes.buffer]);
  } catch (caught) {
    const error = caught instanceof EdictError ? caught : undefined;
    const message: CompileAnswer = { code: error?.code, text: error?.text ?? String(caught) };
    parentPort?.postMessage(message);
  }
}

answer();
