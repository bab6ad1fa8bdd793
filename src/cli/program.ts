/** The commands of `edict` and their options, as data for commander; what they do is loaded when they run. */

import { Command } from 'commander';
import { VERSION } from '../relay/user-agent.ts';
import type { ExitCode } from './exit-codes.ts';

/** `finish` is told each command's exit code. */
export function createProgram(finish: (code: ExitCode) => void): Command {
  const program = new Command('edict')
    .description('Feature flags of GO Feature Flag, decided in WebAssembly.')
    .version(VERSION, '-V, --version', 'print the version');
  program
    .command('eval')
    .description('decide one flag, or a file of vectors')
    .option('--vectors <file>', 'answer JSON lines of {id, input}; "-" is standard input, gzip is unpacked')
    .action(async (options: { vectors?: string }) => {
      const { evalVectors } = await import('./eval-vectors.ts');
      finish(await evalVectors(options.vectors as string));
    });
  return program;
}
