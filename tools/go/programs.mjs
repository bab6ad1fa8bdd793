/** Builds the Go programs of tools/ from published modules, or says why that cannot be done here. */

import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesUnder, hashFiles, readStamp, writeStamp } from '../../scripts/lib/hash.mjs';
import { at, CACHE } from '../../scripts/lib/paths.mjs';
import { run } from '../../scripts/lib/process.mjs';
import { dim, PlainError, say, seconds } from '../../scripts/lib/terminal.mjs';

/** What each program is, in the words a report uses. */
export const PROGRAMS = {
  'go-core': 'GO Feature Flag’s native core',
  'go-relay': 'GO Feature Flag’s relay proxy',
};

/** No toolchain of its own is fetched, and nothing but what go.sum names is built. */
const ENV = { GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '-mod=readonly -buildvcs=false' };

/**
 * Gives `{ file }`, the path of the program, or `{ reason }`, why there is none on this machine: Go is missing or too old, or the
 * modules cannot be had. A program that does not compile is a fault of the checkout and throws. Does nothing when the program
 * is there and its sources are the same; with `build: false` it builds nothing in any case.
 */
export async function goProgram(name, { build = true, quiet = false } = {}) {
  const go = await goVersion();
  if (go === undefined) return { reason: 'Go is not installed' };
  const wanted = /^go (\S+)$/m.exec(readFileSync(at('tools', name, 'go.mod'), 'utf8'))?.[1] ?? '';
  if (isOlder(go, wanted)) return { reason: `Go ${go} is too old: tools/${name} needs ${wanted}` };
  const file = join(CACHE, 'go', process.platform === 'win32' ? `${name}.exe` : name);
  const stamp = `${name}-${hashFiles(filesUnder(`tools/${name}`), go)}`;
  if (existsSync(file) && readStamp(name) === stamp) return { file };
  if (!build) return { reason: `it is not built; \`node tools/go/build.mjs ${name}\` builds it` };
  return await compile(name, file, stamp, quiet);
}

async function compile(name, file, stamp, quiet) {
  const cwd = at('tools', name);
  const began = performance.now();
  const download = await run('go', ['mod', 'download'], { cwd, env: ENV, show: false });
  if (download.code !== 0) return { reason: `its modules cannot be downloaded: ${lastLine(download.output)}` };
  // Under another name until it is whole: somebody else may be building, or running, the same one.
  const fresh = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  const args = ['build', '-ldflags=-s -w', '-o', fresh, '.'];
  const { code, output } = await run('go', args, { cwd, env: ENV, show: false });
  if (code !== 0) throw new PlainError(`tools/${name} does not compile:\n${output.trim()}`);
  renameSync(fresh, file);
  writeStamp(name, stamp);
  if (!quiet) say(dim(`Built ${name} in ${seconds(performance.now() - began)}.`));
  return { file };
}

async function goVersion() {
  try {
    const { code, output } = await run('go', ['env', 'GOVERSION'], { env: ENV, show: false });
    return code === 0 ? /^go(\d[\d.]*)/.exec(output.trim())?.[1] : undefined;
  } catch {
    return undefined;
  }
}

function isOlder(version, wanted) {
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < want.length; i++) {
    if ((have[i] ?? 0) !== want[i]) return (have[i] ?? 0) < want[i];
  }
  return false;
}

const lastLine = (text) => text.trim().split('\n').at(-1);
