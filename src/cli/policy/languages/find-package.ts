/** npm packages that build policies: the author's go before those of the project, and those before the ones beside Edict. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The folder of a package; undefined where it is not installed. */
export function findPackage(name: string, policy: string): string | undefined {
  for (const from of [pathToFileURL(resolve(policy, 'x')), pathToFileURL(resolve('x')), import.meta.url]) {
    for (const folder of createRequire(from).resolve.paths(name) ?? []) {
      if (existsSync(join(folder, name, 'package.json'))) return join(folder, name);
    }
  }
  return undefined;
}
