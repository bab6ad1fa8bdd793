/** What becomes of the cache of policies, and of those who start from it, when processes die and disks lie. */

import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PolicyEngine } from '../../src/policy-engine/index.ts';
import { createRelay, type Relay } from '../../src/server/index.ts';
import { SILENT, until } from '../unit/server/test-relay.ts';
import { killWhileCaching } from './support/policy-kill-run.ts';
import { markOf, VersionedFolder } from './support/versioned-folder.ts';

describe('a process that is killed while it writes the cache', () => {
  it('leaves whole contents and a whole configuration that names them, or none: 20 times (P-79)', async () => {
    const { broken, ...figures } = await killWhileCaching(20);
    console.log(`kill -9 while caching: ${JSON.stringify({ ...figures, broken: broken.length })}`);
    expect(broken).toEqual([]);
    expect(figures.whole + figures.absent).toBe(figures.kills);
    expect(figures.whole).toBeGreaterThan(0);
  }, 120_000);
});

interface Rig {
  readonly cacheDir: string;
  readonly folder: VersionedFolder;
  relay: Relay;
  /** A new engine with this cache; it may or may not find its relay. */
  start(initTimeoutMs?: number): Promise<PolicyEngine>;
  /** The files of the cache below a folder of it. */
  files(below: string): string[];
}

/** A cache that an engine has filled. */
async function cached(): Promise<Rig> {
  const folder = await VersionedFolder.create();
  onTestFinished(() => folder.remove());
  await folder.write(1);
  const cacheDir = join(folder.path, '..', 'cache');
  const serve = (port: number): Promise<Relay> =>
    createRelay({ port, flags: {}, policies: folder.path, logger: SILENT });
  const relay = await serve(0);
  const endpoint = relay.url;
  const rig: Rig = {
    cacheDir,
    folder,
    relay,
    start: async (initTimeoutMs = 20_000) => {
      const engine = new PolicyEngine({ logger: SILENT });
      onTestFinished(() => engine.close());
      const following = { endpoint, cacheDir, pollIntervalMs: 0, initTimeoutMs };
      await engine.follow(following).catch(() => undefined);
      return engine;
    },
    files: (below) =>
      readdirSync(join(cacheDir, below), { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name)),
  };
  onTestFinished(() => rig.relay.close());
  const first = await rig.start();
  expect(markOf(first)).toBe(1);
  await first.close();
  return rig;
}

type Damage = (file: string) => void;
const DAMAGES: readonly (readonly [what: string, damage: Damage])[] = [
  ['cut', (file) => truncateSync(file, 100)],
  ['emptied', (file) => writeFileSync(file, '')],
  [
    'changed in one byte',
    (file) => {
      const bytes = readFileSync(file);
      bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
      writeFileSync(file, bytes);
    },
  ],
  ['gone', (file) => rmSync(file)],
  [
    'a folder',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
];

describe.each(['modules', 'manifests', 'configurations'])('a cache whose %s are damaged', (below) => {
  it.each(DAMAGES)(
    '%s: no route is served without its policy, and the relay heals it (P-64, P-79, U-04)',
    async (_, damage) => {
      const rig = await cached();
      const [file] = rig.files(below);
      damage(file as string);
      await rig.relay.close();
      const alone = await rig.start(500);
      // Refused, not passed on: the request of a route whose policy is not there.
      expect(markOf(alone)).toBeUndefined();
      await alone.close();
      rig.relay = await createRelay({ port: rig.relay.port, flags: {}, policies: rig.folder.path, logger: SILENT });
      const healed = await rig.start();
      expect(markOf(healed)).toBe(1);
      await until(() => healed.describe().feed?.state === 'current');
      expect(healed.describe().feed).toMatchObject({ origin: 'relay', missing: [] });
    },
  );
});

describe('a restart', () => {
  it('confirms what is cached with one 304, and downloads nothing (P-64)', async () => {
    const rig = await cached();
    const engine = await rig.start();
    expect(markOf(engine)).toBe(1);
    await until(() => engine.describe().feed?.state === 'current');
    const { feed } = engine.describe();
    expect(feed).toMatchObject({ state: 'current', downloads: { downloads: 0 }, cache: { hits: 3, corrupt: 0 } });
    expect(feed?.feed?.polls).toMatchObject({ unchanged: 1, changed: 0 });
  });

  it('of several processes on one cache is a start of each (P-79)', async () => {
    const rig = await cached();
    await rig.relay.close();
    const engines = await Promise.all(Array.from({ length: 4 }, () => rig.start()));
    expect(engines.map((engine) => markOf(engine))).toEqual([1, 1, 1, 1]);
    expect(engines.map((engine) => engine.describe().feed?.state)).toEqual(['stale', 'stale', 'stale', 'stale']);
  });
});
