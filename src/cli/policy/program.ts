/** The `edict policy` commands and their options. */

import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { AddOptions } from './add.ts';
import type { BenchOptions } from './bench.ts';
import type { LintOptions } from './lint.ts';
import type { NewPolicyOptions } from './new.ts';
import type { ReplayOptions } from './replay.ts';

const JSON_OPTION = ['--json', 'print one JSON document'] as const;

type JsonChoice = { readonly json?: boolean };

export function addPolicy(program: Command, finish: (code: ExitCode) => void): void {
  const policy = program
    .command('policy')
    .summary('make, build, test, add and look into policies')
    .description('Makes, builds, tests, adds and looks into policies in WebAssembly.')
    .helpCommand(false);

  policy
    .command('new')
    .description('Makes a folder with a policy that builds and passes its tests.')
    .argument('<name>', 'name of the policy, such as block-bots')
    .option('--language <language>', 'assemblyscript, rust, c or js', 'assemblyscript')
    .option('--dir <folder>', 'where to make it (default: its name)')
    .option(...JSON_OPTION)
    .action(async (name: string, options: NewPolicyOptions) => {
      const { newPolicy } = await import('./new.ts');
      finish(await newPolicy(name, options));
    });
  policy
    .command('build')
    .description('Compiles a policy and writes the digest of the module into its manifest.')
    .argument('<dir>', 'folder of the policy')
    .option(...JSON_OPTION)
    .action(async (folder: string, options: JsonChoice) => {
      const { buildPolicy } = await import('./build.ts');
      finish(await buildPolicy(folder, options));
    });
  policy
    .command('inspect')
    .description('Shows what loading a module finds out about it, and whether it would be taken.')
    .argument('<module|dir>', 'a module, or a folder with policy.yaml')
    .option(...JSON_OPTION)
    .action(async (path: string, options: JsonChoice) => {
      const { inspectPolicy } = await import('./inspect.ts');
      finish(await inspectPolicy(path, options));
    });
  policy
    .command('test')
    .description('Runs the self tests of a manifest in the module.')
    .argument('<dir>', 'folder of the policy')
    .option(...JSON_OPTION)
    .action(async (folder: string, options: JsonChoice) => {
      const { testPolicy } = await import('./test.ts');
      finish(await testPolicy(folder, options));
    });
  policy
    .command('bench')
    .description('Measures the hook of each self test of a manifest.')
    .argument('<dir>', 'folder of the policy')
    .option('--calls <number>', 'calls of each', calls, 20_000)
    .option(...JSON_OPTION)
    .action(async (folder: string, options: BenchOptions) => {
      const { benchPolicy } = await import('./bench.ts');
      finish(await benchPolicy(folder, options));
    });
  policy
    .command('add')
    .description('Puts a built policy into a folder of policies, and pins it in the lock of that folder.')
    .argument('<policy>', 'folder with policy.yaml, module beside one, or name of the catalogue')
    .option('--to <folder>', 'folder of policies', 'policies')
    .option(...JSON_OPTION)
    .action(async (from: string, options: AddOptions) => {
      const { addPolicy } = await import('./add.ts');
      finish(await addPolicy(from, options));
    });
  policy
    .command('lint')
    .description('Tells what is wrong with a folder of policies, and what in its chains may not be meant.')
    .argument('<dir>', 'folder with policies.yaml')
    .option('--native <names...>', 'native policies that only the service has', [])
    .option(...JSON_OPTION)
    .action(async (folder: string, options: LintOptions) => {
      const { lintPolicies } = await import('./lint.ts');
      finish(await lintPolicies(folder, options));
    });
  policy
    .command('list')
    .description('Lists the policies that chains can name, with the schemas of their parameters.')
    .argument('[dir]', 'folder of policies, beside the catalogue')
    .option(...JSON_OPTION)
    .action(async (folder: string | undefined, options: JsonChoice) => {
      const { listPolicies } = await import('./list.ts');
      finish(await listPolicies(folder, options));
    });
  policy
    .command('replay')
    .description('Runs recorded hooks again, offline, and shows where they decide differently.')
    .argument('<file>', 'a recording: a line of JSON for each hook')
    .option('--policy <folder>', 'folder of the policy, or of several', '.')
    .option(...JSON_OPTION)
    .action(async (file: string, options: ReplayOptions) => {
      const { replayPolicy } = await import('./replay.ts');
      finish(await replayPolicy(file, options));
    });
  for (const command of policy.commands) command.exitOverride().helpOption('-h, --help', 'show what the command does');
}

function calls(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 10_000_000) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 10000000.');
}
