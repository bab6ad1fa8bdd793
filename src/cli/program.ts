/** The commands of `edict` and their options; what a command does is loaded when it runs. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../relay/user-agent.ts';
import type { DoctorOptions } from './doctor.ts';
import type { EvalFlagsOptions } from './eval-flags.ts';
import type { ExitCode } from './exit-codes.ts';
import type { LintOptions } from './lint.ts';
import { addPolicy } from './policy/program.ts';
import type { RelayCommandOptions } from './relay.ts';
import { UsageError } from './usage-error.ts';

type EvalOptions = Partial<EvalFlagsOptions> & { readonly vectors?: string };

const JSON_OPTION = ['--json', 'print one JSON document'] as const;

/** `finish` is told the exit code of the command that ran. Errors of usage are thrown, not printed. */
export function createProgram(finish: (code: ExitCode) => void): Command {
  const program = new Command('edict')
    .description('Feature flags with the answers of GO Feature Flag, decided in WebAssembly.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show what a command does')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText('after', '\nExit codes: 0 fine, 1 something was found, 2 not done (wrong usage, unreadable file).');

  addEval(program, finish);
  addLint(program, finish);
  addRelay(program, finish);
  addDoctor(program, finish);
  addPolicy(program, finish);
  for (const command of program.commands) command.exitOverride().helpOption('-h, --help', 'show what the command does');
  return program;
}

function addEval(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command('eval')
    .summary('decide flags of a file, or answer a file of vectors')
    .description('Decides one flag of a file, or all of them, for one context; or answers a file of vectors.')
    .option('--flags <file>', 'flag file (YAML, JSON or TOML); later files override earlier ones', collect)
    .option('--flag <key>', 'the flag to decide; without it, all are')
    .option('--context <json>', 'evaluation context as JSON, or @file', '{}')
    .option('--default <json>', "value where the flag has none to give, as JSON or @file (default: 'null')")
    .option('--enrich <json>', 'attributes that override those of the context, as JSON or @file')
    .option('--explain', 'tell how the decision came about, rule by rule')
    .option(...JSON_OPTION)
    .option(
      '--vectors <file>',
      'answer JSON lines {id, input} with {id, output}; "-" is standard input, gzip is unpacked',
    )
    .action(async (options: EvalOptions) => {
      if (options.vectors !== undefined) {
        for (const name of ['flags', 'flag', 'default', 'enrich', 'explain', 'json'] as const) {
          if (options[name] !== undefined) throw new UsageError(`--vectors and --${name} do not go together`);
        }
        const { evalVectors } = await import('./eval-vectors.ts');
        return finish(await evalVectors(options.vectors));
      }
      const { flags } = options;
      if (flags === undefined) throw new UsageError('edict eval needs --flags FILE, or --vectors FILE');
      const { evalFlags } = await import('./eval-flags.ts');
      finish(await evalFlags({ ...options, flags }));
    });
}

function addLint(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command('lint')
    .summary('check flag files as a relay does when it loads them')
    .description(
      'Checks flag files as a relay does when it loads them, and says where and how to put right what it refuses.',
    )
    .argument('<file...>', 'flag files (YAML, JSON or TOML)')
    .option(...JSON_OPTION)
    .action(async (files: string[], options: LintOptions) => {
      const { lint } = await import('./lint.ts');
      finish(await lint(files, options));
    });
}

function addRelay(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command('relay')
    .summary('serve flag files to providers')
    .description(
      'Serves flag files to providers, with the wire contract of the GO Feature Flag relay proxy, until it is stopped.',
    )
    .requiredOption('--flags <file>', 'flag file (YAML, JSON or TOML); later files override earlier ones', collect)
    .option('--port <number>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 1031)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--api-key <key>', 'key that may ask, or @file with one a line; may be repeated', collect)
    .option('--admin-key <key>', 'key of the admin routes, or @file with one a line; may be repeated', collect)
    .option('--enrich <json>', 'attributes that override those of every context, as JSON or @file')
    .option('--export-file <path>', 'append usage events to a file, as JSON lines')
    .option('--export-log', 'show usage events in the log')
    .option('--export-webhook <url>', 'post usage events to a webhook')
    .option('--export-secret <secret>', 'sign what is posted to the webhook; the secret, or @file with it')
    .option('--policies <folder>', 'serve the policies of a folder as well')
    .option('--poll <ms>', 'time between two looks at a file, beside watching it', wholeNumber(10, 86_400_000), 2_000)
    .option('--faults', 'test mode: let tests spoil answers through PUT /edict/v1/faults')
    .option('--json', 'print the address as one JSON document')
    .action(async (options: RelayCommandOptions) => {
      const { runRelay } = await import('./relay.ts');
      finish(await runRelay(options));
    });
}

function addDoctor(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command('doctor')
    .summary('check the installation, and a relay')
    .description('Checks versions, the evaluation module and, with an endpoint, a relay.')
    .option('--endpoint <url>', 'base URL of a relay to ask (else EDICT_ENDPOINT)')
    .option('--api-key <key>', 'key for the relay (else EDICT_API_KEY)')
    .addOption(new Option('--auth-scheme <name>', 'how the key travels').choices(['x-api-key', 'bearer']))
    .option('--timeout <ms>', 'longest wait for an answer', wholeNumber(1, 3_600_000))
    .option(...JSON_OPTION)
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor.ts');
      finish(await doctor(options));
    });
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
