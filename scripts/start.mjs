/** The main job on one command: install and build when needed, then the shop example. Arguments go to the example. */

import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { ensure } from './lib/ensure.mjs';
import { at } from './lib/paths.mjs';
import { node } from './lib/process.mjs';
import { main, PlainError } from './lib/terminal.mjs';

const EXAMPLE = at('examples', 'shop', 'main.mjs');

await main(async () => {
  await ensure();
  const { code } = await node(at('scripts', 'build.mjs'));
  if (code !== 0) throw new PlainError('The example was not started, because the build failed.');
  if (!existsSync(EXAMPLE)) throw new PlainError(`${EXAMPLE} is missing: the checkout is incomplete`);
  // In this process, not in a child: Ctrl-C, SIGTERM and the exit code then need no forwarding, and arrive once.
  process.argv[1] = EXAMPLE;
  // A policy of the example is a component in JavaScript, whose tools are large: built beside the example, once.
  process.argv.push('--build');
  await import(pathToFileURL(EXAMPLE).href);
});
