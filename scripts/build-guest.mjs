/**
 * Compiles assembly/ to wasm/: the evaluation kernel, the policies, and the manifest that describes them.
 *
 *   node scripts/build-guest.mjs            build
 *   node scripts/build-guest.mjs --check    build again elsewhere and compare with what is committed (exit code 1 if it differs)
 */

import { ensure } from './lib/ensure.mjs';
import {
  committedGuests,
  compileGuests,
  differences,
  MANIFEST_FILE,
  rememberGuests,
  sameGuests,
  summaryOf,
  writeGuests,
} from './lib/guest.mjs';
import { main, PlainError, say } from './lib/terminal.mjs';

await main(async () => {
  await ensure();
  const built = await compileGuests();
  if (process.argv.includes('--check')) {
    const committed = committedGuests();
    if (!sameGuests(built, committed)) {
      throw new PlainError(
        `The sources do not build to what is committed (built against committed):\n` +
          `${[...differences(built, committed), ...(committed.manifest === built.manifest ? [] : [`${MANIFEST_FILE} does not describe the build`])].join('\n')}\n` +
          'Either the build is not reproducible, or wasm/ is stale: run `npm run build:guest` and commit what it wrote.',
      );
    }
    rememberGuests();
    say(`The guests build to the committed bytes:\n${summaryOf(built)}`);
    return;
  }
  writeGuests(built);
  rememberGuests();
  say(summaryOf(built));
});
