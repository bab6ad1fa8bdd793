/**
 * Builds the example policies that changed since they were built last; all of them when none is named. Where one cannot be
 * built, says so and ends with exit code 0: what needs it is then reported as not run.
 *
 *   node tools/components/build.mjs [--json] [--present] [--rebuild] [c | rust | js | python …]
 *
 * --json       prints {"file", "transpiled"} or {"reason"} of the one example named, and nothing else
 * --present    builds nothing: only tells
 * --rebuild    builds also what did not change
 */

import { main, PlainError, say } from '../../scripts/lib/terminal.mjs';
import { EXAMPLES, example } from './examples.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  const json = args.includes('--json');
  const build = !args.includes('--present');
  const rebuild = args.includes('--rebuild');
  const named = args.filter((arg) => !arg.startsWith('--'));
  const names = named.length > 0 ? named : Object.keys(EXAMPLES);
  const unknown = names.find((name) => !Object.hasOwn(EXAMPLES, name));
  if (unknown !== undefined) throw new PlainError(`there is no example ${unknown} in examples/policies/`);
  for (const name of names) {
    const found = await example(name, { build, rebuild, quiet: json });
    if (json) say(JSON.stringify(found));
    else
      say(
        found.reason === undefined
          ? `${name}: ${EXAMPLES[name].what}: ${found.file}`
          : `not built: ${name}: ${found.reason}`,
      );
  }
});
