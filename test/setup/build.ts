/** Makes sure that dist/ and wasm/ belong to the present sources: some tests run the built command or the built worker. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));

export function setup(): void {
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit'] });
  // Most tests read the sources, so a type error elsewhere must not keep them from running.
  if (status !== 0) console.warn('The build failed: tests that use dist/ see an old one or none.');
}
