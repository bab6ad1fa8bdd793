/** Finds the Go programs of tools/, which exist only where Go does. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type GoProgram = { readonly file: string } | { readonly reason: string };

const script = fileURLToPath(new URL('../../tools/go/build.mjs', import.meta.url));

/**
 * The path of a built program, or why there is none on this machine. Builds it when it is missing or old, which takes seconds for
 * `go-core` and minutes for `go-relay`, so that one is only looked for. Throws what the compiler says of a program that does not compile.
 */
export function goProgram(name: 'go-core' | 'go-relay'): GoProgram {
  const args = [script, '--json', ...(name === 'go-relay' ? ['--present'] : []), name];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as GoProgram;
}
