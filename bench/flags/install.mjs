/** Brings the peers from npm on the first run, and builds Edict when it has not been built. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

function run(command, args, cwd) {
  process.stderr.write(`> ${command} ${args.join(' ')}\n`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (error !== undefined || status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${error ?? status})`);
}

/** Versions of the peers, exactly as they are pinned; installs them when what is installed is something else. */
export function ensurePeers() {
  const { dependencies } = JSON.parse(readFileSync(`${here}package.json`, 'utf8'));
  const installed = (name) => {
    const path = `${here}node_modules/${name}/package.json`;
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
  };
  const isComplete = () => Object.entries(dependencies).every(([name, version]) => installed(name) === version);
  if (!isComplete()) run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], here);
  if (!isComplete()) throw new Error('the peers could not be installed');
  return dependencies;
}

/** Whether the built package is there, after trying to build it. */
export function ensureEdict() {
  const isBuilt = () => existsSync(`${root}dist/index.js`);
  if (!isBuilt() && existsSync(`${root}scripts/build.mjs`)) run(process.execPath, ['scripts/build.mjs'], root);
  return isBuilt();
}
