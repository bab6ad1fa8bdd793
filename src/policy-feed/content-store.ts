/** Where contents come from: the disk, or else the relay; what came from the relay is kept on the disk. */

import type { Sha256 } from '../internal/sha256.ts';
import type { ContentCache } from './content-cache.ts';
import type { ContentDownload } from './content-download.ts';
import { type ContentKind, ContentRefused } from './content-kind.ts';

export class ContentStore {
  readonly #cache: ContentCache | undefined;
  readonly #download: ContentDownload | undefined;
  readonly #signal: AbortSignal;

  /** Without a download only what is on the disk can be had. */
  constructor(cache: ContentCache | undefined, download: ContentDownload | undefined, signal: AbortSignal) {
    this.#cache = cache;
    this.#download = download;
    this.#signal = signal;
  }

  /** Rejects as `ContentDownload.fetch`. */
  async get(kind: ContentKind, digest: Sha256, maxBytes: number): Promise<Uint8Array> {
    const cached = await this.#cache?.read(kind, digest, maxBytes);
    if (cached !== undefined) return cached;
    if (this.#download === undefined) throw new ContentRefused('POLICY_MISSING', `${digest} is not in the cache`);
    const bytes = await this.#download.fetch(kind, digest, maxBytes, this.#signal);
    await this.#cache?.write(kind, digest, bytes);
    return bytes;
  }
}

/** Runs `work` for each item, at most `limit` at a time; waits for all, then rejects with the first failure in their order. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<PromiseSettledResult<R>>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await settled(work(items[index] as T));
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function settled<R>(work: Promise<R>): Promise<PromiseSettledResult<R>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}
