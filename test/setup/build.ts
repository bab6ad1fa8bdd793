/**
 * Makes sure that dist/ and wasm/ belong to the present sources: some tests run the built command or the built worker.
 * EDICT_NO_BUILD=1 leaves them as they are (`npm test` sets it after its own build; so can you, to run one unit test faster).
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));

export function setup(): void {
  if (process.env['EDICT_NO_BUILD'] === '1') return;
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit'] });
  // Most tests read the sources, so a type error elsewhere must not keep them from running.
  if (status !== 0) console.warn('The build failed: tests that use dist/ see an old one or none.');
}
