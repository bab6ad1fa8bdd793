/** Makes node_modules match package-lock.json, starting from nothing but Node and npm. */

import { existsSync, readFileSync } from 'node:fs';
import { at } from './paths.mjs';
import { run } from './process.mjs';
import { dim, PlainError, say, seconds } from './terminal.mjs';

const OLDEST_NODE = [20, 19];
const HEARTBEAT_MS = 5_000;

/** Installs when needed. Prints nothing when there is nothing to do. */
export async function ensure() {
  checkNode();
  const wanted = readPackages(at('package-lock.json'));
  if (wanted === undefined)
    throw new PlainError('package-lock.json is missing or unreadable: the checkout is incomplete');
  const reason = mismatch(wanted);
  if (reason === undefined) return;
  say(`Installing the packages of package-lock.json (${reason}) …`);
  const began = performance.now();
  const code = await install(wanted);
  if (code !== 0) throw new PlainError(`npm ci failed with exit code ${code}; its messages are above`);
  const left = mismatch(wanted);
  if (left !== undefined) throw new PlainError(`npm ci ended, yet node_modules does not match: ${left}`);
  say(dim(`Installed in ${seconds(performance.now() - began)}.`));
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldMajor, oldMinor] = OLDEST_NODE;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return;
  throw new PlainError(`Edict needs Node ${OLDEST_NODE.join('.')} or later; this is Node ${process.versions.node}`);
}

/**
 * Why node_modules does not match, or undefined when it does. npm writes the list of what it installed as the last act of an
 * install, so an interrupted one has none; comparing the lists also accepts an install that was made by hand.
 */
function mismatch(wanted) {
  const present = readPackages(at('node_modules', '.package-lock.json'));
  if (present === undefined) return 'first run';
  for (const [path, want] of Object.entries(wanted)) {
    if (path === '') continue;
    const have = present[path];
    // Optional packages for other platforms are in the lock file and not on the disk.
    if (have === undefined && want.optional === true) continue;
    const name = path.replace(/^.*node_modules\//, '');
    if (have === undefined) return `${name} is missing`;
    if (have.version !== want.version || have.integrity !== want.integrity) return `${name} has changed`;
    if (!existsSync(at(path))) return `${name} is missing`;
  }
  return undefined;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function install(wanted) {
  // Without a terminal npm shows nothing until it ends, so count what has arrived.
  const required = Object.entries(wanted).filter(([path, entry]) => path !== '' && entry.optional !== true);
  const began = performance.now();
  const heartbeat = setInterval(() => {
    const arrived = required.filter(([path]) => existsSync(at(path, 'package.json'))).length;
    say(dim(`  ${arrived} of ${required.length} packages, ${seconds(performance.now() - began)}`));
  }, HEARTBEAT_MS);
  if (process.stdout.isTTY === true) clearInterval(heartbeat);
  try {
    // Development packages are needed even where NODE_ENV=production is set; no package here needs an install script; and
    // npm's messages are wanted even in `npm test --silent`.
    const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=warn'];
    const npm = process.env.npm_execpath;
    const { code } =
      npm !== undefined && /\.c?js$/.test(npm)
        ? await run(process.execPath, [npm, ...args])
        : await run('npm', args, { shell: process.platform === 'win32' });
    return code;
  } finally {
    clearInterval(heartbeat);
  }
}
