/**
 * Compiles assembly/flags/ to wasm/flags.wasm and writes wasm/manifest.json.
 *
 *   node scripts/build-guest.mjs            build
 *   node scripts/build-guest.mjs --check    build again elsewhere and compare with what is committed (exit code 1 if it differs)
 */

import { ensure } from './lib/ensure.mjs';
import {
  committedGuest,
  compileGuest,
  MANIFEST_FILE,
  rememberGuest,
  sameGuest,
  WASM_FILE,
  writeGuest,
} from './lib/guest.mjs';
import { sha256 } from './lib/hash.mjs';
import { main, PlainError, say } from './lib/terminal.mjs';

await main(async () => {
  await ensure();
  const guest = await compileGuest();
  const summary = `${guest.bytes.length} bytes, sha256 ${sha256(guest.bytes)}`;
  if (process.argv.includes('--check')) {
    const committed = committedGuest();
    if (!sameGuest(guest, committed)) {
      throw new PlainError(
        `The sources build to ${summary}.\n${WASM_FILE} has ${committed.bytes.length} bytes, sha256 ${sha256(committed.bytes)}` +
          `${committed.manifest === guest.manifest ? '' : `; ${MANIFEST_FILE} does not describe the build`}.\n` +
          'Either the build is not reproducible, or wasm/ is stale: run `npm run build:guest` and commit both files.',
      );
    }
    rememberGuest();
    say(`The guest builds to the committed bytes: ${summary}`);
    return;
  }
  writeGuest(guest);
  rememberGuest();
  say(`${WASM_FILE}: ${summary}`);
});
