import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../../../src/internal/sha256.ts';
import { ContentCache } from '../../../src/policy-feed/content-cache.ts';
import { createSafeLogger } from '../../../src/telemetry/logger.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { cacheFolder } from './support.ts';

const MIB = 1_048_576;

async function rig(maxBytes?: number) {
  const path = await cacheFolder();
  const logger = new RecordingLogger();
  return { path, logger, cache: new ContentCache(path, createSafeLogger(logger), maxBytes) };
}

const fileOf = (path: string, digest: Sha256): string =>
  join(path, 'modules', 'sha256', digest.slice(7, 9), `${digest.slice(7)}.wasm`);

describe('the cache of contents', () => {
  it('gives what was written under its digest, and nothing else', async () => {
    const { cache, path, logger } = await rig();
    const bytes = Buffer.from('content');
    const digest = sha256(bytes);
    expect(await cache.read('modules', digest, MIB)).toBeUndefined();
    await cache.write('modules', digest, bytes);
    expect(Buffer.from((await cache.read('modules', digest, MIB)) ?? []).toString()).toBe('content');
    expect(await cache.read('manifests', digest, MIB)).toBeUndefined();
    expect(await cache.read('modules', digest, 3)).toBeUndefined();
    await writeFile(fileOf(path, digest), 'contend');
    expect(await cache.read('modules', digest, MIB)).toBeUndefined();
    expect(logger.text).toContain('another digest');
    expect(cache.describe()).toMatchObject({ hits: 1, misses: 2, corrupt: 2, writes: 1 });
  });

  it('lets go of what was of no use for longest, never of what is in use, and of left-overs', async () => {
    const { cache, path } = await rig(250);
    const digests: Sha256[] = [];
    for (let i = 0; i < 4; i++) {
      const bytes = Buffer.alloc(100, i);
      const digest = sha256(bytes);
      await cache.write('modules', digest, bytes);
      const used = new Date(Date.now() - (4 - i) * 60_000);
      await utimes(fileOf(path, digest), used, used);
      digests.push(digest);
    }
    const [first, second, , fourth] = digests as [Sha256, Sha256, Sha256, Sha256];
    const leftOver = `${fileOf(path, fourth)}.0123456789abcdef.tmp`;
    await writeFile(leftOver, 'half');
    await utimes(leftOver, new Date(0), new Date(0));
    // Of use just now, so that the one after it is the oldest.
    await cache.read('modules', second, MIB);
    await cache.trim(new Set([first]));
    const left = await Promise.all(digests.map((digest) => cache.read('modules', digest, MIB)));
    expect(left.map((bytes) => bytes !== undefined)).toEqual([true, true, false, false]);
    expect(cache.describe().evicted).toBe(2);
    const names = (await readdir(path, { recursive: true })).map(String);
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('that cannot be written warns once, and costs nothing else', async () => {
    const { path, logger } = await rig();
    const blocked = join(path, 'file');
    await writeFile(blocked, '');
    const cache = new ContentCache(blocked, createSafeLogger(logger));
    for (let i = 0; i < 3; i++) await cache.write('modules', sha256(String(i)), Buffer.from(String(i)));
    await cache.trim(new Set());
    expect(logger.at('warn')).toHaveLength(1);
    expect(cache.describe()).toMatchObject({ failedWrites: 3, writes: 0 });
  });
});
