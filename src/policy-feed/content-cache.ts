/**
 * Contents on disk, each in a file named by its digest, for starts without a relay and for other processes.
 *
 * ```
 * <cacheDir>/modules/sha256/ab/ab….wasm      manifests and resources alike, as .json
 * ```
 *
 * A file is written whole or not at all and checked each time it is read, so it does not matter who writes, who dies meanwhile,
 * and what becomes of the disk. Nothing here rejects: a cache that fails costs a download.
 */

import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Sha256 } from '../internal/sha256.ts';
import { type Files, WholeFile } from '../relay/last-known-good-file.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import { type ContentKind, EXTENSIONS, hasDigest, hexOf } from './content-kind.ts';

export const MAX_CACHE_BYTES = 512 * 1_048_576;
/** A temporary file this old was left by a process that died. */
const ABANDONED_MS = 600_000;

export interface CacheFacts {
  readonly path: string;
  readonly hits: number;
  readonly misses: number;
  /** Files that did not hold what their name says. */
  readonly corrupt: number;
  readonly writes: number;
  readonly failedWrites: number;
  readonly evicted: number;
}

export class ContentCache {
  readonly #path: string;
  readonly #logger: SafeLogger;
  readonly #maxBytes: number;
  readonly #files: Files | undefined;
  readonly #counts = { hits: 0, misses: 0, corrupt: 0, writes: 0, failedWrites: 0, evicted: 0 };
  #isFailing = false;

  /** `files` is a seam for tests. */
  constructor(path: string, logger: SafeLogger, maxBytes = MAX_CACHE_BYTES, files?: Files) {
    this.#path = path;
    this.#logger = logger;
    this.#maxBytes = maxBytes;
    this.#files = files;
  }

  /** The content when a file holds it, and nothing else. */
  async read(kind: ContentKind, digest: Sha256, maxBytes: number): Promise<Uint8Array | undefined> {
    const path = this.#fileOf(kind, digest);
    try {
      const bytes = await new WholeFile(path, this.#files).read(maxBytes);
      if (bytes === undefined) {
        this.#counts.misses++;
        return undefined;
      }
      if (hasDigest(bytes, digest)) {
        this.#counts.hits++;
        // The age of a file is the time since it was of use.
        await utimes(path, new Date(), new Date()).catch(() => undefined);
        return bytes;
      }
      this.#refuse(path, 'its content has another digest');
    } catch (caught) {
      this.#refuse(path, (caught as Error).message);
    }
    return undefined;
  }

  async write(kind: ContentKind, digest: Sha256, bytes: Uint8Array): Promise<void> {
    const path = this.#fileOf(kind, digest);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await new WholeFile(path, this.#files).replace([bytes]);
      this.#counts.writes++;
      this.#isFailing = false;
    } catch (caught) {
      this.#counts.failedWrites++;
      const text = `the policy cache ${this.#path} cannot be written: ${(caught as Error).message}; policies are not affected`;
      if (this.#isFailing) this.#logger.debug(text);
      else this.#logger.warn(text);
      this.#isFailing = true;
    }
  }

  /** Removes what was of no use for longest until the rest fits; what is in use here stays. */
  async trim(inUse: ReadonlySet<Sha256>): Promise<void> {
    const hexes = new Set([...inUse].map(hexOf));
    const files = (await Promise.all(Object.keys(EXTENSIONS).map((kind) => this.#list(kind as ContentKind)))).flat();
    let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const file of files.sort((left, right) => left.usedAtMs - right.usedAtMs)) {
      if (total <= this.#maxBytes) break;
      if (hexes.has(file.hex)) continue;
      await rm(file.path, { force: true }).catch(() => undefined);
      total -= file.bytes;
      this.#counts.evicted++;
    }
  }

  describe(): CacheFacts {
    return { path: this.#path, ...this.#counts };
  }

  #fileOf(kind: ContentKind, digest: Sha256): string {
    const hex = hexOf(digest);
    return join(this.#path, kind, 'sha256', hex.slice(0, 2), `${hex}.${EXTENSIONS[kind]}`);
  }

  #refuse(path: string, reason: string): void {
    this.#counts.corrupt++;
    this.#logger.warn(`the cached file ${path} is ignored: ${reason}`);
  }

  async #list(kind: ContentKind): Promise<CachedFile[]> {
    const root = join(this.#path, kind, 'sha256');
    const found: CachedFile[] = [];
    for (const folder of await readdir(root).catch(() => [])) {
      for (const name of await readdir(join(root, folder)).catch(() => [])) {
        const path = join(root, folder, name);
        const facts = await stat(path).catch(() => undefined);
        if (facts === undefined) continue;
        const isAbandoned = name.endsWith('.tmp') && Date.now() - facts.mtimeMs > ABANDONED_MS;
        if (isAbandoned) await rm(path, { force: true }).catch(() => undefined);
        else found.push({ path, hex: name.split('.')[0] ?? '', bytes: facts.size, usedAtMs: facts.mtimeMs });
      }
    }
    return found;
  }
}

interface CachedFile {
  readonly path: string;
  readonly hex: string;
  readonly bytes: number;
  readonly usedAtMs: number;
}
