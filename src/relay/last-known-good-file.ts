/** A file that is replaced as a whole or not at all, and read with bounds. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The calls to the file system, so that tests can have a disk that is full. */
export type Files = Pick<typeof nodeFiles, 'open' | 'rename' | 'unlink' | 'readdir' | 'stat'>;

/** A temporary file this much older than ours was left by a process that died in mid-write. */
const ABANDONED_MS = 60_000;

export class WholeFile {
  readonly #path: string;
  readonly #files: Files;
  #hasTidied = false;

  constructor(path: string, files: Files = nodeFiles) {
    this.#path = path;
    this.#files = files;
  }

  /**
   * Writes beside the file, flushes to the disk, then renames over it: whoever reads, also after a crash or a loss of power,
   * finds the old content or the new one. Readable by its owner alone. Rejects with the error of the file system, and then
   * leaves nothing behind.
   */
  async replace(pieces: readonly Uint8Array[]): Promise<void> {
    const temporary = `${this.#path}.${randomBytes(8).toString('hex')}.tmp`;
    try {
      const handle = await this.#files.open(temporary, 'wx', 0o600);
      try {
        for (const piece of pieces) await handle.writeFile(piece);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (!this.#hasTidied) await this.#removeAbandoned(temporary);
      await this.#files.rename(temporary, this.#path);
    } catch (caught) {
      await this.#files.unlink(temporary).catch(() => undefined);
      throw caught;
    }
    await this.#syncFolder();
  }

  /**
   * The whole file; `undefined` when there is none. Rejects with the error of the file system, or with one that says what is
   * wrong: not a regular file, somebody else's, more than `maxBytes`.
   */
  async read(maxBytes: number): Promise<Uint8Array | undefined> {
    // Without O_NONBLOCK opening a named pipe would wait for its writer for ever.
    const handle = await this.#files
      .open(this.#path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
      .catch(orMissing);
    if (handle === undefined) return undefined;
    try {
      const stats = await handle.stat();
      const { size, uid } = stats;
      if (!stats.isFile()) throw new Error('it is no regular file; name another one in persistPath');
      const own = process.geteuid?.() ?? uid;
      // What root writes is trusted; what another user can write might be anything.
      if (uid !== own && uid !== 0) {
        throw new Error(
          `it belongs to user ${uid}, and this process runs as user ${own}; delete it or change its owner`,
        );
      }
      if (size > maxBytes) {
        throw new Error(
          `it has ${size} bytes, more than maxInflatedBytes allows; raise that option or delete the file`,
        );
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  }

  /** A rename is on the disk once its folder is; some systems cannot do that, and then it comes a little later. */
  async #syncFolder(): Promise<void> {
    try {
      const folder = await this.#files.open(dirname(this.#path), 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch {
      // The new content is in place all the same.
    }
  }

  /** Once per process. Both times come from the disk, so no clock has to agree with it. */
  async #removeAbandoned(own: string): Promise<void> {
    this.#hasTidied = true;
    const folder = dirname(this.#path);
    const prefix = `${basename(this.#path)}.`;
    try {
      const { mtimeMs } = await this.#files.stat(own);
      for (const name of await this.#files.readdir(folder)) {
        if (!name.startsWith(prefix) || !/^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length))) continue;
        const other = join(folder, name);
        if (mtimeMs - (await this.#files.stat(other)).mtimeMs > ABANDONED_MS) await this.#files.unlink(other);
      }
    } catch {
      // Left-overs cost space and harm nobody.
    }
  }
}

function orMissing(caught: unknown): undefined {
  if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw caught;
}
