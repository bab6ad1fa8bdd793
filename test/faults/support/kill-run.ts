/** Kills a process that is saving, at a random moment, again and again, and looks at what it left. */

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { resolveOptions } from '../../../src/options/resolve.ts';
import { LastKnownGood } from '../../../src/relay/last-known-good.ts';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { killInFolders, startAndKill } from './kill-child.ts';

const CHILD = fileURLToPath(new URL('../fixtures/persist-child.mjs', import.meta.url));

/** Kills come this long after the child began, at the latest. */
const WINDOW_MS = 25;

/** What was found after the kills. */
export interface KillTally {
  kills: number;
  /** The file passed its checksum. */
  whole: number;
  /** There was no file: the kill came before the first save was done. */
  absent: number;
  /** The kill interrupted a save: its temporary file was still there. */
  interrupted: number;
  /** What the reader said about a file that did not pass. */
  readonly broken: string[];
}

/** Two at a time. Half of the kills meet a folder that has a good file already: that one must not be lost. */
export function killWhileSaving(kills: number): Promise<KillTally> {
  const tally: KillTally = { kills: 0, whole: 0, absent: 0, interrupted: 0, broken: [] };
  return killInFolders(kills, tally, killOnce);
}

async function killOnce(folder: string, index: number, tally: KillTally): Promise<void> {
  const persistPath = join(folder, 'flags.lkg');
  if (index % 2 === 0) rmSync(persistPath, { force: true });
  const hadFile = existsSync(persistPath);
  await startAndKill(CHILD, persistPath, WINDOW_MS);

  const leftOver = readdirSync(folder).filter((name) => name.endsWith('.tmp'));
  if (leftOver.length > 0) tally.interrupted++;
  for (const name of leftOver) rmSync(join(folder, name));
  const logger = new RecordingLogger();
  const options = resolveOptions({ endpoint: 'http://relay', persistPath, logger });
  const saved = await new LastKnownGood({ ...options, persistPath }).read();
  if (saved !== undefined) tally.whole++;
  else if (logger.lines.length === 0 && !hadFile) tally.absent++;
  else tally.broken.push(logger.text === '' ? 'a good file disappeared' : logger.text);
}
