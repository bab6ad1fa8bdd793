/** Kills a process that writes a cache of policies, at a random moment, again and again, and looks at what it left. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { JsonObject } from '../../../src/internal/json.ts';
import type { Sha256 } from '../../../src/internal/sha256.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { ContentCache } from '../../../src/policy-feed/content-cache.ts';
import { LastKnownGood } from '../../../src/relay/last-known-good.ts';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { killInFolders, startAndKill } from './kill-child.ts';

const CHILD = fileURLToPath(new URL('../fixtures/policy-cache-child.mjs', import.meta.url));

/** Kills come this long after the child began, at the latest. */
const WINDOW_MS = 60;

/** What was found after the kills. */
export interface PolicyKillTally {
  kills: number;
  /** A configuration passed its checksum, and the module that it names was there. */
  whole: number;
  /** There was none: the kill came before the first was kept. */
  absent: number;
  /** The kill interrupted a write: its temporary file was still there. */
  interrupted: number;
  /** Contents that were looked at; each was what its name says. */
  contents: number;
  readonly broken: string[];
}

/** Two at a time. Half of the kills meet a cache of earlier ones: nothing good in it must be lost. */
export function killWhileCaching(kills: number): Promise<PolicyKillTally> {
  const tally: PolicyKillTally = { kills: 0, whole: 0, absent: 0, interrupted: 0, contents: 0, broken: [] };
  return killInFolders(kills, tally, killOnce);
}

async function killOnce(folder: string, index: number, tally: PolicyKillTally): Promise<void> {
  const cacheDir = join(folder, 'cache');
  if (index % 2 === 0) rmSync(cacheDir, { recursive: true, force: true });
  const persistPath = join(cacheDir, 'policies.lkg');
  const hadFile = existsSync(persistPath);
  await startAndKill(CHILD, cacheDir, WINDOW_MS);

  const logger = new RecordingLogger();
  const options = resolveOptions({ endpoint: 'http://relay', logger });
  const files = existsSync(cacheDir) ? readdirSync(cacheDir, { recursive: true, withFileTypes: true }) : [];
  for (const file of files.filter((one) => one.isFile())) {
    const path = join(file.parentPath, file.name);
    if (file.name.endsWith('.tmp')) {
      tally.interrupted++;
      rmSync(path);
    } else if (file.name.endsWith('.wasm')) {
      tally.contents++;
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      if (basename(file.name, '.wasm') !== digest) tally.broken.push(`${file.name} is ${digest}`);
    }
  }
  const saved = await new LastKnownGood({ ...options, persistPath }).read();
  if (saved === undefined) {
    if (logger.lines.length === 0 && !hadFile) tally.absent++;
    else tally.broken.push(logger.text === '' ? 'a good configuration disappeared' : logger.text);
    return;
  }
  const { modules } = JSON.parse(Buffer.from(saved.body).toString()) as { modules: JsonObject };
  const cache = new ContentCache(cacheDir, options.logger);
  const [digest] = Object.keys(modules) as Sha256[];
  const module = await cache.read('modules', digest as Sha256, 1_048_576);
  if (module === undefined) tally.broken.push(`the configuration names ${digest}, which is not there`);
  else tally.whole++;
}
