#!/usr/bin/env node
/** The command line: runs a command, and turns whatever goes wrong into a sentence and an exit code. */

import { CommanderError } from 'commander';
import { EdictError } from '../errors.ts';
import { escapeControls } from '../telemetry/logger.ts';
import { paintFor } from './colour.ts';
import { ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { UsageError } from './usage-error.ts';

// A reader that has had enough (`edict eval … | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? ExitCode.fine : ExitCode.misuse);
});

try {
  const program = createProgram((code) => {
    process.exitCode = code;
  });
  if (process.argv.length <= 2) {
    program.outputHelp({ error: true });
    process.exitCode = ExitCode.misuse;
  } else await program.parseAsync();
} catch (caught) {
  process.exitCode = report(caught);
}

/** Commander has printed its own errors by now. */
function report(caught: unknown): ExitCode {
  if (caught instanceof CommanderError) return caught.exitCode === 0 ? ExitCode.fine : ExitCode.misuse;
  const isPlain = caught instanceof UsageError || caught instanceof EdictError;
  const text = isPlain ? escapeControls(caught.message) : ((caught as Error | undefined)?.stack ?? String(caught));
  process.stderr.write(`${paintFor(process.stderr)('red', 'error')}: ${text}\n`);
  if (caught instanceof UsageError && caught.hint !== undefined) process.stderr.write(`${caught.hint}\n`);
  return ExitCode.misuse;
}
