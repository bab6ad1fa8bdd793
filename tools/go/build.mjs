/**
 * Builds Go programs of tools/ that changed since they were built last; all of them when none is named. A second build takes no time.
 * Where one cannot be built, says so and ends with exit code 0: what needs it is then reported as not run.
 *
 *   node tools/go/build.mjs [--json] [--present] [name …]
 *
 * --json       prints {"file"} or {"reason"} of the one program named, and nothing else
 * --present    builds nothing: only tells
 */

import { main, PlainError, say } from '../../scripts/lib/terminal.mjs';
import { goProgram, PROGRAMS } from './programs.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  const json = args.includes('--json');
  const options = { build: !args.includes('--present'), quiet: json };
  const named = args.filter((arg) => !arg.startsWith('--'));
  const names = named.length > 0 ? named : Object.keys(PROGRAMS);
  const unknown = names.find((name) => !Object.hasOwn(PROGRAMS, name));
  if (unknown !== undefined) throw new PlainError(`there is no program ${unknown} in tools/`);
  for (const name of names) {
    const found = await goProgram(name, options);
    if (json) say(JSON.stringify(found));
    else say(found.reason === undefined ? `${name}: ${found.file}` : `not built: ${name}: ${found.reason}`);
  }
});
